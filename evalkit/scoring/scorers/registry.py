"""Scorers by name, for YAML tasks and the command line, with their settings checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalkit.core import Scorer
from evalkit.scoring.metrics.registry import make

# name -> "module:function", so that a list of names imports nothing. A judge is no name but an object that the
# engine has to load, so `judged` is not here.
_SCORERS: Mapping[str, str] = {
    "abstention": "evalkit.judging.rag.support.scoring:abstention",
    "accuracy": "evalkit.scoring.scorers.choices:accuracy",
    "bertscore": "evalkit.scoring.scorers.bertscore:bertscore",
    "bleu": "evalkit.scoring.scorers.translation:bleu",
    "calibration": "evalkit.scoring.scorers.confidence:calibration",
    "canaries": "evalkit.scoring.scorers.canaries:canaries",
    "chrf": "evalkit.scoring.scorers.translation:chrf",
    "classification": "evalkit.scoring.scorers.labels:classification",
    "clustering": "evalkit.scoring.scorers.embeddings:clustering",
    "contains": "evalkit.scoring.scorers.includes:contains",
    "code_tests": "evalkit.scoring.scorers.code:code_tests",
    "context_accuracy": "evalkit.scoring.scorers.contexts:context_accuracy",
    "cosine_similarity": "evalkit.scoring.scorers.embeddings:cosine_similarity",
    "drop": "evalkit.scoring.scorers.drop:drop",
    "edit_similarity": "evalkit.scoring.scorers.similarity:edit_similarity",
    "entailment": "evalkit.judging.rag.support.entailment:entailment",
    "evaluate": "evalkit.scoring.scorers.hub_metric:evaluate",
    "exact_match": "evalkit.scoring.scorers.matching:exact_match",
    "function_calls": "evalkit.scoring.scorers.calls:function_calls",
    "gold_probability": "evalkit.scoring.scorers.probability:gold_probability",
    "instructions": "evalkit.scoring.scorers.instructions:instructions",
    "json_match": "evalkit.scoring.scorers.json_fields:json_match",
    "json_schema": "evalkit.scoring.scorers.schema:json_schema",
    "math_equal": "evalkit.scoring.scorers.math_equal:math_equal",
    "meteor": "evalkit.scoring.scorers.meteor:meteor",
    "min_k": "evalkit.scoring.scorers.contamination:min_k",
    "nearer": "evalkit.scoring.scorers.reference_contrast:nearer",
    "numeric": "evalkit.scoring.scorers.numeric:numeric",
    "prediction": "evalkit.scoring.scorers.prediction:prediction",
    "rag_diagnosis": "evalkit.judging.rag.diagnosis_scorer:rag_diagnosis",
    "ranking": "evalkit.scoring.scorers.embeddings:ranking",
    "refusals": "evalkit.scoring.scorers.refusal:refusals",
    "regex_match": "evalkit.scoring.scorers.extracted:regex_match",
    "retrieval": "evalkit.judging.rag.retrieval_scores:retrieval",
    "rolling": "evalkit.scoring.scorers.likelihood:rolling",
    "rouge": "evalkit.scoring.scorers.rouge:rouge",
    "sentence_support": "evalkit.judging.rag.support.scoring:sentence_support",
    "squad": "evalkit.scoring.scorers.matching:squad",
    "ter": "evalkit.scoring.scorers.translation:ter",
    "token_counts": "evalkit.scoring.scorers.token_counts:token_counts",
    "token_f1": "evalkit.scoring.scorers.token_f1:token_f1",
    "triviaqa": "evalkit.scoring.scorers.trivia:triviaqa",
}


def names() -> tuple[str, ...]:
    """The scorers that a YAML task can name."""
    return tuple(_SCORERS)


def by_name(name: str, /, *, base: Path | None = None, **settings: object) -> Scorer:
    """The scorer of that name; relative paths among its settings are meant from `base`.

    Raises UsageError for an unknown name and for settings it does not take.
    """
    return make("scorer", name, _SCORERS, settings, base)
