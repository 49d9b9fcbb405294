"""A run writes every sample down once, whatever fails, and its numbers depend on nothing but what was asked."""

import asyncio
import random
from pathlib import Path

import pytest

import evalkit
from evalkit.core import Fewshot, Message, Reply, Sample, Score, Scorer, Subset, UsageError, Validity
from evalkit.data import rows
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers import exact_match
from tests.runs.runner.scripted import Parrot, say_task


def values(run: evalkit.Run) -> dict[str, float | None]:
    return {r.sample.id: r.value("exact_match") for r in run.records()}


def test_the_estimate_is_the_share_of_right_answers(tmp_path: Path) -> None:
    run = evalkit.run(say_task(20), Parrot(), out=tmp_path / "r")
    assert run.estimate("say").value == 0.8
    assert run.estimate("say").n == 20
    assert len(list(run.records())) == 20


def test_groups_have_estimates_of_their_own(tmp_path: Path) -> None:
    run = evalkit.run(say_task(20), Parrot(), out=tmp_path / "r")
    result = run.manifest.task("say").result
    assert result is not None
    assert {name: m[0].estimate.value for name, m in result.groups.items()} == {"left": 0.8, "right": 0.8}


def test_a_backend_error_leaves_n_and_is_counted(tmp_path: Path) -> None:
    run = evalkit.run(say_task(20), Parrot(fails=lambda text: text.startswith("3 ")), out=tmp_path / "r")
    result = run.manifest.task("say").result
    assert result is not None
    assert (result.samples, result.failed, run.estimate("say").n) == (20, 1, 19)
    broken = next(r for r in run.records() if r.failure)
    assert broken.validity is Validity.BACKEND_ERROR
    assert broken.failure is not None
    assert broken.failure.stage == "model"
    assert not run.failed  # 5 % is the threshold, not above it


def test_too_many_failures_fail_the_run(tmp_path: Path) -> None:
    run = evalkit.run(say_task(20), Parrot(fails=lambda text: text[0] in "35"), out=tmp_path / "r")
    assert run.failed


def test_two_scorers_of_one_score_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    """Metrics find a score by its name: the second one's would be reported with the first one's values."""

    async def score(sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return (Score("exact_match", 0.0),)

    never = Scorer("never", score, ("exact_match",), (mean("exact_match"),))
    model = Parrot()
    with pytest.raises(UsageError, match="two scorers of task 'say' give a score named 'exact_match'") as caught:
        evalkit.run(say_task(4, scorers=(exact_match(), never)), model, out=tmp_path / "r")
    assert "exact_match and never" in str(caught.value)
    assert not model.asked
    assert not (tmp_path / "r").exists()


def test_a_scorer_that_raises_fails_the_sample_and_keeps_the_reply(tmp_path: Path) -> None:
    async def score(sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return (Score("inverse", 1.0 / (int(replies[0].texts[0] == "left"))),)

    scorer = Scorer("inverse", score, ("inverse",), (mean("inverse"),))
    run = evalkit.run(say_task(10, scorers=(scorer,)), Parrot(), out=tmp_path / "r")
    broken = [r for r in run.records() if r.validity is Validity.SCORER_ERROR]
    assert len(broken) == 6
    assert broken[0].failure is not None
    assert broken[0].failure.kind == "ZeroDivisionError"
    assert broken[0].replies[0].texts


def test_a_score_that_is_not_a_number_is_a_failure(tmp_path: Path) -> None:
    async def score(sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return (Score("nan", float("nan")),)

    scorer = Scorer("nan", score, ("nan",), (mean("nan"),))
    run = evalkit.run(say_task(3, scorers=(scorer,)), Parrot(), out=tmp_path / "r", max_failures=1.0)
    assert {r.validity for r in run.records()} == {Validity.SCORER_ERROR}
    assert run.estimate("say").n == 0


def test_results_do_not_depend_on_order_limit_or_company(tmp_path: Path) -> None:
    task = say_task(40, fewshot=Fewshot(3))
    whole = evalkit.run([task, say_task(8, name="other")], Parrot(), out=tmp_path / "a", cache=False)
    part = evalkit.run(task, Parrot(window=1), limit=7, out=tmp_path / "b", cache=False)
    prompts = {r.sample.id: r.prompt_digest for r in whole.records("say")}
    assert len(set(prompts.values())) == 40
    for record in part.records():
        assert prompts[record.sample.id] == record.prompt_digest
        assert values(whole)[record.sample.id] == record.value("exact_match")
    assert len(list(part.records())) == 7


def test_a_limit_is_spread_evenly_over_subsets(tmp_path: Path) -> None:
    subsets = tuple(
        Subset(rows([{"question": "say x", "answer": "x"}] * count, name=name))
        for name, count in {"one": 1, "many": 50, "more": 50}.items()
    )
    run = evalkit.run(say_task(data=subsets), Parrot(), limit=10, out=tmp_path / "r")
    taken = [record.sample.id.split("/")[0] for record in run.records()]
    assert {name: taken.count(name) for name in taken} == {"one": 1, "many": 5, "more": 4}
    assert len({r.key for r in run.records()}) == 10


def test_few_shot_examples_never_hold_the_sample_itself(tmp_path: Path) -> None:
    run = evalkit.run(say_task(6, fewshot=Fewshot(4)), Parrot(), out=tmp_path / "r")
    for record in run.records():
        assert record.prompt is not None
        assert record.prompt.preamble.count("\n\n") == 4
        assert str(record.sample.input) not in record.prompt.preamble


def test_lm_eval_order_draws_a_stream_of_random_sample_for_every_subset(tmp_path: Path) -> None:
    """lm-evaluation-harness 0.4.13: `random.Random(1234)` for each leaf task, `sample(pool, k)` per document."""
    pool = [{"question": f"p{i}", "answer": f"a{i}"} for i in range(30)]
    subsets = tuple(
        Subset(rows([{"question": f"{name}{i}", "answer": "x"} for i in range(5)], name=name), rows(pool, name="pool"))
        for name in ("one", "two")
    )
    run = evalkit.run(say_task(data=subsets, fewshot=Fewshot(3, "lm-eval")), Parrot(window=1), out=tmp_path / "r")
    prompts = {r.sample.id: r.prompt for r in run.records()}
    for name in ("one", "two"):
        stream = random.Random(1234)
        for number in range(5):
            drawn = stream.sample(range(30), 3)
            prompt = prompts[f"{name}/{number}"]
            assert prompt is not None
            assert prompt.preamble == "".join(f"p{i} a{i}\n\n" for i in drawn)


def preambles(run: evalkit.Run) -> dict[str, str]:
    return {r.sample.id: r.prompt.preamble for r in run.records() if r.prompt is not None}


def pool_of(answers: str) -> Subset:
    """Rows to ask, and a pool with an example for each letter of `answers`."""
    asked = rows([{"question": f"q{i} say x", "answer": "x"} for i in range(12)], name="asked")
    return Subset(asked, rows([{"question": f"p{i}", "answer": one} for i, one in enumerate(answers)], name="pool"))


def test_random_order_draws_once_for_all_samples_and_anew_for_another_seed(tmp_path: Path) -> None:
    task = say_task(data=(pool_of("abcdefghij"),), fewshot=Fewshot(3, "random"))
    one = preambles(evalkit.run(task, Parrot(), out=tmp_path / "a", cache=False))
    assert len(set(one.values())) == 1
    part = preambles(evalkit.run(task, Parrot(), limit=2, out=tmp_path / "b", cache=False))
    assert part.items() <= one.items()
    others = [preambles(evalkit.run(task, Parrot(), seed=s, out=tmp_path / str(s), cache=False)) for s in range(2, 6)]
    assert any(other != one for other in others)


def test_random_order_keeps_a_sample_out_of_its_own_examples(tmp_path: Path) -> None:
    run = evalkit.run(say_task(6, fewshot=Fewshot(4, "random")), Parrot(), out=tmp_path / "r", cache=False)
    for record in run.records():
        assert record.prompt is not None
        assert record.prompt.preamble.count("\n\n") == 4
        assert str(record.sample.input) not in record.prompt.preamble


@pytest.mark.parametrize(
    ("answers", "k", "counts"),
    [("aaaaaaaab", 2, [1, 1]), ("aaabbbccc", 6, [2, 2, 2]), ("aaaaab", 4, [3, 1]), ("aaaabbbb", 5, [3, 2])],
)
def test_balanced_order_shows_every_answer_as_often_as_can_be(
    tmp_path: Path, answers: str, k: int, counts: list[int]
) -> None:
    task = say_task(data=(pool_of(answers),), fewshot=Fewshot(k, "balanced"))
    found = preambles(evalkit.run(task, Parrot(), out=tmp_path / "r", cache=False))
    for preamble in found.values():
        shown = [line.split()[-1] for line in preamble.split("\n\n") if line]
        assert sorted((shown.count(one) for one in set(shown)), reverse=True) == counts
    assert len(set(found.values())) > 3
    again = preambles(evalkit.run(task, Parrot(window=1), limit=3, out=tmp_path / "s", cache=False))
    assert again.items() <= found.items()


def test_the_draw_of_examples_does_not_depend_on_what_was_drawn_before(tmp_path: Path) -> None:
    def subset(name: str, count: int) -> Subset:
        return Subset(rows([{"question": f"{name}{i} say x", "answer": "x"} for i in range(count)], name=name))

    small, large = subset("a", 3), subset("b", 30)
    after = evalkit.run(say_task(data=(small, large), fewshot=Fewshot(2)), Parrot(), out=tmp_path / "r")
    alone = evalkit.run(say_task(data=(large,), fewshot=Fewshot(2)), Parrot(), out=tmp_path / "s")
    prompts = {r.sample.id: r.prompt for r in after.records()}
    assert all(prompts[r.sample.id] == r.prompt for r in alone.records())


def test_too_few_examples_are_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot show 9 examples"):
        evalkit.run(say_task(5), Parrot(), num_fewshot=9, out=tmp_path / "r")


def test_a_sample_function_that_fails_on_the_first_row_is_the_tasks_fault(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="qestion"):
        evalkit.run(say_task(3, sample=lambda row: Sample(row.id, row.values["qestion"])), Parrot(), out=tmp_path / "r")


def test_one_bad_row_later_is_a_failed_sample(tmp_path: Path) -> None:
    data = [{"question": "say x", "answer": "x"}, {"question": "say x"}, {"question": "say x", "answer": "x"}]
    run = evalkit.run(say_task(data=(Subset(rows(data, name="d")),)), Parrot(), out=tmp_path / "r")
    assert [r.validity for r in sorted(run.records(), key=lambda r: r.index)] == ["ok", "data_error", "ok"]
    assert run.estimate("say").n == 2


def test_samples_of_one_id_are_told_apart(tmp_path: Path) -> None:
    twice = Subset(rows([{"question": "say x", "answer": "x"}] * 3, name="d"))
    run = evalkit.run(say_task(data=(twice, twice)), Parrot(), out=tmp_path / "r")
    assert len({r.key for r in run.records()}) == 6
    named = say_task(data=(twice,), sample=lambda row: Sample("same", "say x", targets=("x",)))
    run = evalkit.run(named, Parrot(), out=tmp_path / "s")
    assert len({r.key for r in run.records()}) == 3


def test_repeats_are_told_apart(tmp_path: Path) -> None:
    run = evalkit.run(say_task(4), Parrot(), samples=3, temperature=1.0, out=tmp_path / "r")
    assert len({r.key for r in run.records()}) == 12


def test_the_second_run_is_all_cache_and_another_model_hits_nothing(tmp_path: Path) -> None:
    first, second, other = Parrot(), Parrot(), Parrot(name="other")
    evalkit.run(say_task(), first, out=tmp_path / "a")
    again = evalkit.run(say_task(), second, out=tmp_path / "b")
    evalkit.run(say_task(), other, out=tmp_path / "c")
    assert (len(first.asked), len(second.asked), len(other.asked)) == (20, 0, 20)
    result = again.manifest.task("say").result
    assert result is not None
    assert result.cached == 20
    assert again.estimate("say").value == 0.8


def test_several_models_make_several_runs(tmp_path: Path) -> None:
    runs = evalkit.run(say_task(), (Parrot(), Parrot(name="b/c")), out=tmp_path / "r")
    assert [run.folder.name for run in runs] == ["parrot", "b-c"]
    assert [run.model for run in runs] == ["parrot", "b/c"]


def test_a_run_can_be_made_inside_a_running_loop(tmp_path: Path) -> None:
    async def notebook() -> evalkit.Run:
        return evalkit.run(say_task(5), Parrot(), out=tmp_path / "r")

    assert asyncio.run(notebook()).estimate("say").n == 5


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path: Path) -> None:
    evalkit.run(say_task(3), Parrot(), out=tmp_path / "r")
    with pytest.raises(UsageError, match="already holds a run"):
        evalkit.run(say_task(3), Parrot(), out=tmp_path / "r")


def test_conversations_are_asked_as_they_stand(tmp_path: Path) -> None:
    talk = (Message("user", "say"), Message("assistant", "what?"), Message("user", "say left"))
    task = say_task(1, sample=lambda row: Sample(row.id, talk, targets=("left",)))
    run = evalkit.run(task, Parrot(), out=tmp_path / "r")
    record = next(run.records())
    assert record.prompt is not None
    assert record.prompt.messages == talk
    assert record.value("exact_match") == 1.0


def test_to_pandas_has_one_row_a_record_with_its_scores(tmp_path: Path) -> None:
    run = evalkit.run(say_task(10), Parrot(), out=tmp_path / "r")
    frame = run.to_pandas()
    assert list(frame["sample"]) == [f"say/{i}" for i in range(10)]
    assert frame["exact_match"].mean() == run.estimate("say").value


def test_the_signature_says_what_the_number_is(tmp_path: Path) -> None:
    run = evalkit.run(say_task(), Parrot(), limit=4, seed=7, out=tmp_path / "r")
    result = run.manifest.task("say").result
    assert result is not None
    parts = result.signature.split("|")
    assert parts[:2] == ["say", "v1"]
    assert {"0-shot", "generate", "greedy", "seed:7", "limit:4", "judge:–"} <= set(parts)
    assert any(part.startswith("model:parrot@") for part in parts)
    same = evalkit.run(say_task(), Parrot(window=1), limit=4, seed=7, out=tmp_path / "s", cache=False)
    other = evalkit.run(say_task(), Parrot(), limit=5, seed=7, out=tmp_path / "t")
    assert same.manifest.tasks[0].result.signature == result.signature
    assert other.manifest.tasks[0].result.signature != result.signature
