"""The options of a run (`runs.options`) as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from evalkit.cli.completion import complete_models
from evalkit.runs.options import OPTIONS, Command, RunOption

__all__ = ["run_option", "run_options"]

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
        shell_complete=complete_models if option.metavar == "MODEL" else None,
    )


def _click_type(option: RunOption) -> Any:
    parts = get_args(option.plain)
    if get_origin(option.plain) is Literal:
        return click.Choice([word for word in parts if word])
    if Path in parts:
        return click.Path(path_type=Path)
    return str if str in parts else option.plain
