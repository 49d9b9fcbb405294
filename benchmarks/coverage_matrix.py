"""Every metric × kind of data × n: how often its 95 % interval holds the truth, and how wide it is beside an oracle's.

    python benchmarks/coverage_matrix.py                 # 1,000 data sets a cell, some minutes of one core
    python benchmarks/coverage_matrix.py --quick         # 200 data sets of a few sizes
    python benchmarks/coverage_matrix.py --metric macro_f1 --metric bleu

Rows are drawn as the metric's `observe` makes them and estimated by the metric itself. The truth is the metric of very
many samples. The oracle knows the standard deviation of the estimate over all data sets: its interval is 2 · 1.96 · SD
wide. A cell whose data are alike in nine of ten data sets has no oracle; there an interval has to hold the truth and
may be as wide as it needs. Unknown bounds (NaN) are counted apart and are no miss.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from evalkit.core import Metric
from evalkit.scoring import metrics
from evalkit.scoring.metrics.strata import macro_mean
from evalkit.scoring.metrics.thresholds import best_by_threshold

Rows = np.ndarray
SIZES = (5, 10, 20, 50, 200)
LEAST, MOST, WIDEST = 0.935, 0.99, 1.6


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data for a metric. `clusters` are sizes that are repeated up to n samples; each cluster is then drawn
    by itself with rows of its own level, `level(rng)`, which `draw` is made for."""

    metric: str
    name: str
    make: Callable[[], Metric]
    draw: Callable[[np.random.Generator, int, float], Rows]
    level: Callable[[np.random.Generator], float] = lambda rng: math.nan
    clusters: tuple[int, ...] = (1,)
    sizes: tuple[int, ...] = SIZES


@dataclass(frozen=True, slots=True)
class Cell:
    """What was found: `known` is the share of data sets whose bounds are known; `covered` is of these."""

    kind: Kind
    n: int
    covered: float
    known: float
    width: float

    @property
    def kept(self) -> bool:
        """Whether the interval covers enough; it may cover more than 99 % where the oracle has no width."""
        return self.known < 0.05 or self.covered >= LEAST


def one(kind: Kind, n: int, rng: np.random.Generator) -> tuple[Rows, np.ndarray]:
    """One data set: rows and cluster numbers."""
    if kind.clusters == (1,):
        return kind.draw(rng, n, math.nan), np.arange(n)
    sizes: list[int] = []
    while sum(sizes) < n:
        sizes.append(min(kind.clusters[len(sizes) % len(kind.clusters)], n - sum(sizes)))
    parts = [kind.draw(rng, size, kind.level(rng)) for size in sizes]
    return np.concatenate(parts), np.repeat(np.arange(len(sizes)), sizes)


def truth(kind: Kind, seed: int) -> float:
    """The metric of 200,000 samples."""
    rows, clusters = one(kind, 200_000, np.random.default_rng([seed, 1]))
    return float(kind.make().estimate(rows, clusters).value)


def measure(kind: Kind, n: int, draws: int, seed: int, true: float) -> Cell:
    """Coverage and width of one cell."""
    rng, metric = np.random.default_rng([seed, n]), kind.make()
    found = [metric.estimate(*one(kind, n, rng)) for _ in range(draws)]
    low, high, value = (np.array([getattr(each, name) for each in found]) for name in ("low", "high", "value"))
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return Cell(kind, n, math.nan, 0.0, math.nan)
    deviation = float(np.std(value[np.isfinite(value)]))
    slack = 1e-9 * max(1.0, abs(true))
    covered = float(((low <= true + slack) & (true - slack <= high))[known].mean())
    _, counts = np.unique(np.round(value, 12), return_counts=True)
    width = float((high - low)[known].mean()) / (2 * 1.96 * deviation) if counts.max() < 0.9 * draws else math.nan
    return Cell(kind, n, covered, float(known.mean()), width)


# ---------------------------------------------------------------- rows as metrics observe them


def shares(p: float) -> Callable[[np.random.Generator, int, float], Rows]:
    """Right and wrong, with a cluster's own chance where it has one."""

    def draw(rng: np.random.Generator, n: int, level: float) -> Rows:
        return (rng.random(n) < (p if math.isnan(level) else level)).astype(float)[:, None]

    return draw


def chance(p: float, icc: float) -> Callable[[np.random.Generator], float]:
    scale = (1 - icc) / icc
    return lambda rng: float(rng.beta(p * scale, (1 - p) * scale))


def graded(kind: str) -> Callable[[np.random.Generator, int, float], Rows]:
    """F1-like scores: mostly 1, mostly 0, in the middle, at both ends, or all alike."""

    def draw(rng: np.random.Generator, n: int, level: float) -> Rows:
        u = rng.random(n)
        values = {
            "near 1": np.where(u < 0.05, rng.random(n), 1.0),
            "near 0": np.where(u < 0.05, rng.random(n), 0.0),
            "middle": rng.beta(2, 2, n),
            "both ends": rng.beta(0.3, 0.3, n),
            "skewed": rng.beta(8, 1, n),
            "constant": np.full(n, 0.5),
            "levels": np.clip(level + 0.2 * (u - 0.5), 0, 1),
        }[kind]
        return values[:, None]

    return draw


def grades(collapse: float) -> Callable[[np.random.Generator, int, float], Rows]:
    def draw(rng: np.random.Generator, n: int, level: float) -> Rows:
        return np.where(rng.random(n) < collapse, 1.0, rng.integers(6, 11, n).astype(float))[:, None]

    return draw


def tries(first: float, second: float, k: int) -> Callable[[np.random.Generator, int, float], Rows]:
    """Ten completions of n problems, whose chances are beta."""

    def draw(rng: np.random.Generator, n: int, level: float) -> Rows:
        right = rng.binomial(10, rng.beta(first, second, n))
        return np.column_stack([np.full(n, 10.0), right, rng.random(n)])

    return draw


def votes(rng: np.random.Generator, n: int, level: float) -> Rows:
    """n samples of one question that is answered right with the chance `level`, else by one of three wrong answers."""
    right = rng.random(n) < level
    answer = np.where(right, 1.0, 2.0 + rng.integers(0, 3, n))
    return np.column_stack([right.astype(float), answer, np.full(n, rng.random())])


def answers(accuracy: float, second: float = 0.5) -> Callable[[np.random.Generator, int, float], Rows]:
    """(predicted, right) of two classes, the second with the share `second`."""

    def draw(rng: np.random.Generator, n: int, level: float) -> Rows:
        right = (rng.random(n) < second).astype(float)
        kept = rng.random(n) < (accuracy if math.isnan(level) else level)
        return np.column_stack([np.where(kept, right, 1 - right), right])

    return draw


def documents(spread: float) -> Callable[[np.random.Generator, int, float], Rows]:
    """(nats, words) of texts of uneven length, each with a level of its own."""

    def draw(rng: np.random.Generator, n: int, level: float) -> Rows:
        words = np.ceil(rng.lognormal(5, spread, n))
        return np.column_stack([words * rng.normal(2.5, 0.3, n), words])

    return draw


def edits(rng: np.random.Generator, n: int, level: float) -> Rows:
    words = np.ceil(rng.lognormal(3, 0.4, n))
    return np.column_stack([rng.binomial(words.astype(int), 0.4 if math.isnan(level) else level), words])


def ngrams(rng: np.random.Generator, n: int, level: float) -> Rows:
    """Counts of BLEU: lengths, then matches and n-grams of orders 1 to 4."""
    said = rng.integers(12, 30, n)
    wanted = np.maximum(said + rng.integers(-2, 3, n), 5)
    share = rng.beta(12, 5, n)
    possible = np.stack([said - order for order in range(4)], axis=1)
    hit = np.stack([rng.binomial(possible[:, order], share ** (1 + 0.6 * order)) for order in range(4)], axis=1)
    return np.column_stack([said, wanted, hit, possible]).astype(float)


def characters(rng: np.random.Generator, n: int, level: float) -> Rows:
    size, share = rng.integers(40, 120, n), rng.beta(8, 5, n)
    columns = []
    for order in range(6):
        columns += [size - order, size - order, rng.binomial(size - order, share ** (1 + 0.2 * order))]
    return np.column_stack(columns).astype(float)


def related(rho: float) -> Callable[[np.random.Generator, int, float], Rows]:
    def draw(rng: np.random.Generator, n: int, level: float) -> Rows:
        x = rng.normal(size=n)
        return np.column_stack([x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=n)])

    return draw


def scored(rng: np.random.Generator, n: int, level: float) -> Rows:
    label = (rng.random(n) < 0.5).astype(float)
    return np.column_stack([rng.normal(size=n) + 1.2 * label, label])


def calibrated(rng: np.random.Generator, n: int, level: float) -> Rows:
    """A model that is right as often as it says."""
    sure = rng.beta(3, 1.5, n)
    return np.column_stack([sure, (rng.random(n) < sure).astype(float)])


def boastful(rng: np.random.Generator, n: int, level: float) -> Rows:
    sure = rng.beta(6, 1.5, n)
    return np.column_stack([sure, (rng.random(n) < 0.8 * sure).astype(float)])


def parts(rng: np.random.Generator, n: int, level: float) -> Rows:
    """(value, group) of five equal groups, right 98 in 100 times."""
    return np.column_stack([(rng.random(n) < 0.98).astype(float), np.arange(n) % 5])


def forms(rng: np.random.Generator, n: int, level: float) -> Rows:
    """n questions in three forms: the rows that `spread` observes."""
    form, hard = np.arange(n) % 3, rng.random(n)
    right = (hard < np.array([0.5, 0.65, 0.8])[form]).astype(float)
    one_hot = np.eye(3)[form]
    return np.column_stack([right[:, None] * one_hot, one_hot])


def silent(rng: np.random.Generator, n: int, level: float) -> Rows:
    """(score, score of saying nothing, probability of no answer)."""
    none = (rng.random(n) < 0.5).astype(float)
    return np.column_stack([(rng.random(n) < 0.7) * (1 - none), none, rng.beta(2 + 3 * none, 5 - 3 * none)])


# ---------------------------------------------------------------- the matrix


def _mean(**more: object) -> Callable[[], Metric]:
    return lambda: metrics.mean("s", **more)  # type: ignore[arg-type]


def _passes(k: int) -> Callable[[], Metric]:
    return lambda: metrics.pass_at_k(k)


UNEQUAL = (3, 5, 8, 10, 15, 20, 30, 40, 60, 80)
LONGER = (20, 50, 200)
KINDS: tuple[Kind, ...] = (
    *(Kind("mean", f"0/1, {p}", _mean(), shares(p)) for p in (0.02, 0.5, 0.98)),
    *(Kind("mean", name, _mean(), graded(name)) for name in
      ("near 0", "middle", "near 1", "both ends", "skewed", "constant")),
    *(Kind("mean", f"0/1, {p}, ten unequal clusters, icc {icc}", _mean(), shares(p), chance(p, icc), UNEQUAL, (271,))
      for p in (0.02, 0.5, 0.9, 0.98) for icc in (0.05, 0.2)),
    *(Kind("mean", f"0/1, {p}, {count} clusters of 20, icc 0.1", _mean(), shares(p), chance(p, 0.1), (20,),
           (20 * count,))
      for p in (0.1, 0.5, 0.9) for count in (3, 5, 10, 20)),
    Kind("mean", "graded, clusters of 10", _mean(), graded("levels"), chance(0.7, 0.2), (10,), (50, 200)),
    Kind("mean", "repeats of 4, 0.98", _mean(), lambda rng, n, level: rng.binomial(4, 0.98, (n, 1)) / 4),
    *(Kind("mean", f"grades 1–10, {c} collapse", _mean(scale="number", ends=(1.0, 10.0)), grades(c))
      for c in (0.0, 0.02)),
    Kind("mean", "no ends, normal", _mean(scale="number"), lambda rng, n, level: rng.normal(size=(n, 1))),
    *(Kind("pass_at_k", f"pass@{k}, beta({a}, {b})", _passes(k), tries(a, b, k),
           sizes=(20, 50, 164))
      for k, a, b in ((1, 5, 1), (5, 5, 1), (5, 30, 1), (5, 1, 8), (5, 1, 1))),
    *(Kind(name, f"{name[:-5]}@{k} of 8, {p}", partial(getattr(metrics, name), k, score="s"), votes,
           chance(p, 0.3), (8,), (160, 400))
      for name, k, p in (("maj_at_k", 8, 0.6), ("maj_at_k", 4, 0.6), ("best_at_k", 4, 0.4))),
    *(Kind(name, f"accuracy {a}", getattr(metrics, name), answers(a))
      for name in ("macro_f1", "micro_f1", "mcc") for a in (0.5, 0.8, 0.98)),
    *(Kind(name, "accuracy 0.9, 10 % of one class", getattr(metrics, name), answers(0.9, 0.1), sizes=LONGER)
      for name in ("macro_f1", "mcc")),
    *(Kind(name, "uneven documents", getattr(metrics, name), documents(1.0))
      for name in ("word_perplexity", "byte_perplexity", "token_perplexity", "bits_per_byte")),
    Kind("perplexity", "targets", metrics.perplexity, lambda rng, n, level: rng.gamma(4, 0.6, (n, 1))),
    Kind("ratio", "instructions, 0.95", lambda: metrics.ratio("a", "b", name="r"),
         lambda rng, n, level: _instructions(rng, n, 0.95)),
    Kind("ratio", "instructions, 0.5", lambda: metrics.ratio("a", "b", name="r"),
         lambda rng, n, level: _instructions(rng, n, 0.5)),
    Kind("ter", "segments", metrics.ter, edits),
    *(Kind("ter", f"{count} clusters of 20", metrics.ter, edits, chance(0.4, 0.1), (20,), (20 * count,))
      for count in (2, 3, 5, 10)),
    Kind("bleu", "segments", metrics.bleu, ngrams),
    Kind("chrf", "segments", metrics.chrf, characters),
    *(Kind("pearson", f"ρ {rho}", metrics.pearson, related(rho), sizes=LONGER) for rho in (0.0, 0.8)),
    *(Kind("spearman", f"ρ {rho}", metrics.spearman, related(rho), sizes=LONGER) for rho in (0.0, 0.8)),
    Kind("auroc", "0.8", lambda: metrics.auroc(score="s"), scored, sizes=LONGER),
    Kind("ece", "calibrated", metrics.ece, calibrated, sizes=(50, 200, 1000)),
    Kind("ece", "too sure", metrics.ece, boastful, sizes=(50, 200, 1000)),
    Kind("spread", "three forms", lambda: metrics.spread("s", forms=3), forms, sizes=(60, 300)),
    Kind("macro_mean", "five groups at 0.98", lambda: macro_mean("s", dict.fromkeys("abcde", 1.0), name="m"), parts,
         sizes=(50, 200)),
    Kind("best_by_threshold", "half without an answer",
         lambda: best_by_threshold("s", "silent", "none", name="best"), silent, sizes=(50, 200)),
)  # fmt: skip
"""A metric that `evalkit.scoring.metrics` names has a row here, or tests/stats/test_matrix.py fails."""


WIDER: dict[str, dict[str, int]] = {
    "mean": {
        **dict.fromkeys(("0/1, 0.02", "0/1, 0.98", "near 0", "near 1", "skewed"), 20),
        "middle": 5,
        "repeats of 4, 0.98": 50,
        "grades 1–10, 0.0 collapse": 10,
        "grades 1–10, 0.02 collapse": 10,
        **{f"0/1, {p}, ten unequal clusters, icc {icc}": 271 for p in (0.02, 0.9, 0.98) for icc in (0.05, 0.2)},
        **{f"0/1, {p}, {count} clusters of 20, icc 0.1": 20 * count for p in (0.1, 0.5, 0.9) for count in (3, 5)},
    },
    "pass_at_k": {"pass@5, beta(5, 1)": 164},
    **{name: {"accuracy 0.98": 20} for name in ("macro_f1", "micro_f1", "mcc")},
    **{name: {"uneven documents": 20} for name in ("word_perplexity", "byte_perplexity", "token_perplexity")},
    "bits_per_byte": {"uneven documents": 20},
    "perplexity": {"targets": 5},
    "ratio": {"instructions, 0.95": 20},
    **{name: {"segments": 10} for name in ("bleu", "chrf", "ter")},
    "ece": {"calibrated": 1000},
}
"""Metric → kind of data → the largest n at which its interval is wider than 1.6 times the oracle's, and has to be: near
an end few samples seldom show what could happen, few clusters or documents say little of how much they vary, and the
error of a calibrated model lies at the end of its scale at any n. docs/explanation/statistics-measured.md says more."""


# Pass^1 is pass@1 by another estimator, and its rows are the same.
KINDS += tuple(
    replace(kind, metric="all_pass_at_k", name=kind.name.replace("@", "^"), make=partial(metrics.all_pass_at_k, 1))
    for kind in KINDS
    if kind.metric == "pass_at_k" and kind.name.startswith("pass@1,")
)


def is_forced(cell: Cell) -> bool:
    """Whether a width beyond 1.6 times the oracle's is one that the data force."""
    return cell.n <= WIDER.get(cell.kind.metric, {}).get(cell.kind.name, 0)


def _instructions(rng: np.random.Generator, n: int, p: float) -> Rows:
    asked = rng.integers(1, 4, n)
    return np.column_stack([rng.binomial(asked, p), asked]).astype(float)


def covered(kinds: Sequence[Kind], draws: int, seed: int, sizes: Sequence[int] = ()) -> list[Cell]:
    """Every cell of these kinds; `sizes` keeps those alone that are among them."""
    cells = []
    for kind in kinds:
        true = truth(kind, seed)
        kept = [n for n in kind.sizes if not sizes or n in sizes]
        cells += [measure(kind, n, draws, seed, true) for n in kept]
    return cells


def table(cells: Sequence[Cell]) -> list[str]:
    """A line a kind, `coverage (width over the oracle's)` for every n."""
    lines = ["| metric | data | n: coverage (width over the oracle's) |", "|---|---|---|"]
    for kind in dict.fromkeys(cell.kind for cell in cells):
        parts_ = []
        for cell in (each for each in cells if each.kind is kind):
            if cell.known == 0.0:
                parts_.append(f"{cell.n}: not known")
                continue
            width = "" if math.isnan(cell.width) else f" ({cell.width:.2f})"
            known = "" if cell.known > 0.995 else f", known in {100 * cell.known:.0f} %"
            parts_.append(f"{cell.n}: {100 * cell.covered:.1f} %{width}{known}")
        lines.append(f"| {kind.metric} | {kind.name} | {'; '.join(parts_)} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="200 data sets a cell")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--metric", action="append", default=[], help="only these metrics")
    given = parser.parse_args()
    started = time.perf_counter()
    chosen = [kind for kind in KINDS if not given.metric or kind.metric in given.metric]
    cells = covered(chosen, 200 if given.quick else given.draws, given.seed)
    print("\n".join(table(cells)))
    missed = [cell for cell in cells if not cell.kept]
    wide = [cell for cell in cells if cell.width > WIDEST]
    unnamed = [cell for cell in wide if not is_forced(cell)]
    print(f"\n{len(cells)} cells: {len(missed)} cover less than {100 * LEAST} %, {len(wide)} are wider than {WIDEST} ×")
    for cell in unnamed:
        print(f"  {cell.kind.metric}, {cell.kind.name}, n = {cell.n}: {cell.width:.2f} times, which nothing forces")
    for cell in missed:
        print(f"  {cell.kind.metric}, {cell.kind.name}, n = {cell.n}: {100 * cell.covered:.1f} %")
    print(f"{time.perf_counter() - started:.0f} s")
    return 1 if missed or unnamed else 0


if __name__ == "__main__":
    sys.exit(main())
