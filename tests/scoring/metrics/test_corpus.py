"""BLEU, chrF and TER of segments and corpora against sacrebleu, whole and resampled: not a digit apart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from evalkit.core import Metric, Record, Reply, Sample, Score, Scorer, UsageError, Validity
from evalkit.plugins import named
from evalkit.scoring import scorers
from evalkit.scoring.metrics import bleu, chrf, ter
from evalkit.scoring.metrics.corpus import bleu_values, chrf_values, ter_values
from evalkit.stats import bootstrap_interval

sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is the oracle")

WORDS = [
    "the",
    "The",
    "cat",
    "sat",
    "on",
    "mat",
    "a",
    "big",
    "dog",
    "über",
    "naïve",
    "猫",
    "が",
    "好き",
    "3.5%",
    "it's",
]
SIGNS = [".", ",", "!", "“", "”", "(", ")", "&amp;", "-", "…", "$"]


def segment(rng: random.Random, most: int = 14) -> str:
    parts = rng.choices([*WORDS, *WORDS, *SIGNS], k=rng.randrange(1, most))
    return "".join(part + rng.choice([" ", " ", " ", "", "  ", "\n"]) for part in parts).strip() or "the"


def mangled(rng: random.Random, text: str) -> str:
    """A hypothesis that shares much with a reference: words dropped, doubled, swapped, of another case."""
    words = text.split()
    for _ in range(rng.randrange(0, 5)):
        place = rng.randrange(len(words))
        words[place] = rng.choice([words[place].upper(), rng.choice(WORDS), words[place] + " " + words[place], ""])
    if rng.random() < 0.2:
        rng.shuffle(words)
    return " ".join(words).strip()


def corpus(seed: int, count: int) -> tuple[list[str], list[tuple[str, ...]]]:
    rng = random.Random(seed)
    targets = [tuple(segment(rng) for _ in range(rng.randrange(1, 4))) for _ in range(count)]
    said = [mangled(rng, rng.choice(own)) if rng.random() < 0.9 else segment(rng) for own in targets]
    return said, targets


def scored(scorer: Scorer, said: Sequence[str], targets: Sequence[tuple[str, ...]]) -> list[Record]:
    async def run() -> list[Record]:
        found = []
        for number, (text, own) in enumerate(zip(said, targets, strict=True)):
            sample = Sample(str(number), "q", targets=own)
            scores = await scorer.score(sample, (Reply(texts=(text,), finish=("stop",)),))
            validity = scores[0].validity
            found.append(Record("t", number, sample, scores=scores, validity=validity))
        return found

    return asyncio.run(run())


def rows_of(metric: Metric, records: Sequence[Record]) -> np.ndarray:
    return np.array([metric.observe(record) for record in records], dtype=np.float64)


def streams(targets: Sequence[tuple[str, ...]]) -> list[list[str | None]]:
    """References as sacrebleu wants them: the first of every segment, the second, …; None where there is none."""
    most = max(map(len, targets))
    return [[own[n] if n < len(own) else None for own in targets] for n in range(most)]


def oracle(made: Any, said: Sequence[str], targets: Sequence[tuple[str, ...]]) -> float:
    # White space at the ends of a reply is no part of the answer; sacrebleu is given what the scorer sees.
    return float(made.corpus_score([text.strip() for text in said], streams(targets)).score) / 100


BLEU, CHRF, TER = sacrebleu.BLEU, sacrebleu.CHRF, sacrebleu.TER
FORMS: list[tuple[str, Callable[..., Scorer], dict[str, Any], Callable[..., Any], dict[str, Any]]] = [
    ("bleu", scorers.bleu, {}, BLEU, {}),
    ("bleu-lower", scorers.bleu, {"lowercase": True}, BLEU, {"lowercase": True}),
    ("bleu-intl", scorers.bleu, {"tokenize": "intl"}, BLEU, {"tokenize": "intl"}),
    ("bleu-char", scorers.bleu, {"tokenize": "char"}, BLEU, {"tokenize": "char"}),
    ("bleu-zh", scorers.bleu, {"tokenize": "zh"}, BLEU, {"tokenize": "zh"}),
    ("bleu-none", scorers.bleu, {"tokenize": "none"}, BLEU, {"tokenize": "none"}),
    ("bleu-floor", scorers.bleu, {"smooth": "floor"}, BLEU, {"smooth_method": "floor"}),
    ("bleu-add", scorers.bleu, {"smooth": "add-k"}, BLEU, {"smooth_method": "add-k"}),
    (
        "bleu-add-2",
        scorers.bleu,
        {"smooth": "add-k", "smooth_value": 2.0},
        BLEU,
        {"smooth_method": "add-k", "smooth_value": 2.0},
    ),
    ("bleu-unsmoothed", scorers.bleu, {"smooth": "none"}, BLEU, {"smooth_method": "none"}),
    ("chrf", scorers.chrf, {}, CHRF, {}),
    ("chrf++", scorers.chrf, {"words": 2}, CHRF, {"word_order": 2}),
    (
        "chrf-lower",
        scorers.chrf,
        {"lowercase": True, "characters": 4, "beta": 3.0},
        CHRF,
        {"lowercase": True, "char_order": 4, "beta": 3},
    ),
    ("ter", scorers.ter, {}, TER, {}),
    (
        "ter-normal",
        scorers.ter,
        {"normalized": True, "asian_support": True},
        TER,
        {"normalized": True, "asian_support": True},
    ),
    (
        "ter-case",
        scorers.ter,
        {"case_sensitive": True, "ignore_punctuation": True},
        TER,
        {"case_sensitive": True, "no_punct": True},
    ),
]


@pytest.fixture(params=FORMS, ids=[form[0] for form in FORMS])
def form(request: pytest.FixtureRequest) -> tuple[Scorer, Any, dict[str, Any]]:
    _, scorer, settings, made, options = request.param
    return scorer(**settings), made(**options), options


def test_corpora_equal_sacrebleus(form: tuple[Scorer, Any, dict[str, Any]]) -> None:
    scorer, made, _ = form
    [metric] = scorer.metrics
    compared = 0
    for seed, count in enumerate([1, 1, 1, 2, 2, 3, 5, 8, 13, 20]):
        said, targets = corpus(seed, count)
        rows = rows_of(metric, scored(scorer, said, targets))
        found = metric.estimate(rows, np.arange(count))
        assert found.value == pytest.approx(oracle(made, said, targets), abs=1e-12)
        compared += count
    assert compared > 50


def test_sentences_equal_sacrebleus(form: tuple[Scorer, Any, dict[str, Any]]) -> None:
    scorer, made, options = form
    if isinstance(made, BLEU):
        made = BLEU(**options, effective_order=True)
    said, targets = corpus(99, 60)
    for record in scored(scorer, said, targets):
        text = said[record.index].strip()
        expected = made.sentence_score(text, list(record.sample.targets)).score / 100
        assert record.scores[0].value == pytest.approx(expected, abs=1e-12)


def test_summed_counts_are_the_resample_scored_again(
    form: tuple[Scorer, Any, dict[str, Any]],
) -> None:
    """The paired-resample property: a bootstrap makes of rows what sacrebleu makes of the resampled segments."""
    scorer, made, options = form
    [metric] = scorer.metrics
    said, targets = corpus(7, 12)
    rows = rows_of(metric, scored(scorer, said, targets))
    rng = np.random.default_rng(3)
    picks = rng.integers(len(rows), size=(12, len(rows)))
    sums = np.array([rows[own].sum(axis=0) for own in picks])
    values = formula(metric.name, options)(sums)
    for own, value in zip(picks, values, strict=True):
        expected = oracle(made, [said[n] for n in own], [targets[n] for n in own])
        assert value == pytest.approx(expected, abs=1e-12)
    assert len(set(np.round(values, 6))) > 6


def formula(name: str, options: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    if name == "bleu":
        smooth = options.get("smooth_method", "exp")
        usual = {"floor": 0.1, "add-k": 1.0}.get(smooth, 0.0)
        return partial(bleu_values, smooth=smooth, value=options.get("smooth_value", usual))
    return ter_values if name == "ter" else partial(chrf_values, beta=float(options.get("beta", 2)))


def test_the_interval_is_the_quantiles_of_sacrebleus_scores_of_the_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """End to end: the resamples that the bootstrap drew, each scored by sacrebleu from its texts."""
    scorer, count, resamples = scorers.bleu(), 60, 40
    said, targets = corpus(11, count)
    rows = rows_of(scorer.metrics[0], scored(scorer, said, targets))
    drawn: list[np.ndarray] = []

    def remembered(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        drawn.append(sums)
        return bleu_values(sums)

    found = bootstrap_interval(rows, remembered, seed=1, resamples=resamples)
    sums = np.concatenate(drawn)
    picks = np.random.default_rng(1).integers(count, size=(resamples, count))
    rescored = [oracle(BLEU(), [said[n] for n in own], [targets[n] for n in own]) for own in picks]
    if not np.array_equal(rows[picks].sum(axis=1), sums[-resamples:]):
        pytest.fail("the bootstrap no longer draws as this test assumes: draw `picks` as it does")
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(rescored, [0.025, 0.975])), abs=1e-12)


# ---------------------------------------------------------------- edges, by sacrebleu again


@pytest.mark.parametrize(
    ("said", "target"),
    [
        ("", "the cat"),
        ("the", "the"),
        ("the cat", "the cat"),
        ("cat", "dog"),
        (".", "."),
        ("the cat sat on the mat .", "the cat sat on the mat ."),
        ("a" * 3000, "b" * 3000),
        ("猫が好き", "猫が好きです"),
        ("x y z " * 20, "z y x " * 15),
        ("\u200b", "a"),
        ("the cat\nsat", "the cat sat"),
    ],
)
def test_adversarial_pairs(said: str, target: str) -> None:
    for scorer, made in ((scorers.bleu(), BLEU()), (scorers.chrf(words=2), CHRF(word_order=2)), (scorers.ter(), TER())):
        [record] = scored(scorer, [said], [(target,)])
        rows = rows_of(scorer.metrics[0], [record])
        found = scorer.metrics[0].estimate(rows, np.arange(1)).value
        assert found == pytest.approx(oracle(made, [said], [(target,)]), abs=1e-12)


def test_an_empty_reply_counts_in_the_corpus_and_is_no_answer() -> None:
    scorer = scorers.bleu()
    records = scored(scorer, ["the cat sat on the mat", ""], [("the cat sat on the mat",)] * 2)
    assert [record.scores[0].validity for record in records] == [Validity.OK, Validity.NO_ANSWER]
    found = scorer.metrics[0].estimate(rows_of(scorer.metrics[0], records), np.arange(2))
    whole = BLEU().corpus_score(["the cat sat on the mat", ""], [["the cat sat on the mat"] * 2]).score / 100
    assert found.value == pytest.approx(whole, abs=1e-12)
    assert found.value < 0.4
    assert found.n == 2


def test_signatures_are_sacrebleus() -> None:
    for _, scorer, settings, made, options in FORMS:
        metric = made(**options)
        metric.corpus_score(["a b c d"], [["a b c d"]])
        parts = str(metric.get_signature()).split("|")
        said = scorer(**settings).settings["signature"].split("|")
        # The number of references is the data's; a beta of chrF is left out of sacrebleu's own signature.
        assert [part for part in said if not part.startswith("beta:")] == [
            p for p in parts if not p.startswith("nrefs:")
        ]


def test_clusters_widen_and_no_rows_are_no_estimate() -> None:
    scorer = scorers.chrf()
    said, targets = corpus(5, 80)
    rows = rows_of(scorer.metrics[0], scored(scorer, said, targets))
    doubled, twice = np.concatenate([rows, rows]), np.tile(np.arange(80), 2)
    alone, clustered = (scorer.metrics[0].estimate(doubled, own) for own in (np.arange(160), twice))
    assert clustered.value == alone.value
    assert clustered.high - clustered.low > 1.2 * (alone.high - alone.low)
    assert np.isnan(scorer.metrics[0].estimate(rows[:0], np.arange(0)).value)


def test_counts_of_other_settings_are_refused() -> None:
    [record] = scored(scorers.chrf(words=2), ["a"], [("a",)])
    with pytest.raises(ValueError, match="24 counts and 18 are needed"):
        chrf().observe(record)
    assert chrf(words=2).observe(record) is not None


def test_measurement_failures_leave_n() -> None:
    broken = Record(
        "t", 0, Sample("1", "q"), scores=(Score("bleu", 0.0, validity=Validity.SCORER_ERROR, counts=(1.0,) * 10),)
    )
    assert bleu().observe(broken) is None
    assert ter().observe(Record("t", 0, Sample("1", "q"), validity=Validity.BACKEND_ERROR)) is None


def test_a_sample_without_targets_and_a_tokenizer_that_is_not_there_are_said() -> None:
    with pytest.raises(ValueError, match="no targets"):
        scored(scorers.bleu(), ["a"], [()])
    with pytest.raises(UsageError, match="tokenizer is not available"):
        scored(scorers.bleu(tokenize="ja-mecab"), ["a"], [("a",)])
    with pytest.raises(UsageError, match="one of 13a"):
        named.scorers.by_name("bleu", tokenize="14a")
