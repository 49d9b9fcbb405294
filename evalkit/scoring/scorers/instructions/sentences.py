"""Where sentences end: NLTK's trained Punkt model where it is installed, its algorithm with our abbreviations else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

from evalkit.core import UsageError

Splitter = Callable[[str], list[str]]

# Common English abbreviations that are no words of their own, without their last full stop, as Punkt wants them.
_ABBREVIATIONS = """
    a.d a.k.a a.m apr approx apt aug b.c blvd c.e capt cmdr corp dec dept dr e.g est etc feb ft gen gov hon i.e inc jr
    ltd lt messrs mr mrs ms mt nov oct p.m ph.d pp prof rev sen sept sgt sr st u.k u.n u.s u.s.a univ v vol vs
"""


def installed() -> bool:
    """Whether NLTK finds its English Punkt model (`python -m nltk.downloader punkt_tab`)."""
    from nltk.data import find

    try:
        find("tokenizers/punkt_tab/english/")
    except (LookupError, OSError):
        return False
    return True


def splitter(kind: Literal["punkt", "rules"]) -> Splitter:
    """A function from a text to its sentences; raises UsageError for "punkt" where the model is not installed."""
    if kind == "punkt" and not installed():
        raise UsageError(
            "NLTK's punkt_tab model is not installed",
            fix="python -m nltk.downloader punkt_tab; or sentences=rules",
        )
    return _split_by_punkt if kind == "punkt" else _split_by_rules


def _split_by_punkt(text: str) -> list[str]:
    from nltk.tokenize import sent_tokenize

    return list(sent_tokenize(text))


def _split_by_rules(text: str) -> list[str]:
    return _untrained()(text)


@cache
def _untrained() -> Splitter:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS.split())
    tokenizer = PunktSentenceTokenizer(parameters)
    return lambda text: list(tokenizer.tokenize(text))
