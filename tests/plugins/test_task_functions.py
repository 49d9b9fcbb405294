"""Functions of a file in a YAML task: scorers, metrics and rows, what they are given, and what an edit changes."""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalkit
from evalkit import plugins
from evalkit.core import Metric, Task, UsageError, Validity
from evalkit.runs.runner.rescore import rescore

MY = """
import statistics
from evalkit.core import Score

def polite(sample, text) -> bool:
    return "please" in text or sample.data["n"] == 3

def length(text: str, *, per: int = 1) -> float:
    return len(text) / per

async def detailed(sample, text):
    return Score("any", 0.25, "a", "because of " + text[:4])

def nothing(text):
    return None

def breaks(text):
    return 1 / 0

def takes_three(a, b, c):
    return 1

def median(values: list[float]) -> float:
    return statistics.median(values)

def share_above(values, *, bound: float = 5.0):
    return sum(value > bound for value in values) / len(values)

def spread_of_five(values):
    if len(values) < 9:
        raise ValueError("nine values are needed")

def no_number(values):
    return "many"

def row(row: dict) -> dict:
    return {**row, "question": row["q"].upper(), "double": 2 * row["n"]}

def bad_row(row):
    return {"q": row["missing"]}

def no_row(row):
    return [row]
"""
BASE = 'data: rows.jsonl\nprompt: "{{ q }}"\nanswer: "{{ n }}"\nid: "{{ n }}"\n'
REPLIES = ["please go", "go", "away with you please", "hm", "no"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(MY)
    rows = "".join(f'{{"n": {n}, "q": "say {n}"}}\n' for n in range(len(REPLIES)))
    (tmp_path / "rows.jsonl").write_text(rows)
    return tmp_path


def task(text: str) -> str:
    Path("my_task.yaml").write_text(BASE + text)
    return "my_task.yaml"


def says(prompt: str) -> str:
    return REPLIES[int(prompt.split()[-1])]


def run(text: str, model: Any = says) -> evalkit.Run:
    return evalkit.run(task(text), model)


def values(found: evalkit.Run, score: str) -> list[float | None]:
    return [record.value(score) for record in sorted(found.records(), key=lambda record: record.index)]


def test_a_function_of_sample_and_text_is_a_scorer(project: Path) -> None:
    found = run("scorers: [./my.py:polite]\n")
    assert values(found, "polite") == [1.0, 0.0, 1.0, 1.0, 0.0]
    estimate = found.estimate("my_task", "polite")
    assert estimate.value == 0.6
    assert 0.0 <= estimate.low < 0.6 < estimate.high <= 1.0, "bool means a proportion"


def test_settings_ends_and_names(project: Path) -> None:
    found = run("scorers: [{./my.py:length: {per: 2, ends: [0, 100], lower_is_better: true}}, my.py:detailed]\n")
    assert values(found, "length") == [len(reply) / 2 for reply in REPLIES]
    assert values(found, "detailed") == [0.25] * len(REPLIES)
    metrics = {metric.name: metric for scorer in _loaded().scorers for metric in scorer.metrics}
    assert (metrics["length"].ends, metrics["length"].higher_is_better) == ((0.0, 100.0), False)
    record = next(iter(found.records()))
    assert record.scores[1].reason.startswith("because of")


def _loaded() -> Task:
    made = plugins.load("task", "my_task.yaml")
    assert isinstance(made, Task)
    return made


@pytest.mark.parametrize(("name", "said"), [("nothing", "returned None"), ("breaks", "ZeroDivisionError")])
def test_what_a_scorer_cannot_score_is_on_the_sample_and_leaves_n(project: Path, name: str, said: str) -> None:
    found = evalkit.run(task(f"scorers: [./my.py:{name}]\n"), says, max_failures=1.0)
    records = list(found.records())
    assert {record.validity for record in records} == {Validity.SCORER_ERROR}
    assert all(said in str(record.failure) for record in records)
    assert found.estimate("my_task").n == 0


def test_a_function_of_values_is_a_metric_with_a_bootstrap(project: Path) -> None:
    found = run("scorers: [./my.py:length]\nmetrics: [./my.py:median, {./my.py:share_above: {bound: 3, of: length}}]\n")
    lengths = [len(reply) for reply in REPLIES]
    estimate = found.estimate("my_task", "median")
    assert estimate.value == statistics.median(lengths)
    assert estimate.how.startswith("bootstrap")
    assert min(lengths) <= estimate.low <= estimate.high <= max(lengths)
    assert found.estimate("my_task", "share_above").value == sum(length > 3 for length in lengths) / len(lengths)


def test_its_interval_is_the_percentile_bootstrap_of_scipy(project: Path) -> None:
    """Against scipy.stats.bootstrap: the same median, bounds that differ by no more than two seeds of its own do."""
    from scipy import stats

    draw = np.random.default_rng(5).gamma(2.0, size=200)
    metric = _metric("metrics: [./my.py:median]\nscorers: [./my.py:length]\n")
    own = metric.estimate(draw[:, None], np.arange(200))
    theirs = stats.bootstrap((draw,), np.median, method="percentile", n_resamples=5000, rng=1).confidence_interval
    width = theirs.high - theirs.low
    assert own.value == np.median(draw)
    assert abs(own.low - theirs.low) < 0.1 * width
    assert abs(own.high - theirs.high) < 0.1 * width


def test_clusters_are_drawn_whole(project: Path) -> None:
    draw = np.repeat(np.random.default_rng(5).gamma(2.0, size=20), 10)
    metric = _metric("metrics: [./my.py:median]\nscorers: [./my.py:length]\n")
    alone = metric.estimate(draw[:, None], np.arange(200))
    together = metric.estimate(draw[:, None], np.repeat(np.arange(20), 10))
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert "20 clusters" in together.how


def test_a_metric_that_fails_at_the_end_loses_no_sample(project: Path) -> None:
    found = run("scorers: [./my.py:length]\nmetrics: [length, ./my.py:spread_of_five]\n")
    estimate = found.estimate("my_task", "spread_of_five")
    assert np.isnan(estimate.value)
    assert "nine values are needed" in estimate.how
    assert "my.py" in estimate.how
    assert found.manifest.status == "finished"
    assert found.estimate("my_task", "length").n == len(REPLIES)


def _metric(text: str) -> Metric:
    task(text)
    return _loaded().metrics[0]


def test_a_function_of_a_row_makes_the_columns_that_templates_see(project: Path) -> None:
    text = BASE.replace("{{ q }}", "{{ question }}").replace('"{{ n }}"\nid', '"{{ double }}"\nid')
    Path("my_task.yaml").write_text(text + "sample: ./my.py:row\n")
    found = evalkit.run("my_task.yaml", lambda prompt: prompt)
    record = sorted(found.records(), key=lambda record: record.index)[3]
    assert (record.sample.input, record.sample.targets) == ("SAY 3", ("6",))


def test_an_edit_is_another_source_and_another_signature(project: Path) -> None:
    text = "scorers: [./my.py:polite]\nmetrics: [polite, ./my.py:median]\nsample: ./my.py:row\n"
    one = run(text).manifest.task("my_task")
    again = run(text).manifest.task("my_task")
    assert (one.identity["source"], one.result.signature) == (again.identity["source"], again.result.signature)
    Path("my.py").write_text(MY + "\n# edited\n")
    other = run(text).manifest.task("my_task")
    assert one.identity["source"] != other.identity["source"]
    assert one.result.signature != other.result.signature


def test_an_edited_scorer_is_applied_by_rescore(project: Path) -> None:
    found = run("scorers: [./my.py:polite]\n")
    Path("my.py").write_text(MY.replace('"please" in text', '"go" in text'))
    again = asyncio.run(rescore(found, {"my_task": _loaded()}, project / "again"))
    assert values(again, "polite") == [1.0, 1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scorers: [./my.py:polit]\n", "did you mean 'polite'"),
        ("scorers: [./mine.py:polite]\n", "no file"),
        ("scorers: [./my.py:statistics]\n", "is not a function"),
        ("scorers: [./my.py:takes_three]\n", "takes a sample and a text"),
        ("scorers: [{./my.py:length: {pre: 2}}]\n", "per"),
        ("scorers: [{./my.py:length: {per: two}}]\n", "wrong type"),
        ("scorers: [{./my.py:polite: {ends: 3}}]\n", "two numbers"),
        ("scorers: [./my.py:length]\nmetrics: [{./my.py:median: {of: size}}]\n", "of: size"),
        ("scorers: [./my.py:length]\nmetrics: [./my.py:no_number]\n", "must return a number"),
        ("sample: my.row\n", "must name a function in a file"),
        ("sample: ./my.py:bad_row\n", "KeyError: 'missing'"),
        ("sample: ./my.py:no_row\n", "must return a dict"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error_with_its_place(project: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        run(text)
    assert said in str(raised.value)
    assert "my_task.yaml" in str(raised.value) or "my.py" in str(raised.value) or "must return" in said
