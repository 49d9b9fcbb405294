"""The rows of the parity benchmark: those that both harnesses can score, with the columns that a mirror lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from peers.parity.cases import CASES, Case
from peers.parity.rows import write_rows


def _case(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def _mirror(folder: Path, path: str, rows: list[dict[str, Any]]) -> Path:
    file = folder / f"{path}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def _written(folder: Path, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{path}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_rows_that_lm_eval_cannot_score_offline_are_left_out(tmp_path: Path) -> None:
    path = "google/IFEval/default/train"
    named = ("punctuation:no_comma", "length_constraints:number_sentences", "keywords:existence")
    rows = [{"key": n, "instruction_id_list": [name]} for n, name in enumerate(named)]
    real = _mirror(tmp_path / "real", path, rows)
    assert write_rows(tmp_path / "hub", _case("ifeval"), 2, real)
    assert [row["key"] for row in _written(tmp_path / "hub", path)] == [0, 2]


def test_a_column_that_the_mirror_lacks_is_null_and_one_that_it_has_stays(tmp_path: Path) -> None:
    path = "juletxara/mgsm/de"
    real = _mirror(tmp_path / "real", f"{path}/test", [{"question": "?", "answer_number": 3}, {"answer": "a"}])
    assert write_rows(tmp_path / "hub", _case("mgsm/de"), 2, real)
    assert [row["answer"] for row in _written(tmp_path / "hub", f"{path}/test")] == [None, "a"]


def test_rows_that_are_in_no_mirror_are_made_up_or_the_case_says_that_they_are_not(tmp_path: Path) -> None:
    piqa, humaneval = _case("piqa"), _case("humaneval")
    assert piqa.can_be_made and not write_rows(tmp_path, piqa, 2, None)
    assert not humaneval.can_be_made and not humaneval.has_real(None)
    with pytest.raises(SystemExit, match="not made up"):
        write_rows(tmp_path, humaneval, 2, None)


def test_a_dozen_tasks_have_rows_in_the_mirror(hub_mirror: Path) -> None:
    tasks = {case.name.partition("/")[0] for case in CASES if case.has_real(hub_mirror)}
    assert len(tasks) >= 12, sorted(tasks)
