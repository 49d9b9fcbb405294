"""What GitHub Actions shows of a gate: annotations on the run, the job's summary, and outputs for later steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.gates.outputs.markdown import markdown
from evalkit.comparing.gates.report import GateReport
from evalkit.core import formatting
from evalkit.core.outside_text import workflow_data, workflow_property

_MOST = 10
"""GitHub shows ten annotations of a kind for a step."""


def workflow_commands(report: GateReport) -> Iterator[str]:
    """Workflow commands, one a line, for whatever is not a plain PASS."""
    errors = [
        ("evalkit: integrity", f"{finding.task}: {finding.words()}")
        for finding in report.findings
        if finding.level == "incomparable"
    ]
    warnings = [
        ("evalkit", f"{finding.task}: {finding.words()}") for finding in report.findings if finding.level == "warn"
    ]
    for row in report.rows:
        outcome = row.verdict.outcome
        if outcome is GateOutcome.PASS:
            continue
        undecided = outcome is GateOutcome.INCONCLUSIVE and report.exit_code != 0
        blocks = outcome.blocks or row.blocks or undecided
        text = (
            f"{row.metric} {formatting.number(row.verdict.baseline, row.scale)} → "
            f"{formatting.number(row.verdict.candidate, row.scale)}: {sentences.reason(row)}"
        )
        (errors if blocks else warnings).append((f"evalkit {outcome.value}: {row.name}", text))
    for level, found in (("error", errors), ("warning", warnings)):
        for title, text in found[:_MOST]:
            yield f"::{level} title={workflow_property(title)}::{workflow_data(text)}"
    if report.outcome is GateOutcome.PASS:
        yield f"::notice title=evalkit PASS::{workflow_data(sentences.sentence(report))}"


def summarise(report: GateReport, environment: Mapping[str, str]) -> None:
    """Append the Markdown to the job's summary and the answer to the step's outputs, where the job has those files."""
    for variable, text in (
        ("GITHUB_STEP_SUMMARY", markdown(report)),
        ("GITHUB_OUTPUT", f"outcome={report.title}\nexit-code={report.exit_code}\n"),
    ):
        path = environment.get(variable)
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)
