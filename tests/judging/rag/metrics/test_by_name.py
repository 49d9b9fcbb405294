"""RAG metrics named in YAML, and a judged run that is scored again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import evalkit
from evalkit.cli.group import cli
from evalkit.core import Validity
from evalkit.models.registry import resolve
from evalkit.runs.store import Run
from tests.judging.rag.metrics.claims_judge import broken, literal
from tests.judging.server import judge_server

ROW = {
    "question": "Where is Fact 1?",
    "contexts": [{"id": "a", "text": "Fact 1 is here.", "rank": 1}],
    "answer": "Fact 1 is here.",
    "gold": "Fact 1 is here.",
}
TASK = """
summary: answers beside their contexts
data: rows.jsonl
prompt: "{{ question }}"
answer: "{{ gold }}"
max_tokens: 8
scorers: [sentence_support, rag_diagnosis, {entailment: {model: NLI}}, {judge: faithfulness}]
"""


def test_a_yaml_task_names_detectors_and_judges(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.judging.rag.metrics.tiny_nli import write_nli

    folder = write_nli(tmp_path / "nli", ("contradiction", "neutral", "entailment"))
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    (tmp_path / "beside.yaml").write_text(TASK.replace("NLI", str(folder)), encoding="utf-8")
    with judge_server(lambda prompt: literal(prompt) if "<<" in prompt else "Fact 1 is here.") as (spec, _):
        run = evalkit.run(str(tmp_path / "beside.yaml"), model=resolve(spec), judge=spec, out=tmp_path / "run")
    record = next(iter(run.records()))
    assert record.value("support") == 1.0
    assert record.value("faithfulness") == 1.0
    assert record.value("correct") == 1.0
    assert record.value("entailment") is not None


def test_a_judged_run_is_scored_again_by_another_judge_and_by_the_cache(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    spec = f"rag,data={rows},form=evalkit,judges=faithfulness,reference_scorers="
    with judge_server(literal) as (first, asked):
        run = evalkit.run(spec, model="stored/x", judge=first, out=tmp_path / "run")
        done = CliRunner().invoke(cli, ["rescore", str(run.folder), "--out", str(tmp_path / "same")])
        assert done.exit_code == 0, done.output
        assert len(asked) == 2
    again = next(iter(Run.open(tmp_path / "same").records()))
    assert again.value("faithfulness") == 1.0
    assert next(s for s in again.scores if s.name == "faithfulness").details["claims"][0]["contexts"] == ["a"]
    with judge_server(lambda prompt: broken("prose")(prompt, 0)) as (other, _):
        CliRunner().invoke(cli, ["rescore", str(run.folder), "--judge", other, "--out", str(tmp_path / "other")])
    record = next(iter(Run.open(tmp_path / "other").records()))
    assert record.validity is Validity.UNJUDGED
