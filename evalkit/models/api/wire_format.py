"""What a wire format is, and what reading a reply has in common whatever the format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evalkit.core import IMAGE_TOKENS, Generate, Image, Message, ModelError, Prompt, Reply, ToolCall, Usage
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.options import ApiOptions
from evalkit.models.conversations import alternating, with_system
from evalkit.models.replies import answer as replies
from evalkit.models.replies.answer import read_answer
from evalkit.models.replies.markers import ANY, Markers, chosen

__all__ = [
    "Completion",
    "ModelWire",
    "Wire",
    "base64_of",
    "data_url",
    "estimate",
    "reply_of",
    "served_by",
]

_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Completion:
    """One text as it came: why it ended (see `finish_reasons`), thought and tool calls that came apart from it."""

    text: str
    finish: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    notes: tuple[str, ...] = ()


class ModelWire:
    """What formats have in common that name the model in the body and the key in the header `authorization`."""

    stops_apart = False

    def __init__(self, model: str, options: ApiOptions) -> None:
        self._model = model
        self._options = options
        self._markers = chosen(ANY, options.reasoning, options.reasoning_tags)

    def headers(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"} if key else {}

    def _turns(self, prompt: Prompt, folds: bool) -> tuple[tuple[Message, ...], bool]:
        """The conversation with the user's system prompt, and whether its turns were put together for a server that
        takes no system role."""
        messages = with_system(prompt, self._options.system)
        changed = alternating(messages) if folds else messages
        return changed, changed != messages

    def _placed(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Where the format has settings of sampling: in the body itself."""
        return dict(drawn)

    def _finished(self, path: str, body: dict[str, Any], request: Generate, *, was_folded: bool = False) -> HttpCall:
        """The call with what the user adds to every request, which is not left out."""
        extra = self._options.extra_body
        drawn = self._placed(self._options.drawn(request))
        tokens = estimate(request) + request.n * (self._options.thinking(request) or 0)
        return HttpCall(
            path,
            body | extra | drawn,
            tokens,
            needs=frozenset(extra),
            folded=was_folded,
            drawn=request.temperature > 0,
        )


class Wire(Protocol):
    """A format: a generation to what is sent, and what comes back to a reply.

    `many`: it takes n above 1. `stops_apart`: its servers look for stop strings behind the thought alone.
    """

    @property
    def many(self) -> bool: ...
    @property
    def stops_apart(self) -> bool: ...
    def headers(self, key: str) -> dict[str, str]: ...
    def call(self, request: Generate, *, folds: bool) -> HttpCall:
        """`folds`: this server takes no system role, and its words go into the first turn."""
        ...

    def read(self, request: Generate, body: Any) -> Reply:
        """The reply; raises BadReplyError, or LookupError, TypeError or ValueError, for another shape."""
        ...


def reply_of(request: Generate, texts: Sequence[Completion], usage: Usage, markers: Markers, body: Any) -> Reply:
    """The reply of the texts that came in `body`, each split from its thought and cut at its stop string.

    The cut is made to every reply: servers leave the stop string in place, take only a few, or none of white space.
    """
    answers = [
        read_answer(one.text, request.stop, one.finish, markers, thought=one.reasoning, calls=one.calls)
        for one in texts
    ]
    return replies.reply_of(answers, usage, [note for one in texts for note in one.notes], served=served_by(body))


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


def arguments_of(given: object) -> str:
    """A call's arguments as JSON text: some servers give them as an object."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False) if given is not None else ""


def served_by(body: Any) -> str:
    """What a server calls the model that answered, with its fingerprint: "gpt-4o-2024-08-06 (fp_0aa8d3e20b)"; "" where
    it does not say."""
    if not isinstance(body, dict):
        return ""
    name, mark = body.get("model") or body.get("modelVersion"), body.get("system_fingerprint")
    if not isinstance(name, str) or not name:
        return ""
    return f"{name} ({mark})" if isinstance(mark, str) and mark else name
