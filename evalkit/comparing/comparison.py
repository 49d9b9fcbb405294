"""Two runs compared, as an object for Python: the numbers of `evalkit compare`, printed, as a table or as data."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.comparing.gates.opening import open_run
from evalkit.comparing.pairing import pair_tasks
from evalkit.comparing.results import PairResult, left_out, results_of, verdict_of_results
from evalkit.core import UsageError, formatting

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.runs.store import Run

__all__ = ["ComparedMetric", "Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric of one task. `difference` is B minus A over the same samples, `low` to `high` its interval; `worse`
    and `better` are the ids of the samples that changed, the largest change first. `how` names the interval; `p_holm`
    is the p after Holm's correction over all rows."""

    task: str
    metric: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    n: int
    scale: str
    worse: tuple[str, ...]
    better: tuple[str, ...]
    how: str
    p_holm: float

    def cells(self) -> tuple[str, ...]:
        """As tables show it."""
        return (
            self.task,
            self.metric,
            formatting.number(self.a, self.scale),
            formatting.number(self.b, self.scale),
            formatting.change(self.difference, self.scale),
            f"{formatting.change(self.low, self.scale)} … {formatting.change(self.high, self.scale)}",
            formatting.p_value(self.p),
            f"{self.n:,}",
            f"{len(self.worse)}/{len(self.better)}",
        )


_HEADS = ("task", "metric", "A", "B", "B − A", "interval", "p", "n", "worse/better")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from run A to run B: a row a metric, and the tasks that only one of them has (`left_out`)."""

    a: str
    b: str
    rows: tuple[ComparedMetric, ...]
    left_out: tuple[str, ...]
    confidence: float
    verdict: tuple[str, ...] = ()
    """What it comes to, the answer first."""

    def to_pandas(self) -> pd.DataFrame:
        """A row a metric, with numbers; without the lists of ids, which `rows` has."""
        import pandas as pd

        names = ("task", "metric", "a", "b", "difference", "low", "high", "p", "p_holm", "n", "how")
        return pd.DataFrame([{name: getattr(row, name) for name in names} for row in self.rows], columns=list(names))

    def __repr__(self) -> str:
        said = [f"A  {self.a}", f"B  {self.b}"]
        rows = [_HEADS, *(row.cells() for row in self.rows)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
        said += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*said, *self.verdict, *self.left_out])

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{html.escape(head)}</th>" for head in _HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row.cells()) + "</tr>" for row in self.rows
        )
        told = "".join(f"<p>{html.escape(line)}</p>" for line in (*self.verdict, *self.left_out))
        names = f"<p>A: {html.escape(self.a)}<br>B: {html.escape(self.b)}</p>"
        return f"{names}<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{told}"


def compare(a: Run, b: Run, *, tasks: Sequence[str] = (), confidence: float = 0.95) -> Comparison:
    """Run B compared with run A on the samples they share, by the calculation of `evalkit compare`.

    Raises UsageError where they share no task, for a run that is not finished, and for a bad confidence.
    """
    if isinstance(confidence, bool) or not isinstance(confidence, float) or not 0.0 < confidence < 1.0:
        raise UsageError("confidence must be between 0 and 1", found=repr(confidence), fix="confidence=0.95")
    for run in (a, b):
        if not hasattr(run, "manifest"):
            raise UsageError(
                "a run is compared with a run", found=f"{type(run).__name__}: {run!r:.60}", fix="evalkit.load(…)"
            )
    sides = [open_run(run).sides for run in (a, b)]
    wanted = [{name: side for name, side in one.items() if not tasks or name in tasks} for one in sides]
    paired, only_a, only_b = pair_tasks(*wanted)
    if not paired:
        found = f"{', '.join(sides[0])} and {', '.join(sides[1])}"
        raise UsageError("the two runs have no task in common", found=found, fix="runs of the same task")
    for pair in paired:
        if not pair.ids:
            raise UsageError(f"{pair.name}: the two runs share no sample, neither by id nor by prompt")
    results = results_of(paired, confidence)
    rows = tuple(map(_row, results))
    missing = left_out(paired, results)
    missing += [f"{name}: only in A" for name in only_a] + [f"{name}: only in B" for name in only_b]
    return Comparison(
        f"{a.model} ({a.folder})",
        f"{b.model} ({b.folder})",
        rows,
        tuple(missing),
        confidence,
        tuple(verdict_of_results(results)),
    )


def _row(found: PairResult) -> ComparedMetric:
    verdict = found.verdict
    numbers = (verdict.baseline, verdict.candidate, verdict.difference, verdict.low, verdict.high, verdict.p_value)
    sizes = (int(verdict.n), found.scale, found.worse, found.better, verdict.how)
    return ComparedMetric(found.task, found.metric, *numbers, *sizes, found.adjusted)
