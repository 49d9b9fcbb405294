"""How far answers moved: scipy's entropy for divergences, counts by hand for flips, sums by hand for ratios."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.comparing import Column, pair_task
from evalkit.comparing.answers import (
    Answers,
    answers_of,
    changed_of,
    choice_divergence,
    choice_loglikelihoods,
    divergence,
    flips_of,
    next_token_divergence,
    perplexity_ratio,
    token_divergence,
)
from evalkit.core import Record, Reply, Sample, Score
from evalkit.scoring.metrics import mean, word_perplexity
from tests.comparing.sides import side

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")

nats = st.floats(-60.0, 0.0)
several = st.integers(2, 6).flatmap(lambda n: st.tuples(*(st.lists(nats, min_size=n, max_size=n) for _ in "ab")))


@given(several)
def test_a_divergence_is_scipys_entropy_of_the_two_softmaxes(pair: tuple[list[float], list[float]]) -> None:
    p, q = (special.softmax(values) for values in pair)
    assert divergence(*pair) == pytest.approx(float(stats.entropy(p, q)), rel=1e-9, abs=1e-12)


def test_a_divergence_of_impossible_choices() -> None:
    assert divergence([0.0, -math.inf], [0.0, -1.0]) == pytest.approx(math.log(1 + math.exp(-1.0)))
    assert divergence([0.0, -1.0], [0.0, -math.inf]) == math.inf
    assert divergence([-3.0, -5.0], [-103.0, -105.0]) < 1e-12


@given(several, st.integers(0, 5))
def test_one_token_against_all_others_is_scipys_entropy_of_two_and_bounds_that_of_the_vocabulary(
    pair: tuple[list[float], list[float]], chosen: int
) -> None:
    logs = [special.log_softmax(values) for values in pair]
    place = chosen % len(pair[0])
    one, two = (float(values[place]) for values in logs)
    found = token_divergence([one], [two])
    p, q = (math.exp(one), math.exp(two))
    if 1e-6 < p < 1 - 1e-6 and 1e-6 < q < 1 - 1e-6:
        assert found == pytest.approx(float(stats.entropy([p, 1 - p], [q, 1 - q])), rel=1e-6, abs=1e-9)
    assert found <= float(stats.entropy(*(np.exp(values) for values in logs))) + 1e-6


def test_a_certain_token_stays_finite() -> None:
    assert token_divergence([0.0], [0.0]) == 0.0
    assert token_divergence([-0.7], [0.0]) < 20.0


def record(number: int, *replies: Reply, answer: str | None = None, choices: int = 0, repeat: int = 0) -> Record:
    sample = Sample(str(number), "?", choices=tuple("abcdef"[:choices]))
    return Record(
        "t",
        number,
        sample,
        repeat,
        None,
        replies,
        (Score("len", 1.0, "no"), Score("acc", 1.0, answer)) if answer else (),
    )


def test_what_a_record_says() -> None:
    at_once = record(0, Reply(loglikelihoods=(-1.0, -2.0)), choices=2, answer="a")
    one_by_one = record(1, Reply(loglikelihoods=(-1.0,)), Reply(loglikelihoods=(-3.0,)), choices=2)
    with_blank = record(2, Reply(loglikelihoods=(-1.0, -2.0)), Reply(loglikelihoods=(-9.0, -9.0)), choices=2)
    reasoned = record(3, Reply(texts=("so",)), Reply(loglikelihoods=(-1.0, -2.0)), choices=2)
    text = record(4, Reply(loglikelihoods=(-7.0,), token_loglikelihoods=(-3.0, -4.0)))
    assert [choice_loglikelihoods(r) for r in (at_once, one_by_one, with_blank, reasoned, text)] == [
        (-1.0, -2.0),
        (-1.0, -3.0),
        (-1.0, -2.0),
        (),
        (),
    ]
    said = answers_of([at_once, text, record(5)], {"t": "acc"})
    assert said == {("t", "0", 0): Answers((-1.0, -2.0), "a"), ("t", "4", 0): Answers((), None, (-3.0, -4.0))}


def test_flips_are_counted_each_way_and_turned_where_less_is_better() -> None:
    before, after = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0, 0.0, None, 0.0]
    flips = flips_of(pair_task(side(before), side(after)), "acc")
    assert flips is not None
    assert (flips.lost.value, flips.gained.value, flips.both.value) == pytest.approx((2 / 6, 1 / 6, 3 / 6))
    assert flips.lost.low < 2 / 6 < flips.lost.high
    left, right = side(before), side(after)
    less = mean("acc", higher_is_better=False)
    for one in (left, right):
        one.columns["acc"] = Column("acc", one.columns["acc"].rows, False, "proportion", less.estimate)
    turned = flips_of(pair_task(left, right), "acc")
    assert turned is not None
    assert (turned.lost.value, turned.gained.value) == (flips.gained.value, flips.lost.value)


def test_graded_scores_do_not_flip() -> None:
    assert flips_of(pair_task(side([0.5, 1.0]), side([1.0, 1.0])), "acc") is None


def test_changed_answers_count_also_where_both_are_wrong_and_where_one_is_missing() -> None:
    pair = pair_task(side([0.0] * 4), side([0.0] * 4))
    keys = [(pair.name, str(n), 0) for n in range(4)]
    before = dict(
        zip(keys, [Answers(answer="a"), Answers(answer="b"), Answers((0.0, -1.0)), Answers((0.0, -1.0))], strict=True)
    )
    after = dict(
        zip(keys, [Answers(answer="c"), Answers(answer="b"), Answers(answer="x"), Answers((0.0, -1.0))], strict=True)
    )
    found = changed_of(pair, before, after)
    assert found is not None
    assert (found.value, found.n) == (2 / 3, 3)


def test_the_mean_divergence_is_over_samples_and_its_bootstrap_lies_around_it() -> None:
    rng = np.random.default_rng(3)
    pair = pair_task(side([1.0] * 80), side([1.0] * 80))
    drawn = rng.normal(size=(2, 80, 4))
    before, after = ({(pair.name, str(n), 0): Answers(tuple(row)) for n, row in enumerate(rows)} for rows in drawn)
    found = choice_divergence(pair, before, after)
    assert found is not None
    expected = [float(stats.entropy(special.softmax(p), special.softmax(q))) for p, q in zip(*drawn, strict=True)]
    assert found.value == pytest.approx(np.mean(expected), rel=1e-12)
    half = 1.96 * float(np.std(expected, ddof=1)) / math.sqrt(80)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.4 * half)
    assert found.low > 0.0


def test_the_divergence_of_the_next_token_is_a_ratio_over_all_tokens() -> None:
    pair = pair_task(side([1.0] * 3), side([1.0] * 3))
    texts = [(-0.5, -1.0, -2.0), (-3.0,), (-1.0, -1.0)]
    other = [(-0.6, -1.5, -2.0), (-2.0,), (-1.0,)]
    before, after = ({(pair.name, str(n), 0): Answers(tokens=t) for n, t in enumerate(some)} for some in (texts, other))
    found = next_token_divergence(pair, before, after)
    assert found is not None

    def two(value: float) -> list[float]:
        return [math.exp(value), 1 - math.exp(value)]

    # The third text fell into other tokens and is left out.
    each = [float(stats.entropy(two(a), two(b))) for n in (0, 1) for a, b in zip(texts[n], other[n], strict=True)]
    assert found.value == pytest.approx(sum(each) / 4)
    assert found.n == 2


def perplexities(nll: list[float], words: list[float]) -> Any:
    made = side([1.0] * len(nll))
    metric = word_perplexity()
    made.columns = {metric.name: Column(metric.name, np.array([nll, words]).T, False, "number", metric.estimate)}
    made.primary_metric = metric.name
    return made


def test_a_ratio_of_perplexities_is_theirs_and_its_interval_that_of_a_paired_jackknife() -> None:
    before, after, words = [30.0, 45.0, 70.0, 20.0], [31.0, 47.0, 69.0, 22.0], [10.0, 14.0, 25.0, 8.0]
    found = perplexity_ratio(pair_task(perplexities(before, words), perplexities(after, words)))
    assert found is not None
    name, ratio = found
    assert name == "word_perplexity"
    assert ratio.value == pytest.approx(math.exp(sum(after) / 57) / math.exp(sum(before) / 57), rel=1e-12)
    d, sizes = np.subtract(after, before), np.array(words)
    log = d.sum() / 57
    without = (d.sum() - d) / (57 - sizes)
    error = math.sqrt(3 / 4 * float(((without - log) ** 2).sum()))
    # Bell and McCaffrey's degrees of freedom where a document's sum varies with the square of its words.
    shares = sizes / 57
    residual = np.diag(1 / (1 - shares)) @ (np.eye(4) - np.outer(shares, np.ones(4)))
    omega = residual @ np.diag(shares**2) @ residual.T
    reach = float(stats.t.ppf(0.975, np.trace(omega) ** 2 / np.trace(omega @ omega))) * error
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(log - reach), math.exp(log + reach)), rel=1e-9)


def test_perplexities_of_other_units_have_no_ratio() -> None:
    assert (
        perplexity_ratio(pair_task(perplexities([3.0, 4.0], [1.0, 2.0]), perplexities([3.0, 4.0], [1.0, 3.0]))) is None
    )
    assert perplexity_ratio(pair_task(side([1.0]), side([1.0]))) is None
