"""A run's options are declared once: Python, the command line, suite files and the plan hold the same ones."""

from __future__ import annotations

import types
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import click
import numpy as np
import orjson
import pytest

import evalkit
from evalkit.cli.commands import gate, quantize_check, run
from evalkit.cli.plan_from_words import plan_from
from evalkit.cli.suite_file import NOT_OPTIONS, read_suite
from evalkit.core import UsageError
from evalkit.runs.options import OPTIONS
from evalkit.runs.plan import RunKeywords, plan_from_manifest, plan_with
from evalkit.runs.store import Manifest

IN_PYTHON = [option for option in OPTIONS.values() if option.python]
COMMANDS: dict[str, click.Command] = {"run": run.command, "gate": gate.run, "quantize-check": quantize_check.command}
BESIDE = {
    "run": {"tasks", "resume", "dry_run", "watch", "as_json"},
    "gate": {
        *(
            "candidate",
            "baseline",
            "baseline_ref",
            "policy",
            "margin",
            "mean_margin",
            "confidence",
            "tasks",
            "any_drop_blocks",
        ),
        *(
            "degraded",
            "inconclusive",
            "common_samples",
            "max_failures",
            "sequential",
            "adaptive",
            "budget",
            "dry_run",
            "markdown",
            "junit",
        ),
        *("json_file", "github"),
    },
    "quantize-check": {"model", "against", "tasks", "policy", "margin", "out", "resume", "as_json"},
}
GIVEN: dict[str, Any] = {"models": ["tiny"], "model_options": (), "task_options": (), "no_cache": False}


def test_the_type_for_editors_is_the_table() -> None:
    hints = get_type_hints(RunKeywords)
    assert set(hints) == {option.name for option in IN_PYTHON}
    for option in IN_PYTHON:
        if option.name != "progress":  # a protocol of the runner, which stands above the table
            assert without_none(hints[option.name]) == without_none(option.plain), option.name


def without_none(hint: Any) -> set[Any]:
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return {part for part in parts if part is not type(None)}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_the_tables_options_and_its_own(name: str) -> None:
    taken = {parameter.name for parameter in COMMANDS[name].params}
    wanted = {"no_cache" if o.name == "cache" else o.name for o in OPTIONS.values() if name in o.commands}
    assert taken == wanted | BESIDE[name]
    for option in OPTIONS.values():
        if name in option.commands:
            (found,) = [p for p in COMMANDS[name].params if option.flag in p.opts]
            assert isinstance(found, click.Option) and found.help == option.help


VALUES: dict[str, Any] = {
    "limit": 3,
    "subset": "anchors=50",
    "num_fewshot": 2,
    "fewshot_order": "first",
    "fewshot_turns": "on",
    "choice_form": "letter",
    "shuffle_choices": True,
    "seed": 7,
    "samples": 4,
    "temperature": 0.6,
    "top_p": 0.9,
    "top_k": 20,
    "min_p": 0.1,
    "repetition_penalty": 1.1,
    "max_tokens": 32,
    "thinking_tokens": 64,
    "recommended": True,
    "data_dir": ".",
    "offline": True,
    "skip_bad_rows": True,
    "max_failures": 0.5,
    "unsafe_code": "subprocess",
    "tasks_from": "folder",
    "out": "there",
    "cache": False,
    "max_cost": 2.5,
    "max_age": "12h",
    "record": "a.cassette",
    "replay": "b.cassette",
    "project": "..",
    "judge": "tiny",
    "replicas": "2,cpus=1",
    "ray": "auto",
    "sandbox_workers": "8",
}


def test_every_option_makes_another_plan() -> None:
    # `allow_code` is a leave for this process, which no plan and no manifest keeps.
    assert set(VALUES) | {"progress", "allow_code"} == {option.name for option in IN_PYTHON}
    plain = plan_with(("lm-eval/t",), ("tiny",), {})
    for name, value in VALUES.items():
        assert plan_with(("lm-eval/t",), ("tiny",), {name: value}) != plain, name
        assert OPTIONS[name].allows(value), name


def test_a_resumed_run_has_every_option_of_the_run_that_it_continues() -> None:
    """`out` is where it lies, and `project` is kept as a whole path; everything else comes back from the manifest."""
    for name, value in VALUES.items():
        if name == "out":
            continue
        plan = plan_with(("lm-eval/t",), ("tiny",), {name: value})
        settings = orjson.loads(orjson.dumps(asdict(plan.settings), default=str))
        written = Manifest("r", "running", "", {}, settings, orjson.loads(orjson.dumps(plan.request())), {})
        again = plan_from_manifest(written)
        whole = (whole_path(plan.project), whole_path(plan.record), whole_path(plan.replay))
        assert again == replace(plan, project=whole[0], record=whole[1], replay=whole[2]), name


def whole_path(path: Path | None) -> Path | None:
    return path.resolve() if path else None


def test_what_a_suite_says_is_what_python_and_the_command_line_say(tmp_path: Path) -> None:
    keys = {name: value for name, value in VALUES.items() if OPTIONS[name].suite and name not in ("out", "data_dir")}
    lines = [f"{name}: {str(value).lower() if isinstance(value, bool) else value}" for name, value in keys.items()]
    path = tmp_path / "suite.yaml"
    path.write_text("tasks: [t]\nmodels: [tiny]\nout: there\ndata_dir: .\n" + "\n".join(lines) + "\n")
    there = {"out": tmp_path / "there", "data_dir": tmp_path, "project": tmp_path}
    expected = plan_with(("t",), ("tiny",), {**keys, **there})
    assert plan_from([str(path)], {**GIVEN, "models": []}) == expected
    assert read_suite(path) == {"tasks": ["t"], "models": ["tiny"], **keys, "out": there["out"], "data_dir": tmp_path}
    expected = plan_with(("t",), ("tiny",), {**keys, **there, "project": None})
    assert plan_from(["t"], {**GIVEN, **keys, **there}) == expected


BAD: list[tuple[str, Any, str]] = [
    ("limit", 0, "a whole number of at least 1"),
    ("limit", 2.5, "a whole number of at least 1"),
    ("limit", True, "a whole number of at least 1"),
    ("limit", "3", "a whole number of at least 1"),
    ("subset", "sixty", "anchors=N, or anchors=N,runs=DIR"),
    ("subset", "anchors=0", "anchors=N, or anchors=N,runs=DIR"),
    ("subset", 200, "anchors=N, or anchors=N,runs=DIR"),
    ("samples", 0, "a whole number of at least 1"),
    ("num_fewshot", -1, "a whole number of at least 0"),
    ("seed", -1, "a whole number of at least 0"),
    ("seed", False, "a whole number of at least 0"),
    ("fewshot_order", "frist", "one of first, random, seeded, balanced, lm-eval"),
    ("max_failures", 1.5, "a proportion between 0 and 1"),
    ("max_failures", float("nan"), "a proportion between 0 and 1"),
    ("max_failures", "half", "a proportion between 0 and 1"),
    ("offline", "yes", "true or false"),
    ("offline", 1, "true or false"),
    ("cache", "no", "true or false"),
    ("unsafe_code", "docker", "one of subprocess"),
    ("max_cost", 0.0, "a number of US dollars above 0"),
    ("max_cost", float("inf"), "a number of US dollars above 0"),
    ("max_cost", "2", "a number of US dollars above 0"),
    ("judge", 3, "a model"),
    ("data_dir", 3, "a folder"),
    ("out", 1.0, "a folder"),
    ("record", [], "a file"),
    ("project", b"x", "a folder"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), BAD)
def test_a_bad_value_in_python_is_refused_before_anything_runs(name: str, value: Any, wanted: str) -> None:
    with pytest.raises(UsageError, match=f"^{name} must be {wanted}\n") as caught:
        evalkit.run("nowhere.yaml", "tiny", **{name: value})
    assert str(value) in caught.value.found


def in_a_suite(name: str, value: Any, wanted: str) -> bool:
    """Whether a suite can say it: not what is not a key there, and of a path and a judge every text is one."""
    return OPTIONS[name].suite and name not in ("judge", "data_dir", "out") and value == value


@pytest.mark.parametrize(("name", "value", "wanted"), [bad for bad in BAD if in_a_suite(*bad)])
def test_and_in_a_suite_with_file_and_line(name: str, value: Any, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower()
    path.write_text(f"tasks: [t]\n\n{name}: {text}\n")
    with pytest.raises(UsageError, match=f"{name}: this must be {wanted}") as caught:
        read_suite(path)
    assert caught.value.at == f"{path}:3"


def on_the_command_line(name: str, value: Any, wanted: str) -> bool:
    """Whether click hands it on: it reads numbers of the right type, whatever their range."""
    return (
        "run" in OPTIONS[name].commands and type(value) is OPTIONS[name].plain and OPTIONS[name].plain in (int, float)
    )


@pytest.mark.parametrize(("name", "value", "wanted"), [bad for bad in BAD if on_the_command_line(*bad)])
def test_and_on_the_command_line(name: str, value: float, wanted: str) -> None:
    with pytest.raises(UsageError, match=f"^{OPTIONS[name].flag} must be {wanted}"):
        plan_from(["t"], {**GIVEN, name: value})


@pytest.mark.parametrize(
    ("name", "meant"), [("limt", "limit"), ("num_few_shot", "num_fewshot"), ("max_costs", "max_cost"), ("outt", "out")]
)
def test_a_misspelt_option_is_answered_with_the_right_one(name: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no option of evalkit.run named '{name}'\n.*did you mean '{meant}'"):
        evalkit.run("mmlu", "tiny", **{name: 3})  # type: ignore[call-overload]
    if OPTIONS[meant].suite:
        path = tmp_path / "suite.yaml"
        path.write_text(f"tasks: [t]\n{name}: 3\n")
        with pytest.raises(UsageError, match=f"unknown key '{name}'\n.*did you mean '{meant}'") as caught:
            read_suite(path)
        assert caught.value.at == f"{path}:2"


@pytest.mark.parametrize("name", ["models", "quiet", "batch", "resume"])
def test_what_is_the_command_lines_alone_is_no_keyword(name: str) -> None:
    with pytest.raises(UsageError, match=f"no option of evalkit.run named {name!r}"):
        evalkit.run("mmlu", "tiny", **{name: True})  # type: ignore[call-overload]


def test_none_is_not_given_and_numbers_of_numpy_are_numbers() -> None:
    assert plan_with(("t",), ("m",), dict.fromkeys(VALUES)) == plan_with(("t",), ("m",), {})
    value: Any
    for value, allowed in ((np.int64(3), True), (np.int64(0), False), (np.float64(3), False), (np.bool_(True), False)):
        assert OPTIONS["limit"].allows(value) is allowed, value
    for value, allowed in ((np.float64(0.5), True), (np.float32(1.5), False), (1, True)):
        assert OPTIONS["max_failures"].allows(value) is allowed, value
    assert not set(NOT_OPTIONS) & {option.name for option in OPTIONS.values() if option.suite}
