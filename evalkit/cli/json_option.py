"""The option --json of commands that print a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["json_option", "print_json"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def json_option(function: Decorated) -> Decorated:
    """Gives a command `--json`: one JSON document on stdout and nothing else there (docs/reference/json.md)."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")(function)


def print_json(**keys: Any) -> None:
    """The document `{"format": 1, …}` on stdout; numbers that are not finite are null."""
    import json

    from evalkit.core.terminal import emit_json
    from evalkit.reporting.text import finite

    emit_json(json.dumps(finite({"format": 1, **keys}), ensure_ascii=False, indent=2, allow_nan=False, default=str))
