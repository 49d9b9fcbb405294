"""Why a judge's reply says nothing, and what would help: one sentence a cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evalkit.core import Reply
from evalkit.models.replies.answer import REFUSED

SPENT = "was spent on thought"
CUT = "cut at its token limit"
WITHHELD = "withheld by the provider's filter"
FAILED = "the judge's model failed"
EMPTY = "the reply is empty"
UNFINISHED = "its reasoning was not finished"


def why_silent(reply: Reply, limit: int) -> str:
    """Why a reply without a text has none; "" where it has one or nobody knows."""
    finish = reply.finish[0] if reply.finish else ""
    if finish == "refused" or REFUSED in reply.notes:
        return f"the reply was {WITHHELD}"
    thought = any(reply.reasoning) or reply.usage.reasoning_tokens or "cut-in-reasoning" in reply.notes
    if finish == "length":
        return f"its limit of {limit:,} tokens {SPENT}" if thought else f"the reply is empty and {CUT} of {limit:,}"
    return ""


def advice(reasons: Sequence[str], *, every: bool) -> str:
    """What to try, by the commonest cause among the reasons of the unjudged; `every`: nothing was judged at all."""
    found = Counter(_cause(reason) for reason in reasons).most_common(1)
    return _HELPS[found[0][0] if found else ""] if (found and found[0][0]) else _UNREAD[every]


def _cause(reason: str) -> str:
    """The first cause that a reason names: a limit before what a second attempt says."""
    places = {cause: reason.find(cause) for cause in _HELPS if cause in reason}
    return min(places, key=lambda cause: places[cause], default="")


_HELPS = {
    SPENT: "room for its thought: --judge MODEL,thinking_tokens=8192; or effort=low, or --using JUDGE,max_tokens=8192",
    CUT: "a longer reply: --using JUDGE,max_tokens=4096, or --judge MODEL,thinking_tokens=8192 where it thinks",
    WITHHELD: "a judge of another provider, whose filter lets these samples through",
    FAILED: "look at what the server says; with a key and an address that work, the same command continues",
}
_UNREAD = {
    True: "a stronger judge: it was asked in words and by a schema, and gives no verdicts",
    False: "look at the replies",
}
