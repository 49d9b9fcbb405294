"""What a pattern finds in a reply."""

from __future__ import annotations

import re
from typing import Literal

Pick = Literal["first", "last"]


def matched(pattern: re.Pattern[str], text: str, pick: Pick = "first") -> str | None:
    """The first or last match of `pattern`, without white space at its ends; None where there is none.

    Of a pattern with groups it is the first group that is not empty, as in lm-evaluation-harness' `regex` filter.
    """
    found = pattern.findall(text)
    if not found:
        return None
    chosen = found[0 if pick == "first" else -1]
    if isinstance(chosen, tuple):
        chosen = next((part for part in chosen if part), "")
    return str(chosen).strip() or None
