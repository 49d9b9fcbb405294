"""How often a gate answers PASS, DEGRADED, INCONCLUSIVE, WORSE and FAIL, by the drop that there is.

    python benchmarks/gate_outcomes.py             # 20,000 draws a cell, half a minute of one core
    python benchmarks/gate_outcomes.py --draws 100000

Answers of two runs are drawn from `evalkit.stats.simulated_answers` and decided as a gate decides. Two promises are
held, over every design: a model that did not change is blocked by a drop that is claimed (WORSE or FAIL) at most at α,
and a drop of the margin is let through (PASS or DEGRADED) at most at α. The exit code is 1 where a cell breaks one by
more than four standard deviations of the draws.
"""

from __future__ import annotations

import argparse
import itertools
import math
from dataclasses import replace

import numpy as np

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.planning import rates
from evalkit.stats.simulated_answers import Answers, draw_moments

ALPHA = 0.05
SIZES = (50, 100, 300, 1000, 3000)
DESIGNS = [
    Answers(p, 0.0, correlation, size, icc)
    for p, correlation, (size, icc) in itertools.product((0.3, 0.7, 0.95), (0.0, 0.5, 0.9), ((1, 0.0), (5, 0.2)))
]
SHOWN = (GateOutcome.PASS, GateOutcome.DEGRADED, GateOutcome.INCONCLUSIVE, GateOutcome.WORSE, GateOutcome.FAIL)


def measure(answers: Answers, n: int, margin: float, draws: int) -> dict[GateOutcome, float]:
    """The rates of one cell, from its own seed."""
    seed = [n, round(1000 * answers.drop), round(1000 * margin), round(100 * answers.proportion), answers.size]
    return rates(draw_moments(answers, n, draws, np.random.default_rng(seed)), GateLimits(margin))


def table(margin: float, draws: int) -> None:
    """The README's kind of set: 70 % right, a correlation of 0.5, no clusters."""
    print(f"\nmargin {100 * margin:g} %, 70 % right, correlation 0.5\n")
    print("| n | drop | " + " | ".join(outcome.value for outcome in SHOWN) + " |")
    print("|--:|--:|" + "--:|" * len(SHOWN))
    for n in SIZES:
        for drop in (0.0, margin / 2, margin, 2 * margin, 4 * margin):
            found = measure(Answers(0.7, drop, 0.5), n, margin, draws)
            cells = " | ".join(f"{100 * found[outcome]:.1f} %" for outcome in SHOWN)
            print(f"| {n:,} | {100 * drop:g} | {cells} |")


def broken(draws: int) -> list[str]:
    """The promises that a design breaks, over all of them; prints the largest rates."""
    most = ALPHA + 4 * math.sqrt(ALPHA * (1 - ALPHA) / draws)
    found, worst = [], {"blocked, no change": 0.0, "let through, drop = margin": 0.0}
    for answers, n, margin in itertools.product(DESIGNS, SIZES, (0.02, 0.05, 0.1)):
        same = measure(answers, n, margin, draws)
        dropped = measure(replace(answers, drop=margin), n, margin, draws)
        rated = {
            "blocked, no change": same[GateOutcome.WORSE] + same[GateOutcome.FAIL],
            "let through, drop = margin": dropped[GateOutcome.PASS] + dropped[GateOutcome.DEGRADED],
        }
        worst = {name: max(worst[name], rate) for name, rate in rated.items()}
        found += [f"{name}: {rate:.4f} at {answers}, n={n}, δ={margin}" for name, rate in rated.items() if rate > most]
    for name, rate in worst.items():
        print(f"{name}: at most {100 * rate:.1f} % over {len(DESIGNS) * len(SIZES) * 3} designs")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20_000)
    draws = parser.parse_args().draws
    for margin in (0.02, 0.05):
        table(margin, draws)
    print()
    found = broken(draws)
    print("\n".join(found) or "no promise is broken")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
