"""A gate as an assertion, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from evalkit.comparing.gates.gate import gate
from evalkit.comparing.gates.opening import Opened, open_any, open_run
from evalkit.comparing.gates.outputs import show
from evalkit.comparing.gates.policy_file import policy_from
from evalkit.comparing.gates.report import GateReport
from evalkit.core import RunError
from evalkit.core.terminal import console
from evalkit.runs.store import Run


def assert_no_regression(
    candidate: Run | Path | str,
    baseline: Run | Path | str,
    *,
    margin: float | str | None = None,
    confidence: float | None = None,
    policy: Path | str | None = None,
    tasks: Sequence[str] = (),
    allow_inconclusive: bool = False,
) -> GateReport:
    """Put `candidate` to the gate against `baseline`: each a Run, a run folder, a baseline file or another log.

    `margin` is the largest drop that passes (0.02 or "2%"), `policy` a policy file whose values the other arguments
    replace. Returns the report. Raises AssertionError, whose text is the gate's table, for a regression and for a
    verdict that is not clear (unless `allow_inconclusive`); RunError where the two cannot be compared, and UsageError
    for a mistake in the arguments.
    """
    given = {
        "margin": None if margin is None else str(margin),
        "confidence": confidence,
        "tasks": tuple(tasks),
        "inconclusive": "pass" if allow_inconclusive else None,
    }
    report = gate(_opened(candidate), _opened(baseline), policy_from(Path(policy) if policy else None, given))
    if report.incomparable:
        raise RunError(text_of(report))
    if report.exit_code != 0:
        raise AssertionError(text_of(report))
    return report


def text_of(report: GateReport) -> str:
    """The report as the terminal shows it, without colours."""
    out = StringIO()
    show(console(file=out, width=100), report)
    return out.getvalue()


def _opened(given: Run | Path | str) -> Opened:
    return open_run(given) if isinstance(given, Run) else open_any(Path(given))
