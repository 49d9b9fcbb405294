"""Scorers by name, for YAML tasks and the command line, with their settings checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalkit.core import Scorer
from evalkit.metrics.registry import make

# name -> "module:function", so that a list of names imports nothing. A judge is no name but an object that the
# engine has to load, so `judged` is not here.
_SCORERS: Mapping[str, str] = {
    "abstention": "evalkit.rag.support.scoring:abstention",
    "accuracy": "evalkit.scorers.choices:accuracy",
    "bertscore": "evalkit.scorers.bertscore:bertscore",
    "bleu": "evalkit.scorers.translation:bleu",
    "calibration": "evalkit.scorers.confidence:calibration",
    "canaries": "evalkit.scorers.canaries:canaries",
    "chrf": "evalkit.scorers.translation:chrf",
    "classification": "evalkit.scorers.labels:classification",
    "clustering": "evalkit.scorers.embeddings:clustering",
    "contains": "evalkit.scorers.containing:contains",
    "code_tests": "evalkit.scorers.code:code_tests",
    "context_accuracy": "evalkit.scorers.contexts:context_accuracy",
    "cosine_similarity": "evalkit.scorers.embeddings:cosine_similarity",
    "drop": "evalkit.scorers.drop:drop",
    "edit_similarity": "evalkit.scorers.similarity:edit_similarity",
    "entailment": "evalkit.rag.support.entailment:entailment",
    "evaluate": "evalkit.scorers.hub_metric:evaluate",
    "exact_match": "evalkit.scorers.matching:exact_match",
    "function_calls": "evalkit.scorers.calls:function_calls",
    "gold_probability": "evalkit.scorers.probability:gold_probability",
    "instructions": "evalkit.scorers.instructions:instructions",
    "json_match": "evalkit.scorers.json_fields:json_match",
    "json_schema": "evalkit.scorers.schema:json_schema",
    "math_equal": "evalkit.scorers.math_equal:math_equal",
    "meteor": "evalkit.scorers.meteor:meteor",
    "min_k": "evalkit.scorers.contamination:min_k",
    "nearer": "evalkit.scorers.nearer:nearer",
    "numeric": "evalkit.scorers.numeric:numeric",
    "prediction": "evalkit.scorers.prediction:prediction",
    "rag_diagnosis": "evalkit.rag.diagnosing:rag_diagnosis",
    "ranking": "evalkit.scorers.embeddings:ranking",
    "refusals": "evalkit.scorers.refusal:refusals",
    "regex_match": "evalkit.scorers.extracted:regex_match",
    "retrieval": "evalkit.rag.retrieval:retrieval",
    "rolling": "evalkit.scorers.likelihood:rolling",
    "rouge": "evalkit.scorers.overlap:rouge",
    "sentence_support": "evalkit.rag.support.scoring:sentence_support",
    "squad": "evalkit.scorers.matching:squad",
    "ter": "evalkit.scorers.translation:ter",
    "token_counts": "evalkit.scorers.token_counts:token_counts",
    "token_f1": "evalkit.scorers.tokens:token_f1",
    "triviaqa": "evalkit.scorers.trivia:triviaqa",
}


def names() -> tuple[str, ...]:
    """The scorers that a YAML task can name."""
    return tuple(_SCORERS)


def by_name(name: str, /, *, base: Path | None = None, **settings: object) -> Scorer:
    """The scorer of that name; relative paths among its settings are meant from `base`.

    Raises UsageError for an unknown name and for settings it does not take.
    """
    return make("scorer", name, _SCORERS, settings, base)
