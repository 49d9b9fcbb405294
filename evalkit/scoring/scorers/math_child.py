"""A process of its own that compares mathematical answers, because "9^{9^{9^9}}" must be able to end it.

It reads one JSON list a line, [gold text, reply], and answers {"equal": …, "gold": …, "said": …}: whether they are
equal, whether the gold could be read, and what the reply was read as. Started by `evalkit.scoring.scorers.math_equal`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys

_MEMORY = 4 << 30
_SECONDS = 5


def main() -> None:
    """Answer until standard input ends."""
    logging.disable(logging.CRITICAL)
    _limit_memory()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # Whatever a library prints must not be read as an answer.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        gold, said = json.loads(line)
        try:
            found = compare(gold, said)
        except (MemoryError, RecursionError, OverflowError) as error:
            found = {"equal": False, "gold": True, "said": None, "problem": type(error).__name__}
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def compare(gold: str, said: str) -> dict[str, object]:
    """math-verify's parse and verify, with its defaults; at most five seconds for each of the three steps."""
    from math_verify import parse, verify

    golds, saids = parse(gold, parsing_timeout=_SECONDS), parse(said, parsing_timeout=_SECONDS)
    equal = bool(golds and saids and verify(golds, saids, timeout_seconds=_SECONDS))
    return {"equal": equal, "gold": bool(golds), "said": str(saids[-1])[:2000] if saids else None}


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    main()
