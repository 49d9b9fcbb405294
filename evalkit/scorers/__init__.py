"""Scorers: functions that make a `core.Scorer`, by import or by name."""

from evalkit.scorers.bertscore import bertscore
from evalkit.scorers.choices import accuracy
from evalkit.scorers.contexts import context_accuracy
from evalkit.scorers.extracted import extracted, regex_match
from evalkit.scorers.judging import judged
from evalkit.scorers.likelihood import rolling
from evalkit.scorers.matching import exact_match, squad
from evalkit.scorers.numeric import numeric
from evalkit.scorers.overlap import rouge
from evalkit.scorers.prediction import prediction
from evalkit.scorers.probability import gold_probability
from evalkit.scorers.registry import by_name, names
from evalkit.scorers.trivia import triviaqa

__all__ = [
    "accuracy",
    "bertscore",
    "by_name",
    "context_accuracy",
    "exact_match",
    "extracted",
    "gold_probability",
    "judged",
    "names",
    "numeric",
    "prediction",
    "regex_match",
    "rolling",
    "rouge",
    "squad",
    "triviaqa",
]
