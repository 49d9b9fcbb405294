"""lm-eval's --log_samples format (0.4.13), written here as its EvaluationTracker writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.comparing import read_sides
from evalkit.core import UsageError
from evalkit.runs.foreign import ForeignRun, open_log
from evalkit.runs.foreign.scored import scored
from tests.cli.console import evalkit

TIME = "2026-01-02T03-04-05.678901"


def line(number: int, **more: Any) -> dict[str, Any]:
    """A multiple-choice sample whose second choice is right."""
    return {
        "doc_id": number,
        "doc": {"q": f"Question {number}?"},
        "target": "1",
        "arguments": {
            "gen_args_0": {"arg_0": f"Question {number}?\nAnswer:", "arg_1": " left"},
            "gen_args_1": {"arg_0": f"Question {number}?\nAnswer:", "arg_1": " right"},
        },
        "resps": [[["-2.5", "False"]], [["-0.25", "True"]]],
        "filtered_resps": [["-2.5", "False"], ["-0.25", "True"]],
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": f"d{number}",
        "prompt_hash": f"p{number}",
        "target_hash": "t",
        "acc": 1.0,
        **more,
    }


def generated(number: int, name: str, value: float) -> dict[str, Any]:
    return line(
        number,
        target="42",
        arguments={"gen_args_0": {"arg_0": f"{number} + 1 =", "arg_1": {"until": ["\n"], "temperature": 0.0}}},
        resps=[["42"]],
        filtered_resps=["42"],
        filter=name,
        metrics=["exact_match"],
        exact_match=value,
    )


def write(folder: Path, task: str, lines: list[dict[str, Any]], time: str = TIME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"samples_{task}_{time}.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return path


def results(folder: Path, **more: Any) -> None:
    found = {
        "model_name": "org/model",
        "lm_eval_version": "0.4.13",
        "config": {"limit": None, "random_seed": 0},
        "configs": {"quiz": {"output_type": "multiple_choice", "metric_list": [{"metric": "acc"}]}},
        "versions": {"quiz": 1.0},
        "n-shot": {"quiz": 5},
        "higher_is_better": {"quiz": {"acc": True}},
        "chat_template": None,
        **more,
    }
    (folder / f"results_{TIME}.json").write_text(json.dumps(found))


def opened(path: Path) -> ForeignRun:
    found = open_log(path)
    assert found is not None
    return found


def test_a_log_is_a_run_with_its_model_task_and_scores(tmp_path: Path) -> None:
    folder = tmp_path / "org__model"
    write(folder, "quiz", [line(0), line(1, acc=0.0)])
    results(folder)
    run = opened(tmp_path)
    assert (run.harness, run.model, run.tasks) == ("lm-eval", "org/model", ("quiz",))
    first, second = run.records("quiz")
    assert first.replies[0].loglikelihoods == (-2.5, -0.25)
    assert first.replies[0].greedy == (False, True)
    assert first.sample.choices == ("left", "right")
    assert first.sample.gold == (1,)
    assert [record.value("acc") for record in (first, second)] == [1.0, 0.0]
    side = read_sides(run, run.metrics, harness=run.harness)["quiz"]
    assert side.columns["acc"].rows.tolist() == [[1.0], [0.0]]
    assert side.facts["few-shot"] == "5-shot"
    for path in (folder, folder / f"samples_quiz_{TIME}.jsonl", folder / f"results_{TIME}.json"):
        assert opened(path).tasks == ("quiz",), path


def test_a_rows_own_id_names_the_sample_where_it_is_unique(tmp_path: Path) -> None:
    write(tmp_path, "named", [line(n, doc={"id": f"row/{n}"}) for n in range(2)])
    write(tmp_path, "twice", [line(n, doc={"id": "row"}) for n in range(2)])
    run = opened(tmp_path)
    assert [record.sample.id for record in run.records("named")] == ["row/0", "row/1"]
    assert [record.sample.id for record in run.records("twice")] == ["0", "1"]


def test_several_filters_are_several_metrics_of_one_sample(tmp_path: Path) -> None:
    strict = [generated(n, "strict-match", 0.0) for n in range(2)]
    loose = [generated(n, "flexible-extract", 1.0) for n in range(2)]
    write(tmp_path, "sums", [*strict, *loose])
    run = opened(tmp_path)
    records = list(run.records("sums"))
    assert len(records) == 2
    assert {s.name: s.value for s in records[0].scores} == {
        "exact_match,strict-match": 0.0,
        "exact_match,flexible-extract": 1.0,
    }
    # A text of digits is a text, not a log-likelihood.
    assert records[0].replies[0].texts == ("42",)


def test_sums_over_documents_become_the_ratio_that_lm_eval_reports(tmp_path: Path) -> None:
    rolling = [
        line(
            n,
            arguments={"gen_args_0": {"arg_0": "some text"}},
            resps=[[str(-10.0 * (n + 1))]],
            metrics=["word_perplexity"],
            word_perplexity=[-10.0 * (n + 1), 4 + n],
        )
        for n in range(2)
    ]
    write(tmp_path, "pages", rolling)
    run = opened(tmp_path)
    column = read_sides(run, run.metrics)["pages"].columns["word_perplexity"]
    import numpy as np

    assert column.estimate is not None
    # exp(-Σ log-likelihood / Σ words), as lm_eval.api.metrics.weighted_perplexity has it.
    assert column.estimate(column.rows, np.arange(2)).value == pytest.approx(np.exp(30.0 / 9.0))
    assert not column.higher_is_better


def test_the_newest_log_of_a_task_counts(tmp_path: Path) -> None:
    write(tmp_path, "quiz", [line(0, acc=0.0)], "2025-01-02T03-04-05.678901")
    write(tmp_path, "quiz", [line(0, acc=1.0)])
    (record,) = opened(tmp_path).records("quiz")
    assert record.value("acc") == 1.0


def test_with_a_chat_template_the_tasks_own_prompt_is_not_known(tmp_path: Path) -> None:
    write(tmp_path, "quiz", [line(0)])
    assert next(iter(opened(tmp_path).records())).prompt_digest != ""
    results(tmp_path, chat_template="{{ messages }}")
    assert next(iter(opened(tmp_path).records())).prompt_digest == ""


def test_what_is_no_log_is_none_and_a_broken_one_says_where(tmp_path: Path) -> None:
    assert open_log(tmp_path) is None
    path = write(tmp_path, "quiz", [line(0)])
    path.write_text(path.read_text() + "{torn\n")
    with pytest.raises(UsageError, match=rf"samples_quiz_{TIME}.jsonl:2: this is not a line that lm-eval logs"):
        open_log(tmp_path)


def test_logs_of_several_models_are_not_one_run(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path / name, "quiz", [line(0)])
    with pytest.raises(UsageError, match="several models"):
        open_log(tmp_path)


def gated(baseline: Path, candidate: Path, folder: Path) -> str:
    done = evalkit("gate", "run", candidate, "--baseline", baseline, cwd=folder)
    return f"{done.code} {done.out} {done.err}"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("chat_template", "{% for m in messages %}…", "whether a chat template was applied"),
        ("chat_template_sha", "f00", "whether a chat template was applied"),
        ("system_instruction_sha", "beef", "the system instruction"),
        ("fewshot_as_multiturn", True, "examples are turns"),
    ],
)
def test_a_gate_says_where_a_chat_run_meets_a_plain_one(tmp_path: Path, key: str, value: Any, told: str) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    both: dict[str, Any] = {"chat_template": "{{ m }}", "chat_template_sha": "0a"} if "chat" not in key else {}
    for folder, more in ((plain, both), (other, {**both, key: value})):
        write(folder, "quiz", [line(n) for n in range(40)])
        results(folder, **more)
    assert told not in gated(plain, plain, tmp_path)
    assert told in gated(plain, other, tmp_path)


def test_the_groups_of_a_log_are_suites_over_their_tasks(tmp_path: Path) -> None:
    write(tmp_path, "one", [line(n, acc=1.0) for n in range(3)])
    write(tmp_path, "two", [line(n, acc=0.0) for n in range(1)])
    results(
        tmp_path,
        groups={"both": {"acc,none": 0.75, "acc_stderr,none": 0.1, "alias": "both"}, "above": {"acc,none": 0.75}},
        group_subtasks={"both": ["one", "two"], "above": ["both"], "one": [], "two": []},
    )
    run = scored(opened(tmp_path))
    told = {suite.name: suite.result.estimate.value for suite in run.manifest.suites if suite.result}
    assert told == {"both": pytest.approx(0.75), "above": pytest.approx(0.75)}
    assert [member.task for member in run.manifest.suites[0].members] == ["one", "two"]


@pytest.mark.parametrize(("told", "average"), [(0.75, "samples"), (0.5, "tasks")])
def test_how_a_group_weighs_its_tasks_is_told_by_its_number(tmp_path: Path, told: float, average: str) -> None:
    sizes = {"one": (3, 1.0), "two": (1, 0.0)}
    for name, (size, value) in sizes.items():
        write(tmp_path, name, [line(n, acc=value) for n in range(size)])
    results(
        tmp_path,
        groups={"both": {"acc,none": told}},
        group_subtasks={"both": ["one", "two"]},
        results={name: {"acc,none": value} for name, (_, value) in sizes.items()},
        **{"n-samples": {name: {"effective": size} for name, (size, _) in sizes.items()}},
    )
    (suite,) = scored(opened(tmp_path)).manifest.suites
    assert suite.average == average
    assert suite.result is not None
    assert suite.result.estimate.value == pytest.approx(told)
