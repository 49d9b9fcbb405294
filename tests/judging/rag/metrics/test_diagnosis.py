"""Why a sample failed, and how much the place of its evidence matters."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import evalkit
from evalkit.core import Reply, Sample
from evalkit.judging.rag.diagnosis import diagnose, place_of, position_curve
from evalkit.judging.rag.diagnosis_scorer import evidence_by_text, is_right, rag_diagnosis
from evalkit.judging.rag.records import of_sample

EVIDENCE = "The Orla dam was finished in 1931."
OTHERS = tuple(f"Village {name} has a well and a chapel." for name in ("Aro", "Bel", "Cem", "Dol", "Eno"))


def sample(position: int, of: int = 6, *, references: bool = False) -> Sample:
    texts = list(OTHERS[: of - 1])
    if position:
        texts.insert(position - 1, EVIDENCE)
    contexts = [{"id": f"c{n}", "text": text, "rank": n} for n, text in enumerate(texts, 1)]
    data: dict[str, object] = {"contexts": contexts}
    if references:
        data["references"] = [{"id": f"c{position}"}]
    return Sample("q", "When was the dam finished?", targets=("1931",), data=data)


def scores(of: Sample, answer: str) -> dict[str, float]:
    found = asyncio.run(rag_diagnosis().score(of, (Reply((answer,), ("stop",)),)))
    return {score.name: score.value for score in found}


@pytest.mark.parametrize(
    ("position", "answer", "cause"),
    [
        (0, "It was finished in 1950.", "retrieval"),
        (0, "The documents do not say.", "retrieval"),
        (3, "The documents do not say.", "ordering"),
        (4, "Village Aro has a well and a chapel.", "ordering"),
        (3, "It was finished in 1950 by order of the emperor.", "generation"),
        (1, "The documents do not say.", "generation"),
        (6, "Village Aro has a well and a chapel.", "generation"),
        (3, "In 1931.", ""),
    ],
)
def test_each_failure_has_one_cause(position: int, answer: str, cause: str) -> None:
    found = scores(sample(position), answer)
    assert found["correct"] == float(cause == "")
    causes = {name: found[f"failed_{name}"] for name in ("retrieval", "ordering", "generation")}
    assert causes == {name: float(name == cause) for name in causes}


def test_references_by_id_decide_where_they_are_given() -> None:
    assert scores(sample(3, references=True), "The documents do not say.")["failed_ordering"] == 1.0
    named = sample(3)
    elsewhere = Sample("q", "?", targets=("1931",), data={**named.data, "references": [{"id": "c6"}]})
    assert scores(elsewhere, "The documents do not say.")["failed_generation"] == 1.0
    absent = Sample("q", "?", targets=("1931",), data={**named.data, "references": [{"id": "other"}]})
    assert scores(absent, "The documents do not say.")["failed_retrieval"] == 1.0


def test_without_a_reference_answer_nothing_is_diagnosed() -> None:
    assert scores(Sample("q", "?", data=sample(1).data), "1931") == {}


def test_the_details_say_where_the_evidence_stood() -> None:
    found = asyncio.run(rag_diagnosis().score(sample(3), (Reply(("No idea.",), ("stop",)),)))
    assert found[0].details == {"diagnosis": {"cause": "ordering", "gold_positions": [3], "of": 6}} or (
        found[0].details["diagnosis"]["gold_positions"] == [3]
    )


def test_places_are_the_outer_quarters_and_what_lies_between() -> None:
    assert [place_of(rank, 6) for rank in range(1, 7)] == ["first", *["middle"] * 4, "last"]
    assert [place_of(rank, 8) for rank in (1, 2, 3, 6, 7, 8)] == ["first", "first", "middle", "middle", "last", "last"]
    assert [place_of(rank, 2) for rank in (1, 2)] == ["first", "last"]
    assert place_of(1, 1) == "first"


def test_evidence_at_an_edge_as_well_was_not_lost_in_the_middle() -> None:
    assert diagnose((3,), 6, failed=True, faithful=True).cause == "ordering"
    assert diagnose((1, 3), 6, failed=True, faithful=True).cause == "generation"
    assert diagnose((3,), 6, failed=False, faithful=False).cause == ""


@pytest.mark.parametrize(
    ("answer", "right"), [("In 1931.", True), ("It was 19311.", False), ("", False), ("the year 1931 or so", True)]
)
def test_an_answer_is_right_by_whole_words(answer: str, right: bool) -> None:
    assert is_right(answer, ("1931",), 0.5) is right


def test_evidence_is_found_by_whole_words() -> None:
    assert evidence_by_text(of_sample(sample(2))) == (2,)


def test_the_curve_of_positions_sags_where_evidence_is_lost_in_the_middle(tmp_path: Path) -> None:
    rows = []
    for position in range(7):
        for number in range(4):
            made = sample(position)
            seen = position in (1, 6) or (position == 3 and number == 0)
            answer = "In 1931." if seen else "The documents do not say."
            rows.append({"id": f"{position}-{number}", "question": made.input, "contexts": made.data["contexts"],
                         "reference_answer": "1931", "answer": answer})  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run = evalkit.run(
        f"rag,data={path},scorers=rag_diagnosis,reference_scorers=", model="stored/x", out=tmp_path / "run"
    )
    curve = position_curve(run.records(), "correct")
    assert {position: estimate.value for position, estimate in curve.items()} == {
        0: 0.0, 1: 1.0, 2: 0.0, 3: 0.25, 4: 0.0, 5: 0.0, 6: 1.0
    }  # fmt: skip
    assert all(estimate.n == 4 for estimate in curve.values())
    assert run.estimate(run.tasks[0], "correct_gold_middle").value == pytest.approx(1 / 16)
    assert (
        run.estimate(run.tasks[0], "correct_gold_first").value
        == run.estimate(run.tasks[0], "correct_gold_last").value
        == 1.0
    )
    assert run.estimate(run.tasks[0], "failed_retrieval").value == pytest.approx(4 / 28)
    assert run.estimate(run.tasks[0], "failed_ordering").value == pytest.approx(15 / 28)


def test_a_stored_run_is_diagnosed_again_without_a_model(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from evalkit.cli.group import cli

    made = sample(3)
    row = {"id": "a", "question": made.input, "contexts": made.data["contexts"], "reference_answer": "1931",
           "answer": "The documents do not say."}  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    run = evalkit.run(
        f"rag,data={path},scorers=rag_diagnosis,reference_scorers=", model="stored/x", out=tmp_path / "run"
    )
    done = CliRunner().invoke(cli, ["rescore", str(run.folder), "--out", str(tmp_path / "again")])
    assert done.exit_code == 0, done.output
    assert "failed_ordering" in done.output
