import pytest

from evalkit.core import Member, Suite, UsageError
from evalkit.plugins import load


@pytest.fixture
def suite(tmp_path):
    def load_suite(text, spec="made.yaml"):
        (tmp_path / "made.yaml").write_text(text, encoding="utf-8")
        return load("task", f"{tmp_path}/{spec}")

    return load_suite


def test_members_have_what_is_said_of_them(suite):
    found = suite(
        "name: made\naverage: samples\nsuite:\n  - mmlu\n"
        "  - mmlu,subject=anatomy: {fewshot: 5, metric: acc, weight: 0.5, category: medicine}\n"
    )
    assert found == Suite(
        "made", (Member("mmlu"), Member("mmlu,subject=anatomy", 5, ("acc",), 0.5, "medicine")), average="samples"
    )


def test_a_list_of_names_is_enough(suite):
    assert suite("suite: [mmlu, squad]\n") == Suite("made", (Member("mmlu"), Member("squad")))


def test_a_suite_is_written_in_place_with_metrics_and_floors(suite):
    found = suite(
        "metric: [acc, acc_norm]\nsuite:\n  - inner: {suite: [mmlu: {floor: 0.25}], average: samples, weight: 2}\n"
        "  - ifeval: {metric: [prompt_level_strict, inst_level_strict]}\n"
    )
    inner = Suite("inner", (Member("mmlu", floor=0.25),), "samples")
    both = Member("ifeval", metrics=("prompt_level_strict", "inst_level_strict"))
    assert found == Suite("made", (Member("inner", weight=2.0, suite=inner), both), metrics=("acc", "acc_norm"))
    assert list(found.specs()) == ["mmlu", "ifeval"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("suite: [mmlu, squad, mmlu]\n", r"made\.yaml:1: suite: 'mmlu' occurs twice"),
        ("suite:\n  - mmlu: {fewshots: 5}\n", r"made\.yaml:2: unknown key 'fewshots'.*\n.*did you mean 'fewshot'"),
        ("suite:\n  - mmlu: {weight: 0}\n", r"made\.yaml:2: weight: this must be a number above 0"),
        ("suite:\n  - mmlu: {fewshot: -1}\n", r"made\.yaml:2: fewshot: this must be a whole number"),
        ("suite:\n  - {mmlu: {}, squad: {}}\n", r"made\.yaml:2: suite: write one task with its settings"),
        ("suite:\n  - mmlu: {floor: 1}\n", r"made\.yaml:2: floor: the score of guessing is at least 0 and below 1"),
        ("suite:\n  - mmlu: {average: tasks}\n", r"made\.yaml:2: unknown key 'average'"),
        ("suite:\n  - in: {suite: [mmlu, mmlu]}\n", r"made\.yaml:2: suite: 'mmlu' occurs twice"),
        ("suite: [mmlu]\naverage: micro\n", r"made\.yaml:2: average: unknown average"),
        ("suite: [mmlu]\nprompt: x\n", r"made\.yaml:2: unknown key 'prompt'"),
    ],
)
def test_a_mistake_is_told_with_its_line(suite, text, message):
    with pytest.raises(UsageError, match=message):
        suite(text)


def test_a_suite_takes_no_options(suite):
    with pytest.raises(UsageError, match="the suite 'made' takes no options"):
        suite("suite: [mmlu]\n", "made.yaml,k=5")


def test_the_leaderboards_six(suite):
    found = load("task", "open_llm_leaderboard_v1")
    # lm-eval's group `openllm`: these tasks with these numbers of examples; the leaderboard's own metrics.
    assert [(m.task, m.fewshot, *m.metrics) for m in found.members] == [
        ("arc_challenge", 25, "acc_norm"),
        ("hellaswag", 10, "acc_norm"),
        ("mmlu", 5, "acc"),
        ("truthfulqa_mc2", 0, "mc2"),
        ("winogrande", 5, "acc"),
        ("gsm8k", 5, "strict_match"),
    ]
    assert {m.weight for m in found.members} == {1.0}
