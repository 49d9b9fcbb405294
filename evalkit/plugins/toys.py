"""Toy sets of a task: further names of it in its META, each with the options that it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from evalkit.core import UsageError
from evalkit.core.spec import Spec
from evalkit.plugins.options import Parameters

__all__ = ["TOY", "Toys", "check_free", "of_toys", "toys_of"]

TOY = "toy_"
"""What the name of every toy set begins with, so that a table, a gate or a file name never hides what it is."""

Toys = Mapping[str, Mapping[str, str]]
"""Toy sets by name, each with the options that it stands for. One that is bound to an empty text is shut for it."""

_NAME = re.compile(TOY + r"[A-Za-z0-9_.\-]+")


def toys_of(value: object) -> Toys | None:
    """The toy sets of a task, None where one has another name than a toy set may have or no options."""
    if not isinstance(value, Mapping):
        return None
    for name, options in value.items():
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            return None
        if not (isinstance(options, Mapping) and options):
            return None
        if not all(isinstance(text, str) for pair in options.items() for text in pair):
            return None
    return {name: dict(options) for name, options in value.items()}


def check_free(options: Mapping[str, str], name: str, main: str, toys: Toys) -> None:
    """Raises UsageError for an option that chooses a toy set, which has a name for that, and for one that is shut for
    the toy set that is named (bound to an empty text), such as the files that a task reads instead."""
    found = str(Spec(name, dict(options)))
    for toy, bound in toys.items():
        for key in (option for option in bound if option in options):
            to_toy = bound[key] != "" and options[key] in (bound[key], "sample")
            dropped = bound if to_toy else {option for option, value in bound.items() if value}
            rest = {option: value for option, value in options.items() if option not in dropped}
            if bound[key]:
                what = f"{key}= is not an option: the toy set has its own name, {toy!r}"
                raise UsageError(what, found=found, fix=str(Spec(toy if to_toy else name, rest)))
            if name == toy:
                what = f"{key}= is not an option of {toy!r}: a toy set has its own rows"
                raise UsageError(what, found=found, fix=str(Spec(main, rest)))


def of_toys(parameters: Parameters, name: str, toys: Toys) -> tuple[Parameters, Parameters]:
    """The parameters of a task that are options of it under this name, and those that the name itself sets."""
    chosen = toys.get(name, {})
    # What chooses a toy set is not an option of the task either (see `check_free`).
    hidden = {*chosen, *(key for bound in toys.values() for key, value in bound.items() if value)}
    return (
        {key: one for key, one in parameters.items() if key not in hidden},
        {key: one for key, one in parameters.items() if key in chosen},
    )
