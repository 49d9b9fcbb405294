"""Toy sets: entries of their own beside the task whose file they are in, loaded by name alone, and marked."""

import json

import pytest

from evalkit.core import DataOptions, Task, UsageError
from evalkit.core.paths import cache_dir
from evalkit.plugins import index, load, origin, reload

FILE = """
from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Subset, Task
from evalkit.data import rows
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import exact_match

META = {"name": "mine", "summary": "a task", "tags": ["t"], "toys": TOYS}


def task(*, digits: int = 1, files: str = "", data: Literal["files", "toy"] = "files") -> Task:
    return Task(
        "mine",
        (Subset(rows([{"from": data, "digits": digits}])),),
        lambda row: Sample(row.id, str(row.values)),
        PromptFormat(),
        generate(max_tokens=1, stop=()),
        (exact_match(),),
    )
"""
TOYS = '{"toy_mine": {"data": "toy", "files": ""}}'


@pytest.fixture
def mine(project, put):
    put("tasks/mine.py", FILE.replace("TOYS", TOYS))
    return project


def values(task):
    assert isinstance(task, Task)
    return task.data[0].rows.open(DataOptions()).rows().__next__().values


def test_a_toy_set_is_listed_beside_its_task_and_its_summary_and_tags_say_what_it_is(mine):
    task, toy = [entry for entry in index("task", mine) if entry.origin == "project"]
    assert (task.name, task.tags, task.summary) == ("mine", ("t",), "a task")
    assert (toy.name, toy.tags, toy.path) == ("toy_mine", ("toy", "t"), task.path)
    assert toy.summary.startswith("toy set: ")
    # The second time it comes from the cache of what was read before.
    assert [e for e in index("task", mine) if e.origin == "project"] == [task, toy]


def test_it_is_loaded_with_what_it_stands_for_and_marked(mine):
    toy, task = load("task", "toy_mine,digits=3", project=mine), load("task", "mine", project=mine)
    assert (toy.name, toy.toy, values(toy)) == ("toy_mine", True, {"from": "toy", "digits": 3})
    assert (task.name, task.toy, values(task)) == ("mine", False, {"from": "files", "digits": 1})
    again = reload(origin("task", "toy_mine,digits=3", project=mine))
    assert isinstance(again, Task)
    assert (again.name, again.toy, values(again)) == ("toy_mine", True, values(toy))


@pytest.mark.parametrize(
    ("spec", "fix"),
    [
        ("mine,data=sample,digits=2", "toy_mine,digits=2"),
        ("mine,data=toy", "toy_mine"),
        ("toy_mine,data=toy", "toy_mine"),
        ("mine,data=files,files=x", "mine,files=x"),
        ("./tasks/mine.py,data=sample", "toy_mine"),
        ("toy_mine,files=x,digits=2", "mine,files=x,digits=2"),
        ("mine,nosuch=1", "options: digits=<int> (1), files=<str>"),
        ("toy_mine,nosuch=1", "options: digits=<int> (1)"),
        ("toy_min", "did you mean 'toy_mine'?"),
    ],
)
def test_what_chooses_a_toy_set_is_no_option(mine, spec, fix):
    with pytest.raises(UsageError) as caught:
        load("task", spec, project=mine)
    assert caught.value.fix == fix
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("toys", ["['toy_x']", "{'small': {'data': 'toy'}}", "{'toy_x': {}}", "{'toy_x': {'n': 1}}"])
def test_a_toy_set_has_a_toy_sets_name_and_options(project, put, toys):
    path = put("tasks/mine.py", FILE.replace("TOYS", toys))
    [entry] = [entry for entry in index("task", project) if entry.origin == "project"]
    assert entry.name == "mine"
    assert entry.problem.startswith(f"{path}:")
    assert '{"toy_mine": {"data": "toy"}}' in entry.problem


def test_a_damaged_cache_is_read_anew(mine):
    before = index("task", mine)
    cache = cache_dir() / "plugins" / "task.json"
    content = json.loads(cache.read_text())
    for known in content["files"].values():
        known["meta"]["toys"] = {"small": 1}
    cache.write_text(json.dumps(content))
    assert index("task", mine) == before


def test_built_in_toy_sets_are_named_after_their_tasks():
    entries = {entry.name: entry for entry in index("task")}
    toys = [entry for entry in entries.values() if "toy" in entry.tags]
    assert len(toys) == 19
    assert all(entries[toy.name.removeprefix("toy_")].path == toy.path for toy in toys)
