"""How often gates err, decide and cover, by simulation: evalkit's, a ±tolerance gate's and an unpaired z-test's.

    python benchmarks/gate_simulation.py                      # everything, some 15 minutes of one core
    python benchmarks/gate_simulation.py --quick              # 1,000 draws of a coarse grid, a minute
    python benchmarks/gate_simulation.py --json figures.json

Answers of two runs are drawn from `evalkit.stats.simulated_answers` and decided by the functions that decide a gate
(`stats.difference.beyond`, `gates.decide.outcomes`), ten thousand data sets at a time. A cell that misses a promise is
drawn again, 100,000 times from another seed, before it counts as missed: among thousands of cells some would miss by
chance alone. That the vectorised functions are those that ship is checked on samples, by calling `decide` itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from gate_tables import (
    ALPHA,
    QUICK,
    REDRAWN,
    SLACK,
    Grid,
    forms,
    graded,
    let_through,
    sequential,
    shares,
    spot_checks,
    statistics,
    suites,
)

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.planning import plan, rates
from evalkit.stats.difference import beyond
from evalkit.stats.moments import Moments
from evalkit.stats.simulated_answers import Answers, draw_moments

PLAN_SLACK = 0.02
COVER_LOW, COVER_HIGH, EVENTS, CLUSTERS = 0.935, 0.965, 10.0, 50


@dataclass(frozen=True, slots=True)
class Cell:
    """One design, one truth: `margin` is δ, and the answers' drop is 0 or δ."""

    n: int
    answers: Answers
    margin: float
    through: float
    fail: float
    inconclusive: float
    fail_strictest: float
    covered: float
    planned: float | None
    tolerance: float
    unpaired: float

    @property
    def dropped(self) -> bool:
        return self.answers.drop > 0.0

    @property
    def events(self) -> float:
        """Flips expected, over the design effect."""
        _, losses, gains, _ = self.answers.cells
        return self.n * (losses + gains) / self.answers.design_effect

    @property
    def ample(self) -> bool:
        return self.events >= EVENTS and self.n / self.answers.size >= CLUSTERS

    @property
    def shown(self) -> str:
        a = self.answers
        cluster = f"clusters of {a.size}, icc {a.icc}" if a.size > 1 else "no clusters"
        design = f"n={self.n} p={a.proportion} φ={a.correlation} {cluster}"
        return f"{design} δ={self.margin} drop={a.drop} ({self.events:.1f} flips)"


def measure(n: int, answers: Answers, margin: float, draws: int, seed: int, *, planned: bool) -> Cell:
    """One cell: what `draws` gates said, with the margin, on answers with their drop."""
    rng = np.random.default_rng(seed)
    found = draw_moments(answers, n, draws, rng)
    limits = GateLimits(margin)
    said = rates(found, limits)
    covered = beyond(found, -answers.drop, 0.025)
    expected = None
    if planned:
        fresh = draw_moments(replace(answers, drop=0.0), n, draws, np.random.default_rng(seed + 1))
        expected = let_through(rates(fresh, limits))
    tolerance, unpaired = peers(found, answers, margin, rng)
    return Cell(
        n,
        answers,
        margin,
        let_through(said),
        said[GateOutcome.FAIL],
        said[GateOutcome.INCONCLUSIVE],
        rates(found, replace(limits, any_drop_blocks=True))[GateOutcome.FAIL],
        # One cluster has no bounds and is INCONCLUSIVE: it leaves coverage alone.
        float((covered[~np.isnan(covered)] == 0.0).mean()) if (~np.isnan(covered)).any() else 1.0,
        expected,
        tolerance,
        unpaired,
    )


def peers(found: Moments, answers: Answers, margin: float, rng: np.random.Generator) -> tuple[float, float]:
    """How often a ±tolerance gate (passes while the observed drop is below δ) and an unpaired z-test let it through.

    The z-test is the usual one: it blocks where the two shares differ significantly (one-sided α = 0.05), taken as
    if they came from different samples.
    """
    both, _, _, neither = answers.cells
    rest = np.rint(found.n - found.gains - found.losses).astype(np.int64)
    twice = rng.binomial(rest, both / (both + neither) if both + neither > 0.0 else 0.0)
    before, after = (twice + found.losses) / found.n, (twice + found.gains) / found.n
    error = np.sqrt((before * (1 - before) + after * (1 - after)) / found.n)
    blocked = (after - before) < -1.6448536269514722 * error
    return float((found.difference > -margin).mean()), float((~blocked).mean())


# ---------------------------------------------------------------- promises


@dataclass(frozen=True, slots=True)
class Promise:
    name: str
    applies: Callable[[Cell], bool]
    kept: Callable[[Cell], bool]
    figure: Callable[[Cell], float]


PROMISES = (
    Promise("PASS or DEGRADED where the drop is δ: at most 5.5 %", lambda c: c.dropped,
            lambda c: c.through <= ALPHA + SLACK, lambda c: c.through),
    Promise("FAIL at no change: at most 5.5 %", lambda c: not c.dropped, lambda c: c.fail <= ALPHA + SLACK,
            lambda c: c.fail),
    Promise("FAIL at no change, any drop blocks: at most 5.5 %", lambda c: not c.dropped,
            lambda c: c.fail_strictest <= ALPHA + SLACK, lambda c: c.fail_strictest),
    Promise("let through at no change: as planned ± 2 points", lambda c: c.planned is not None,
            lambda c: abs(c.through - (c.planned or 0.0)) <= PLAN_SLACK, lambda c: abs(c.through - (c.planned or 0.0))),
    Promise("coverage, ≥ 50 clusters and ≥ 10 effective flips: at least 93.5 %", lambda c: c.ample,
            lambda c: c.covered >= COVER_LOW, lambda c: -c.covered),
    Promise("coverage, ≥ 50 clusters and ≥ 10 effective flips: at most 96.5 %", lambda c: c.ample,
            lambda c: c.covered <= COVER_HIGH, lambda c: c.covered),
    Promise("coverage elsewhere: at least 93.5 %", lambda c: not c.ample, lambda c: c.covered >= COVER_LOW,
            lambda c: -c.covered),
)  # fmt: skip


def again(cell: Cell, seed: int) -> Cell:
    return measure(cell.n, cell.answers, cell.margin, REDRAWN, seed + 777_777, planned=cell.planned is not None)


def judge(cells: Sequence[Cell], seed: int) -> list[dict[str, object]]:
    """Every promise over its cells: how many missed it on 10,000 draws, and which still do on 100,000 fresh ones."""
    found = []
    redrawn: dict[Cell, Cell] = {}
    for promise in PROMISES:
        # A margin does not matter to coverage: one cell for each design and drop.
        distinct = list({(c.n, c.answers): c for c in cells}.values()) if "coverage" in promise.name else cells
        mine = [cell for cell in distinct if promise.applies(cell)]
        missed = [cell for cell in mine if not promise.kept(cell)]
        outside = []
        for cell in missed:
            if cell not in redrawn:
                redrawn[cell] = again(cell, seed)
            if not promise.kept(redrawn[cell]):
                outside.append(redrawn[cell])
        worst = sorted(outside or mine, key=promise.figure, reverse=True)
        found.append(
            {
                "promise": promise.name,
                "cells": len(mine),
                "missed on first draws": len(missed),
                "outside": len(outside),
                "worst": abs(promise.figure(worst[0])) if worst else None,
                "worst cell": worst[0].shown if worst else "",
                "outside cells": [(cell.shown, abs(promise.figure(cell))) for cell in worst] if outside else [],
            }
        )
    return found


# ---------------------------------------------------------------- the parts


def fixed(grid: Grid, seed: int) -> list[Cell]:
    """Every design at no change and at every margin's drop."""
    cells = []
    for number, (n, answers) in enumerate(grid.designs()):
        for margin in grid.margins:
            here = seed + 10 * number
            cells.append(measure(n, answers, margin, grid.draws, here, planned=True))
            if answers.proportion >= margin:
                dropped = replace(answers, drop=margin)
                cells.append(measure(n, dropped, margin, grid.draws, here + 5, planned=False))
    return cells


def table(cells: Sequence[Cell]) -> list[str]:
    """Rates by n, averaged over all designs of that n, evalkit's next to its peers'."""
    lines = [
        "| n | δ | let through, drop = δ | FAIL, no change | let through, no change | INCONCLUSIVE, no change "
        "| ±tolerance: passes drop = δ | blocks no change | z-test: passes drop = δ | blocks no change |",
        "|" + "---|" * 10,
    ]
    for n in sorted({cell.n for cell in cells}):
        for margin in sorted({cell.margin for cell in cells}):
            here = [cell for cell in cells if (cell.n, cell.margin) == (n, margin)]
            same, worse = [c for c in here if not c.dropped], [c for c in here if c.dropped]
            figures = (
                mean(c.through for c in worse),
                mean(c.fail for c in same),
                mean(c.through for c in same),
                mean(c.inconclusive for c in same),
                mean(c.tolerance for c in worse),
                1 - mean(c.tolerance for c in same),
                mean(c.unpaired for c in worse),
                1 - mean(c.unpaired for c in same),
            )
            lines.append(f"| {n:,} | {margin} | " + " | ".join(f"{100 * x:.1f} %" for x in figures) + " |")
    return lines


def mean(values: Iterator[float]) -> float:
    return float(np.mean(list(values)))


def closed_form(cells: Sequence[Cell]) -> str:
    """How far the closed form, which knows only a standard deviation, is from what gates did at no change."""
    apart = []
    for cell in cells:
        if not cell.dropped and cell.events >= 100 and cell.answers.size == 1:
            said = plan(cell.n, GateLimits(cell.margin), sd=cell.answers.deviation)
            apart.append(abs(said.power_at_no_change - cell.through))
    return (
        f"closed form, no clusters, at least 100 flips: {len(apart)} cells, at most {100 * max(apart):.1f} points apart"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 draws of a coarse grid")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every cell and every table here")
    given = parser.parse_args()
    grid, started = QUICK if given.quick else Grid(), time.perf_counter()
    report: dict[str, object] = {}
    looks, missed = sequential(grid, given.seed)
    report["sequential outside"] = missed
    for name, made in (
        ("forms", forms()),
        ("spot checks", spot_checks(given.seed)),
        ("suites", suites(grid, given.seed)),
        ("sequential", looks),
        ("graded", graded(grid, given.seed)),
        ("shares", shares(grid, given.seed)),
        ("statistics", statistics(grid, given.seed)),
    ):
        report[name] = made
        print(f"\n## {name}\n")
        print("\n".join(made), flush=True)
    cells = fixed(grid, given.seed)
    report["table"], report["promises"] = table(cells), judge(cells, given.seed)
    report["cells"] = [asdict(cell) for cell in cells]
    print(f"\n## fixed size: {len(cells)} cells of {grid.draws:,} draws\n")
    print("\n".join(table(cells)))
    report["closed form"] = closed_form(cells)
    print("\n" + closed_form(cells))
    for promise in report["promises"]:  # type: ignore[attr-defined]
        print(f"\n{promise['promise']}")
        print(
            f"  {promise['cells']} cells, {promise['missed on first draws']} missed, {promise['outside']} outside still"
        )
        print(f"  worst {100 * (promise['worst'] or 0.0):.2f} %: {promise['worst cell']}")
    print(f"\n{time.perf_counter() - started:.0f} s")
    if given.json:
        given.json.write_text(json.dumps(report, indent=1, default=str))
    outside = [p for p in report["promises"] if p["outside"]]  # type: ignore[attr-defined]
    return 1 if outside or report["sequential outside"] else 0


if __name__ == "__main__":
    sys.exit(main())
