"""Scorers by name, for YAML tasks and the command line, with their settings checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evalkit.core import Scorer
from evalkit.metrics.registry import make
from evalkit.scorers.bertscore import bertscore
from evalkit.scorers.choices import accuracy
from evalkit.scorers.extracted import regex_match
from evalkit.scorers.likelihood import rolling
from evalkit.scorers.matching import exact_match, squad
from evalkit.scorers.numeric import numeric
from evalkit.scorers.overlap import rouge
from evalkit.scorers.trivia import triviaqa

# A judge is no name but an object that the engine has to load, so `judged` is not here.
_SCORERS: Mapping[str, Callable[..., Scorer]] = {
    "accuracy": accuracy,
    "bertscore": bertscore,
    "exact_match": exact_match,
    "numeric": numeric,
    "regex_match": regex_match,
    "rolling": rolling,
    "rouge": rouge,
    "squad": squad,
    "triviaqa": triviaqa,
}


def names() -> tuple[str, ...]:
    """The scorers that a YAML task can name."""
    return tuple(_SCORERS)


def by_name(name: str, **settings: object) -> Scorer:
    """The scorer of that name. Raises UsageError for an unknown name and for settings it does not take."""
    return make("scorer", name, _SCORERS, settings)
