"""How the texts of a task are drawn in a run: what the run says, then the task's recommendation, then the model's."""

from __future__ import annotations

from collections.abc import Collection

from evalkit.core import Generate, Model, Sampling, Task, UsageError
from evalkit.prompting.drawing import drawn_as, features_of, is_greedy, temperature_of
from evalkit.runs.runner.settings import Settings

__all__ = ["departures", "drawing_of", "hold_to"]

_ENDS = ("not-taken", "lowered")
_OWN_TEMPERATURE = 1.0
"""What servers draw at that take no temperature: they say that only their default of 1 is allowed."""


def drawing_of(task: Task, model: Model, settings: Settings) -> Sampling:
    """What is said of how the task's texts are drawn: by the run's options, with `recommended` by the task, and by the
    model where it was opened with its own generation config.

    Raises UsageError for a setting that the model does not take, and for several samples that would all be the same.
    """
    said = settings.sampling
    if settings.recommended:
        said = said.or_else(task.recommended)
    own = getattr(model, "recommended", None)
    if isinstance(own, Sampling):
        said = said.or_else(own)
    if Generate not in task.method.needs:
        if "sampling" not in task.method.settings:  # responses that are stored were drawn elsewhere
            why = "it weighs what it is given, and every attempt would give the same numbers"
            _refuse_copies(task, said, why, fix="--samples 1")
        return said
    name = model.identity.name
    if lacking := sorted(features_of(said) - model.capabilities.features):
        raise UsageError(
            f"{name} takes no {', '.join(lacking)}",
            found=", ".join(f"{one}={said.said[one]:g}" for one in lacking),
            fix="leave it out, or a model that does: docs/reference/protocols.md",
        )
    if is_greedy(drawn_as(task.method, said)):
        _refuse_copies(
            task, said, "its texts are greedy, so that all of a question's would be the same", "--temperature 0.6"
        )
    return said


def _refuse_copies(task: Task, said: Sampling, why: str, fix: str) -> None:
    if said.samples is not None and said.samples > 1:
        raise UsageError(
            f"{said.samples} samples of task {task.name!r} measure nothing: {why}",
            found=f"--samples {said.samples}",
            fix=fix,
        )


def departures(task: Task, said: Sampling) -> str:
    """Where a run departs from what the task recommends, in words; "" where it does not."""
    method = drawn_as(task.method, said)
    values = {"temperature": temperature_of(method), "samples": 1, **said.said}
    limit = method.settings.get("max_tokens", "")
    if limit.isdecimal():
        values["max_tokens"] = int(limit)
    found = []
    for name, wanted in task.recommended.said.items():
        value = values.get(name)
        if value != wanted:
            found.append(f"{name} {'–' if value is None else f'{value:g}'} instead of {wanted:g}")
    return "; ".join(found)


def hold_to(task: Task, settings: Settings, flags: Collection[str], model: str) -> None:
    """Raises UsageError where a server left out a setting that the run names: its signature would say what was not
    measured. What a task says by itself may be left out, and is a flag of the record."""
    said = settings.sampling.or_else(task.recommended) if settings.recommended else settings.sampling
    for name, value in said.said.items():
        lost = {f"{name}-{end}".replace("_", "-") for end in _ENDS} & set(flags)
        if lost and (name, value) != ("temperature", _OWN_TEMPERATURE):
            raise UsageError(
                f"{model} did not take {name}={value:g}, and its replies were drawn at its own setting",
                found=", ".join(sorted(lost)),
                fix=f"leave --{name.replace('_', '-')} out, or ask a model that takes it",
            )
