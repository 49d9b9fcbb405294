"""Scorers: functions that make a `core.Scorer`, by import or by name."""

from evalkit.scorers.bertscore import bertscore
from evalkit.scorers.calls import function_calls
from evalkit.scorers.canaries import canaries
from evalkit.scorers.choices import accuracy
from evalkit.scorers.code import code_tests
from evalkit.scorers.confidence import calibration
from evalkit.scorers.containing import contains
from evalkit.scorers.contamination import min_k, ngram_overlap
from evalkit.scorers.contexts import context_accuracy
from evalkit.scorers.embeddings import clustering, cosine_similarity, ranking
from evalkit.scorers.extracted import extracted, regex_match
from evalkit.scorers.hub_metric import evaluate
from evalkit.scorers.json_fields import json_match
from evalkit.scorers.judging import judged, judged_as
from evalkit.scorers.labels import classification
from evalkit.scorers.likelihood import rolling
from evalkit.scorers.matching import exact_match, squad
from evalkit.scorers.meteor import meteor
from evalkit.scorers.numeric import numeric
from evalkit.scorers.overlap import rouge
from evalkit.scorers.prediction import prediction
from evalkit.scorers.probability import gold_probability
from evalkit.scorers.refusal import refusals
from evalkit.scorers.registry import by_name, names
from evalkit.scorers.schema import json_schema
from evalkit.scorers.similarity import edit_similarity
from evalkit.scorers.token_counts import token_counts
from evalkit.scorers.tokens import token_f1
from evalkit.scorers.translation import bleu, chrf, ter
from evalkit.scorers.trivia import triviaqa

__all__ = [
    "accuracy",
    "bertscore",
    "bleu",
    "by_name",
    "calibration",
    "canaries",
    "chrf",
    "classification",
    "clustering",
    "code_tests",
    "contains",
    "context_accuracy",
    "cosine_similarity",
    "edit_similarity",
    "evaluate",
    "exact_match",
    "extracted",
    "function_calls",
    "gold_probability",
    "json_match",
    "json_schema",
    "judged",
    "judged_as",
    "meteor",
    "min_k",
    "names",
    "ngram_overlap",
    "numeric",
    "prediction",
    "ranking",
    "refusals",
    "regex_match",
    "rolling",
    "rouge",
    "squad",
    "ter",
    "token_counts",
    "token_f1",
    "triviaqa",
]
