"""Every built-in task runs on the sets that ship, and its own gold answers score 1.0 there."""

import ast
import asyncio
import re
from pathlib import Path

import pytest

from evalkit.core import Task, UsageError
from evalkit.plugins import index, load
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check

REPOSITORY = Path(__file__).resolve().parents[2]
SPECS = [
    "toy_mmlu",
    "toy_mmlu,form=letter",
    "toy_squad",
    "toy_squad,version=2",
    "toy_cnn_dailymail",
    "toy_xsum",
    "toy_wikitext",
    "toy_perplexity",
]
# Samples of other shapes (conversations, sets of texts, programs) have tests of their own: test_vectors,
# test_structured, test_safety, test_humaneval, test_detection.
IN_OTHER_FILES = {
    "toy_clustering",
    "toy_contamination",
    "toy_format_sensitivity",
    "toy_function_calls",
    "toy_hallucination_detection",
    "toy_humaneval",
    "toy_json_output",
    "toy_prompt_injection",
    "toy_rag_faithfulness",
    "toy_refusals",
    "toy_retrieval",
    "toy_sts",
    "toy_tokenizer_efficiency",
}

TASKS = [entry for entry in index("task", REPOSITORY) if "toy" not in entry.tags]


def source(entry):
    path = entry.path / "__init__.py" if entry.path.is_dir() else entry.path
    return path.read_text(encoding="utf-8")


def test_every_toy_set_is_here():
    toys = {entry.name for entry in index("task", REPOSITORY) if "toy" in entry.tags}
    assert {spec.partition(",")[0] for spec in SPECS} | IN_OTHER_FILES == toys


@pytest.mark.parametrize("path", sorted((REPOSITORY / "tasks").rglob("*.py")), ids=lambda path: path.stem)
def test_rows_that_ship_are_asked_under_the_name_of_a_toy_set_alone(path):
    text = path.read_text(encoding="utf-8")
    if "bundled(" in text and path.name != "collection.py":
        assert '"toys": {"toy_' in text
        entry = next(e for e in TASKS if path in (e.path, e.path / "__init__.py"))
        try:
            task = load("task", entry.name)
        except UsageError as error:
            assert f"toy_{entry.name}" in str(error)
        else:
            assert all("Bundled" not in repr(subset) for subset in task.data)


@pytest.mark.parametrize("spec", SPECS)
def test_samples_are_well_formed(built_in, spec):
    loaded = built_in(spec)
    samples = loaded.samples()
    assert len(samples) >= 50
    assert len({sample.id for sample in samples}) == len(samples)
    for sample in samples:
        assert isinstance(sample.input, str)
        assert sample.input.strip()
        assert all(isinstance(target, str) and target for target in sample.targets)
        assert all(0 <= gold < len(sample.choices) for gold in sample.gold)
        assert (loaded.task.method.name == "choose") == bool(sample.choices)
        assert not loaded.task.prompt.question(sample).endswith((" ", "\n"))


@pytest.mark.parametrize("spec", SPECS)
def test_gold_answers_score_one(spec):
    task = load("task", spec)
    assert isinstance(task, Task)
    found = asyncio.run(check(prepare(task, spec, "", GoldModel(), Settings(num_fewshot=None))))
    assert found.problems == []
    assert found.samples >= 50


@pytest.mark.parametrize("spec", SPECS)
def test_the_headline_is_a_metric_of_the_task(spec):
    task = load("task", spec)
    metrics = task.metrics or tuple(metric for scorer in task.scorers for metric in scorer.metrics)
    assert task.primary_metric in [metric.name for metric in metrics]


@pytest.mark.parametrize("entry", TASKS, ids=lambda entry: entry.name)
def test_a_task_begins_with_its_paper_licence_and_a_row(entry):
    text = source(entry)
    if entry.path.suffix == ".yaml":
        words = "".join(line[2:] + "\n" for line in text.splitlines() if line.startswith("#"))
    else:
        words = ast.get_docstring(ast.parse(text)) or ""
    assert entry.summary
    assert entry.tags
    if "suite" not in entry.tags:
        assert "https://" in words
        assert '    {"' in words
    if entry.name != "perplexity" and "suite" not in entry.tags:
        assert re.search("licence|free for|MIT|CC-BY|AFL|Apache", words)
