"""Bradley–Terry, Davidson, Elo and rank intervals beside independent implementations (evalica, choix, scipy)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.core import UsageError
from evalkit.stats import mean_interval
from evalkit.stats.tournaments import (
    Battles,
    Connection,
    bradley_terry,
    davidson,
    elo,
    head_to_head,
    rate_interval,
    standing,
    win_rate,
)

NAMES = ("ant", "bee", "cat", "dog", "elk")


def random_battles(seed: int, count: int = 400, questions: int = 80) -> Battles:
    rng = np.random.default_rng(seed)
    strengths = rng.normal(size=len(NAMES))
    rows = []
    for _ in range(count):
        i, j = rng.choice(len(NAMES), 2, replace=False)
        p = 1 / (1 + math.exp(strengths[j] - strengths[i]))
        value = 0.5 if rng.random() < 0.2 else float(rng.random() < p)
        rows.append((NAMES[i], NAMES[j], value, f"q{rng.integers(questions)}"))
    return Battles.of(rows, NAMES)


def as_evalica(battles: Battles) -> tuple[list[str], list[str], list[object]]:
    evalica = pytest.importorskip("evalica", reason="evalica is the oracle")
    named = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    models = battles.models
    return [models[i] for i in battles.first], [models[j] for j in battles.second], [named[v] for v in battles.value]


@pytest.mark.parametrize("seed", range(20))
def test_bradley_terry_is_evalicas_with_a_tie_as_half_a_win(seed: int) -> None:
    battles = random_battles(seed)
    xs, ys, winners = as_evalica(battles)
    evalica = pytest.importorskip("evalica")
    scores = evalica.bradley_terry(xs, ys, winners, tie_weight=0.5, tolerance=1e-14, limit=100_000).scores
    theirs = np.log([scores[name] for name in NAMES])
    assert bradley_terry(*battles.counts()) == pytest.approx(theirs - theirs.mean(), abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_bradley_terry_without_ties_is_choixs(seed: int) -> None:
    choix = pytest.importorskip("choix", reason="choix is the oracle")
    battles = random_battles(seed)
    wins, _ = battles.counts()
    pairs = [(i, j) for i in range(5) for j in range(5) for _ in range(int(wins[i, j]))]
    theirs = choix.ilsr_pairwise(5, pairs, max_iter=10_000, tol=1e-13)
    assert bradley_terry(wins) == pytest.approx(theirs - theirs.mean(), abs=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_elo_is_evalicas(seed: int) -> None:
    battles = random_battles(seed)
    xs, ys, winners = as_evalica(battles)
    evalica = pytest.importorskip("evalica")
    scores = evalica.elo(xs, ys, winners, initial=1000.0, base=10.0, scale=400.0, k=4.0).scores
    assert elo(battles) == pytest.approx([scores[name] for name in NAMES], abs=1e-6)


def test_elo_over_shuffled_orders_keeps_the_sum() -> None:
    battles = random_battles(3)
    assert elo(battles, shuffles=20).sum() == pytest.approx(5000.0)


@pytest.mark.parametrize("seed", range(5))
def test_davidson_is_the_maximum_that_scipy_finds(seed: int) -> None:
    from scipy.optimize import minimize

    wins, ties = random_battles(seed).counts()

    def loss(x: np.ndarray) -> float:
        pi, nu = np.exp(x[:5]), math.exp(x[5])
        mixed = np.sqrt(np.outer(pi, pi))
        total = pi[:, None] + pi[None, :] + nu * mixed
        return -float((wins * np.log(pi[:, None] / total)).sum() + (np.triu(ties) * np.log(nu * mixed / total)).sum())

    best = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-9})
    theta, nu = davidson(wins, ties)
    assert theta == pytest.approx(best.x[:5] - best.x[:5].mean(), abs=1e-5)
    assert nu == pytest.approx(math.exp(best.x[5]), rel=1e-5)
    assert loss(np.append(theta, math.log(nu))) <= best.fun + 1e-9


def test_davidson_without_ties_is_bradley_terry() -> None:
    wins, ties = random_battles(1).counts()
    theta, nu = davidson(wins, np.zeros_like(ties))
    assert nu == 0.0
    assert theta == pytest.approx(bradley_terry(wins))


def test_two_models_have_the_log_odds_of_their_wins() -> None:
    theta = bradley_terry(np.array([[0.0, 30.0], [10.0, 0.0]]))
    assert theta[0] - theta[1] == pytest.approx(math.log(3))


def test_a_stack_of_tables_is_each_table_alone() -> None:
    tables = [random_battles(seed).counts()[0] for seed in range(4)]
    together = bradley_terry(np.stack(tables))
    for one, alone in zip(together, map(bradley_terry, tables), strict=True):
        assert one == pytest.approx(alone, abs=1e-9)


# ---------------------------------------------------------------- the standing


def test_rank_intervals_are_those_of_a_bootstrap_written_plainly_around_choix() -> None:
    """Rank = 1 + models whose lower bound lies above my upper bound, over questions drawn with replacement; tails are
    expanded as in Hesterberg 2015."""
    stats = pytest.importorskip("scipy.stats")
    choix = pytest.importorskip("choix", reason="choix is the oracle")
    battles = random_battles(11, count=900)
    rng = np.random.default_rng(1)
    questions = int(battles.question.max()) + 1
    members = [np.flatnonzero(battles.question == q) for q in range(questions)]
    times = rng.multinomial(questions, np.full(questions, 1 / questions), size=200)
    drawn = []
    for row in times:
        pairs = []
        for q, count in enumerate(row):
            for n in members[q].tolist() * count:
                i, j, v = int(battles.first[n]), int(battles.second[n]), battles.value[n]
                # A tie as half a win each: everything is doubled.
                pairs += [(i, j)] * int(2 * v) + [(j, i)] * int(2 - 2 * v)
        found = choix.ilsr_pairwise(5, pairs, tol=1e-12)
        drawn.append(found - found.mean())
    tail = stats.norm.cdf(math.sqrt(questions / (questions - 1)) * stats.t.ppf(0.025, questions - 1))
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    places, _ = standing(battles, resamples=200)
    for place in places:
        i = NAMES.index(place.model)
        assert place.strength.low == pytest.approx(low[i], abs=1e-6)
        assert place.strength.high == pytest.approx(high[i], abs=1e-6)
        assert place.rank == 1 + sum(low[j] > high[i] for j in range(5))


def test_the_strongest_comes_first_and_worst_is_never_above_rank() -> None:
    places, connection = standing(random_battles(5), resamples=200)
    assert connection.is_finite
    values = [place.strength.value for place in places]
    assert values == sorted(values, reverse=True)
    assert all(1 <= place.rank <= place.worst <= 5 for place in places)


def test_win_rate_counts_ties_as_half_and_clusters_questions() -> None:
    battles = Battles.of([("a", "b", 1.0, "q1"), ("b", "a", 0.0, "q1"), ("a", "b", 0.5, "q2"), ("a", "b", 0.0, "q3")])
    assert win_rate(battles, 0).value == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert "cluster" in win_rate(random_battles(1), 0).how or win_rate(random_battles(1), 0).n > 1
    assert head_to_head(battles)["a", "b"][:3] == (2.0, 1.0, 1.0)
    assert head_to_head(battles)["b", "a"][:3] == (1.0, 1.0, 2.0)


def test_a_win_rate_with_ties_takes_the_intervals_of_two_shares() -> None:
    """Without ties it is the proportion's own interval; all of a kind is no point; a soft preference is a mean."""
    wins = rate_interval([1.0] * 30 + [0.0] * 20)
    assert (wins.low, wins.high) == (mean_interval([1.0] * 30 + [0.0] * 20).low, wins.high)
    tied = rate_interval([1.0] * 30 + [0.5] * 10 + [0.0] * 20)
    assert tied.value == pytest.approx(35 / 60)
    assert 0.45 < tied.low < tied.value < tied.high < 0.70
    assert rate_interval([0.5] * 40).low < 0.5 < rate_interval([0.5] * 40).high
    assert rate_interval([0.2, 0.7, 0.5]).how.startswith("t")
    # Turned round, the bounds change sides.
    back = rate_interval([0.0] * 30 + [0.5] * 10 + [1.0] * 20)
    assert (1 - back.high, 1 - back.low) == pytest.approx((tied.low, tied.high))


@pytest.mark.parametrize(("wins", "ties"), [(0.4, 0.2), (0.1, 0.2), (0.05, 0.05), (0.3, 0.6)])
def test_the_interval_of_a_win_rate_covers_it(wins: float, ties: float) -> None:
    """Exactly, over all tables of 60 battles by their probability: 93.5 % at the least, with few events more."""
    stats = pytest.importorskip("scipy.stats")
    truth, held = wins + ties / 2, 0.0
    chance = stats.multinomial(60, [wins, ties, 1 - wins - ties])
    for won in range(61):
        for tied in range(61 - won):
            proportion = chance.pmf([won, tied, 60 - won - tied])
            if proportion > 1e-6:
                found = rate_interval([1.0] * won + [0.5] * tied + [0.0] * (60 - won - tied))
                held += proportion * (found.low <= truth <= found.high)
    assert 0.935 < held < 0.99


def test_few_losses_widen_a_strength_to_what_the_win_rate_leaves_open() -> None:
    """Two models, one loss in 50: the bounds reach the log-odds of the exact interval's ends."""
    rows = [("a", "b", float(n > 0), f"q{n}") for n in range(50)]
    places, _ = standing(Battles.of(rows), resamples=400)
    exact = mean_interval([row[2] for row in rows])
    assert "win rates" in places[0].strength.how
    gap = [2 * end for end in (places[0].strength.low, places[0].strength.high)]
    assert gap[0] < math.log(exact.low / (1 - exact.low)) < math.log(49)
    assert gap[1] > math.log(exact.high / (1 - exact.high))


# ---------------------------------------------------------------- degenerate tables


def test_an_unbeaten_model_has_no_upper_bound_and_that_is_said() -> None:
    rows = [("a", "b", 1.0, f"q{n}") for n in range(20)]
    rows += [("b", "c", float(n % 2), f"q{n}") for n in range(20)]
    places, connection = standing(Battles.of(rows), resamples=100)
    assert connection.unbeaten == (0,)
    assert connection.words(("a", "b", "c")) == (
        "a lost to no other: no upper bound; b, c won against no other: no lower bound"
    )
    assert places[0].model == "a"
    assert places[0].strength.high == math.inf
    assert math.isfinite(places[0].strength.value)
    assert "prior of 0.5 ties" in places[0].strength.how


def test_in_a_chain_only_its_ends_are_open() -> None:
    connection = Connection.of(np.array([[0.0, 5.0, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, 0.0]]))
    assert (connection.unbeaten, connection.winless) == ((0,), (2,))
    assert not connection.is_finite


def test_groups_that_never_met_are_named_and_ranked_apart() -> None:
    rows = [(one, two, float(n % 3 > 0), f"q{n}") for n in range(30) for one, two in (("a", "b"), ("c", "d"))]
    places, connection = standing(Battles.of(rows), resamples=100)
    assert connection.groups == ((0, 1), (2, 3))
    assert "a, b; c, d" in connection.words(("a", "b", "c", "d"))
    assert [place.rank for place in places if place.model in "ac"] == [1, 1]


def test_ties_connect() -> None:
    assert Connection.of(np.array([[0.0, 0.5], [0.5, 0.0]])).is_finite
    assert bradley_terry(np.array([[0.0, 0.5], [0.5, 0.0]])) == pytest.approx([0.0, 0.0])


def test_one_question_gives_no_interval() -> None:
    places, _ = standing(Battles.of([("a", "b", 1.0, "q"), ("b", "a", 1.0, "q")]), resamples=50)
    assert math.isnan(places[0].strength.low)
    assert [place.rank for place in places] == [1, 1]


@pytest.mark.parametrize("row", [("a", "b", 1.5, "q"), ("a", "a", 1.0, "q"), ("a", "b", math.nan, "q")])
def test_a_comparison_that_is_none_is_refused(row: tuple[str, str, float, str]) -> None:
    with pytest.raises(UsageError):
        Battles.of([row])


def test_no_comparison_is_refused() -> None:
    with pytest.raises(UsageError, match="no comparisons"):
        Battles.of([])
