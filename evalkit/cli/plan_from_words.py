"""The plan that the words of a command line make, with those of a suite file among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.cli.suite_file import suite_among
from evalkit.core import UsageError, spec
from evalkit.runs.options import OPTIONS

if TYPE_CHECKING:
    from evalkit.runs.plan import RunPlan

__all__ = ["plan_from"]


def plan_from(tasks: Sequence[str], given: Mapping[str, Any]) -> RunPlan:
    """The plan of a command line; of its suite file, where the one argument is one, with options on top.

    Raises UsageError for contradictions, and with file and line for a mistake in a suite file.
    """
    from evalkit.runs.plan import plan_with

    suite, folder = suite_among(tasks)
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
            raise UsageError("--batch and batch=off cannot be combined", found=name, fix="leave one of them out")
    return [str(model) for model in asked]
