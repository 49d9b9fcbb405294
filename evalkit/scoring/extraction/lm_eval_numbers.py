"""How lm-evaluation-harness finds a number in a reply, kept for figures that are compared with its own."""

from __future__ import annotations

import re

from evalkit.scoring.extraction.patterns import matched

# Its "flexible-extract"; of one digit or more, with a dollar sign and thousands separators.
FLEXIBLE_NUMBER = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
# What its math word problems delete on both sides before they compare: separators, dollar signs, whatever stands
# before "#### ", and a full stop at the end.
IGNORED_IN_NUMBERS = (",", r"\$", "(?s).*#### ", r"\.$")

_FLEXIBLE = re.compile(FLEXIBLE_NUMBER)


def last_number(text: str) -> str | None:
    """The last thing that looks like a number, as it is written ("$1,080."), or None. "..." does, too."""
    return matched(_FLEXIBLE, text, "last")
