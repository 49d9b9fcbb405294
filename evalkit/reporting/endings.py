"""How samples ended, in words: what a page says in place of the codes of `core.Validity` and of flags."""

from __future__ import annotations

from evalkit.core import Validity

__all__ = [
    "CACHED",
    "CUT",
    "ENDINGS",
    "REFUSES",
    "SAYS",
    "UNSURE",
    "WORDS",
    "ending",
    "flag_short",
    "flag_words",
    "plural",
]

ENDINGS = {
    Validity.OK: ("was answered", "were answered"),
    Validity.NO_ANSWER: ("gave no answer", "gave no answer"),
    Validity.UNREADABLE: ("has an answer that cannot be read", "have answers that cannot be read"),
    Validity.REFUSED: ("was refused", "were refused"),
    Validity.LENGTH: ("was cut at the limit before an answer", "were cut at the limit before an answer"),
    Validity.CUT_THOUGHT: (
        "was cut in its thought, before an answer began",
        "were cut in their thought, before an answer began",
    ),
    Validity.TIMEOUT: ("ran out of time", "ran out of time"),
    Validity.MEMORY: ("ran out of memory", "ran out of memory"),
    Validity.DATA_ERROR: ("could not be asked: its row is broken", "could not be asked: their rows are broken"),
    Validity.BACKEND_ERROR: ("never got a reply from the model", "never got a reply from the model"),
    Validity.SCORER_ERROR: ("could not be scored", "could not be scored"),
    Validity.SANDBOX_ERROR: ("could not be run in the sandbox", "could not be run in the sandbox"),
    Validity.UNJUDGED: ("has no readable verdict of the judge", "have no readable verdict of the judge"),
}
"""What became of one sample, and of several."""

WORDS = {
    Validity.OK.value: "answered",
    Validity.NO_ANSWER.value: "no answer",
    Validity.UNREADABLE.value: "cannot be read",
    Validity.REFUSED.value: "refused",
    Validity.LENGTH.value: "cut before an answer",
    Validity.CUT_THOUGHT.value: "cut in its thought",
    Validity.TIMEOUT.value: "out of time",
    Validity.MEMORY.value: "out of memory",
    Validity.DATA_ERROR.value: "broken row",
    Validity.BACKEND_ERROR.value: "no reply",
    Validity.SCORER_ERROR.value: "not scored",
    Validity.SANDBOX_ERROR.value: "sandbox failed",
    Validity.UNJUDGED.value: "no verdict",
}
"""What became of one sample, in two or three words, by the code of its validity: on chips, in lists and filters."""
CUT, CACHED, REFUSES, UNSURE = "cut", "cached", "looks-like-a-refusal", "judge-unsure"
"""Marks that a page gives every sample, apart from the flags of its record."""
SAYS = {
    CUT: "cut at the limit",
    CACHED: "cached",
    REFUSES: "looks like a refusal",
    UNSURE: "judge unsure",
    "thought-ended-by-budget": "thought ended by its budget",
    "truncated": "prompt cut to fit",
    "tool-loop-ended": "no final answer within its steps",
}
"""Short words for marks and flags, on chips and tags."""
_FLAGS = {
    CUT: ("was cut at the limit", "were cut at the limit"),
    CACHED: ("comes from the cache", "come from the cache"),
    "thought-ended-by-budget": (
        "had its thought ended by the budget of thought",
        "had their thought ended by the budget of thought",
    ),
    "truncated": ("had its prompt cut to fit the model", "had their prompts cut to fit the model"),
    "tool-loop-ended": ("used all its steps without a final answer", "used all their steps without a final answer"),
    REFUSES: ("looks like a refusal", "look like refusals"),
    UNSURE: ("left its judge unsure", "left their judge unsure"),
}


def ending(validity: str, count: int) -> str:
    """`6 samples never got a reply from the model`."""
    return f"{plural(count, 'sample')} {ENDINGS[Validity(validity)][count != 1]}"


def flag_short(flag: str) -> str:
    """A mark or flag in two or three words; one that has none is itself."""
    return SAYS.get(flag, flag)


def flag_words(flag: str, count: int) -> str:
    """`12 samples were cut at the limit`; a flag that has no words here is named."""
    known = _FLAGS.get(flag)
    return f"{plural(count, 'sample')} {known[count != 1]}" if known else f"{plural(count, 'sample')}: {flag}"


def plural(count: int, word: str) -> str:
    """`1 sample`, `1,200 samples`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
