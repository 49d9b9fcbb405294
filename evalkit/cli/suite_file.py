"""A suite file: the tasks, models, options and gate of a run in YAML, as `evalkit run suite.yaml` takes it.

A suite that is a task of its own (one number for several tasks) is `plugins.yaml_suite`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from evalkit.core import UsageError, spec
from evalkit.runs.options import OPTIONS, RunOption

if TYPE_CHECKING:
    from evalkit.comparing.gates.policy import Policy
    from evalkit.plugins.yaml_tree import Value

__all__ = ["NOT_OPTIONS", "gate_of", "read_suite", "suite_among"]

NOT_OPTIONS = ("tasks", "models", "gate", "against")
"""What else a suite file may hold."""


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


def suite_among(tasks: Sequence[str]) -> tuple[dict[str, Any], Path | None]:
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
                raise UsageError(f"{name} is a suite, which cannot be combined with other tasks", found=" ".join(tasks))
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
    is_text = option.plain is str or bool(get_args(option.plain))
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
