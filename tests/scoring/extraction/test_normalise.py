"""Normal forms of answers. Expected values follow the official SQuAD script's steps, worked by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scoring.extraction import exact_match_normalise, squad_normalise


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Denver Broncos!", "denver broncos"),
        ("  a   cat\tand\nan  apple ", "cat and apple"),
        ("U.S.A.", "usa"),
        # Punctuation goes first, so no word boundary is left for an article to be found at.
        ("a-b", "ab"),
        ("the-end", "theend"),
        ("Panthers' 'a' team", "panthers team"),
        ("theatre another banana", "theatre another banana"),
        ("An", ""),
        ("...", ""),
        ("", ""),
        # Only ASCII punctuation is deleted; a typographic quote next to an article is a word boundary.
        ("“the” – cat’s", "“ ” – cat’s"),
        ("24–10", "24–10"),
        ("$5 million", "5 million"),
        ("THE ÉCOLE", "école"),
        # White space of any script counts as a blank.
        ("two\u00a0words\u3000here", "two words here"),
    ],
)
def test_squad_normal_form(text: str, normal: str) -> None:
    assert squad_normalise(text) == normal


@given(st.text())
def test_squad_normal_form_holds_no_capital_ascii_punctuation_or_double_blank(text: str) -> None:
    normal = squad_normalise(text)
    assert not re.search(r"[A-Z!-/:-@\[-`{-~]|\s\s|^\s|\s$", normal)


def test_ignored_patterns_see_the_text_before_case_and_punctuation_go() -> None:
    patterns = [re.compile("A"), re.compile(r"\.$")]
    assert exact_match_normalise("A b, a.", ignore=patterns, ignore_case=True) == " b, a"
    assert exact_match_normalise("A b, a.", ignore=patterns, ignore_punctuation=True) == " b a"


def test_patterns_apply_in_turn() -> None:
    assert exact_match_normalise("xxyy", ignore=[re.compile("xy"), re.compile("xy")]) == ""


def test_exact_match_keeps_articles_and_white_space() -> None:
    assert exact_match_normalise(" The  End ", ignore_case=True, ignore_punctuation=True) == " the  end "


@given(st.lists(st.text(max_size=20), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_equals_lm_eval_exact_match(texts: list[str], ignore_case: bool, ignore_punctuation: bool) -> None:
    metrics = pytest.importorskip("lm_eval.api.metrics", reason="lm-eval is the oracle", exc_type=ImportError)
    ignore = [",", r"\$", "(?s).*#### ", r"\.$"]
    # numpy's fixed-width strings, which lm-eval compares, drop NUL characters at an end.
    pairs = [(text.replace("\0", ""), text.swapcase().replace("\0", "") + ".") for text in texts]
    for said, gold in pairs:
        expected = metrics.exact_match_hf_evaluate(
            [said], [gold], regexes_to_ignore=ignore, ignore_case=ignore_case, ignore_punctuation=ignore_punctuation
        )["exact_match"]
        patterns = [re.compile(pattern) for pattern in ignore]
        ours, theirs = (
            exact_match_normalise(text, ignore=patterns, ignore_case=ignore_case, ignore_punctuation=ignore_punctuation)
            for text in (said, gold)
        )
        assert float(ours == theirs) == expected
