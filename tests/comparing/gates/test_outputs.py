"""Every form of a gate's answer: it fits, it validates, and names from outside stay names."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from evalkit.comparing.gates import GateOutcome, GateVerdict
from evalkit.comparing.gates.integrity import IntegrityFinding
from evalkit.comparing.gates.outputs import junit, markdown, show, summarise, to_json, workflow_commands
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.stats.verdict import Verdict
from tests.comparing.gates.junit_schema import SCHEMA

HOSTILE = "a|b`c`<script>alert(1)</script>\x1b[2J\n[x](http://evil) ]]>&"


def row(outcome: GateOutcome, task: str = "quiz", **more: Any) -> GateRow:
    is_open = outcome is GateOutcome.INCONCLUSIVE
    high = float("nan") if is_open else -0.02
    found = Verdict(-0.05, -0.08, high, 0.003, 1234, 1234, "score", 0.9)
    needed = 4321 if is_open else None
    verdict = GateVerdict(outcome, 0.7, 0.65, found, 0.02, "The drop may exceed the margin.", 0.004, needed)
    return GateRow(task, "acc", verdict, worse=("s1", "s2"), better=("s3",), **more)


def report(*rows: GateRow, findings: tuple[IntegrityFinding, ...] = (), **more: Any) -> GateReport:
    return GateReport("baseline.evalkit (tiny)", "runs/x (hf/y)", list(rows), list(findings), version="0.1.0", **more)


EVERY = (
    report(row(GateOutcome.PASS), row(GateOutcome.FAIL, "other"), row(GateOutcome.INCONCLUSIVE, part="odd")),
    report(row(GateOutcome.INCONCLUSIVE), inconclusive_blocks=False),
    report(row(GateOutcome.PASS, "other"), row(GateOutcome.INCONCLUSIVE)),
    report(row(GateOutcome.DEGRADED, blocks=True)),
    report(row(GateOutcome.WORSE), row(GateOutcome.INCONCLUSIVE, "other"), inconclusive_blocks=False),
    report(
        findings=(
            IntegrityFinding("quiz", "incomparable", "another dataset", ("s1",)),
            IntegrityFinding("quiz", "note", "seed"),
        )
    ),
    report(
        replace(row(GateOutcome.FAIL, HOSTILE), metric=HOSTILE, worse=(HOSTILE,)),
        findings=(IntegrityFinding(HOSTILE, "warn", HOSTILE),),
    ),
)


@pytest.mark.parametrize(
    ("made", "title", "code"),
    [
        (EVERY[0], "FAIL", 1),
        (EVERY[1], "INCONCLUSIVE", 0),
        (EVERY[2], "INCONCLUSIVE", 4),
        (EVERY[3], "DEGRADED", 1),
        (EVERY[4], "WORSE", 1),
        (EVERY[5], "INCOMPARABLE", 3),
        (report(row(GateOutcome.PASS), row(GateOutcome.DEGRADED)), "DEGRADED", 0),
        (report(row(GateOutcome.PASS)), "PASS", 0),
        (report(), "INCOMPARABLE", 3),
    ],
)
def test_the_worst_verdict_is_the_answer(made: GateReport, title: str, code: int) -> None:
    assert (made.title, made.exit_code) == (title, code)
    assert json.loads(to_json(made))["exit_code"] == code


@pytest.mark.parametrize("made", EVERY, ids=range(len(EVERY)))
def test_junit_validates_and_counts(made: GateReport) -> None:
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.fromstring(SCHEMA.encode()))
    document = etree.fromstring(junit(made).encode())
    schema.assertValid(document)
    cases = document.findall(".//testcase")
    assert int(document.get("tests")) == len(cases)
    failures = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    # A job that stops has a case that says why, and one that goes on has none.
    assert bool(failures) == (made.exit_code != 0)


def test_the_schema_refuses_what_is_no_junit() -> None:
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.fromstring(SCHEMA.encode()))
    good = junit(EVERY[0])
    for broken in (
        good.replace(' tests="1"', "", 1),
        good.replace("<testcase ", "<case ").replace("</testcase>", "</case>"),
    ):
        assert broken != good
        assert not schema.validate(etree.fromstring(broken.encode()))


@pytest.mark.parametrize("made", EVERY, ids=range(len(EVERY)))
def test_markdown_renders_as_tables_and_lists_without_markup_from_outside(made: GateReport) -> None:
    text = markdown(made)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    passed = len(made.of(GateOutcome.PASS))
    tables = bool(passed) + (len(made.rows) > passed)
    assert html.count("<table>") == tables
    # The headers' and the rows', each with ten cells.
    assert html.count("<tr>") == len(made.rows) + tables
    assert html.count("<td") == 10 * len(made.rows)
    assert html.count("<details>") == html.count("</details>")
    assert "<script" not in html
    assert 'href="http://evil"' not in html
    assert f"evalkit gate: {made.title}" in html
    assert "\x1b" not in text


def test_what_did_not_pass_is_open_and_the_rest_is_folded() -> None:
    lines = markdown(EVERY[0]).splitlines()
    assert lines[1].startswith("## ❌ evalkit gate: FAIL: other acc: ")
    assert lines[3] == "3 decisions (1 PASS, 1 FAIL, 1 INCONCLUSIVE), exit code 1."
    folded, depth = [], 0
    for line in lines:
        depth += line.startswith("<details>")
        folded.append(depth > 0)
        depth -= line == "</details>"
    shown = [line for line, inside in zip(lines, folded, strict=True) if not inside and line.startswith(("| ", "- "))]
    hidden = [line for line, inside in zip(lines, folded, strict=True) if inside]
    assert [line.split("`")[1] for line in shown if "`" in line] == ["other", "quiz / odd"] * 2
    assert "<details><summary>1 decision passed</summary>" in hidden
    assert [line for line in hidden if line.startswith("| ✅ PASS | `quiz` |")]
    assert "- baseline `baseline.evalkit (tiny)`" in hidden


def test_markdown_of_a_thousand_tasks_fits_a_comment() -> None:
    worse = tuple(f"sample-with-a-long-name-{n}" for n in range(500))
    many = report(*(replace(row(GateOutcome.FAIL, f"task-number-{n}"), worse=worse) for n in range(1000)))
    assert len(markdown(many)) < 65_536
    assert "… cut here" in markdown(many) or "more |" in markdown(many)


@pytest.mark.parametrize("made", EVERY, ids=range(len(EVERY)))
def test_the_terminal_table_fits_80_columns(made: GateReport) -> None:
    out = StringIO()
    show(Console(file=out, width=80, color_system=None, highlight=False), made)
    lines = out.getvalue().splitlines()
    if made.rows:
        start = next(i for i, line in enumerate(lines) if line.startswith("verdict"))
        assert all(len(line) <= 80 for line in lines[start : start + 1 + len(made.rows)])
        assert "1,234" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().rstrip().splitlines()[-1].startswith(made.title)


def test_long_numbers_leave_room_for_every_column() -> None:
    found = Verdict(0.000706, -0.031288, 0.033112, 0.003, 14042, 14042, "score", 0.9)
    verdict = replace(row(GateOutcome.INCONCLUSIVE).verdict, baseline=0.00058231, candidate=0.0012884, found=found)
    wide = GateRow("toy_mmlu", "seconds per sample", verdict, "ceiling", scale="number", higher_is_better=False)
    out = StringIO()
    show(Console(file=out, width=80, color_system=None, highlight=False), report(wide, row(GateOutcome.PASS)))
    head, first, *_ = out.getvalue().splitlines()[3:]
    assert head.split()[-1] == "n"
    assert first.split()[-1] == "14,042"
    assert "-0.031 … +0.033" in first


def test_an_inconclusive_row_says_how_many_samples_would_do() -> None:
    for form in (markdown, junit):
        assert "about 4,321 samples would decide" in form(EVERY[0])


def test_annotations_are_one_line_each_and_cannot_forge_commands(tmp_path: Any) -> None:
    lines = list(workflow_commands(EVERY[5]))
    assert all("\n" not in line and line.startswith(("::error ", "::warning ")) for line in lines)
    assert lines[0].count("::") == 2 + HOSTILE.count("::")
    files = {"GITHUB_STEP_SUMMARY": str(tmp_path / "s"), "GITHUB_OUTPUT": str(tmp_path / "o")}
    summarise(EVERY[0], files)
    summarise(EVERY[0], {})
    assert (tmp_path / "o").read_text() == "outcome=FAIL\nexit-code=1\n"
    assert (tmp_path / "s").read_text() == markdown(EVERY[0])


def test_json_has_null_where_nothing_can_be_said() -> None:
    found = json.loads(to_json(EVERY[0]))
    assert found["outcome"] == "FAIL"
    assert found["rows"][2]["verdict"]["high"] is None
    assert found["rows"][0]["worse"] == ["s1", "s2"]
