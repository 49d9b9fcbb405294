"""What a wire format is, and what reading a reply has in common whatever the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from evalkit.core import IMAGE_TOKENS, Generate, Image, Message, ModelError, Prompt, Reply, ToolCall, Usage
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.options import ApiOptions

__all__ = [
    "CUT_IN_REASONING",
    "REFUSED",
    "Completion",
    "ModelWire",
    "Wire",
    "base64_of",
    "cut",
    "data_url",
    "estimate",
    "reply_of",
    "with_system",
]

CUT_IN_REASONING = "cut-in-reasoning"
"""The note of a reply whose limit was reached before its answer began."""
REFUSED = "refused"
"""The note of a reply that the provider's filter, or the model by its finish reason, withheld."""
_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Completion:
    """One text as it came: why it ended ("stop", "eos", "length" or "refused"), thought, tool calls."""

    text: str
    finish: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()


class ModelWire:
    """What formats have in common that name the model in the body and the key in the header `authorization`."""

    def __init__(self, model: str, options: ApiOptions) -> None:
        self._model = model
        self._options = options

    def headers(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"} if key else {}


class Wire(Protocol):
    """A format: a generation to what is sent, and what comes back to a reply. `many`: it takes n above 1."""

    @property
    def many(self) -> bool: ...
    def headers(self, key: str) -> dict[str, str]: ...
    def call(self, request: Generate, dropped: frozenset[str]) -> HttpCall:
        """`dropped` names parameters that this server turned out not to take."""
        ...

    def read(self, request: Generate, body: Any) -> Reply:
        """The reply; raises BadReplyError, or LookupError, TypeError or ValueError, for another shape."""
        ...


def cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """`text` up to the first of the stop strings, and whether there was one.

    Done to every reply: servers leave the stop string in place, take only a few, or none of white space.
    """
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def reply_of(request: Generate, answers: Sequence[Completion], usage: Usage) -> Reply:
    """The reply of the texts that came, each cut at its stop string."""
    texts, finish, notes = [], [], []
    for answer in answers:
        text, stopped = cut(answer.text, request.stop)
        ended = "stop" if stopped or answer.finish not in ("eos", "length") else answer.finish
        if answer.finish == "refused":
            notes.append(REFUSED)
        if ended == "length" and not text.strip() and (answer.reasoning or usage.reasoning_tokens):
            notes.append(CUT_IN_REASONING)
        texts.append(text)
        finish.append(ended)
    reasoning = tuple(answer.reasoning for answer in answers)
    calls = tuple(answer.calls for answer in answers)
    return Reply(
        texts=tuple(texts),
        finish=tuple(finish),
        usage=usage,
        notes=tuple(dict.fromkeys(notes)),
        reasoning=reasoning if any(reasoning) else (),
        calls=calls if any(calls) else (),
    )


def with_system(prompt: Prompt, system: str) -> tuple[Message, ...]:
    """The conversation, with the user's system prompt ahead of its own."""
    messages = prompt.as_messages()
    if not system:
        return messages
    if messages and messages[0].role == "system":
        return (replace(messages[0], content=f"{system}\n\n{messages[0].content}"), *messages[1:])
    return (Message("system", system), *messages)


def folded(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation for a model that has no system role: what it says stands ahead of the first turn."""
    said = [message for message in messages if message.role == "system"]
    if not said:
        return messages
    first, *rest = [message for message in messages if message.role != "system"] or [Message("user", "")]
    text = "\n\n".join([message.content for message in said] + ([first.content] if first.content else []))
    return (replace(first, content=text), *rest)


def data_url(image: Image) -> str:
    """The image as formats with addresses take it: its address, or its content as a data URL. Raises ModelError."""
    if image.is_address or image.source.startswith("data:"):
        return image.source
    return f"data:{image.media_type};base64,{base64_of(image)}"


def base64_of(image: Image) -> str:
    """The image's content. Raises ModelError where it is not here any more."""
    try:
        return image.base64()
    except (OSError, ValueError) as error:
        raise ModelError(f"the image cannot be sent: {error}") from error


def estimate(request: Generate) -> int:
    """Tokens that a request counts for at most, at four characters a token of its prompt."""
    shown = len(request.prompt.images) * IMAGE_TOKENS if request.prompt.messages else 0
    return len(request.prompt.text) // _CHARACTERS_A_TOKEN + 1 + shown + request.n * request.max_tokens


def integer(values: Mapping[str, Any] | None, *names: str) -> int:
    """The first of the fields that holds a number, else 0."""
    for name in names:
        value = (values or {}).get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value)
    return 0
