"""Every scorer, method and metric that a task file can name, named in one and run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Capabilities, Choose, Generate, Identity, Perplexity, Reply, Request, Task, UsageError
from evalkit.plugins import load
from evalkit.plugins.named import methods, metrics, scorers
from evalkit.runs.runner.rescore import rescore

TESTS = Path(__file__).resolve().parents[2]
ROWS = [
    {"question": "Capital, Peru?", "options": ["Quito", "Lima"], "right": 1, "answer": "Lima", "said": "Lima"},
    {
        "question": "Capital of Kenya?",
        "options": ["Nairobi", "Accra"],
        "right": 0,
        "answer": "Nairobi",
        "said": "Accra",
    },
    {"question": "Seven times six?", "options": ["41", "42"], "right": 1, "answer": "42", "said": "It is 42."},
    {"question": "As JSON?", "options": ["{}", '{"a": 1}'], "right": 1, "answer": '{"a": 1}', "said": '{"a": 1.0}'},
]


class Scripted:
    """Says what the row's column `said` holds; the likelier choice is the longer one, and then the first."""

    def __init__(self, *, writes_only: bool = False) -> None:
        self.identity = Identity("scripted", (("writes only", str(writes_only)),))
        self.capabilities = Capabilities(
            requests=frozenset({Generate}) if writes_only else Capabilities().requests,
            features=frozenset({"stride", "tokens"}),
            max_length=64,
        )
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        if isinstance(request, Generate):
            row = next(row for row in ROWS if str(row["question"]) in request.prompt.text)
            return Reply(texts=(str(row["said"]),) * request.n, finish=("stop",) * request.n)
        if isinstance(request, Choose):
            values = tuple(-20.0 + len(text) for text in request.continuations)
            return Reply(loglikelihoods=values, greedy=(False,) * len(values))
        assert isinstance(request, Perplexity)
        return Reply(loglikelihoods=(-float(len(request.text)),), greedy=(False,))

    async def close(self) -> None: ...


@pytest.fixture
def ran(tmp_path: Path) -> Any:
    """ran(the rest of a task file, rows) gives the task's result."""

    def run(
        text: str, *, rows: list[dict[str, Any]] = ROWS, model: Scripted | None = None, limit: int | None = None
    ) -> Any:
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        prompt = "" if "prompt:" in text else 'prompt: "{{ question }}"\n'
        (tmp_path / "quiz.yaml").write_text(f"data: rows.jsonl\n{prompt}{text}\n")
        number = len(list(tmp_path.glob("run*")))
        made = evalkit.run(
            str(tmp_path / "quiz.yaml"), model or Scripted(), out=tmp_path / f"run{number}", cache=False, limit=limit
        )
        result = made.manifest.tasks[0].result
        assert result is not None
        assert result.failed == 0, next(record.failure for record in made.records() if record.failure)
        return result

    return run


def values(result: Any) -> dict[str, float]:
    return {metric.name: round(metric.estimate.value, 4) for metric in result.metrics}


CHOICES = "choices: options\ngold: right\nscorers: "
ANSWER = "answer: answer\nscorers: "
BY_SCORER = {
    "accuracy": (CHOICES + "accuracy", {"acc": 0.5, "acc_norm": 0.5}),
    "bleu": (ANSWER + "{bleu: {lowercase: true, smooth: floor}}", None),
    "calibration": (CHOICES + "{calibration: {bins: 5}}", None),
    "chrf": (ANSWER + "{chrf: {words: 2}}", None),
    "classification": (CHOICES + "classification", {"accuracy": 0.5}),
    "includes": (ANSWER + "{includes: {whole_words: true}}", {"includes": 0.5}),
    "context_accuracy": ("method: choose_contexts\nanswer: answer\n" + CHOICES + "context_accuracy", None),
    "edit_similarity": (ANSWER + "edit_similarity", None),
    "exact_match": (ANSWER + "{exact_match: {normalise: unicode}}", {"exact_match": 0.25}),
    "json_match": (ANSWER + "json_match", {"json_match": 1.0, "json_fields": 1.0}),
    "meteor": (ANSWER + "meteor", None),
    "numeric": (ANSWER + "{numeric: {relative: 0.01}}", {"numeric": 1.0}),
    "regex_match": (ANSWER + "{regex_match: {pattern: '[0-9]+'}}", {"regex_match": 1.0}),
    "rolling": ("method: perplexity\nscorers: rolling", None),
    "rouge": (ANSWER + "rouge", None),
    "squad": (ANSWER + "squad", {"exact": 0.25}),
    "ter": (ANSWER + "ter", None),
    "token_f1": (ANSWER + "{token_f1: {normalise: lower}}", None),
    "triviaqa": (ANSWER + "triviaqa", None),
}
NUMBERS, JSON = ROWS[2:3], ROWS[3:4]


@pytest.mark.parametrize("name", BY_SCORER)
def test_a_scorer_is_used_by_name(ran: Any, name: str) -> None:
    text, expected = BY_SCORER[name]
    rows = {"json_match": JSON, "numeric": NUMBERS, "regex_match": NUMBERS}.get(name, ROWS)
    found = values(ran(text, rows=rows))
    assert found
    for metric, value in (expected or {}).items():
        assert found[metric] == pytest.approx(value), found


def test_every_name_is_run_here_or_has_a_test_or_a_task_of_its_own() -> None:
    """What needs a model of its own, or rows of a benchmark's form, is run where that is."""
    own = [*TESTS.rglob("test_*.py"), *(TESTS.parent / "tasks").rglob("*.py")]
    elsewhere = "\n".join(path.read_text() for path in own if path != Path(__file__))
    for name in {*scorers.names(), *methods.names()} - {*BY_SCORER, *BY_METHOD}:
        assert name in elsewhere, name


def test_metrics_that_a_scorer_brings_keep_its_settings(ran: Any) -> None:
    found = ran(ANSWER + "{chrf: {words: 2}}\nmetrics: [chrf]\nprimary_metric: chrf")
    assert [metric.name for metric in found.metrics] == ["chrf"]
    assert "nw:2" in found.signature


def test_metrics_by_name(ran: Any) -> None:
    found = values(
        ran(CHOICES + "[classification, calibration]\nmetrics: [mcc, macro_f1, micro_f1, ece, brier, accuracy]")
    )
    assert list(found) == ["mcc", "macro_f1", "micro_f1", "ece", "brier", "accuracy"]
    assert found["micro_f1"] == found["accuracy"] == 0.5
    assert {"bleu", "chrf", "ter", "mcc", "ece", "token_perplexity"} <= set(metrics.names())


def test_a_metric_of_evaluate_by_the_path_from_the_task_file(ran: Any, tmp_path: Path) -> None:
    pytest.importorskip("evaluate", reason="the package `evaluate` is not installed")
    (tmp_path / "letters.py").write_text(
        "import datasets\nimport evaluate\n\n\nclass Letters(evaluate.Metric):\n    def _info(self):\n"
        "        text = datasets.Value('string')\n"
        "        features = datasets.Features({'predictions': text, 'references': text})\n"
        "        return evaluate.MetricInfo(description='', citation='', inputs_description='', features=features)\n\n"
        "    def _compute(self, predictions, references):\n"
        "        return {'letters': sum(map(len, predictions)) / sum(map(len, references))}\n"
    )
    found = values(ran(ANSWER + "{evaluate: {metric: ./letters.py, result: letters}}"))
    expected = sum(len(str(row["said"])) for row in ROWS) / sum(len(str(row["answer"])) for row in ROWS)
    assert found == {"letters": pytest.approx(expected, abs=1e-4), "answered": 1.0}


# ---------------------------------------------------------------- methods

CHOSEN = "\nchoices: options\ngold: right"
BY_METHOD = {
    "chain_of_thought": "method:\n  chain_of_thought: {then: choose, reasoning_tokens: 9}" + CHOSEN,
    "choose": "method: choose" + CHOSEN,
    "choose_contexts": "method: choose_contexts\nanswer: answer" + CHOSEN,
    "generate": "method: generate\nanswer: answer",
    "multi_turn": "method:\n  multi_turn: {follow_ups: [Sure?], form: text}\nanswer: answer",
    "perplexity": "method: {perplexity: {stride: 8}}\nmetrics: [word_perplexity]",
    "self_consistency": "method: {self_consistency: {n: 3, pattern: '[0-9]+'}}\nanswer: answer",
    "tool_loop": "method: {tool_loop: {tools: [calculator], max_steps: 2}}\nanswer: answer",
    "written_choice": "method: written_choice" + CHOSEN,
}


@pytest.mark.parametrize("name", BY_METHOD)
def test_a_method_is_used_by_name(ran: Any, name: str) -> None:
    found = ran(BY_METHOD[name], limit=2)
    assert found.samples == 2
    assert found.signature.split("|")[5] == {"perplexity": "rolling-strided"}.get(name, name)


def test_choices_are_written_where_a_model_gives_no_log_likelihoods(ran: Any) -> None:
    model = Scripted(writes_only=True)
    found = ran("choices: options\ngold: right\nprimary_metric: acc_norm", model=model)
    assert "|written_choice|accuracy|greedy|" in found.signature
    assert values(found) == {"acc": 0.5}
    assert found.primary_metric == "acc"
    assert all(isinstance(request, Generate) for request in model.asked)
    weighed = ran("choices: options\ngold: right\nprimary_metric: acc_norm")
    assert "|choose|accuracy|" in weighed.signature


def test_a_run_of_written_choices_is_scored_again_as_it_was_asked(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    path = tmp_path / "quiz.yaml"
    path.write_text('data: rows.jsonl\nprompt: "{{ question }}"\nchoices: options\ngold: right\n')
    old = evalkit.run(str(path), Scripted(writes_only=True), out=tmp_path / "old", cache=False)
    task = load("task", str(path))
    assert isinstance(task, Task)
    new = asyncio.run(rescore(old, {"quiz": task}, tmp_path / "new"))
    one, other = (run.manifest.tasks[0].result for run in (old, new))
    assert one is not None
    assert other is not None
    assert values(one) == values(other) == {"acc": 0.5}
    assert one.signature == other.signature


def test_what_no_text_can_tell_is_refused(ran: Any) -> None:
    with pytest.raises(UsageError, match="needs Choose"):
        ran(CHOICES + "calibration", model=Scripted(writes_only=True))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("method: {perplexity: {stride: 0}}", 3, "stride: this must be a whole number of at least 1"),
        ("answer: answer\nmethod: {chain_of_thought: {then: chose}}", 4, "then: unknown value"),
        ("answer: answer\nmethod: {chain_of_thought: {then: choose}}", 4, "the task has no choices"),
        ("answer: answer\nmethod: {tool_loop: {tools: [hammer]}}", 4, "no tool named 'hammer'"),
        ("answer: answer\nmethod: {self_consistency: {read: x}}", 4, "no setting of method 'self_consistency'"),
        ("answer: answer\nmethod: {multi_turn: {max_tokens: many}}", 4, "max_tokens: this must be a whole number"),
        ("answer: answer\nscorers: [{bleu: {smooth: soft}}]", 4, "wrong type"),
        (
            "answer: answer\nscorers: [{evaluate: {metric: ./none.py, result: x}}]",
            4,
            "metric script './none.py' does not exist",
        ),
        ("answer: answer\nscorers: [{evaluate: {metric: x, result: x, arguments: 3}}]", 4, "wrong type"),
    ],
)
def test_mistakes_are_placed(ran: Any, tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        ran(text)
    assert caught.value.at == f"{tmp_path / 'quiz.yaml'}:{line}"
