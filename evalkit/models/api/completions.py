"""Text completions: a prompt as it is, and log-probabilities of a prompt's own tokens (POST /completions).

Format: https://developers.openai.com/api/reference/resources/completions. `echo` with `logprobs` gives the prompt's
log-probabilities on vLLM, SGLang and llama.cpp's Python server; whether a server does is found out (`probing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import Generate, Reply, Usage
from evalkit.models.api.chat import ending_of, sampling
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.token_counts import usage_of
from evalkit.models.api.wire_format import Completion, ModelWire, reply_of, served_by

__all__ = ["CompletionsWire", "Echoed", "echo_call", "read_echo"]


class CompletionsWire(ModelWire):
    """A generation after a plain text."""

    many = True

    def call(self, request: Generate, *, folds: bool) -> HttpCall:
        body: dict[str, Any] = {"model": self._model, "prompt": request.prompt.text}
        return self._finished("/completions", body | sampling(request, self._options, "max_tokens"), request)

    def read(self, request: Generate, body: Any) -> Reply:
        choices = sorted(body["choices"], key=lambda choice: choice.get("index") or 0)
        if not choices:
            raise BadReplyError("it has no choices")
        for choice in choices:
            if not isinstance(choice["text"], str):
                raise BadReplyError("a choice's text is not text")
        ends = [ending_of(choice) for choice in choices]
        texts = [Completion(one["text"], end, notes=notes) for one, (end, notes) in zip(choices, ends, strict=True)]
        return reply_of(request, texts, usage_of(body.get("usage")), self._markers, body)


@dataclass(frozen=True, slots=True)
class Echoed:
    """A prompt's tokens as the server spells them, each with its log-probability (None for the first, which nothing
    comes before) and whether it was the likeliest.

    Reported offsets are not kept: servers count a begin token into them, or bytes instead of characters.
    """

    text: str
    tokens: tuple[str, ...]
    values: tuple[float | None, ...]
    likeliest: tuple[bool, ...]
    usage: Usage
    served: str = ""
    notes: tuple[str, ...] = ()

    def after(self, place: int) -> int | None:
        """The first token that reaches beyond a place in the prompt; None where the tokens' texts do not tell.

        Read from the end, then from the beginning: parts of one character are spelled as nothing that is in the text.
        """
        position = len(self.text)
        for number in range(len(self.tokens) - 1, -1, -1):
            if position <= place:
                return number + 1
            if not self.text.endswith(self.tokens[number], 0, position):
                break
            position -= len(self.tokens[number])
        else:
            return 0
        position = 0
        for number in range(int(self.has_begin_token), len(self.tokens)):
            token = self.tokens[number]
            if position + len(token) > place:
                return number if self.text.startswith(token, position) or position == place else None
            if not self.text.startswith(token, position):
                return None
            position += len(token)
        return None

    @property
    def has_begin_token(self) -> bool:
        """Whether the server put a token before the text, so that every token of it has a log-probability."""
        if len(self.tokens) < 2 or self.values[0] is not None:
            return False
        first = self.tokens[0]
        # A text may bring a separate begin token, which then follows the server's.
        twice = first == self.tokens[1] and self.text.startswith(first) and not self.text.startswith(first * 2)
        return twice or "".join(self.tokens[1:]) == self.text or not (self.text.startswith(first) or "\ufffd" in first)


def echo_call(model: str, prompt: str | Sequence[int], extra: Mapping[str, Any]) -> HttpCall:
    """A text or token ids. One token is generated, since several servers refuse none; it is left out of what is
    read."""
    asked = prompt if isinstance(prompt, str) else list(prompt)
    body = {"model": model, "prompt": asked, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}
    tokens = (len(prompt) // 4 if isinstance(prompt, str) else len(prompt)) + 2
    return HttpCall("/completions", {**body, **extra}, tokens, needs=frozenset({"logprobs", *extra}))


def read_echo(text: str | None, body: Any) -> Echoed:
    """The log-probabilities of a prompt's tokens; raises BadReplyError where the server did not echo. `text` is None
    where token ids were sent."""
    choice = body["choices"][0]
    found = choice.get("logprobs")
    if (
        not str(choice.get("text")).startswith(text or "")
        or not isinstance(found, Mapping)
        or not found.get("token_logprobs")
    ):
        raise BadReplyError("the server gave no log-probabilities of the prompt")
    usage = usage_of(body.get("usage"))
    written = usage.completion_tokens if body.get("usage") else 1
    count = len(found["tokens"]) - written
    tokens: list[str] = [str(token) for token in found["tokens"][:count]]
    values = list(found["token_logprobs"][:count])
    if len(tokens) != len(values) or not tokens:
        raise BadReplyError("tokens and log-probabilities differ in number")
    if text and not _spell(tokens, text):
        # llama-cpp-python 0.3 leaves the written token out where its model has no begin token: every value is then
        # that of its token one place later.
        raise BadReplyError("the tokens are not those of the prompt and the reply: nothing lines up")
    if any(value is None for value in values[1:]):
        raise BadReplyError("some of the prompt's tokens have no log-probability")
    top = found.get("top_logprobs") or [None] * count
    likeliest = tuple(_is_top(value, best) for value, best in zip(values, top, strict=False))
    return Echoed(text or "", tuple(tokens), tuple(values), likeliest, usage, served_by(body))


def _spell(tokens: Sequence[str], text: str) -> bool:
    """Whether tokens end where a text does. White space says nothing, and so do parts of a character: nothing on
    llama.cpp, U+FFFD or bytes on others. Of a begin token only one of the two may tell."""
    spelled, whole = "".join("".join(tokens).split()), "".join(text.split())
    has_parts = "" in tokens[1:] or any(mark in spelled for mark in ("\ufffd", "<0x", "bytes:", "\\x"))
    common = min(len(spelled), len(whole))
    return has_parts or spelled[len(spelled) - common :] == whole[len(whole) - common :]


def _is_top(value: float | None, top: Mapping[str, float] | None) -> bool:
    return value is not None and bool(top) and value >= max(top.values()) - 1e-6  # type: ignore[union-attr]
