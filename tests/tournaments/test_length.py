"""AlpacaEval's leaderboard from its stored preferences; the length-controlled fit beside scikit-learn's."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.tournaments import controlled_rate, fit_length
from evalkit.tournaments.logistic import fit, log_loss

REPOSITORY = Path(__file__).resolve().parents[2]


def table(name: str) -> list[dict[str, str]]:
    # The mirror's folder is <data>/hub; what is stored beside it lies in <data>/reference.
    hub = Path(os.environ.get("EVALKIT_TEST_DATA") or REPOSITORY.parent / "shared" / "data" / "hub")
    path = hub.parent / "reference" / "alpaca_eval" / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"no stored preferences at {path}; set EVALKIT_TEST_DATA")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def stored() -> dict[str, dict[str, Any]]:
    """Per model: its leaderboard row, and columns over the instructions that it was judged on."""
    difficulty = {row["index"]: float(row["instruction_difficulty"]) for row in table("instruction_difficulty")}
    found: dict[str, dict[str, Any]] = {row[""]: {"published": row, "rows": []} for row in table("leaderboard")}
    for row in table("preferences"):
        found[row["model"]]["rows"].append(row)
    for row in table("lc_coefficients"):
        found[row[""]]["released"] = [float(value) for key, value in row.items() if key]
    for model in found.values():
        rows = model["rows"]
        model["preference"] = np.array([float(row["preference"]) - 1 for row in rows])
        model["own"] = np.array([float(row["len_output_2"]) for row in rows])
        model["baseline"] = np.array([float(row["len_output_1"]) for row in rows])
        model["difficulty"] = np.array([difficulty[row["index"]] for row in rows])
    return found


@pytest.mark.shared_data
def test_win_rates_and_standard_errors_of_the_leaderboard(stored: dict[str, dict[str, Any]]) -> None:
    assert len(stored) == 12
    for name, model in stored.items():
        preference = model["preference"]
        assert 100 * preference.mean() == pytest.approx(float(model["published"]["win_rate"]), abs=1e-6), name
        error = 100 * preference.std(ddof=1) / math.sqrt(len(preference))
        assert error == pytest.approx(float(model["published"]["standard_error"]), abs=1e-6), name


@pytest.mark.shared_data
def test_length_controlled_rates_from_the_released_coefficients(stored: dict[str, dict[str, Any]]) -> None:
    """To 1e-4 of a point for eleven models. NullModel's published rate is another fit's than its released
    coefficients: they give 0.1328 less, whatever the alignment (all 805 instructions count)."""
    for name, model in stored.items():
        _, difficulty, own = model["released"]
        rate = 100 * controlled_rate(model["difficulty"], difficulty, own)
        published = float(model["published"]["length_controlled_winrate"])
        assert rate - published == pytest.approx(-0.132787 if name == "NullModel" else 0.0, abs=1e-4), name


@pytest.mark.shared_data
def test_difficulty_of_another_instruction_explains_nothing(stored: dict[str, dict[str, Any]]) -> None:
    """Aligned by instruction its coefficient is about one; moved on by a row it is about zero."""
    model = stored["claude-2"]
    columns = [model[part] for part in ("preference", "own", "baseline")]
    aligned = fit_length(*columns, model["difficulty"], resamples=2)
    moved = fit_length(*columns, np.roll(model["difficulty"], 1), resamples=2)
    assert aligned.difficulty == pytest.approx(model["released"][1], abs=0.15)
    assert abs(moved.difficulty) < 0.3


@pytest.mark.shared_data
def test_the_models_coefficient_fitted_again_gives_the_published_rate(stored: dict[str, dict[str, Any]]) -> None:
    """Within 0.2 points, all of them, with the released length and difficulty coefficients: those were fitted on
    answers of the baseline made short and long on purpose, too, which are not among the preferences."""
    for name, model in stored.items():
        columns = [model[part] for part in ("preference", "own", "baseline", "difficulty")]
        length, difficulty, _ = model["released"]
        found = fit_length(*columns, given=(length, difficulty), resamples=30)
        published = float(model["published"]["length_controlled_winrate"])
        assert 100 * found.rate.value == pytest.approx(published, abs=0.2), name
        if name not in ("gpt4_1106_preview",):
            assert found.rate.low < found.rate.value < found.rate.high


@pytest.mark.shared_data
def test_the_bootstrap_error_is_several_times_the_published_one(stored: dict[str, dict[str, Any]]) -> None:
    """NullModel's published error, 0.142, is the spread of predictions; fitted again it is about a point."""
    model = stored["NullModel"]
    columns = [model[part] for part in ("preference", "own", "baseline", "difficulty")]
    found = fit_length(*columns, resamples=100)
    error = 100 * (found.rate.high - found.rate.low) / (2 * 1.96)
    assert error > 4 * float(model["published"]["lc_standard_error"])


@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
def test_the_l1_fit_is_scikit_learns(c: float) -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    rng = np.random.default_rng(3)
    x = np.column_stack([np.tanh(rng.normal(size=300)), rng.normal(size=300), np.ones(300)])
    p = 1 / (1 + np.exp(-(x @ [0.8, -0.5, 0.3] + rng.normal(size=300))))
    model = sklearn.LogisticRegression(
        l1_ratio=1.0, C=c, solver="saga", fit_intercept=False, tol=1e-10, max_iter=100_000
    )
    model.fit(np.vstack([x, x]), np.repeat([1, 0], 300), sample_weight=np.concatenate([p, 1 - p]))
    assert fit(x, p, c) == pytest.approx(model.coef_[0], abs=1e-6)


def test_at_equal_length_the_rate_is_what_a_biased_judge_would_say_without_its_bias() -> None:
    """A judge that adds 2·tanh(-Δ/sd) to the log-odds: the raw rate is far from one half, the controlled one is not."""
    rng = np.random.default_rng(4)
    own, baseline = rng.normal(1500, 300, 2000), rng.normal(1000, 300, 2000)
    delta = baseline - own
    p = 1 / (1 + np.exp(2 * np.tanh(delta / delta.std(ddof=1))))
    preference = (rng.random(2000) < p).astype(float)
    found = fit_length(preference, own, baseline, resamples=50)
    assert preference.mean() > 0.7
    assert found.rate.low < 0.5 < found.rate.high
    assert found.length == pytest.approx(-2.0, abs=0.4)


def test_the_log_loss_of_a_coin_is_ln_2() -> None:
    assert log_loss(np.ones((4, 1)), np.array([0, 1, 0.5, 0.5]), np.zeros(1)) == pytest.approx(math.log(2))


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        fit_length(np.ones(3), np.ones(2), np.ones(3))
