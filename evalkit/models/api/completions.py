"""Text completions: a prompt as it is, and log-probabilities of a prompt's own tokens (POST /completions).

Format: https://developers.openai.com/api/reference/resources/completions. `echo` with `logprobs` gives the prompt's
log-probabilities on vLLM, SGLang and llama.cpp's Python server; whether a server does is found out (`probing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from evalkit.core import Generate, Reply, Usage
from evalkit.models.api.chat import bearer, finish_of, sampling, usage_of
from evalkit.models.api.client import Call
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.options import Options
from evalkit.models.api.wire import Answer, estimate, reply_of

__all__ = ["CompletionsWire", "Echoed", "echo_call", "read_echo"]


class CompletionsWire:
    """A generation after a plain text."""

    many = True

    def __init__(self, model: str, options: Options) -> None:
        self._model = model
        self._options = options

    def headers(self, key: str) -> dict[str, str]:
        return bearer(key)

    def call(self, request: Generate, dropped: frozenset[str]) -> Call:
        body: dict[str, Any] = {"model": self._model, "prompt": request.prompt.text}
        body |= sampling(request, dropped, self._options, "max_tokens")
        body |= self._options.extra_body
        return Call("/completions", body, estimate(request))

    def read(self, request: Generate, body: Any) -> Reply:
        choices = sorted(body["choices"], key=lambda choice: choice.get("index") or 0)
        if not choices:
            raise BadReplyError("it has no choices")
        for choice in choices:
            if not isinstance(choice["text"], str):
                raise BadReplyError("a choice's text is no text")
        answers = [Answer(choice["text"], finish_of(choice)) for choice in choices]
        return reply_of(request, answers, usage_of(body.get("usage")))


@dataclass(frozen=True, slots=True)
class Echoed:
    """A prompt's tokens: where each ends in the prompt (in characters), its log-probability (None for the first,
    which nothing stands before) and whether it was the likeliest one."""

    ends: tuple[int, ...]
    values: tuple[float | None, ...]
    likeliest: tuple[bool, ...]
    usage: Usage

    def after(self, place: int) -> list[int]:
        """The tokens that reach beyond a place in the prompt."""
        return [number for number, end in enumerate(self.ends) if end > place]


def echo_call(model: str, text: str, extra: Mapping[str, Any]) -> Call:
    """One token is generated, since several servers refuse none; it is left out of what is read."""
    body = {"model": model, "prompt": text, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}
    return Call("/completions", {**body, **extra}, len(text) // 4 + 2)


def read_echo(text: str, body: Any) -> Echoed:
    """The log-probabilities of a prompt's tokens; raises BadReplyError where the server did not echo."""
    choice = body["choices"][0]
    found = choice.get("logprobs")
    echoed = choice.get("text") or ""
    if not echoed.startswith(text) or not isinstance(found, Mapping) or not found.get("token_logprobs"):
        raise BadReplyError("the server gave no log-probabilities of the prompt")
    tokens: list[str] = list(found["tokens"])
    values = list(found["token_logprobs"])
    if len(tokens) != len(values):
        raise BadReplyError("tokens and log-probabilities differ in number")
    ends = _ends(tokens, found.get("text_offset"), echoed)
    inside = [number for number, end in enumerate(ends) if end <= len(text)]
    last = inside[-1] + 1 if inside else 0
    if last == 0 or ends[last - 1] != len(text):
        raise BadReplyError("its tokens do not end where the prompt does")
    if any(value is None for value in values[1:last]):
        raise BadReplyError("some of the prompt's tokens have no log-probability")
    top = found.get("top_logprobs") or [None] * len(tokens)
    likeliest = tuple(_is_top(values[i], top[i]) for i in range(last))
    return Echoed(tuple(ends[:last]), tuple(values[:last]), likeliest, usage_of(body.get("usage")))


def _ends(tokens: Sequence[str], offsets: Sequence[int] | None, echoed: str) -> list[int]:
    """Where every token ends in the echoed text.

    Token texts that make up the whole text say it best. Otherwise (bytes of one character, a begin token that is not
    in the text) the offsets do: a token ends where the next one begins.
    """
    if "".join(tokens) == echoed:
        return list(accumulate(map(len, tokens)))
    if not offsets or len(offsets) != len(tokens):
        raise BadReplyError("neither token texts nor offsets tell where the prompt's tokens lie")
    return [*offsets[1:], len(echoed)]


def _is_top(value: float | None, top: Mapping[str, float] | None) -> bool:
    return value is not None and bool(top) and value >= max(top.values()) - 1e-6  # type: ignore[union-attr]
