"""Jinja as lm-eval's templates know it, within evalkit's limits: a null prints as None, `regex_replace` is offered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import StrictUndefined

from evalkit.core import UsageError
from evalkit.core.sandboxed_templates import Limited, rendered

__all__ = ["ENVIRONMENT", "text_of"]


def _regex_replace(text: str, pattern: str, replacement: str, count: int = 0) -> str:
    return re.sub(pattern, replacement, text, count=count)


ENVIRONMENT = Limited(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
ENVIRONMENT.add_filter("regex_replace", _regex_replace)


@lru_cache(maxsize=1024)
def _compiled(template: str) -> jinja2.Template:
    return ENVIRONMENT.from_string(template)


def text_of(template: str, doc: Mapping[str, Any]) -> str:
    """A template filled in with a row. Raises UsageError where it is malformed or does not fit the row."""
    try:
        return rendered(_compiled(template), doc)
    # An operator or a filter may raise anything on a row that it was not written for.
    except Exception as error:  # noqa: BLE001
        found = f"{type(error).__name__}: {error}"[:200]
        fix = f"columns: {', '.join(map(str, doc))}"[:200]
        raise UsageError(f"the template {template[:60]!r} cannot be filled in", found=found, fix=fix) from None
