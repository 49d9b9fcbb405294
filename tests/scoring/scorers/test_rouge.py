"""ROUGE against the rouge-score library called directly, and against stored figures of Perl ROUGE-1.5.5."""

from __future__ import annotations

import asyncio
import importlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Reply, Sample, Score, UsageError, Validity
from evalkit.scoring.extraction.scripts import unicode_words
from evalkit.scoring.scorers import rouge

Scored = Callable[..., dict[str, Score]]
KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
WORDS = ["running", "runs", "ran", "cat", "cats", "the", "U.S.A", "naïve", "東京", "1,000", "--", "'s", "\n", "\t"]


@pytest.mark.parametrize("stemmer", [True, False])
def test_equals_the_library_on_random_and_odd_text(scored: Scored, stemmer: bool) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    oracle = RougeScorer(list(KINDS), use_stemmer=stemmer)
    rng = random.Random(3)

    def text() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randrange(1, 30))).strip() or "x"

    odd = [("!!!", "a"), ("a", "!!!"), ("東京", "東京"), ("a\n\nb\nc", "c\nb"), ("A", "a"), ("x" * 500, "x " * 50)]
    scorer = rouge(stemmer=stemmer, tokenizer="ascii")
    for said, target in odd + [(text(), text()) for _ in range(150)]:
        expected = oracle.score(target, said.strip())
        found = scored(scorer, Sample("1", "q", targets=(target,)), said)
        assert {name: score.value for name, score in found.items()} == {kind: expected[kind].fmeasure for kind in KINDS}


def test_where_all_letters_are_ascii_the_default_is_the_library(scored: Scored) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    oracle = RougeScorer(list(KINDS), use_stemmer=True)
    rng = random.Random(4)
    words = [word for word in WORDS if word.isascii()]
    for _ in range(100):
        said, target = (" ".join(rng.choices(words, k=rng.randrange(1, 30))).strip() or "x" for _ in range(2))
        expected = oracle.score(target, said)
        found = scored(rouge(), Sample("1", "q", targets=(target,)), said)
        assert {name: score.value for name, score in found.items()} == {kind: expected[kind].fmeasure for kind in KINDS}
        assert not any(score.flags for score in found.values())


@pytest.mark.parametrize(
    "text", ["今天天气很好", "पूर्व प्रधानमन्त्री", "Сегодня погода", "القاهرة عاصمة", "สวัสดีครับ", "école"]
)
def test_equal_texts_score_one_in_every_script_and_the_table_says_so(scored: Scored, text: str) -> None:
    found = scored(rouge(), Sample("1", "q", targets=(text,)), text)["rouge1"]
    assert (found.value, found.flags) == (1.0, ("with words outside of ASCII",))
    assert scored(rouge(tokenizer="unicode"), Sample("1", "q", targets=(text,)), text)["rougeL"].value == 1.0
    blind = scored(rouge(tokenizer="ascii"), Sample("1", "q", targets=(text,)), text)["rouge1"]
    assert blind.flags == ("with letters that ROUGE deletes",)


def test_words_of_every_script(scored: Scored) -> None:
    # Of four characters said and of six in the reference three are the same: 2·3 / (4 + 6).
    found = scored(rouge(), Sample("1", "q", targets=("今天天气很好",)), "今天气坏")
    assert found["rouge1"].value == pytest.approx(0.6)
    assert scored(rouge(), Sample("1", "q", targets=("caf",)), "café")["rouge1"].value == 0.0
    assert scored(rouge(), Sample("1", "q", targets=("cafe\u0301",)), "caf\u00e9")["rouge1"].value == 1.0
    assert unicode_words("東京タワー 2024年") == ["東", "京", "タ", "ワ", "ー", "2024", "年"]


def test_jieba_is_asked_for_before_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package has the function under the name of its module.
    module = importlib.import_module("evalkit.scoring.scorers.rouge")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    scorer = rouge(tokenizer="jieba")
    assert scorer.ready is not None
    with pytest.raises(UsageError, match="jieba"):
        scorer.ready(False)


def test_several_references_count_by_the_best_of_each_kind(scored: Scored) -> None:
    # "c b a" has every word and no pair of them in order; "a b x y z" has a pair.
    sample = Sample("1", "q", targets=("c b a", "a b x y z"))
    found = scored(rouge(), sample, "a b c")
    assert found["rouge1"].value == 1.0
    # One pair of two said and of four in the reference: precision 1/2, recall 1/4.
    assert found["rouge2"].value == pytest.approx(1 / 3)


def test_an_empty_reply_scores_nothing_as_no_answer(scored: Scored) -> None:
    found = scored(rouge(), Sample("1", "q", targets=("a",)), "")
    assert {(score.value, score.validity) for score in found.values()} == {(0.0, Validity.NO_ANSWER)}


def test_a_sample_without_targets_raises(scored: Scored) -> None:
    with pytest.raises(ValueError, match="targets"):
        scored(rouge(), Sample("1", "q"), "x")


def means(file: Path, stemmer: bool) -> dict[str, float]:
    scorer = rouge(stemmer=stemmer, tokenizer="ascii")

    async def score_all() -> dict[str, float]:
        totals = dict.fromkeys(KINDS, 0.0)
        pairs = [json.loads(line) for line in file.read_text().splitlines()]
        for number, pair in enumerate(pairs):
            sample = Sample(str(number), "q", targets=(pair["target"],))
            for score in await scorer.score(sample, (Reply(texts=(pair["prediction"],), finish=("stop",)),)):
                totals[score.name] += score.value / len(pairs)
        return totals

    return asyncio.run(score_all())


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "stemmer", "figures"),
    [
        ("large", False, {"rouge1": 0.38554}),
        ("large", True, {"rouge1": 0.40524, "rougeL": 0.40275}),
        ("multi", True, {"rouge1": 0.46411, "rouge2": 0.28209, "rougeLsum": 0.46113}),
    ],
)
def test_figures_of_the_perl_original(
    stored_outputs: Path, name: str, stemmer: bool, figures: dict[str, float]
) -> None:
    found = means(stored_outputs / "rouge" / f"{name}.jsonl", stemmer)
    assert {kind: found[kind] for kind in figures} == pytest.approx(figures, abs=2e-4)
