"""Scorers: functions that make a `core.Scorer`, by import or by name."""

from evalkit.scoring.scorers.bertscore import bertscore
from evalkit.scoring.scorers.calls import function_calls
from evalkit.scoring.scorers.canaries import canaries
from evalkit.scoring.scorers.choices import accuracy
from evalkit.scoring.scorers.code import code_tests
from evalkit.scoring.scorers.confidence import calibration
from evalkit.scoring.scorers.contamination import min_k, ngram_overlap
from evalkit.scoring.scorers.contexts import context_accuracy
from evalkit.scoring.scorers.embeddings import clustering, cosine_similarity, ranking
from evalkit.scoring.scorers.extracted import extracted, regex_match
from evalkit.scoring.scorers.hub_metric import evaluate
from evalkit.scoring.scorers.includes import contains
from evalkit.scoring.scorers.json_fields import json_match
from evalkit.scoring.scorers.judging import judged, judged_as
from evalkit.scoring.scorers.labels import classification
from evalkit.scoring.scorers.likelihood import rolling
from evalkit.scoring.scorers.matching import exact_match, squad
from evalkit.scoring.scorers.meteor import meteor
from evalkit.scoring.scorers.numeric import numeric
from evalkit.scoring.scorers.prediction import prediction
from evalkit.scoring.scorers.probability import gold_probability
from evalkit.scoring.scorers.refusal import refusals
from evalkit.scoring.scorers.registry import by_name, names
from evalkit.scoring.scorers.rouge import rouge
from evalkit.scoring.scorers.schema import json_schema
from evalkit.scoring.scorers.similarity import edit_similarity
from evalkit.scoring.scorers.token_counts import token_counts
from evalkit.scoring.scorers.token_f1 import token_f1
from evalkit.scoring.scorers.translation import bleu, chrf, ter
from evalkit.scoring.scorers.trivia import triviaqa

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
