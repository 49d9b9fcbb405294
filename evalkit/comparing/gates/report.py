"""What a gate found, as every output shows it: rows with their verdicts, findings, the outcome, the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from evalkit.comparing.gates.freshness import Answers
from evalkit.comparing.gates.integrity import TOY, IntegrityFinding, incomparable
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict

PASSED, REGRESSED, INCOMPARABLE, INCONCLUSIVE = 0, 1, 3, 4

Kind = Literal["score", "slice", "ceiling", "mean"]


@dataclass(frozen=True, slots=True)
class GateRow:
    """One thing that was decided: a task's metric, one of its slices, what a sample cost, or the mean over tasks.

    `worse` and `better` are the ids of samples whose score fell or rose; `blocks` says whether this row alone stops
    a job. `unit` is "proportion" (shown in per cent) or a word for what is counted.
    """

    task: str
    metric: str
    verdict: GateVerdict
    kind: Kind = "score"
    part: str = ""
    scale: str = "proportion"
    higher_is_better: bool = True
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    blocks: bool = False
    errored: int = 0

    @property
    def name(self) -> str:
        return f"{self.task} / {self.part}" if self.part else self.task


@dataclass(frozen=True, slots=True)
class Expectation:
    """What could be told of a task before its candidate ran: with `n` samples an unchanged model passes at `margin`
    with the probability `passes`; `smallest` is the margin at which it passes with 80 %, `needed` the samples for it
    at this one (None where no number does)."""

    task: str
    metric: str
    n: int
    margin: float
    passes: float
    smallest: float
    needed: int | None
    scale: str


@dataclass(slots=True)
class GateReport:
    """A gate's whole answer. Where integrity does not hold there are findings, no rows, and exit code 3."""

    baseline: str
    candidate: str
    rows: list[GateRow] = field(default_factory=list)
    findings: list[IntegrityFinding] = field(default_factory=list)
    confidence: float = 0.95
    degraded_blocks: bool = False
    inconclusive_blocks: bool = True
    looks: str = ""
    version: str = ""
    seconds: float = 0.0
    answers: Answers | None = None
    chosen: str = ""
    """Which samples a budget chose, in words."""
    expected: tuple[Expectation, ...] = ()
    tasks: tuple[str, ...] = ()
    """What the candidate has of the tasks that the policy covers."""
    next_steps: tuple[str, ...] = ()

    @property
    def incomparable(self) -> bool:
        return incomparable(self.findings)

    @property
    def toys(self) -> list[str]:
        """The toy sets among its tasks."""
        return [finding.task for finding in self.findings if finding.what == TOY]

    @property
    def outcome(self) -> GateOutcome | None:
        """The worst verdict of all rows; None where integrity does not hold."""
        if self.incomparable or not self.rows:
            return None
        found = {row.verdict.outcome for row in self.rows}
        for worst in (GateOutcome.FAIL, GateOutcome.WORSE, GateOutcome.INCONCLUSIVE, GateOutcome.DEGRADED):
            if worst in found:
                return worst
        return GateOutcome.PASS

    @property
    def title(self) -> str:
        return "INCOMPARABLE" if self.outcome is None else self.outcome.value

    @property
    def exit_code(self) -> int:
        outcome = self.outcome
        if outcome is None:
            return INCOMPARABLE
        if outcome.blocks or any(row.blocks for row in self.rows):
            return REGRESSED
        if outcome is GateOutcome.INCONCLUSIVE:
            return INCONCLUSIVE if self.inconclusive_blocks else PASSED
        return PASSED

    def of(self, outcome: GateOutcome) -> list[GateRow]:
        return [row for row in self.rows if row.verdict.outcome is outcome]
