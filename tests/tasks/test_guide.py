"""The examples of docs/how-to/own-task.md, taken from the page, load and score 1.0 on their own gold answers."""

import asyncio
import re
from pathlib import Path

import pytest

import evalkit
from evalkit.core import DataOptions, Task
from evalkit.plugins import load
from evalkit.plugins.named import methods, metrics, scorers
from evalkit.plugins.yaml_task import KEYS
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check
from tests.tasks.loading import good

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "how-to" / "own-task.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
TASKS = [name for name in FILES if name.endswith((".yaml", ".py"))]


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def loaded(folder, name) -> Task:
    task = load("task", str(folder / name))
    assert isinstance(task, Task)
    return task


def test_the_page_has_its_examples():
    assert TASKS == [
        "capitals.yaml",
        "open_capitals.yaml",
        "lettered_capitals.yaml",
        "questions_as_text.yaml",
        "greetings.yaml",
        "moods.yaml",
        "reasoned_capitals.yaml",
        "sums.py",
        "stock.py",
    ]


@pytest.mark.parametrize("name", TASKS)
def test_an_example_scores_one_on_its_gold_answers(folder, name):
    found = asyncio.run(check(prepare(loaded(folder, name), name, "", GoldModel(), Settings())))
    assert found.problems == []
    assert found.samples >= 3


@pytest.mark.parametrize("name", TASKS)
def test_an_example_runs_on_the_embedded_model(folder, tmp_path, name):
    pytest.importorskip("torch", reason="the embedded model needs torch")
    run = evalkit.run(str(folder / name), "tiny", limit=2, out=tmp_path / "run", cache=False)
    result = run.manifest.tasks[0].result
    assert (result.samples, result.failed) == (2, 0)
    assert result.metrics


def test_the_example_with_classes_shows_one_of_each(folder):
    lines = first_prompt(loaded(folder, "moods.yaml")).splitlines()
    shown = [line.removeprefix("Mood: ") for line in lines if line.startswith("Mood: ")]
    assert sorted(shown) == ["negative", "neutral", "positive"]


def test_every_name_is_on_the_page_of_scorers_metrics_and_methods():
    page = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    for name in {*scorers.names(), *metrics.names(), *methods.names()}:
        assert f"`{name}`" in page, name


def first_prompt(task: Task) -> str:
    options = DataOptions()
    part = task.data[0]
    renderer = PromptRenderer(task.name, task.prompt, task.fewshot, part, task.sample, options, 1, lm_eval_stream())
    return renderer.render(task.sample(good(next(iter(part.rows.open(options).rows()))))).text


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        (
            "open_capitals.yaml",
            "Answer with the name of a city.\n\nWhat is the capital of Peru?",
        ),
        ("lettered_capitals.yaml", "What is the capital of Peru?\nA. Quito\nB. Lima\nC. Bogotá\nAnswer:"),
        ("questions_as_text.yaml", "What is the capital of Peru?"),
        ("sums.py", "99 + 0 ="),
    ],
)
def test_the_prompt_of_an_example(folder, name, prompt):
    assert first_prompt(loaded(folder, name)) == prompt


def test_the_ten_line_task_shows_one_other_row_before_the_question(folder):
    prompt = first_prompt(loaded(folder, "capitals.yaml"))
    assert prompt in {
        f"Question: What is the capital of {country}?\nAnswer: {city}\n\n"
        "Question: What is the capital of Peru?\nAnswer:"
        for country, city in (("Kenya", "Nairobi"), ("Norway", "Oslo"))
    }


def test_the_ten_line_task_has_ten_lines_at_most():
    assert len(FILES["capitals.yaml"].splitlines()) <= 10


def test_every_key_is_explained():
    table = PAGE[PAGE.index("### The keys") :]
    rows = "".join(line.partition("|")[2].partition("|")[0] for line in table.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", table)) >= set(KEYS)
    assert set(re.findall(r"`(\w+)`", rows)) == set(KEYS)
