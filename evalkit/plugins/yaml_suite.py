"""A suite written in YAML: names of tasks, each with the examples, metric, weight and category that it counts with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from evalkit.core import Member, Suite, UsageError
from evalkit.core.suites import Average
from evalkit.plugins.meta import checked
from evalkit.plugins.yaml_tree import Value, read_yaml

KEYS = ("name", "summary", "tags", "suite", "average", "metric")
_SETTINGS = ("fewshot", "metric", "weight", "category", "floor")
_IN_PLACE = ("suite", "average")


def is_suite(path: Path) -> bool:
    """Whether a .yaml file is a suite and not a task. Raises UsageError for malformed YAML."""
    return "suite" in read_yaml(path).mapping()


def yaml_suite(path: Path, options: Mapping[str, str]) -> Suite:
    """The suite in a .yaml file. Its tasks are not loaded.

    Raises UsageError, with file and line, for an unknown key, a value of the wrong type and a task that occurs twice.
    """
    keys = read_yaml(path).mapping(KEYS)
    named = keys["name"].text() if "name" in keys else path.stem
    meta = checked({"name": named}, path.stem, keys["name"].at if "name" in keys else str(path))
    if meta.problem:
        raise UsageError(meta.problem)
    if options:
        fix = "give options to a task of it, inline: suite: [task,key=value]"
        raise UsageError(f"the suite {named!r} takes no options", found=f"{next(iter(options))}=…", fix=fix)
    return Suite(named, _members(keys["suite"]), *_way(keys))


def _members(listed: Value) -> tuple[Member, ...]:
    members = tuple(_member(item) for item in listed.items())
    for number, member in enumerate(members):
        if member.task in [earlier.task for earlier in members[:number]]:
            raise listed.wrong(f"{member.task!r} occurs twice", fix="name each task once")
    return members


def _way(keys: Mapping[str, Value]) -> tuple[Average, tuple[str, ...]]:
    """How a suite averages, and the metrics that it has a mean of."""
    average = _average(keys["average"]) if "average" in keys else "tasks"
    return average, keys["metric"].texts() if "metric" in keys else ()


def _member(item: Value) -> Member:
    """`task`, or `task: {fewshot: 5, metric: acc, …}`; a task's own options stand inline. `name: {suite: [...]}` is a
    suite in place."""
    if not item.is_mapping():
        return Member(item.text())
    named = item.mapping()
    if len(named) != 1:
        raise item.wrong("write one task with its settings", fix="task: {fewshot: 5}, one to a list item")
    [(task, told)] = named.items()
    settings = told.mapping()
    inner = "suite" in settings
    told.mapping((*_SETTINGS, *(_IN_PLACE if inner else ())))
    weight = settings["weight"].number() if "weight" in settings else 1.0
    if not 0.0 < weight < float("inf"):
        raise settings["weight"].wrong("this must be a number above 0", found=f"{weight:g}")
    floor = settings["floor"].number() if "floor" in settings else 0.0
    if not 0.0 <= floor < 1.0:
        raise settings["floor"].wrong("the score of guessing is at least 0 and below 1", found=f"{floor:g}")
    metrics = settings["metric"].texts() if "metric" in settings else ()
    return Member(
        task=task,
        fewshot=settings["fewshot"].integer() if "fewshot" in settings else None,
        metrics=() if inner else metrics,
        weight=weight,
        category=settings["category"].text() if "category" in settings else "",
        floor=floor,
        suite=Suite(task, _members(settings["suite"]), *_way(settings)) if inner else None,
    )


def _average(value: Value) -> Average:
    found = next((one for one in get_args(Average) if one == value.text()), None)
    if found is None:
        raise value.wrong(
            "unknown average", found=value.text(), fix="tasks, or samples to weigh tasks by their size, or none"
        )
    average: Average = found
    return average
