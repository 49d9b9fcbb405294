"""AlpacaEval's leaderboard from its stored preferences; the length-controlled fit beside scikit-learn's."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.core import UsageError
from evalkit.stats.tournaments import Anchor, LengthFit, Released, controlled_rate, fit_length
from evalkit.stats.tournaments.length import STRENGTHS, features_of
from evalkit.stats.tournaments.logistic import fit, log_loss
from evalkit.stats.tournaments.tables import aligned, read_anchor, read_difficulty

REPOSITORY = Path(__file__).resolve().parents[3]


def table(name: str) -> list[dict[str, str]]:
    # The mirror's folder is <data>/hub; what is stored next to it lies in <data>/reference.
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
    """To 1e-4 of a point for eleven models. NullModel's published rate is of another fit than its released
    coefficients, which give 0.1328 less: see `test_nullmodels_published_rate_is_the_fit_at_the_next_penalty`."""
    for name, model in stored.items():
        _, difficulty, own = model["released"]
        rate = 100 * controlled_rate(model["difficulty"], difficulty, own)
        published = float(model["published"]["length_controlled_winrate"])
        assert rate - published == pytest.approx(-0.132787 if name == "NullModel" else 0.0, abs=1e-4), name


@pytest.mark.shared_data
def test_difficulty_of_another_instruction_explains_nothing(stored: dict[str, dict[str, Any]]) -> None:
    """Aligned by instruction its coefficient is about one; moved on by a row it is about zero."""
    model = stored["claude-2"]
    preference, own, baseline = (model[part] for part in ("preference", "own", "baseline"))
    aligned = fit_length(preference, own, baseline, model["difficulty"], resamples=2)
    moved = fit_length(preference, own, baseline, np.roll(model["difficulty"], 1), resamples=2)
    assert aligned.difficulty == pytest.approx(model["released"][1], abs=0.15)
    assert abs(moved.difficulty) < 0.3


@pytest.fixture(scope="module")
def released(stored: dict[str, dict[str, Any]]) -> dict[str, Released]:
    """Every model's rows with its released coefficients, but the baseline's own."""
    return {
        name: Released(
            features_of(model["own"], model["baseline"], model["difficulty"]), model["preference"], model["released"]
        )
        for name, model in stored.items()
        if name != "gpt4_1106_preview"
    }


def refitted(stored: dict[str, dict[str, Any]], name: str, anchor: Anchor, c: float | None = None) -> LengthFit:
    columns = [stored[name][part] for part in ("preference", "own", "baseline", "difficulty")]
    return fit_length(*columns, anchor=anchor, c=c, resamples=40)


@pytest.mark.shared_data
def test_a_whole_refit_gives_the_published_rates(
    stored: dict[str, dict[str, Any]], released: dict[str, Released]
) -> None:
    """Within 0.1 points, all coefficients and the penalty fitted, the model's own released ones unseen: what AlpacaEval
    adds to every fit is recovered from the other ten models. The baseline's own rate is 50 in any fit."""
    for name in released:
        anchor = Anchor.recovered([fit for other, fit in released.items() if other != name], STRENGTHS)
        found = refitted(stored, name, anchor)
        published = float(stored[name]["published"]["length_controlled_winrate"])
        assert 100 * found.rate.value == pytest.approx(published, abs=0.1), name
        assert found.rate.low < found.rate.value < found.rate.high
        assert 0.7 < 100 * found.error < 2.0
    model = stored["gpt4_1106_preview"]
    columns = [model[part] for part in ("preference", "own", "baseline", "difficulty")]
    assert 100 * fit_length(*columns, resamples=2).rate.value == pytest.approx(50.0)


@pytest.mark.shared_data
def test_a_refit_reproduces_the_released_coefficients(
    stored: dict[str, dict[str, Any]], released: dict[str, Released]
) -> None:
    anchor = Anchor.recovered(list(released.values()), STRENGTHS)
    found = refitted(stored, "claude-2", anchor)
    assert found.coefficients == pytest.approx(stored["claude-2"]["released"], abs=2e-3)
    assert found.c == pytest.approx(2.7826, abs=1e-3)


@pytest.mark.shared_data
def test_nullmodels_published_rate_is_the_fit_at_the_next_penalty(
    stored: dict[str, dict[str, Any]], released: dict[str, Released]
) -> None:
    """Its released coefficients are the optimum at C = 2.78, its published rate and error those of the fit at 21.5."""
    anchor = Anchor.recovered(list(released.values()), STRENGTHS)
    model = stored["NullModel"]
    lower, upper = (refitted(stored, "NullModel", anchor, float(STRENGTHS[place])) for place in (5, 6))
    assert lower.coefficients == pytest.approx(model["released"], abs=2e-3)
    assert 100 * upper.rate.value == pytest.approx(float(model["published"]["length_controlled_winrate"]), abs=0.005)
    predicted = 1 / (1 + np.exp(-(upper.difficulty * model["difficulty"] + upper.model)))
    error = 100 * predicted.std(ddof=1) / math.sqrt(len(predicted))
    assert error == pytest.approx(float(model["published"]["lc_standard_error"]), abs=1e-4)


@pytest.mark.shared_data
def test_the_bootstrap_error_is_several_times_the_published_one(
    stored: dict[str, dict[str, Any]], released: dict[str, Released]
) -> None:
    """NullModel's published error, 0.142, is the spread of predictions; fitted again it is 0.84."""
    anchor = Anchor.recovered(list(released.values()), STRENGTHS)
    found = refitted(stored, "NullModel", anchor)
    assert 100 * found.error > 4 * float(stored["NullModel"]["published"]["lc_standard_error"])


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


def test_an_anchor_of_known_rows_is_a_fit_with_those_rows_at_their_weight() -> None:
    """Beside scikit-learn over all rows, the shared ones weighted 0.1 and without the model's own column."""
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    rng = np.random.default_rng(5)
    own, baseline, difficulty = rng.normal(900, 300, 200), rng.normal(1100, 300, 200), rng.normal(0, 1, 200)
    x = features_of(own, baseline, difficulty)
    p = 1 / (1 + np.exp(-(x @ [-1.0, 0.7, -0.5] + rng.normal(size=200))))
    gap, hard, q = rng.normal(0, 1.5, 300), rng.normal(0, 1, 300), rng.random(300)
    both = np.vstack([x, np.column_stack([np.tanh(gap), hard, np.zeros(300)])])
    weight = np.concatenate([np.ones(200), np.full(300, 0.1)])
    target = np.concatenate([p, q])
    model = sklearn.LogisticRegression(
        l1_ratio=1.0, C=2.0, solver="saga", fit_intercept=False, tol=1e-10, max_iter=100_000
    )
    model.fit(
        np.vstack([both, both]),
        np.repeat([1, 0], 500),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]),
    )
    found = fit_length(p, own, baseline, difficulty, anchor=Anchor.of_rows(gap, hard, q), c=2.0, resamples=2)
    assert found.coefficients == pytest.approx(model.coef_[0], abs=1e-6)


# ---------------------------------------------------------------- files


def test_difficulty_is_found_by_instruction_whatever_its_row(tmp_path: Path) -> None:
    path = tmp_path / "difficulty.csv"
    path.write_text("index,instruction_difficulty\n7,0.5\n3,-1.25\n")
    found = read_difficulty(path)
    assert aligned(found, ["3", "7", "3"], path).tolist() == [-1.25, 0.5, -1.25]
    with pytest.raises(UsageError, match="1 of 2 samples have no difficulty"):
        aligned(found, ["3", "8"], path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("index,hard\n1,2\n", "no column 'instruction_difficulty'"),
        ("row,difficulty\n1,2\n", "no column 'id'"),
        ("index,difficulty\n1,much\n", "difficulty.csv:2"),
        ("index,difficulty\n1,2\n1,3\n", "occurs twice"),
        ("index,difficulty\n", "no rows"),
    ],
)
def test_a_table_of_difficulties_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "difficulty.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_difficulty(tmp_path / "difficulty.csv")


def test_an_anchor_is_read_from_alpaca_evals_columns(tmp_path: Path) -> None:
    path = tmp_path / "gamed.csv"
    path.write_text("std_delta_len,instruction_difficulty,preference,index\n0.5,1.0,0.25,0\n-1,0,1,1\n")
    anchor = read_anchor(path)
    assert anchor.rows.tolist() == [[pytest.approx(math.tanh(0.5)), 1.0], [pytest.approx(math.tanh(-1)), 0.0]]
    assert anchor.weight.tolist() == [0.1, 0.1]
    path.write_text("std_delta_len,instruction_difficulty,preference\n0.5,1.0,1.7\n")
    with pytest.raises(UsageError, match="between 0 and 1"):
        read_anchor(path)
