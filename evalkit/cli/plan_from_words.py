"""The options of a run on the command line and in suite files, and the plan that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import click

from evalkit.core import UsageError, spec
from evalkit.runs.options import OPTIONS, Command, RunOption

if TYPE_CHECKING:
    from evalkit.comparing.gates.policy import Policy
    from evalkit.plugins.yaml_tree import Value
    from evalkit.runs.plan import RunPlan

NOT_OPTIONS = ("tasks", "models", "gate", "against")
"""What else a suite file may hold."""
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def run_options(command: Command) -> Callable[[Decorated], Decorated]:
    """Gives a command the options of a run that it takes, in the order of their table."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(list(OPTIONS.values())):
            if command in option.commands:
                function = run_option(option.name)(function)
        return function

    return decorate


def run_option(name: str) -> Callable[[Decorated], Decorated]:
    """One of them, for another command that has it as well."""
    option = OPTIONS[name]
    flags = option.flags or (option.flag,)
    if option.plain is bool:
        # --no-cache is `no_cache`.
        return click.option(*flags, flags[-1].strip("-").replace("-", "_"), is_flag=True, help=option.help)
    return click.option(
        *flags,
        name,
        type=_click_type(option),
        multiple=option.multiple,
        metavar=option.metavar or None,
        help=option.help,
    )


def _click_type(option: RunOption) -> Any:
    parts = get_args(option.plain)
    if get_origin(option.plain) is Literal:
        return click.Choice([word for word in parts if word])
    if Path in parts:
        return click.Path(path_type=Path)
    return str if str in parts else option.plain


def plan_from(tasks: Sequence[str], given: Mapping[str, Any]) -> RunPlan:
    """The plan of a command line; of its suite file, where the one argument is one, with options on top.

    Raises UsageError for contradictions, and with file and line for a mistake in a suite file.
    """
    from evalkit.runs.plan import plan_with

    suite, folder = _suite(tasks)
    said = {**suite, **{key: value for key, value in given.items() if value is not None and value is not False}}
    names = suite["tasks"] if suite else list(tasks)
    models = list(given["models"]) or suite.get("models", [])
    if not names:
        raise UsageError("no task is given", fix="evalkit run TASK… --model MODEL; evalkit list tasks")
    if not models:
        raise UsageError("no model is given", fix="--model tiny, or --model hf/<repo or path>; evalkit list models")
    for name, value in given.items():
        if name in OPTIONS and not OPTIONS[name].multiple:
            OPTIONS[name].check(value)
    return plan_with(
        _with_options(names, given["task_options"], "task", "-T"),
        _batched(_with_options(models, given["model_options"], "model", "-M"), batch=given.get("batch")),
        {**said, "cache": not given["no_cache"], "project": folder},
    )


def _with_options(names: Sequence[str], options: Sequence[str], kind: str, flag: str) -> list[str]:
    """Names with the options of -T or -M written inline. With several names it is unclear which is meant."""
    if not options:
        return list(names)
    inline = ",".join(options)
    if len(names) != 1:
        raise UsageError(f"{flag} needs exactly one {kind}", found=", ".join(names), fix=f"{names[0]},{inline}")
    asked = spec.parse(names[0])
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{flag} takes KEY=VALUE", found=repr(option))
        if key in asked.options:
            raise UsageError(f"the option {key!r} is given twice", found=f"{names[0]!r} and {flag} {option}")
        asked.options[key.strip()] = value.strip()
    return [str(asked)]


def _batched(names: Sequence[str], *, batch: bool | None) -> list[str]:
    """Models asked by their providers' batches, where --batch says so."""
    if not batch:
        return list(names)
    asked = [spec.parse(name) for name in names]
    for name, model in zip(names, asked, strict=True):
        if model.options.setdefault("batch", "on") != "on":
            raise UsageError("--batch and batch=off exclude each other", found=name, fix="leave one of them out")
    return [str(model) for model in asked]


# ---------------------------------------------------------------- suite files


def read_suite(path: Path) -> dict[str, Any]:
    """What a suite file says. Raises UsageError with file and line, also for a file that names no tasks."""
    from evalkit.plugins.yaml_tree import read_yaml

    tree = read_yaml(path)
    if "tasks" not in tree.mapping():
        raise tree.wrong("a suite names its tasks", fix="tasks: [mmlu, squad]")
    return _read(tree)


def gate_of(path: Path) -> Policy | None:
    """The policy under a suite's `gate:`, which must name its baseline; None where the suite has none."""
    from evalkit.comparing.gates.policy_file import policy_of
    from evalkit.plugins.yaml_tree import read_yaml

    found = read_yaml(path).mapping().get("gate")
    if found is None:
        return None
    policy = policy_of(found)
    if not policy.baseline:
        raise found.wrong("a suite's gate names its baseline", fix="baseline: baseline.evalkit")
    return policy


def _suite(tasks: Sequence[str]) -> tuple[dict[str, Any], Path | None]:
    """What the suite file among the arguments says and its folder; nothing where none of them is one."""
    if not any(name.endswith((".yaml", ".yml")) for name in tasks):
        return {}, None
    from evalkit.plugins.yaml_tree import read_yaml

    for name in tasks:
        path = Path(name)
        if path.suffix not in (".yaml", ".yml") or not path.is_file():
            continue
        tree = read_yaml(path)
        if "tasks" in tree.mapping():
            if len(tasks) > 1:
                raise UsageError(f"{name} is a suite: it stands alone", found=" ".join(tasks))
            return _read(tree), path.resolve().parent
    return {}, None


def _read(tree: Value) -> dict[str, Any]:
    options = [option for option in OPTIONS.values() if option.suite]
    found = tree.mapping((*NOT_OPTIONS, *(option.name for option in options)))
    suite: dict[str, Any] = {"tasks": [_name(item) for item in found["tasks"].items()]}
    for key in ("models", "against"):  # a run is of the models alone; `evalkit quantize-check` reads the others, too
        if key in found:
            suite[key] = [_name(item) for item in found[key].items()]
    for option in options:
        if option.name in found:
            suite[option.name] = _value(option, found[option.name])
    return suite


def _value(option: RunOption, value: Value) -> Any:
    """An option's value in a suite file, whose relative paths are meant from its folder."""
    is_text = bool(get_args(option.plain))
    read = value.text() if is_text else value.plain()
    if not option.allows(read):
        raise value.wrong(f"this must be {option.wanted}", found=repr(read))
    return value.path.resolve().parent / read if Path in get_args(option.plain) else read


def _name(item: Value) -> str:
    """`mmlu,subject=anatomy`, or the same as a mapping: `mmlu: {subject: anatomy}`."""
    if not item.is_mapping():
        return item.text()
    named = item.mapping()
    if len(named) != 1:
        raise item.wrong("a name with its options is one key", found=", ".join(named))
    (name, options), *_ = named.items()
    return str(spec.Spec(name, {key: value.text() for key, value in options.mapping().items()}))
