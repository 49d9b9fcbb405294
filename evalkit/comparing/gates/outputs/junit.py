"""The report as JUnit XML: a suite a task, a case for its metric and for each slice and ceiling."""

from __future__ import annotations

from itertools import groupby
from xml.etree import ElementTree

from evalkit.comparing.gates.integrity import TOY
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.core import formatting
from evalkit.core.outside_text import xml_text

_SHOWN = 20


def junit(report: GateReport) -> str:
    """The document. A verdict that blocks is a failure, one that is allowed is skipped, a refusal is an error."""
    root = ElementTree.Element("testsuites", name="evalkit gate")
    if report.rows:
        for task, rows in groupby(report.rows, key=lambda row: row.task):
            _suite(root, task, [_case(row, report) for row in rows], TOY if task in report.toys else "")
    for task, found in groupby(_incomparable(report), key=lambda pair: pair[0]):
        _suite(root, task, [case for _, case in found])
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{report.seconds:.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, name: str, cases: list[ElementTree.Element], note: str = "") -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=xml_text(name))
    for case in cases:
        suite.append(case)
    suite.set("tests", str(len(cases)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", "0")
    if note:
        ElementTree.SubElement(suite, "system-out").text = xml_text(f"{name}: {note}")


def _case(row: GateRow, report: GateReport) -> ElementTree.Element:
    name = f"{row.part} {row.metric}" if row.part else row.metric
    case = ElementTree.Element("testcase", classname=xml_text(f"evalkit.{row.task}"), name=xml_text(name), time="0")
    outcome = row.verdict.outcome
    message = xml_text(sentences.reason(row))
    blocks = outcome.blocks or row.blocks
    if blocks or (outcome is GateOutcome.INCONCLUSIVE and report.inconclusive_blocks):
        failure = ElementTree.SubElement(case, "failure", type=outcome.value, message=message)
        failure.text = xml_text(_text(row))
    elif outcome is GateOutcome.INCONCLUSIVE:
        ElementTree.SubElement(case, "skipped", message=message)
    out = ElementTree.SubElement(case, "system-out")
    out.text = xml_text(f"{outcome.value}: {_text(row)}")
    return case


def _incomparable(report: GateReport) -> list[tuple[str, ElementTree.Element]]:
    found = []
    for number, finding in enumerate((f for f in report.findings if f.level == "incomparable"), 1):
        name = f"integrity {number}"
        case = ElementTree.Element("testcase", classname=xml_text(f"evalkit.{finding.task}"), name=name, time="0")
        error = ElementTree.SubElement(case, "error", type="integrity", message=xml_text(finding.what))
        error.text = xml_text(finding.words(_SHOWN))
        found.append((finding.task, case))
    return sorted(found, key=lambda pair: pair[0])


def _text(row: GateRow) -> str:
    verdict = row.verdict
    lines = [
        f"{row.metric}: {formatting.number(verdict.baseline, row.scale)} -> "
        f"{formatting.number(verdict.candidate, row.scale)}, "
        f"change {formatting.change(verdict.difference, row.scale)} [{sentences.bounds(row)}], "
        f"margin {sentences.margin(row)}, "
        f"n {verdict.n:,}, {verdict.how}"
    ]
    if flips := sentences.flips(row, _SHOWN):
        lines.append(flips)
    return "\n".join(lines)
