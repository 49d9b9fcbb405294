"""Short answers in scripts that a metric for English does not see: flagged, and scored by MLQA's normal form."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.core import Sample, UsageError
from evalkit.scoring.extraction.normalise import mlqa_normalise
from evalkit.scoring.scorers import exact_match, squad, token_f1


# By hand, following mlqa_evaluation_v1.py: lower case, no punctuation, no articles, Chinese by the character.
@pytest.mark.parametrize(
    ("language", "text", "normal"),
    [
        ("en", "The “U.S.” Army!", "us army"),
        ("de", "Der Rhein, ein Fluss", "rhein fluss"),
        ("es", "¿La casa? ¡Sí!", "casa sí"),
        ("zh", "北京，2008年。", "北 京 2008 年"),
        ("zh", "苹果 iPhone手机", "苹 果 iphone 手 机"),
        ("hi", "नई दिल्ली।", "नई दिल्ली"),
        ("vi", "của Việt Nam", "việt nam"),
        ("ar", "في القاهرة", "في قاهرة"),
    ],
)
def test_mlqa_normal_form(language: str, text: str, normal: str) -> None:
    assert mlqa_normalise(text, language) == normal


def test_chinese_answers(scored: Any) -> None:
    sample = Sample("1", "q", targets=("北京市",))
    blind = scored(squad(), sample, "北京")
    assert (blind["f1"].value, blind["exact"].flags) == (0.0, ("in a script without blanks between words",))
    seeing = scored(squad(language="zh"), sample, "北京")
    # Two characters of two said, and of three wanted: 2·1·(2/3) / (1 + 2/3).
    assert (seeing["f1"].value, seeing["exact"].flags) == (pytest.approx(0.8), ())
    assert scored(squad(language="zh"), sample, "北京市。")["exact"].value == 1.0
    assert scored(token_f1(normalise="mlqa", language="zh"), sample, "北京")["token_f1"].value == pytest.approx(0.8)
    assert scored(token_f1(normalise="unicode"), sample, "北京")["token_f1"].value == pytest.approx(0.8)
    assert scored(token_f1(), sample, "北京")["token_f1"].flags


def test_punctuation_that_is_not_ascii_is_flagged_where_it_decided(scored: Any) -> None:
    sample = Sample("1", "q", targets=("東京",))
    found = scored(exact_match(ignore_punctuation=True), sample, "東京。")["exact_match"]
    assert (found.value, len(found.flags)) == (0.0, 1)
    assert scored(exact_match(ignore_punctuation=True), sample, "東京")["exact_match"].flags == ()
    assert scored(exact_match(), sample, "東京。")["exact_match"].flags == ()


def test_english_is_flagged_nowhere(scored: Any) -> None:
    sample = Sample("1", "q", targets=("The café",))
    for scorer in (squad(), token_f1(), exact_match(normalise="squad")):
        assert not any(score.flags for score in scored(scorer, sample, "a cafe").values())


def test_a_language_that_mlqa_has_not_is_refused() -> None:
    with pytest.raises(UsageError):
        squad(language="fr")
    with pytest.raises(UsageError):
        token_f1(normalise="mlqa")
    with pytest.raises(UsageError):
        token_f1(language="zh")
