"""What subsets (`run --subset anchors=N`) and adaptive gates (`gate run --adaptive`) save, and how often they err.

    python benchmarks/fewer_samples.py                        # everything, some minutes of one core
    python benchmarks/fewer_samples.py --draws 100
    python benchmarks/fewer_samples.py --reference ../shared/data/reference

Subsets: one model of several is left out, the others are the stored runs, and samples are drawn by other hashes every
time. Stored answers of real models are used where their folder is there; otherwise only models that are drawn from
the two-parameter logistic model, near copies of a stored model, and answers that have nothing to do with the stored
ones.

Adaptive gates look after every sample, which is the most that one can look. Questions are drawn anew, or a whole set
whose drop is the margin exactly is asked in random order to its end.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special

from evalkit.comparing.gates import GateLimits, GateOutcome
from evalkit.comparing.gates.planning import plan
from evalkit.comparing.gates.sequential import Schedule, plan_sequential
from evalkit.stats import mean_interval
from evalkit.stats.betting import log_wealth, units_of
from evalkit.stats.simulated_answers import Answers
from evalkit.stats.subset_design import StoredScores, in_turn, subset_design
from evalkit.stats.subset_estimate import subset_estimate

SIZES = (50, 100, 200, 400)
ALPHA = 0.05


# ---------------------------------------------------------------- subsets


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    stored: np.ndarray
    new: np.ndarray


def reference_cases(folder: Path) -> Iterator[Case]:
    """Every model of the stored outputs left out once."""
    solutions = folder / "gsm8k" / "example_model_solutions.jsonl"
    if solutions.is_file():
        rows = [json.loads(line) for line in solutions.read_text().splitlines()]
        names = [name for name in rows[0] if name not in ("question", "ground_truth")]
        yield from _each("GSM8K", names, np.array([[float(row[n]["is_correct"]) for row in rows] for n in names]))
    preferences = folder / "alpaca_eval" / "preferences.csv"
    if preferences.is_file():
        found: dict[str, dict[int, float]] = {}
        with preferences.open(newline="") as lines:
            for row in csv.DictReader(lines):
                value = min(1.0, max(0.0, float(row["preference"]) - 1.0))
                found.setdefault(row["model"], {})[int(row["index"])] = value
        # The baseline against itself is ½ everywhere.
        names = sorted(name for name in found if len(set(found[name].values())) > 1)
        places = sorted({place for own in found.values() for place in own})
        table = np.array([[found[name].get(place, 0.5) for place in places] for name in names])
        yield from _each("AlpacaEval", names, table)


def _each(title: str, names: list[str], table: np.ndarray) -> Iterator[Case]:
    for place, name in enumerate(names):
        yield Case(f"{title}, {name}", np.delete(table, place, 0), table[place])


def simulated_cases(seed: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    questions, models = 1000, 9
    slopes, levels = np.exp(rng.normal(0, 0.4, questions)), rng.normal(0, 1.5, questions)
    abilities = np.linspace(-1.5, 1.5, models)
    answers = (rng.random((models, questions)) < special.expit(slopes * (abilities[:, None] - levels))).astype(float)
    for place, words in ((0, "the weakest"), (4, "the middle one"), (8, "the strongest")):
        yield Case(f"2PL, {words} of nine models", np.delete(answers, place, 0), answers[place])
    for share in (0.01, 0.05):
        new = np.where(rng.random(questions) < share, 1 - answers[4], answers[4])
        yield Case(f"2PL, a copy of a stored model with {100 * share:g} % of its answers flipped", answers, new)
    yield Case("nothing to do with the stored runs, p = 0.5", answers, (rng.random(questions) < 0.5).astype(float))
    yield Case("nothing to do with the stored runs, p = 0.98", answers, (rng.random(questions) < 0.98).astype(float))


def subset_line(case: Case, draws: int) -> str:
    """Coverage, the width over that of as many random samples, and how many of these would be as exact, for every n."""
    total, truth = len(case.new), float(case.new.mean())
    stored = StoredScores(tuple(map(str, range(total))), case.stored, (0.0, 1.0))
    design = subset_design(stored)
    parts = []
    for n in (size for size in SIZES if 2 * size < total):
        errors, covered, width, plain = [], 0, 0.0, 0.0
        for seed in range(draws):
            places = in_turn(design.strata, [f"{seed}/{place}" for place in range(total)])[:n]
            found = subset_estimate(stored, design, places, case.new[places])
            errors.append(found.value - truth)
            covered += found.low - 1e-12 <= truth <= found.high + 1e-12
            width += found.high - found.low
            drawn = np.random.default_rng(seed).permutation(total)[:n]
            alone = mean_interval(case.new[drawn], ends=(0.0, 1.0))
            plain += (alone.high - alone.low) * math.sqrt(1 - n / total)
        spread = case.new.var(ddof=1)
        worth = spread / (float(np.mean(np.square(errors))) + spread / total)
        parts.append(f"{n}: {100 * covered / draws:.1f} % ({width / plain:.2f}), {worth:.0f}")
    return f"| {case.name} | {100 * truth:.1f} % | {'; '.join(parts)} |"


# ---------------------------------------------------------------- adaptive gates


def paths(kinds: np.ndarray, point: float, sign: float) -> np.ndarray:
    """The logarithm of the wealth after every unit, of rows (r, n) of differences, by the code that a gate uses."""
    levels = np.unique(kinds)
    counts = np.stack([np.cumsum(kinds == level, axis=1) for level in levels])
    units = units_of(sign * levels, None)
    # log_wealth is a function of the counts alone: what it does with one data set is done here with all.
    bets = _bets(units.down + sign * point)
    logs = np.log1p(bets[:, None] * (sign * levels - sign * point))
    wins = np.tensordot(logs, counts, axes=(1, 0)) + _log_weights()[:, None, None]
    return np.asarray(np.logaddexp.reduce(wins, axis=0))


def _bets(worst: float) -> np.ndarray:
    from evalkit.stats import betting

    return np.asarray((1.0 - 1e-6) / worst * betting._TIMID ** (np.arange(betting._SIZES) / (betting._SIZES - 1.0)))


def _log_weights() -> np.ndarray:
    from evalkit.stats import betting

    return np.log(betting._WEIGHTS)


@dataclass(frozen=True, slots=True)
class Rates:
    through: float
    fail: float
    samples: float


def adaptive(differences: np.ndarray, margin: float, *, first: int = 1) -> Rates:
    """What gates that look after every sample from `first` on say of rows of differences, and when they stop."""
    above = paths(differences, -margin, 1.0) >= -math.log(ALPHA)
    below = paths(differences, -margin, -1.0) >= -math.log(ALPHA)
    above[:, : first - 1] = below[:, : first - 1] = False
    n = differences.shape[1]
    passed, failed = (np.where(side.any(axis=1), side.argmax(axis=1), n) for side in (above, below))
    return Rates(
        float((passed < failed).mean()),
        float((failed < passed).mean()),
        float(np.minimum(np.minimum(passed, failed) + 1, n).mean()),
    )


def drop_blocks(differences: np.ndarray) -> float:
    """How often the upper bound ever lies below 0."""
    return float((paths(differences, 0.0, -1.0) >= -math.log(ALPHA)).any(axis=1).mean())


def answers_of(answers: Answers, n: int, sets: int, rng: np.random.Generator) -> np.ndarray:
    _, loss, gain, _ = answers.cells
    return rng.choice([-1.0, 0.0, 1.0], p=[loss, 1 - loss - gain, gain], size=(sets, n))


def gates(draws: int, seed: int) -> list[str]:
    lines = [
        "| n | p | φ | δ | let through, drop = δ | the same, a set of drop δ to its end "
        "| FAIL, no change, any drop blocks | let through, no change | samples, no change | samples, drop = 2δ "
        "| fixed: let through | five looks: let through, samples |",
        "|" + "---|" * 12,
    ]
    for n, p, phi, margin in (
        (200, 0.7, 0.95, 0.05), (1000, 0.5, 0.8, 0.05), (1000, 0.7, 0.95, 0.03), (1000, 0.98, 0.0, 0.03),
        (1319, 0.9, 0.8, 0.02), (14_000, 0.5, 0.8, 0.03), (14_000, 0.7, 0.95, 0.02), (14_000, 0.98, 0.0, 0.02),
    ):  # fmt: skip
        rng = np.random.default_rng([seed, n])
        sets = max(100, min(draws, 6_000_000 // n))
        same, dropped, twice = (Answers(p, k * margin, phi) for k in (0, 1, 2))
        none = answers_of(same, n, sets, rng)
        bad = adaptive(answers_of(dropped, n, sets, rng), margin)
        whole = adaptive(_whole(dropped, n, sets, rng), margin)
        fine, worse = adaptive(none, margin), adaptive(answers_of(twice, n, sets, rng), margin)
        fixed = plan(n, GateLimits(margin), proportion=p, correlation=phi)
        looks = plan_sequential(n, GateLimits(margin), Schedule(), same, sets=4000)
        let = looks.rates[GateOutcome.PASS] + looks.rates[GateOutcome.DEGRADED]
        lines.append(
            f"| {n:,} | {p} | {phi} | {margin} | {_p(bad.through)} | {_p(whole.through)} | {_p(drop_blocks(none))} "
            f"| {_p(fine.through)} | {fine.samples:,.0f} | {worse.samples:,.0f} | {_p(fixed.power_at_no_change)} "
            f"| {_p(let)}, {looks.expected_n:,.0f} |"
        )
    return lines


def _whole(answers: Answers, n: int, sets: int, rng: np.random.Generator) -> np.ndarray:
    """A set whose drop is the answers' drop exactly, in random order."""
    _, loss, _, _ = answers.cells
    losses = round(n * loss)
    gains = losses - round(n * answers.drop)
    one = np.concatenate([np.full(losses, -1.0), np.full(max(gains, 0), 1.0), np.zeros(n - losses - max(gains, 0))])
    return np.stack([rng.permutation(one) for _ in range(sets)])


def _p(share: float) -> str:
    return f"{100 * share:.1f} %"


def check(seed: int) -> None:
    """That the vectorised wealth is the one that a gate computes."""
    rows = np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], p=[0.06, 0.9, 0.04], size=(3, 500))
    for row in rows:
        for sign in (1.0, -1.0):
            one = log_wealth(units_of(sign * row, None), sign * -0.02)
            assert abs(paths(row[None, :], -0.02, sign)[0, -1] - one) < 1e-9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reference", type=Path, default=Path("../shared/data/reference"))
    given = parser.parse_args()
    started = time.perf_counter()
    check(given.seed)
    print("| left out | its mean | n: coverage (width over random samples'), random samples as exact |\n|---|---|---|")
    for case in (*reference_cases(given.reference), *simulated_cases(given.seed)):
        print(subset_line(case, given.draws), flush=True)
    print("\n" + "\n".join(gates(10 * given.draws, given.seed)))
    print(f"\n{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
