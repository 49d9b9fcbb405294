"""`rescore` over other harnesses' logs: today's scorers on the replies in them, worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.runs.store import Run
from tests.cli.console import evalkit
from tests.runs.foreign.test_inspect_logs import as_eval, log, sample
from tests.runs.foreign.test_lm_eval import generated, line, write

SUMS = """
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: nowhere.jsonl}}
test_split: test
doc_to_text: "{{q}} ="
doc_to_target: "{{a}}"
metric_list: [{metric: exact_match, ignore_case: IGNORED}]
filter_list: [{name: strict, filter: [{function: remove_whitespace}, {function: take_first}]}]
"""
PICK = """
task: quiz
dataset_path: json
dataset_kwargs: {data_files: {test: nowhere.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: q
doc_to_choice: "{{options}}"
doc_to_target: gold
"""
ANSWERS = (" Four", "five", "SIX ")


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "quiz.yaml").write_text(PICK)
    (folder / "sums.yaml").write_text(SUMS.replace("IGNORED", "true"))
    return folder


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A log that has three texts, each counted as wrong, and two choices."""
    folder = tmp_path / "log"
    rows = [{"q": f"{n} + 1", "a": right} for n, right in enumerate(("four", "five", "seven"))]
    texts = [
        {**generated(n, "none", 0.0), "doc": row, "resps": [[text]], "filtered_resps": [text]}
        for n, (row, text) in enumerate(zip(rows, ANSWERS, strict=True))
    ]
    write(folder, "sums", texts)
    choices = [line(n, doc={"q": "Q", "options": ["left", "right"], "gold": n}, acc=0.0) for n in range(2)]
    write(folder, "quiz", choices)
    return folder


def scores(run: Run, task: str) -> list[dict[str, float]]:
    return [{score.name: score.value for score in record.scores} for record in run.records(task)]


def test_a_log_of_lm_evals_is_scored_by_its_own_tasks_again(tmp_path: Path, tasks: Path, theirs: Path) -> None:
    done = evalkit("rescore", theirs, "--tasks-from", tasks, "--out", "new", cwd=tmp_path)
    assert done.code == 0, done.err
    new = Run.open(tmp_path / "new")
    assert scores(new, "sums") == [
        {"exact_match,strict": 1.0},
        {"exact_match,strict": 1.0},
        {"exact_match,strict": 0.0},
    ]
    assert scores(new, "quiz") == [{"acc": 0.0, "acc_norm": 0.0}, {"acc": 1.0, "acc_norm": 1.0}]
    assert new.manifest.task("sums").result.metrics[0].estimate.value == pytest.approx(2 / 3)
    # The run is one like any other: it is shown, scored again and compared with the log, sample by sample.
    assert evalkit("show", "new", cwd=tmp_path).code == 0
    compared = evalkit("compare", theirs, "new", cwd=tmp_path)
    assert compared.code == 0, compared.err
    (tasks / "sums.yaml").write_text(SUMS.replace("IGNORED", "false"))
    assert evalkit("rescore", "new", "--out", "newer", cwd=tmp_path).code == 0
    assert [one["exact_match,strict"] for one in scores(Run.open(tmp_path / "newer"), "sums")] == [0.0, 1.0, 0.0]


def test_a_log_of_inspects_is_scored_by_a_task_that_is_named(tmp_path: Path) -> None:
    rows = [{**sample(name, "I"), "target": target} for name, target in (("a", "it is a"), ("b", "It is c"))]
    as_eval(tmp_path / "who.eval", log(rows))
    (tmp_path / "rows.jsonl").write_text(json.dumps({"q": "?", "t": "it is a"}) + "\n")
    task = "data: rows.jsonl\nprompt: '{{ q }}'\ntarget: t\nmethod: generate\nscorers: exact_match\n"
    (tmp_path / "said.yaml").write_text(task)
    done = evalkit("rescore", "who.eval", "--as-task", "who=said.yaml", "--out", "new", cwd=tmp_path)
    assert done.code == 0, done.err
    assert scores(Run.open(tmp_path / "new"), "who") == [{"exact_match": 1.0}, {"exact_match": 0.0}]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--as-task", "other=toy_mmlu"), "the log has no task 'other'"),
        (("--as-task", "sums"), "names a task of the log and one of evalkit's"),
        (("--as-task", "sums=toy_mmlu", "--as-task", "quiz=toy_mmlu"), "cannot read the rows of this log"),
    ],
)
def test_what_cannot_be_scored_again_is_said(
    tmp_path: Path, theirs: Path, arguments: tuple[str, ...], wrong: str
) -> None:
    done = evalkit("rescore", theirs, *arguments, "--out", "new", cwd=tmp_path)
    assert (done.code, wrong in done.err) == (2, True), done.err
