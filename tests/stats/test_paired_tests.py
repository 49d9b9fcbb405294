"""McNemar's χ², Kendall's τ and approximate randomisation beside statsmodels, all exchanges, and sacrebleu."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evalkit.core import UsageError
from evalkit.stats.paired_tests import approximate_randomisation, kendall_tau, mcnemar_chi2


@pytest.mark.parametrize(("gains", "losses"), [(30, 12), (5, 5), (100, 60), (1, 0), (40, 90)])
@pytest.mark.parametrize("corrected", [True, False])
def test_mcnemars_chi2_is_statsmodels(gains: int, losses: int, corrected: bool) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    wanted = tables.mcnemar([[7, gains], [losses, 9]], exact=False, correction=corrected)
    if gains == losses and corrected:
        # statsmodels corrects |0| - 1 to a χ² above 0; a difference of none is none.
        assert mcnemar_chi2(gains, losses) == (0.0, 1.0)
        return
    assert mcnemar_chi2(gains, losses, corrected=corrected) == pytest.approx((wanted.statistic, wanted.pvalue))


def test_mcnemar_of_nothing_and_of_what_cannot_be() -> None:
    assert mcnemar_chi2(0, 0) == (0.0, 1.0)
    with pytest.raises(UsageError, match="0 or more"):
        mcnemar_chi2(-1, 2)


def test_kendalls_tau_b_counts_pairs() -> None:
    """τ-b = (P - Q) / √((P + Q + X)(P + Q + Y)) over all pairs, X and Y being tied in one alone."""
    rng = np.random.default_rng(3)
    one, two = rng.integers(4, size=(2, 40))
    signs = [(np.sign(one[i] - one[j]), np.sign(two[i] - two[j])) for i, j in itertools.combinations(range(40), 2)]
    same = sum(a * b > 0 for a, b in signs)
    other = sum(a * b < 0 for a, b in signs)
    x, y = sum(a == 0 and b != 0 for a, b in signs), sum(b == 0 and a != 0 for a, b in signs)
    wanted = (same - other) / np.sqrt(float(same + other + x) * float(same + other + y))
    assert kendall_tau(one, two)[0] == pytest.approx(wanted)


def test_randomisation_comes_to_the_proportion_of_all_exchanges() -> None:
    rng = np.random.default_rng(5)
    one, two = rng.random(10), rng.random(10) + 0.2
    d = one - two
    every = np.array(list(itertools.product((-1.0, 1.0), repeat=10)))
    exact = float((np.abs((every * d).mean(1)) >= abs(d.mean()) - 1e-12).mean())
    assert approximate_randomisation(one, two, trials=40_000) == pytest.approx(exact, abs=0.01)
    assert approximate_randomisation(one, one) == 1.0


def test_clusters_change_places_together() -> None:
    one, two = np.tile([1.0, 1.0, 1.0, 1.0], 3), np.zeros(12)
    clusters = np.repeat([0, 1, 2], 4)
    # Three coins: all alike in one of four tosses.
    assert approximate_randomisation(one, two, clusters=clusters, trials=20_000) == pytest.approx(0.25, abs=0.015)
    assert approximate_randomisation(one, two, trials=20_000) < 0.005


def test_randomisation_of_bleu_is_sacrebleus() -> None:
    significance = pytest.importorskip("sacrebleu.significance")
    from sacrebleu.metrics import BLEU

    rng = np.random.default_rng(11)
    words = np.array("the a cat dog sat ran on by mat log red old big and then".split())  # noqa: SIM905
    references = [" ".join(rng.choice(words, 12)) for _ in range(60)]

    def noisy(rate: float) -> list[str]:
        return [
            " ".join(str(rng.choice(words)) if rng.random() < rate else w for w in text.split()) for text in references
        ]

    one, two = noisy(0.22), noisy(0.30)
    metric = BLEU(references=[references])
    test = significance.PairedTest([("one", one), ("two", two)], {"BLEU": metric}, references=None, test_type="ar",
                                   n_samples=10_000)  # fmt: skip
    theirs = test()[1]["BLEU"][1].p_value
    rows = [np.array(metric._extract_corpus_statistics(side, None), dtype=float) for side in (one, two)]

    def bleu(sums: np.ndarray) -> np.ndarray:
        return np.array([metric._compute_score_from_stats(list(row)).score for row in sums])

    ours = approximate_randomisation(rows[0], rows[1], bleu, trials=4_000)
    assert 0.001 < theirs < 0.6
    assert ours == pytest.approx(theirs, abs=0.03)


def test_two_sides_are_of_one_shape() -> None:
    with pytest.raises(UsageError, match="same samples"):
        approximate_randomisation([1.0], [1.0, 0.0])
