"""As long as asked for: the largest number of parts with which a prompt still fits, as RULER's scripts find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from evalkit.core import UsageError
from evalkit.prompting.lengths import TokenLengths

Made = tuple[str, str, list[str]]
"""A question, the beginning of its answer, and the answers."""


_TRIES = 200
"""Draws of the smallest prompt before it is given up; RULER's scripts never do."""


def fitted(
    make: Callable[[int], Made],
    tokens: TokenLengths,
    length: int,
    step: int,
    *,
    probe: int = 0,
    most: Callable[[float], int] | None = None,
) -> int:
    """How many parts fit into `length` tokens: a bisection over `make`, which draws anew for each size, from `step` up
    to `most` of the tokens of a part, as `probe` parts (`step` by default) have them; three times as many by
    default."""
    probe = probe or step
    each = _used(make(probe), tokens) / probe
    low, high = step, max(most(each) if most else int((length / each) * 3), step * 2)
    best = None
    while low <= high:
        middle = (low + high) // 2
        if _used(make(middle), tokens) <= length:
            best, low = middle, middle + 1
        else:
            high = middle - 1
    return step if best is None else best


def written(
    make: Callable[[int, int], Made], tokens: TokenLengths, length: int, step: int, size: int, count: int
) -> Iterator[dict[str, Any]]:
    """`count` rows of at most `length` tokens; one that is too long is drawn again with `step` parts less, as long as
    that leaves some, and then as it is. Raises UsageError where the smallest is too long however it is drawn."""
    for index in range(count):
        parts, left = size, _TRIES
        while True:
            try:
                made = make(index, parts)
                used = _used(made, tokens)
            except ValueError:
                # More was to be hidden than there are places.
                made, used = ("", "", []), length + 1
            if used <= length:
                break
            left -= parts <= step
            if not left:
                raise UsageError(f"no prompt of RULER fits into {length} tokens", found=f"the smallest has {used}")
            parts -= step if parts > step else 0
        yield {"question": made[0], "prefix": made[1], "answers": made[2], "tokens": used}


def _used(made: Made, tokens: TokenLengths) -> int:
    return tokens.plain(made[0] + made[1])
