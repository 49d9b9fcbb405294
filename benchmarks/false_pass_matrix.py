"""Every metric × design × n: how often a gate lets a drop of the margin through, and how often it calls no change one.

    python benchmarks/false_pass_matrix.py                    # 1,000 gates a cell, some minutes of one core
    python benchmarks/false_pass_matrix.py --draws 200 --metric bleu

A candidate gives four fifths of the samples the rows that the baseline has and the others rows that are drawn anew, so
that nothing changed on average. A bad one turns a part of its rows, or the rows of a part of its clusters, into the
worst that the metric knows; the margin is exactly what that costs, over very many samples. Gates are decided by the
functions that ship; those that look five times, or whenever they like, by these functions as well.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from coverage_matrix import (
    UNEQUAL,
    answers,
    boastful,
    chance,
    characters,
    documents,
    edits,
    forms,
    graded,
    grades,
    ngrams,
    parts,
    related,
    scored,
    shares,
    silent,
    tries,
    votes,
)

from evalkit.comparing.gates import GateLimits, GateOutcome, Pairs
from evalkit.comparing.gates.decide import outcomes
from evalkit.comparing.gates.sequential import Schedule, batches
from evalkit.comparing.gates.statistic import PairedRows, Statistic, decide_statistic
from evalkit.core import Metric
from evalkit.scoring import metrics
from evalkit.scoring.metrics.per_sample import is_mean_of
from evalkit.scoring.metrics.strata import macro_mean
from evalkit.scoring.metrics.thresholds import best_by_threshold
from evalkit.stats.betting import is_above, units_of
from evalkit.stats.bootstrap import values_only
from evalkit.stats.clusters import renumber
from evalkit.stats.moments import moments

Rows = np.ndarray
ALPHA = 0.05
KEPT = 0.8
MANY = 200_000
THROUGH = (GateOutcome.PASS, GateOutcome.DEGRADED)


@dataclass(frozen=True, slots=True)
class PairKind:
    """One metric on one kind of data. `bad` makes the worst of rows; a part `share` of them (of the clusters, where
    `together`) becomes so. `clusters` are sizes that are repeated up to n; `looks` are the ways to look that it has."""

    metric: str
    name: str
    make: Callable[[], Metric]
    draw: Callable[[np.random.Generator, int, float], Rows]
    bad: Callable[[np.random.Generator, Rows], Rows]
    share: float = 0.1
    sizes: tuple[int, ...] = (20, 50, 200)
    clusters: tuple[int, ...] = (1,)
    level: Callable[[np.random.Generator], float] = lambda rng: float("nan")
    together: bool = False
    looks: str = "once"


@dataclass(frozen=True, slots=True)
class Rates:
    kind: PairKind
    n: int
    through: float
    """Let through where the drop is the margin."""
    failed: float
    """FAIL where nothing changed and any drop blocks."""
    fine: float
    """Let through where nothing changed."""


def pair(kind: PairKind, n: int, rng: np.random.Generator, *, worse: bool) -> tuple[Rows, Rows, np.ndarray]:
    """(baseline, candidate, cluster numbers) of one data set."""
    times = -(-n // sum(kind.clusters))
    ends = np.minimum(np.cumsum(kind.clusters * times), n)
    sizes = [int(size) for size in np.diff(ends, prepend=0) if size > 0]
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    if kind.clusters == (1,):
        before, again = kind.draw(rng, n, float("nan")), kind.draw(rng, n, float("nan"))
    else:
        drawn = [(level, size) for size, level in ((size, kind.level(rng)) for size in sizes)]
        before, again = (np.concatenate([kind.draw(rng, size, level) for level, size in drawn]) for _ in range(2))
    if kind.metric.endswith("_at_k"):
        # The last column names the question, which is the same in both runs.
        again[:, 2] = before[:, 2]
    if kind.metric == "macro_mean":
        again[:, 1] = before[:, 1]
    after = np.where((rng.random(n) < KEPT)[:, None], before, again)
    if worse:
        hit = rng.random(len(sizes)) < kind.share if kind.together else np.zeros(len(sizes), bool)
        turned = hit[clusters] if kind.together else rng.random(n) < kind.share
        after = np.where(turned[:, None], kind.bad(rng, after), after)
    return before, after, clusters


def drop(kind: PairKind, metric: Metric, seed: int) -> float:
    """What the bad candidate costs, over very many samples; a loss is positive."""
    before, after, clusters = pair(kind, MANY, np.random.default_rng([seed, 1]), worse=True)
    with values_only():
        change = metric.estimate(after, clusters).value - metric.estimate(before, clusters).value
    return float(-change if metric.higher_is_better else change)


def decided(
    kind: PairKind, metric: Metric, drawn: tuple[Rows, Rows, np.ndarray], limits: GateLimits, seed: int, resamples: int
) -> GateOutcome:
    """What a gate says of one data set."""
    before, after, clusters = drawn
    if not is_mean_of(metric, before):
        statistic = Statistic(
            metric.estimate, metric.higher_is_better, metric.ends or (None, None), metric.jackknife, metric.weighed_by
        )
        return decide_statistic(PairedRows(before, after, clusters), statistic, limits, resamples=resamples).outcome
    left, right = before[:, 0], after[:, 0]
    if metric.units is not None:
        (left, numbers), (right, _) = metric.units(before, clusters), metric.units(after, clusters)
        clusters = numbers
    alone = len(np.unique(clusters)) == len(clusters)
    whole = Pairs(
        left,
        right,
        None if alone else clusters,
        higher_is_better=metric.higher_is_better,
        ends=metric.ends or (None, None),
    )
    return looked(kind.looks, whole, limits, seed)


def looked(looks: str, pairs: Pairs, limits: GateLimits, seed: int) -> GateOutcome:
    """What a gate says that looks so: by the functions that decide one, without what it says beside."""
    if looks == "once":
        return _once(pairs, limits)
    n = len(pairs.baseline)
    _, clusters = renumber(pairs.clusters, n)
    count = 5 if looks == "five times" else min(20, clusters)
    schedule = Schedule(tuple((look + 1) / count for look in range(count)))
    levels = schedule.levels(limits.alpha) if count == 5 else ()
    added = batches(n, schedule, clusters=pairs.clusters, seed=seed)
    largest = 1.0 if pairs.clusters is None else float(np.bincount(pairs.clusters).max())
    outcome = GateOutcome.INCONCLUSIVE
    for look in range(count):
        places = np.concatenate(added[: look + 1])
        part = replace(
            pairs,
            baseline=pairs.baseline[places],
            candidate=pairs.candidate[places],
            clusters=None if pairs.clusters is None else pairs.clusters[places],
        )
        if levels:
            outcome = _once(part, replace(limits, confidence=1.0 - levels[look]))
        else:
            outcome = _at_any_time(part, limits, largest)
        if not outcome.is_open:
            break
    return outcome


def _once(pairs: Pairs, limits: GateLimits) -> GateOutcome:
    found = moments(pairs.baseline, pairs.candidate, pairs.clusters, ends=pairs.ends)
    found = found if pairs.higher_is_better else found.turned
    return list(GateOutcome)[int(outcomes(found, limits))]


def _at_any_time(pairs: Pairs, limits: GateLimits, largest: float) -> GateOutcome:
    lowest, highest = pairs.ends
    assert lowest is not None and highest is not None
    reach = highest - lowest
    units = units_of(pairs.candidate - pairs.baseline, pairs.clusters, down=reach, up=reach, most=largest)
    line = 0.0 if limits.any_drop_blocks else limits.margin
    if is_above(units.turned, line, limits.alpha):
        return GateOutcome.FAIL
    return GateOutcome.PASS if is_above(units, -limits.margin, limits.alpha) else GateOutcome.INCONCLUSIVE


def measure(kind: PairKind, n: int, draws: int, seed: int, *, resamples: int = 1000) -> Rates:
    """One cell. What is known of a metric that is chosen on its own samples is simulated like any other."""
    metric = kind.make()
    margin = drop(kind, metric, seed)
    limits, strict = GateLimits(margin), GateLimits(margin, any_drop_blocks=True)
    through = failed = fine = 0
    for number in range(draws):
        worse = pair(kind, n, np.random.default_rng([seed, n, number]), worse=True)
        same = pair(kind, n, np.random.default_rng([seed, n, number, 1]), worse=False)
        through += decided(kind, metric, worse, limits, number, resamples) in THROUGH
        outcome = decided(kind, metric, same, strict, number, resamples)
        failed += outcome is GateOutcome.FAIL
        fine += outcome in THROUGH
    return Rates(kind, n, through / draws, failed / draws, fine / draws)


# ---------------------------------------------------------------- the worst of rows


def to(column: int, value: float) -> Callable[[np.random.Generator, Rows], Rows]:
    def bad(rng: np.random.Generator, rows: Rows) -> Rows:
        changed = rows.copy()
        changed[:, column] = value
        return changed

    return bad


def wrong_class(rng: np.random.Generator, rows: Rows) -> Rows:
    return np.column_stack([1.0 - rows[:, 1], rows[:, 1]])


def surprised(rng: np.random.Generator, rows: Rows) -> Rows:
    """Half a nat more for every word."""
    return np.column_stack([rows[:, 0] + 0.5 * rows[:, 1], rows[:, 1]])


def rewritten(rng: np.random.Generator, rows: Rows) -> Rows:
    return np.column_stack([rows[:, 1], rows[:, 1]])


def no_ngrams(rng: np.random.Generator, rows: Rows) -> Rows:
    changed = rows.copy()
    changed[:, 2:6] = 0.0
    return changed


def no_characters(rng: np.random.Generator, rows: Rows) -> Rows:
    changed = rows.copy()
    changed[:, 2::3] = 0.0
    return changed


def unrelated(rng: np.random.Generator, rows: Rows) -> Rows:
    return np.column_stack([rng.permutation(rows[:, 0]), rows[:, 1]])


def first_form_wrong(rng: np.random.Generator, rows: Rows) -> Rows:
    changed = rows.copy()
    changed[:, 0] = 0.0
    return changed


def misled(rng: np.random.Generator, rows: Rows) -> Rows:
    """Samples that give a wrong answer."""
    changed = rows.copy()
    changed[:, 0], changed[:, 1] = 0.0, 2.0 + rng.integers(0, 3, len(rows))
    return changed


def _mean(**more: object) -> Callable[[], Metric]:
    return lambda: metrics.mean("s", **more)  # type: ignore[arg-type]


ALIKE = ("once", "five times", "at any time")
KINDS: tuple[PairKind, ...] = (
    *(PairKind("mean", f"0/1, {p}", _mean(), shares(p), to(0, 0.0), looks=looks)
      for p in (0.5, 0.9) for looks in ALIKE),
    *(PairKind("mean", f"0/1, {p}, few drops", _mean(), shares(p), to(0, 0.0), share=0.03) for p in (0.5, 0.98)),
    *(PairKind("mean", f"F1 {name}", _mean(), graded(name), to(0, 0.0), looks=looks)
      for name in ("near 1", "middle") for looks in ALIKE),
    *(PairKind("mean", "grades 1–10", _mean(scale="number", ends=(1.0, 10.0)), grades(0.0), to(0, 1.0), looks=looks)
      for looks in ALIKE),
    *(PairKind("mean", f"0/1, 0.7, {words}", _mean(), shares(0.7), to(0, 0.0), clusters=sizes, level=chance(0.7, 0.2),
               together=together, sizes=(n,), looks=looks)
      for words, sizes, n in (("20 clusters of 10", (10,), 200), ("ten unequal clusters", UNEQUAL, 271))
      for together in (False, True) for looks in ALIKE if looks != "five times" or len(sizes) == 1),
    *(PairKind("pass_at_k", f"pass@{k}", partial(metrics.pass_at_k, k), tries(5, 1, k), to(1, 0.0), looks=looks)
      for k in (1, 5) for looks in ALIKE),
    PairKind("all_pass_at_k", "pass^1", partial(metrics.all_pass_at_k, 1), tries(5, 1, 1), to(1, 0.0)),
    *(PairKind(name, f"{name[:-5]}@{k} of 8", partial(getattr(metrics, name), k, score="s"), votes, misled,
               clusters=(8,), level=chance(0.6, 0.3), together=True, sizes=(160, 400))
      for name, k in (("maj_at_k", 8), ("best_at_k", 4))),
    *(PairKind(name, "accuracy 0.9", getattr(metrics, name), answers(0.9), wrong_class)
      for name in ("macro_f1", "micro_f1", "mcc")),
    *(PairKind(name, "accuracy 0.9, a fifth of one class", getattr(metrics, name), answers(0.9, 0.2), wrong_class,
               sizes=(50, 200)) for name in ("macro_f1", "mcc")),
    *(PairKind(name, "uneven documents", getattr(metrics, name), documents(1.0), surprised)
      for name in ("word_perplexity", "byte_perplexity", "token_perplexity", "bits_per_byte")),
    PairKind("perplexity", "targets", metrics.perplexity, lambda rng, n, level: rng.gamma(4, 0.6, (n, 1)),
             lambda rng, rows: rows + 1.0),
    PairKind("ratio", "instructions", lambda: metrics.ratio("a", "b", name="r"),
             lambda rng, n, level: _instructions(rng, n), to(0, 0.0)),
    PairKind("ter", "segments", metrics.ter, edits, rewritten),
    PairKind("bleu", "segments", metrics.bleu, ngrams, no_ngrams),
    PairKind("chrf", "segments", metrics.chrf, characters, no_characters),
    *(PairKind(name, f"ρ {rho}", getattr(metrics, name), related(rho), unrelated, share=0.2)
      for name in ("pearson", "spearman") for rho in (0.6, 0.9)),
    PairKind("auroc", "0.8", lambda: metrics.auroc(score="s"), scored, unrelated, share=0.2),
    PairKind("ece", "too sure", metrics.ece, boastful, to(1, 0.0), sizes=(50, 200)),
    PairKind("spread", "three forms", lambda: metrics.spread("s", forms=3), forms, first_form_wrong, share=0.2,
             sizes=(60, 201)),
    PairKind("macro_mean", "five groups", lambda: macro_mean("s", dict.fromkeys("abcde", 1.0), name="m"), parts,
             to(0, 0.0), sizes=(50, 200)),
    PairKind("best_by_threshold", "half without an answer",
             lambda: best_by_threshold("s", "silent", "none", name="best"), silent, to(0, 0.0), share=0.3,
             sizes=(50, 200)),
)  # fmt: skip
"""A metric that `evalkit.scoring.metrics` names has a row here, or tests/comparing/gates/test_false_pass.py fails."""


def _instructions(rng: np.random.Generator, n: int) -> Rows:
    asked = rng.integers(1, 4, n)
    return np.column_stack([rng.binomial(asked, 0.85), asked]).astype(float)


def table(found: Sequence[Rates]) -> list[str]:
    """A line a kind: of every n the false passes, the false FAILs and what is let through where nothing changed."""
    lines = [
        "| metric | data | looks | n: let through, drop = δ / FAIL, no change / let through, no change |",
        "|" + "---|" * 4,
    ]
    for kind in dict.fromkeys(one.kind for one in found):
        cells = [
            f"{one.n}: {100 * one.through:.1f} / {100 * one.failed:.1f} / {100 * one.fine:.0f} %"
            for one in found
            if one.kind is kind
        ]
        lines.append(f"| {kind.metric} | {kind.name}{', whole ones change' if kind.together else ''} | {kind.looks} "
                     f"| {'; '.join(cells)} |")  # fmt: skip
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--metric", action="append", default=[], help="only these metrics")
    parser.add_argument("--most", type=int, default=1000, help="no more samples than this")
    given = parser.parse_args()
    started = time.perf_counter()
    found = []
    for kind in KINDS:
        if given.metric and kind.metric not in given.metric:
            continue
        found += [measure(kind, n, given.draws, given.seed, resamples=400) for n in kind.sizes if n <= given.most]
        if found:
            print(table(found)[-1], flush=True)
    most = ALPHA + 3 * (ALPHA * (1 - ALPHA) / given.draws) ** 0.5
    beyond = [one for one in found if one.through > most or one.failed > most]
    print(f"\n{len(found)} cells: {len(beyond)} beyond {100 * most:.1f} %")
    print(f"{time.perf_counter() - started:.0f} s")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
