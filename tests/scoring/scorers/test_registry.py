"""Scorers by name, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import UsageError
from evalkit.plugins.named import scorers


def test_importing_scorers_and_metrics_loads_nothing_heavy() -> None:
    code = (
        "import sys, evalkit.scoring.scorers as scorers, evalkit.scoring.metrics\n"
        "scorers.accuracy(); scorers.rouge(); scorers.bertscore('nowhere')\n"
        "heavy = {'numpy', 'scipy', 'torch', 'rouge_score', 'bert_score', 'transformers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


NEEDED: dict[str, dict[str, Any]] = {
    "bertscore": {"model": "x"},
    "classifier": {"model": "x"},
    "entailment": {"model": "x"},
    "evaluate": {"metric": "accuracy", "result": "accuracy"},
    "sklearn": {"metric": "accuracy_score"},
    "ngram_overlap": {"corpus": str(Path(__file__))},
    "read_answer": {"first_of": ["number"]},
    "regex_match": {"pattern": "x"},
}


def test_every_name_makes_its_scorer() -> None:
    made = {name: scorers.by_name(name, **NEEDED.get(name, {})) for name in scorers.names()}
    assert {name: scorer.name for name, scorer in made.items()} == {name: name for name in scorers.names()}
    assert all(scorer.metrics and scorer.scores for scorer in made.values())


def test_settings_of_yaml_are_taken() -> None:
    scorer = scorers.by_name("exact_match", ignore=[",", "x"], ignore_case=True)
    assert scorer.settings == {"ignore": "(',', 'x')", "ignore_case": "yes"}


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("squadd", {}, "did you mean 'squad'"),
        ("squad", {"noanswer": "x"}, "did you mean 'no_answer'"),
        ("bertscore", {}, "needs a setting 'model'"),
        ("bertscore", {"model": "x", "layers": "3"}, "wrong type"),
        ("bertscore", {"model": "x", "layers": True}, "wrong type"),
        ("exact_match", {"ignore_case": "no"}, "wrong type"),
        ("exact_match", {"ignore_case": 1}, "wrong type"),
        ("exact_match", {"ignore": "abc"}, "wrong type"),
        ("exact_match", {"ignore": [1]}, "wrong type"),
        ("exact_match", {"strip": "right"}, "wrong type"),
    ],
)
def test_mistakes_are_usage_errors(name: str, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        scorers.by_name(name, **settings)
