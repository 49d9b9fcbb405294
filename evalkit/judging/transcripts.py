"""What a judge was asked and what it said, call by call, as JSON that goes with its scores; bounded in size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import Message

MOST = 48_000
"""Characters of a transcript; every call has its proportion, every text of a call its proportion of that, at least
200."""
MOST_CALLS = 64
_LEAST = 200


@dataclass(frozen=True, slots=True)
class JudgeCall:
    """One request to a judge's model. `verdict` is what was read from the reply, "" where nothing could be, and
    `problem` then says why. `repaired` is the second attempt at a reply that could not be read."""

    messages: tuple[Message, ...]
    reply: str = ""
    verdict: str = ""
    problem: str = ""
    repaired: bool = False
    model: str = ""
    order: str = ""

    def json(self) -> dict[str, Any]:
        """{"order", "messages": [{"role", "content"}], "reply", "verdict", "repaired", "model", "problem"?}."""
        told: dict[str, Any] = {
            "order": self.order,
            "messages": [{"role": message.role, "content": message.content} for message in self.messages],
            "reply": self.reply,
            "verdict": self.verdict,
            "repaired": self.repaired,
            "model": self.model,
        }
        return told | ({"problem": self.problem} if self.problem else {})


def transcript(calls: Sequence[JudgeCall]) -> Mapping[str, Any]:
    """`{"transcript": [...]}` of the calls in their order, for `Score.details`; {} where there are none."""
    return {"transcript": bounded([call.json() for call in calls])} if calls else {}


def bounded(told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Calls as JSON, those of several judges for instance, none longer than its proportion of `MOST` characters."""
    most = max(_LEAST, MOST // max(1, len(told)))
    return [_cut(call, max(_LEAST, most // (len(call["messages"]) + 1))) for call in told[:MOST_CALLS]]


def _cut(call: Mapping[str, Any], most: int) -> dict[str, Any]:
    said = {key: shortened(value, most) if isinstance(value, str) else value for key, value in call.items()}
    shown = [{**message, "content": shortened(message["content"], most)} for message in call["messages"]]
    return {**said, "messages": shown}


def shortened(text: str, most: int) -> str:
    """The text where it has no more than `most` characters; else its beginning and its end, a verdict standing there,
    with how much was left out between them."""
    if len(text) <= most:
        return text
    head = most // 2
    tail = most - head
    return f"{text[:head]}\n[… {len(text) - most:,} characters left out …]\n{text[-tail:]}"


def in_words(value: object) -> str:
    """What was read from a reply, as a text: a label, a number, levels, an order."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {level}" for key, level in value.items())
    if isinstance(value, list | tuple):
        return " > ".join(map(str, value))
    return "" if value is None else str(value)
