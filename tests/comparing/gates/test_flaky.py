"""Sampled answers and judges that waver: the gate's variance holds them, so that its answer errs as seldom as promised.

Questions differ in how often they are answered right; answers are drawn, once or several times a question; a judge
turns one verdict in ten round. Everything passes the way that a run's records pass: by ids and repeats.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from evalkit.comparing import TaskSide, pair_task
from evalkit.comparing.gates import GateLimits, GateOutcome, Pairs
from evalkit.comparing.gates.assess import assess
from evalkit.comparing.gates.decide import decide
from evalkit.comparing.gates.policy import Margin, Policy
from tests.comparing.sides import side

DRAWS, MOST = 300, 26
"""Of 300 draws at 5 %, 15 are expected, with a standard deviation of 3.8."""


@dataclass(frozen=True)
class Design:
    """`wavers`: how often the judge says the opposite."""

    questions: int
    repeats: int
    wavers: float

    def sides(self, drop: float, rng: np.random.Generator) -> tuple[TaskSide, TaskSide]:
        """Baseline and candidate; `drop` is of the judged score's expectation."""
        chances = rng.beta(3.0, 1.5, self.questions)
        # What the judge sees of a drop is less than it: the answers drop by more.
        worse = np.clip(chances - drop / (1.0 - 2.0 * self.wavers), 0.0, 1.0)
        found = []
        for each in (chances, worse):
            right = rng.random((self.questions, self.repeats)) < each[:, None]
            judged = right ^ (rng.random(right.shape) < self.wavers)
            one = side([float(value) for value in judged.ravel()])
            one.ids = [f"q{place // self.repeats}" for place in range(judged.size)]
            one.repeats = [place % self.repeats for place in range(judged.size)]
            one.asked, one.prompted = [f"a{name}" for name in one.ids], [f"p{name}" for name in one.ids]
            found.append(one)
        return found[0], found[1]

    def true_drop(self, drop: float) -> float:
        """What the clipped drop comes to, by many questions."""
        chances = np.random.default_rng(0).beta(3.0, 1.5, 400_000)
        worse = np.clip(chances - drop / (1.0 - 2.0 * self.wavers), 0.0, 1.0)
        return float((1.0 - 2.0 * self.wavers) * (chances - worse).mean())


DESIGNS = [Design(200, 1, 0.0), Design(200, 1, 0.1), Design(60, 5, 0.0), Design(60, 5, 0.1), Design(200, 3, 0.1)]


def outcomes(design: Design, drop: float, margin: float, seed: int) -> Counter[GateOutcome]:
    rng, policy = np.random.default_rng(seed), Policy(margin=Margin(margin))
    return Counter(assess([pair_task(*design.sides(drop, rng))], policy)[0].verdict.outcome for _ in range(DRAWS))


@pytest.mark.slow("decides 300 data sets a case")
@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_an_unchanged_model_is_seldom_blocked_for_a_drop(design: Design) -> None:
    said = outcomes(design, 0.0, 0.05, seed=1)
    assert said[GateOutcome.FAIL] + said[GateOutcome.WORSE] <= MOST


@pytest.mark.slow("decides 300 data sets a case")
@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_a_drop_of_the_margin_seldom_gets_through(design: Design) -> None:
    said = outcomes(design, 0.08, design.true_drop(0.08), seed=2)
    assert said[GateOutcome.PASS] + said[GateOutcome.DEGRADED] <= MOST


@pytest.mark.slow("decides 300 data sets twice")
def test_attempts_of_a_question_are_no_independent_samples() -> None:
    """Where the model's answers to a question agree, five attempts tell little more than one: taken as independent
    they would block an unchanged model far more often than 5 %. Here a question is known or not, anew in each run."""
    rng, alone, together = np.random.default_rng(3), 0, 0
    for _ in range(DRAWS):
        before, after = ((rng.random(60) < 0.7).astype(float).repeat(5) for _ in range(2))
        sides = []
        for values in (before, after):
            one = side(values.tolist())
            one.ids = [f"q{place // 5}" for place in range(300)]
            one.repeats = [place % 5 for place in range(300)]
            one.asked, one.prompted = [f"a{name}" for name in one.ids], [f"p{name}" for name in one.ids]
            sides.append(one)
        limits = Policy(margin=Margin(0.05))
        together += assess([pair_task(*sides)], limits)[0].verdict.outcome.blocks
        alone += decide(Pairs(before, after), GateLimits(0.05)).outcome.blocks
    assert together <= MOST
    assert alone > 2 * MOST, "the wrong way is told apart by this test"


def test_more_attempts_make_a_gate_sharper() -> None:
    """The interval of 60 questions is narrower with ten attempts than with one, and not as narrow as of 600."""
    rng = np.random.default_rng(5)
    reach = {}
    for repeats in (1, 10):
        verdict = assess([pair_task(*Design(60, repeats, 0.0).sides(0.0, rng))], Policy())[0].verdict
        assert verdict.n == 60
        reach[repeats] = verdict.high - verdict.low
    many = assess([pair_task(*Design(600, 1, 0.0).sides(0.0, rng))], Policy())[0].verdict
    assert many.high - many.low < 1.3 * reach[10] < reach[1]
