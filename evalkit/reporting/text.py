"""Text that nobody vouches for, made fit to be looked at: nothing hidden, nothing obeyed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

# Escape sequences of terminals (ECMA-48): CSI, OSC with its end, other strings, single ones.
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]*[0-Z\\^-~]"
)
# Controls but tab and newline; what turns or hides text (bidi, zero width, separators, tags); lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """A text whose hidden characters are written out as ⟨U+202E⟩; escape sequences of terminals are left out."""
    plain = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", plain)


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
