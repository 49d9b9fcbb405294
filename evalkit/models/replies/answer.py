"""The answer in a written text: without thought, up to the first stop string, with what was cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.core import Reply, ToolCall, Usage
from evalkit.models.replies.markers import ANY, Markers
from evalkit.models.replies.split import Span, split

__all__ = ["CUT_IN_REASONING", "ENDED_BY_BUDGET", "REFUSED", "Answer", "cut", "read_answer", "reply_of"]

CUT_IN_REASONING = "cut-in-reasoning"
"""The note of a reply that ended in its thought: there is no answer."""
ENDED_BY_BUDGET = "thought-ended-by-budget"
"""The note of a reply whose thought had spent its budget, so that its closing mark was written for the model."""
REFUSED = "refused"
"""The note of a reply that the provider's filter, or the model by its finish reason, withheld."""
_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")


@dataclass(frozen=True, slots=True)
class Answer:
    """One text as a reply holds it. `text`: the answer up to the first stop string; `cut`: the rest.
    `finish`: why it ended: "stop", "eos", "length", "refused", "tool" or "unknown". `finished`: False where it ended
    in its thought."""

    text: str
    finish: str
    thought: str = ""
    cut: str = ""
    finished: bool = True
    calls: tuple[ToolCall, ...] = ()


def read_answer(
    text: str,
    stops: Sequence[str],
    finish: str,
    markers: Markers = ANY,
    *,
    thought: str = "",
    calls: tuple[ToolCall, ...] = (),
    special: Sequence[str] = (),
) -> Answer:
    """The answer in a text as it was written; `finish` says why that ended.

    `thought` and `calls` are those that the backend kept apart; `special` are the special tokens in the text: stop
    strings may name them, readers do not see them.
    """
    parts = split(text, markers.besides(stops))
    calls = (*calls, *parts.calls)
    if not parts.finished:
        # The text before an unfinished thought is not the answer: the model was about to think again.
        spans = sorted((*parts.answer, *parts.thought))
        return Answer("", finish, _thought(text, spans, thought, special), finished=False, calls=calls)
    answer = "".join(text[start:stop] for start, stop in parts.answer)
    if parts.has_thought or thought:
        # The blank lines between thought and answer are no part of the answer, so no stop string ends it there.
        answer = _unwrapped(_BLANK_LINES.sub("", answer), markers)
    kept, rest = _cut(answer, stops)
    if special:
        # A stop string may appear only now, if there was a special token in the middle of it.
        kept, more = _cut(_without(kept, special), stops)
        rest = more + rest
    return Answer(kept, "stop" if rest else finish, _thought(text, parts.thought, thought, special), rest, calls=calls)


def _unwrapped(answer: str, markers: Markers) -> str:
    """The answer without the marks that a model puts around it."""
    for tags in markers.wrappers:
        begin = answer.lstrip()
        if begin.startswith(tags.opening):
            return _BLANK_LINES.sub("", begin.removeprefix(tags.opening).partition(tags.closing)[0])
    return answer


def _cut(text: str, stops: Sequence[str]) -> tuple[str, str]:
    """The text up to the first of the stop strings, and the rest; "" where none is in it."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return (text[: min(places)], text[min(places) :]) if places else (text, "")


def _without(text: str, special: Sequence[str]) -> str:
    for token in special:
        text = text.replace(token, "")
    return text


def _thought(text: str, spans: Sequence[Span], apart: str, special: Sequence[str]) -> str:
    thoughts = [apart, *(_without(text[start:stop], special) for start, stop in spans)]
    return "\n\n".join(part for thought in thoughts if (part := thought.strip()))


def cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The answer in a text up to the first of the stop strings, and whether there was one."""
    answer = read_answer(text, stops, "eos")
    return answer.text, answer.finish == "stop"


def reply_of(answers: Sequence[Answer], usage: Usage, notes: Sequence[str] = (), *, served: str = "") -> Reply:
    """The reply that the texts of one request make; `served`: what the server calls the model (`Reply.served`)."""
    said = [*notes]
    for answer in answers:
        is_empty = answer.finish == "length" and not answer.text.strip()
        if not answer.finished or (is_empty and (answer.thought or usage.reasoning_tokens)):
            said.append(CUT_IN_REASONING)
        if answer.finish == "refused":
            said.append(REFUSED)
    calls, cuts = tuple(answer.calls for answer in answers), tuple(answer.cut for answer in answers)
    thoughts = tuple(answer.thought for answer in answers)
    return Reply(
        texts=tuple(answer.text for answer in answers),
        finish=tuple(answer.finish for answer in answers),
        usage=usage,
        notes=tuple(dict.fromkeys(said)),
        reasoning=thoughts if any(thoughts) else (),
        calls=calls if any(calls) else (),
        cut=cuts if any(cuts) else (),
        thought_apart=True,
        served=served,
    )
