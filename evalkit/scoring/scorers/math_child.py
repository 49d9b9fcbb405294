"""A separate process that compares mathematical answers, because "9^{9^{9^9}}" must be able to end it.

It reads one JSON list a line, [gold text, reply, error], and answers {"equal": …, "gold": …, "said": …}: whether
they are equal, whether the gold could be read, and what the reply was read as. Started by
`evalkit.scoring.scorers.math_equal`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from typing import Any

_MEMORY = 4 << 30
_SECONDS = 5
_DIGITS = 30
_ROUNDED, _EXACT = 1e-5, 1e-12


def main() -> None:
    """Answer until standard input ends."""
    logging.disable(logging.CRITICAL)
    _limit_memory()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # Whatever a library prints must not be read as an answer.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        gold, said, error = json.loads(line)
        try:
            found = compare(gold, said, error)
        except (MemoryError, RecursionError, OverflowError) as error:
            found = {"equal": False, "gold": True, "said": None, "problem": type(error).__name__}
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def compare(gold: str, said: str, allowed: float = 0.0) -> dict[str, object]:
    """math-verify's parse and verify, with its defaults; at most five seconds for each of the three steps.

    What it finds equal is checked once more where both are numbers: it rounds them to six decimals. With an `allowed`
    error, numbers (as many of them) that differ by no more than that are equal, too.
    """
    from math_verify import parse, verify

    golds, saids = parse(gold, parsing_timeout=_SECONDS), parse(said, parsing_timeout=_SECONDS)
    equal = bool(golds and saids and verify(golds, saids, timeout_seconds=_SECONDS))
    equal = equal and not _apart(golds[0], saids[0])
    equal = equal or bool(allowed and golds and saids and _within(golds[0], saids[0], allowed))
    return {"equal": equal, "gold": bool(golds), "said": str(saids[-1])[:2000] if saids else None}


def _within(one: Any, other: Any, allowed: float) -> bool:
    """Whether two values are as many numbers, each no further than that from its like, the smallest ones first."""
    from sympy import FiniteSet, Tuple

    both = [list(each.args) if isinstance(each, FiniteSet | Tuple) else [each] for each in (one, other)]
    try:
        first, second = (sorted(float(number.evalf()) for number in each) for each in both)
    except (AttributeError, TypeError, ValueError):
        return False
    near = [abs(a - b) <= allowed for a, b in zip(first, second, strict=False)]
    return len(first) == len(second) and all(near)


def _apart(one: Any, other: Any) -> bool:
    """Whether two values are numbers, or pairs and the like of numbers, that differ by more than rounding explains."""
    from sympy import Basic, Float, Tuple

    if isinstance(one, Tuple) and isinstance(other, Tuple) and len(one) == len(other):
        return any(map(_apart, one, other))
    if not (isinstance(one, Basic) and isinstance(other, Basic)):
        return False
    if not (getattr(one, "is_number", False) and getattr(other, "is_number", False)):
        return False
    left, right = (value.doit().evalf(_DIGITS) for value in (one, other))
    if not (left.is_Number or left.is_finite is False) or not (right.is_Number or right.is_finite is False):
        # A complex number, or what sympy leaves as it is.
        return False
    if not (left.is_finite and right.is_finite):
        # 1/0 and 12/0 are no numbers that could be equal.
        return one != other or one.is_finite is not True
    tolerance = _ROUNDED if one.has(Float) or other.has(Float) else _EXACT
    return bool(abs(left - right) > tolerance * max(abs(left), abs(right)))


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    main()
