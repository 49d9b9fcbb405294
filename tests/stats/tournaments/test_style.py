"""Bradley–Terry with style as covariates: beside statsmodels' logistic regression, and on judges that love style."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from evalkit.stats.tournaments import Battles, bradley_terry, standing, style_fit, style_standing
from evalkit.stats.tournaments.style import FEATURES, gaps, style_of
from tests.stats.tournaments.test_strength import NAMES, random_battles

TEXT = """# A title

Some **bold words** and __more of them__, but 2 ** 3 ** 4 is a sum.

- one
- two
  1. inside
* three

#no header, -no item

```
# a comment
- a minus
**x**
```
### Last
"""


def test_style_is_counted_outside_of_code() -> None:
    assert style_of(TEXT) == (len(TEXT), 2, 4, 2)
    assert style_of("") == (0, 0, 0, 0)
    assert style_of("plain *emphasis* only") == (21, 0, 0, 0)


def test_gaps_are_relative_and_turn_round_with_the_battle() -> None:
    one, two = np.array([[300.0, 2, 0, 1], [100, 0, 0, 3]]), np.array([[100.0, 0, 0, 3], [100, 0, 0, 1]])
    found = gaps(one, two)
    assert found[0, 0] == pytest.approx(0.5 / math.sqrt((0.25 + 0) / 2))
    assert found[:, 2].tolist() == [0.0, 0.0]
    assert found == pytest.approx(-gaps(two, one))


@pytest.mark.parametrize("seed", range(5))
def test_the_fit_is_statsmodels_logistic_regression(seed: int) -> None:
    """A binomial model without intercept over +1/-1 columns, the first model left out, ties as one half."""
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels is the oracle")
    battles = random_battles(seed)
    z = np.random.default_rng(seed).normal(size=(len(battles.value), 4))
    theta, gamma = style_fit(battles, z)
    design = np.zeros((len(z), len(NAMES)))
    design[np.arange(len(z)), battles.first] = 1.0
    design[np.arange(len(z)), battles.second] = -1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = sm.GLM(battles.value, np.hstack([design[:, 1:], z]), family=sm.families.Binomial()).fit(tol=1e-13)
    theirs = np.append(0.0, fitted.params[:4])
    assert theta == pytest.approx(theirs - theirs.mean(), abs=1e-6)
    assert gamma == pytest.approx(fitted.params[4:], abs=1e-6)


def test_without_differences_in_style_it_is_bradley_terry() -> None:
    battles = random_battles(3)
    theta, gamma = style_fit(battles, np.zeros((len(battles.value), 4)))
    assert gamma == pytest.approx(np.zeros(4))
    assert theta == pytest.approx(bradley_terry(*battles.counts()), abs=1e-6)


def lovers_of_lists(count: int = 1200) -> tuple[Battles, np.ndarray]:
    """Two models that are as good; the one writes lists, and the judge adds 1 to the log-odds for that."""
    rng = np.random.default_rng(2)
    lists = np.column_stack([rng.poisson(6, count), rng.poisson(2, count)]).astype(float)
    lengths = rng.integers(300, 900, size=(count, 2)).astype(float)
    features = [np.column_stack([lengths[:, i], np.zeros(count), lists[:, i], np.zeros(count)]) for i in (0, 1)]
    z = gaps(*features)
    won = rng.random(count) < 1 / (1 + np.exp(-1.0 * z[:, 2]))
    rows = [("lister", "plain", float(w), f"q{n}") for n, w in enumerate(won)]
    return Battles.of(rows), z


def test_at_equal_style_a_lister_is_no_better() -> None:
    battles, z = lovers_of_lists()
    raw, _ = standing(battles, resamples=200)
    assert raw[0].model == "lister"
    assert raw[0].strength.low > 0.1
    fair = style_standing(battles, z, resamples=100)
    lister = next(place for place in fair.places if place.model == "lister")
    assert lister.strength.low < 0.0 < lister.strength.high
    assert [place.rank for place in fair.places] == [1, 1]
    found = dict(zip(FEATURES, fair.coefficients, strict=True))
    assert found["lists"].value == pytest.approx(1.0, abs=0.2)
    assert found["lists"].low > 0.5
    assert found["length"].low < 0.0 < found["length"].high
    assert found["headers"].value == pytest.approx(0.0, abs=1e-6)


def test_a_strength_is_never_known_better_than_without_style() -> None:
    """Few losses widen it there, and so here."""
    rows = [("a", "b", float(n > 2), f"q{n}") for n in range(40)]
    battles = Battles.of(rows)
    z = np.random.default_rng(1).normal(size=(40, 4)) * 0.1
    plain, _ = standing(battles, resamples=100)
    found = style_standing(battles, z, resamples=100)
    for raw, fair in zip(plain, found.places, strict=True):
        assert fair.strength.high - fair.strength.value >= raw.strength.high - raw.strength.value - 1e-9
        assert fair.strength.value - fair.strength.low >= raw.strength.value - raw.strength.low - 1e-9


def test_an_unbeaten_model_has_no_upper_bound_at_equal_style_either() -> None:
    rows = [("a", "b", 1.0, f"q{n}") for n in range(30)]
    z = np.random.default_rng(1).normal(size=(30, 4)) * 0.1
    found = style_standing(Battles.of(rows), z, resamples=20)
    assert found.places[0].strength.high == math.inf
    assert "prior of 0.5 ties" in found.places[0].strength.how
    assert abs(found.places[0].strength.value) < 10
