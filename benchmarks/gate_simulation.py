"""How often gates err, decide and cover, by simulation: evalkit's, a ±tolerance gate's and an unpaired z-test's.

    python benchmarks/gate_simulation.py                      # everything, some 15 minutes of one core
    python benchmarks/gate_simulation.py --quick              # 1,000 draws of a coarse grid, a minute
    python benchmarks/gate_simulation.py --json figures.json

Answers of two runs are drawn from `evalkit.stats.answers` and decided by the functions that decide a gate
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
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.gates.decide import decide, decide_statistic
from evalkit.gates.limits import Limits
from evalkit.gates.planning import plan, rates
from evalkit.gates.sequential import Schedule, plan_sequential
from evalkit.gates.verdicts import Outcome, Pairs
from evalkit.stats import mean_interval
from evalkit.stats.answers import Answers, Draw, draw_moments, flips, moments_of
from evalkit.stats.difference import beyond, p_value
from evalkit.stats.moments import Moments
from evalkit.stats.multiple import holm

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

ALPHA, SLACK, PLAN_SLACK = 0.05, 0.005, 0.02
COVER_LOW, COVER_HIGH, EVENTS, CLUSTERS = 0.935, 0.965, 10.0, 50
REDRAWN = 100_000


@dataclass(frozen=True, slots=True)
class Grid:
    sizes: tuple[int, ...] = (50, 200, 1000, 14000)
    shares: tuple[float, ...] = (0.02, 0.1, 0.5, 0.9, 0.98)
    correlations: tuple[float, ...] = (0.0, 0.5, 0.8, 0.95)
    clusters: tuple[tuple[int, float], ...] = ((1, 0.0), (2, 0.3), (5, 0.05), (5, 0.3), (20, 0.05), (20, 0.3))
    margins: tuple[float, ...] = (0.02, 0.05)
    draws: int = 10_000

    def designs(self) -> Iterator[tuple[int, Answers]]:
        for n in self.sizes:
            for size, icc in self.clusters:
                for share in self.shares:
                    for correlation in self.correlations:
                        yield n, Answers(share, 0.0, correlation, size, icc)


QUICK = Grid((50, 1000), (0.02, 0.5, 0.98), (0.0, 0.95), ((1, 0.0), (20, 0.3)), (0.05,), 1_000)


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
        design = f"n={self.n} p={a.share} φ={a.correlation} {cluster}"
        return f"{design} δ={self.margin} drop={a.drop} ({self.events:.1f} flips)"


def measure(n: int, answers: Answers, margin: float, draws: int, seed: int, *, planned: bool) -> Cell:
    """One cell: what `draws` gates said, with the margin, on answers with their drop."""
    rng = np.random.default_rng(seed)
    found = draw_moments(answers, n, draws, rng)
    limits = Limits(margin)
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
        said[Outcome.FAIL],
        said[Outcome.INCONCLUSIVE],
        rates(found, replace(limits, any_drop_blocks=True))[Outcome.FAIL],
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
            if answers.share >= margin:
                dropped = replace(answers, drop=margin)
                cells.append(measure(n, dropped, margin, grid.draws, here + 5, planned=False))
    return cells


def table(cells: Sequence[Cell]) -> list[str]:
    """Rates by n, averaged over all designs of that n, evalkit's beside its peers'."""
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
            said = plan(cell.n, Limits(cell.margin), sd=cell.answers.deviation)
            apart.append(abs(said.power_at_no_change - cell.through))
    return (
        f"closed form, no clusters, at least 100 flips: {len(apart)} cells, at most {100 * max(apart):.1f} points apart"
    )


def suites(grid: Grid, seed: int) -> list[str]:
    """Suites of 1 to 20 tasks of 1,000 samples: one task dropped by δ, nothing changed, and Holm over "any drop?"."""
    answers, limits = Answers(0.7, 0.0, 0.8), Limits(0.04)
    rng = np.random.default_rng(seed)
    power = plan(1000, limits, share=0.7, correlation=0.8).power_at_no_change
    lines = [
        "| tasks | all let through, one dropped by δ | all let through, no change | as planned "
        "| any significant drop, no change | the same after Holm |",
        "|" + "---|" * 6,
    ]
    for tasks in (1, 2, 5, 10, 20):
        through, dropped, p_values = np.ones(grid.draws, bool), np.ones(grid.draws, bool), []
        for task in range(tasks):
            found = draw_moments(answers, 1000, grid.draws, rng)
            inside = beyond(found, -limits.margin, ALPHA, strict=True) > 0.0
            through &= inside
            p = p_value(found, strict=True) / 2
            p_values.append(np.where(found.difference < 0.0, p, 1 - p))
            worse = draw_moments(replace(answers, drop=limits.margin), 1000, grid.draws, rng)
            dropped &= beyond(worse, -limits.margin, ALPHA, strict=True) > 0.0 if task == 0 else inside
        each = np.array(p_values)
        corrected = np.array([min(holm(column.tolist())) for column in each.T])
        figures = (
            dropped.mean(),
            through.mean(),
            power**tasks,
            (each.min(axis=0) <= ALPHA).mean(),
            (corrected <= ALPHA).mean(),
        )
        lines.append(f"| {tasks} | " + " | ".join(f"{100 * float(x):.1f} %" for x in figures) + " |")
    return lines


def sequential(grid: Grid, seed: int) -> tuple[list[str], list[str]]:
    """Five looks, both spendings: error rates and the samples it took."""
    lines = [
        "| n | p | φ | clusters | δ | spending | let through, drop = δ | FAIL, no change, any drop blocks "
        "| let through, no change | samples, no change | samples, drop = δ |",
        "|" + "---|" * 11,
    ]
    missed = []
    for n in [n for n in grid.sizes if n >= 200]:
        for share, correlation in ((0.02, 0.5), (0.5, 0.8), (0.7, 0.95), (0.98, 0.0)):
            for size, icc in ((1, 0.0), (5, 0.3), (20, 0.1)):
                margin = 0.02 if share == 0.02 else 0.05 if n < 1000 else 0.03
                for spending in ("obrien-fleming", "pocock"):
                    schedule = Schedule(spending=spending)  # type: ignore[arg-type]
                    if n // size < 25:
                        continue
                    answers = Answers(share, 0.0, correlation, size, icc)
                    limits = Limits(margin)
                    blocking = Limits(margin, any_drop_blocks=True)
                    run = {"sets": grid.draws, "seed": seed}
                    same = plan_sequential(n, limits, schedule, answers, **run)
                    strict = plan_sequential(n, blocking, schedule, answers, **run)
                    worse = plan_sequential(n, limits, schedule, replace(answers, drop=margin), **run)
                    errors = (let_through(worse.rates), strict.rates[Outcome.FAIL])
                    line = (
                        f"| {n:,} | {share} | {correlation} | {size} | {margin} | {spending} | {100 * errors[0]:.1f} % "
                        f"| {100 * errors[1]:.1f} % | {100 * let_through(same.rates):.1f} % "
                        f"| {same.expected_n:,.0f} | {worse.expected_n:,.0f} |"
                    )
                    lines.append(line)
                    if max(errors) > ALPHA + SLACK:
                        run = {"sets": REDRAWN, "seed": seed + 777_777}
                        strict = plan_sequential(n, blocking, schedule, answers, **run)
                        worse = plan_sequential(n, limits, schedule, replace(answers, drop=margin), **run)
                        if max(let_through(worse.rates), strict.rates[Outcome.FAIL]) > ALPHA + SLACK:
                            missed.append(line)
    return lines, missed


def let_through(found: dict[Outcome, float]) -> float:
    return found[Outcome.PASS] + found[Outcome.DEGRADED]


def graded(grid: Grid, seed: int) -> list[str]:
    """Averages over four repeats of questions whose difficulties differ: graded differences, without clusters."""
    lines = ["| n | p | δ | let through, drop = δ | FAIL, no change, any drop blocks | coverage |", "|" + "---|" * 6]
    for n in grid.sizes:
        for share in (0.1, 0.5, 0.9):
            for margin in grid.margins:
                errors, covered = [], []
                for drop in (margin, 0.0):
                    found = repeated(share, drop, n, grid.draws, np.random.default_rng(seed))
                    said = rates(found, Limits(margin, any_drop_blocks=drop == 0.0))
                    errors.append(let_through(said) if drop else said[Outcome.FAIL])
                    covered.append(float((beyond(found, -drop, 0.025) == 0.0).mean()))
                lines.append(
                    f"| {n:,} | {share} | {margin} | {100 * errors[0]:.1f} % | {100 * errors[1]:.1f} % "
                    f"| {100 * min(covered):.1f}–{100 * max(covered):.1f} % |"
                )
    return lines


def repeated(share: float, drop: float, n: int, draws: int, rng: np.random.Generator) -> Moments:
    """Differences of two means over 4 tries, with a question's chance drawn from a Beta: 9 possible values."""
    from scipy import stats

    chances = stats.beta.ppf((np.arange(2000) + 0.5) / 2000, 2 * share, 2 * (1 - share))
    tries = np.arange(5)
    before = stats.binom.pmf(tries, 4, chances[:, None])
    after = stats.binom.pmf(tries, 4, (chances * (1 - drop / chances.mean()))[:, None])
    joint = before.T @ after / len(chances)
    values = (tries[None, :] - tries[:, None]) / 4
    kinds = np.arange(-4, 5) / 4
    weights = np.array([joint[np.isclose(values, kind)].sum() for kind in kinds])
    drawn = rng.multinomial(n, weights / weights.sum(), size=draws).astype(float)
    gains, losses = drawn @ np.maximum(kinds, 0.0), drawn @ np.maximum(-kinds, 0.0)
    return replace(moments_of([Draw(1, n, gains, losses, drawn @ kinds**2)]), plain=False)


def statistics(grid: Grid, seed: int) -> list[str]:
    """A perplexity over documents of uneven length, by the paired bootstrap; a fiftieth of the draws, 500 resamples."""
    lines = [
        "| documents | clusters of | let through, rise = δ | FAIL, no change, any rise blocks | coverage |",
        "|---|---|---|---|---|",
    ]
    rng = np.random.default_rng(seed)
    for n, size in ((50, 1), (200, 1), (1000, 1), (1000, 10)):
        errors, covered, truth, draws = [0, 0], 0, 0.0, grid.draws // 50
        for worse in (0, 1):
            rise = 0.05 * worse
            truth = float(np.exp(2.5 + rise) - np.exp(2.5))
            for _ in range(draws):
                before, after = documents(n, size, rise, rng)
                clusters = np.arange(n) // size if size > 1 else None
                limits = Limits(truth, any_drop_blocks=not worse)
                found = decide_statistic(
                    before, after, clusters, perplexity, limits, higher_is_better=False, seed=1, resamples=500
                )
                wrong = (Outcome.PASS, Outcome.DEGRADED) if worse else (Outcome.FAIL,)
                errors[worse] += found.outcome in wrong
                covered += found.low <= truth <= found.high
        lines.append(
            f"| {n:,} | {size} | {100 * errors[1] / draws:.1f} % | {100 * errors[0] / draws:.1f} % "
            f"| {50 * covered / draws:.1f} % of a 90 % interval |"
        )
    return lines


def documents(n: int, size: int, rise: float, rng: np.random.Generator) -> tuple[FloatRows, FloatRows]:
    """(nats, words) of n documents under two models; the second needs `rise` nats a word more. Lengths vary tenfold."""
    words = np.rint(np.exp(rng.normal(5.0, 0.6, size=n))) + 5.0
    kind = np.repeat(rng.normal(0.0, 0.1, size=-(-n // size)), size)[:n]
    before = words * (2.5 + rng.normal(0.0, 0.3, size=n))
    after = before + words * (rise + kind + rng.normal(0.0, 0.1, size=n))
    return np.column_stack([before, words]), np.column_stack([after, words])


def perplexity(rows: FloatRows, clusters: IntArray) -> Estimate:
    value = float(np.exp(rows[:, 0].sum() / rows[:, 1].sum()))
    return Estimate(value, np.nan, np.nan, len(rows), "value only")


def shares(grid: Grid, seed: int) -> list[str]:
    """Coverage of one run's share (`stats.mean_interval`): without clusters by enumeration, else by samples drawn."""
    lines = ["| n | clusters, icc | coverage, p = " + " | p = ".join(map(str, grid.shares)) + " |"]
    lines.append("|" + "---|" * (2 + len(grid.shares)))
    rng = np.random.default_rng(seed)
    for n in grid.sizes:
        for size, icc in grid.clusters:
            covered = [
                enumerated(n, p) if size == 1 else sampled(n, p, size, icc, grid.draws, rng) for p in grid.shares
            ]
            figures = " | ".join(f"{100 * x:.1f} %" for x in covered)
            lines.append(f"| {n:,} | {'none' if size == 1 else f'{size}, {icc}'} | {figures} |")
    return lines


def enumerated(n: int, share: float) -> float:
    from scipy import stats

    counts = np.arange(int(stats.binom.ppf(1e-9, n, share)), int(stats.binom.isf(1e-9, n, share)) + 1)
    found = [mean_interval(np.arange(n) < count) for count in counts]
    inside = [each.low <= share <= each.high for each in found]
    return float(stats.binom.pmf(counts, n, share) @ inside)


def sampled(n: int, share: float, size: int, icc: float, draws: int, rng: np.random.Generator) -> float:
    """10,000 data sets up to n = 1,000, a fifth of that beyond."""
    clusters = np.arange(n) // size
    draws = draws if n <= 1000 else draws // 5
    inside = 0
    for _ in range(draws):
        common = (rng.random(int(clusters[-1]) + 1) < share)[clusters]
        values = np.where(rng.random(n) < np.sqrt(icc), common, rng.random(n) < share).astype(float)
        found = mean_interval(values, clusters)
        inside += found.low <= share <= found.high
    return inside / draws


def spot_checks(seed: int) -> list[str]:
    """`decide` on single samples says what the vectorised functions say of their sums, and about as often."""
    rng = np.random.default_rng(seed)
    lines = []
    for n, answers in ((200, Answers(0.9, 0.02, 0.8)), (1000, Answers(0.5, 0.03, 0.8, 20, 0.1))):
        limits, through = Limits(0.05), 0
        for _ in range(400):
            baseline, candidate, clusters = flips(answers, n, rng)
            numbers = clusters if answers.size > 1 else None
            verdict = decide(Pairs(baseline, candidate, numbers), limits)
            by_bounds = verdict.low > -limits.margin
            if by_bounds != (verdict.outcome in (Outcome.PASS, Outcome.DEGRADED)):
                raise SystemExit("decide and its bounds disagree")
            through += verdict.outcome in (Outcome.PASS, Outcome.DEGRADED)
        said = rates(draw_moments(answers, n, 20_000, rng), limits)
        lines.append(
            f"n={n}, drop {answers.drop}, clusters of {answers.size}: {100 * through / 400:.1f} % of 400 sets of "
            f"samples let through, {100 * let_through(said):.1f} % of 20,000 sets of sums"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 draws of a coarse grid")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every cell and every table here")
    given = parser.parse_args()
    grid, started = QUICK if given.quick else Grid(), time.perf_counter()
    report: dict[str, object] = {}
    for name, part in (
        ("spot checks", spot_checks),
        ("suites", suites),
        ("sequential", sequential),
        ("graded", graded),
        ("shares", shares),
        ("statistics", statistics),
    ):
        lines = part(given.seed) if part is spot_checks else part(grid, given.seed)  # type: ignore[operator]
        if name == "sequential":
            lines, missed = lines
            report["sequential outside"] = missed
        report[name] = lines
        print(f"\n## {name} ({time.perf_counter() - started:.0f} s)\n")
        print("\n".join(lines), flush=True)
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
