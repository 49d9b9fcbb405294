"""Tables beside the simulation of gates of fixed size: forms of bounds, suites, looks, repeats, shares, perplexity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.decide import decide
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, Pairs
from evalkit.comparing.gates.planning import plan, rates
from evalkit.comparing.gates.sequential import Schedule, plan_sequential
from evalkit.comparing.gates.statistic import PairedRows, Statistic, decide_statistic
from evalkit.core import Estimate
from evalkit.stats import mean_interval
from evalkit.stats.difference import beyond, p_value
from evalkit.stats.moments import Moments, moments
from evalkit.stats.multiple import holm
from evalkit.stats.score_intervals import tango_statistic
from evalkit.stats.simulated_answers import Answers, Draw, draw_moments, flips, moments_of

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

ALPHA, SLACK = 0.05, 0.005
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


def let_through(found: dict[GateOutcome, float]) -> float:
    return found[GateOutcome.PASS] + found[GateOutcome.DEGRADED]


def forms() -> list[str]:
    """The largest error of a lower bound that says 5 %, enumerated: t, Tango's, evalkit's even and strict ones."""
    names = ("t", "Tango", "even", "strict")
    worst = {name: [0.0, 0.0, 0.0] for name in names}
    for n in (20, 50, 100, 200, 500, 1000):
        for gain in (0.0, 0.002, 0.01, 0.03, 0.1):
            for drop in np.geomspace(0.8 / n, min(0.3, 40 / n), 60):
                if n * gain > 150:
                    continue
                found, chances = independent(n, gain, gain + drop)
                errors = dict(zip(names, lower_errors(found, chances, drop), strict=True))
                for place, least in enumerate((0, 10, 30)):
                    if n * (2 * gain + drop) >= least:
                        for name in names:
                            worst[name][place] = max(worst[name][place], errors[name])
    lines = ["| bound | any number of flips | ≥ 10 flips expected | ≥ 30 |", "|---|--:|--:|--:|"]
    return lines + [f"| {name} | " + " | ".join(f"{100 * x:.1f} %" for x in worst[name]) + " |" for name in names]


def independent(n: int, gain: float, loss: float) -> tuple[Moments, FloatRows]:
    """Every likely data set of n independent pairs, as moments, and its probability."""
    from scipy import stats

    def likely(chance: float) -> FloatRows:
        low, high = stats.binom.ppf([1e-12, 1 - 1e-12], n, chance)
        return np.arange(low, high + 1)

    gains, losses = (each.ravel() for each in np.meshgrid(likely(gain), likely(loss)))
    possible = gains + losses <= n
    gains, losses = gains[possible], losses[possible]
    same = np.ones_like(gains)
    spread = (gains + losses - (gains - losses) ** 2 / n) * n / (n - 1)
    zero, most = 0.0 * same, np.inf
    found = Moments(
        same * n, gains, losses, spread, spread, zero, same, same * (n - 1), same * n, down=most, up=most, plain=True
    )
    counts = np.column_stack([gains, losses, n - gains - losses])
    return found, stats.multinomial.pmf(counts, n, [gain, loss, 1 - gain - loss])


def lower_errors(found: Moments, chances: FloatRows, drop: float) -> list[float]:
    at = np.full_like(found.n, -drop)
    sides = (
        beyond(replace(found, plain=False), -drop, ALPHA),
        tango_statistic(found.gains, found.losses, found.n, at) > 1.6448536269514722,
        beyond(found, -drop, ALPHA),
        beyond(found, -drop, ALPHA, strict=True),
    )
    return [float(chances @ (side > 0)) for side in sides]


def suites(grid: Grid, seed: int) -> list[str]:
    """Suites of 1 to 20 tasks of 1,000 samples: one task dropped by δ, nothing changed, and Holm over "any drop?"."""
    answers, limits = Answers(0.7, 0.0, 0.8), GateLimits(0.04)
    rng = np.random.default_rng(seed)
    power = plan(1000, limits, proportion=0.7, correlation=0.8).power_at_no_change
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
                    schedule = Schedule(spending=spending)
                    if n // size < 25:
                        continue
                    answers = Answers(share, 0.0, correlation, size, icc)
                    limits = GateLimits(margin)
                    blocking = GateLimits(margin, any_drop_blocks=True)
                    run = {"sets": grid.draws, "seed": seed}
                    same = plan_sequential(n, limits, schedule, answers, **run)
                    strict = plan_sequential(n, blocking, schedule, answers, **run)
                    worse = plan_sequential(n, limits, schedule, replace(answers, drop=margin), **run)
                    errors = (let_through(worse.rates), strict.rates[GateOutcome.FAIL])
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
                        if max(let_through(worse.rates), strict.rates[GateOutcome.FAIL]) > ALPHA + SLACK:
                            missed.append(line)
    return lines, missed


def graded(grid: Grid, seed: int) -> list[str]:
    """Averages over four repeats of questions whose difficulties differ: graded differences, without clusters."""
    lines = ["| n | p | δ | let through, drop = δ | FAIL, no change, any drop blocks | coverage |", "|" + "---|" * 6]
    for n in grid.sizes:
        for share in (0.1, 0.5, 0.9):
            for margin in grid.margins:
                errors, covered = [], []
                for drop in (margin, 0.0):
                    found = repeated(share, drop, n, grid.draws, np.random.default_rng(seed))
                    said = rates(found, GateLimits(margin, any_drop_blocks=drop == 0.0))
                    errors.append(let_through(said) if drop else said[GateOutcome.FAIL])
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
    return replace(moments_of([Draw(1, n, gains, losses, drawn @ kinds**2, drawn @ kinds**3)]), plain=False)


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
                limits = GateLimits(truth, any_drop_blocks=not worse)
                statistic = Statistic(perplexity, higher_is_better=False)
                found = decide_statistic(PairedRows(before, after, clusters), statistic, limits, seed=1)
                wrong = (GateOutcome.PASS, GateOutcome.DEGRADED) if worse else (GateOutcome.FAIL,)
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
    found = [mean_interval((np.arange(n) < count).astype(float)) for count in counts]
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
    """4,000 sets drawn sample by sample come out as sets of sums do; 200 of them through `decide` itself."""
    rng = np.random.default_rng(seed)
    lines = []
    for n, answers in ((200, Answers(0.9, 0.02, 0.8)), (1000, Answers(0.5, 0.03, 0.8, 20, 0.1))):
        limits, through = GateLimits(0.05), 0
        for place in range(4000):
            baseline, candidate, clusters = flips(answers, n, rng)
            numbers = clusters if answers.size > 1 else None
            inside = float(beyond(moments(baseline, candidate, numbers), -limits.margin, ALPHA, strict=True)) > 0.0
            through += inside
            if place < 200:
                verdict = decide(Pairs(baseline, candidate, numbers), limits)
                if {inside, verdict.low > -limits.margin} != {
                    verdict.outcome in (GateOutcome.PASS, GateOutcome.DEGRADED)
                }:
                    raise SystemExit("decide, its bounds and its vectorised core disagree")
        said = rates(draw_moments(answers, n, 20_000, rng), limits)
        lines.append(
            f"n={n}, drop {answers.drop}, clusters of {answers.size}: {100 * through / 4000:.1f} % of 4,000 sets of "
            f"samples let through, {100 * let_through(said):.1f} % of 20,000 sets of sums"
        )
    return lines
