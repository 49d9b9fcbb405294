"""JSON inside pages, which can neither end its element nor run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup


def json_text(value: Any) -> str:
    """JSON in ASCII that can neither end a script element nor begin a comment in it; numbers not finite are null."""
    text = json.dumps(finite(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def json_block(name: str, value: Any) -> Markup:
    """A script element of type application/json, which a browser keeps and never runs."""
    return Markup('<script type="application/json" id="{}">').format(name) + Markup(json_text(value) + "</script>\n")


def finite(value: Any) -> Any:
    """The value with every number that is not finite as None, at any depth; keys become text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [finite(one) for one in value]
    return value
