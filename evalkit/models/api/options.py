"""What can be set on a model behind an API, read from text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from evalkit.core import Generate, UsageError
from evalkit.models.api.secrets import redacted
from evalkit.models.option_parsing import Count, Reader, Seconds, Tokens, read_options
from evalkit.models.replies.options import THOUGHT, THOUGHT_READERS, ThoughtOptions

__all__ = ["CHANGES_ANSWERS", "ApiOptions", "refuse_secret"]

CHANGES_ANSWERS = ("api", "begin", "system", "effort", *THOUGHT, "extra")
"""The options that make it another model; the others only say how it is reached and how fast it is asked."""
_KEY_FIELDS = ("api_key", "apikey", "authorization", "access_token", "password", "secret", "x_api_key")
_SECRET_WORDS = ("key", "token", "secret", "password", "auth")


@dataclass(frozen=True, slots=True)
class ApiOptions(ThoughtOptions):
    """The options of every provider."""

    base_url: str = ""
    """The server's address, including its version: http://localhost:8000/v1."""
    key_env: str = ""
    """The environment variable with the key, if it is not the provider's usual one."""
    api: Literal["auto", "chat", "completions", "responses"] = "auto"
    """auto: conversations as chat, plain prompts as text if the server completes texts; chat, completions, responses:
    everything in this form."""
    logprobs: Literal["auto", "on", "off"] = "auto"
    """Whether the server gives log-probabilities of a prompt; auto asks it."""
    begin: str = ""
    """The begin token as text (<s>, <|endoftext|>), for log-likelihoods on a server that adds none: evalkit puts it
    before a whole text and in place of an empty context."""
    system: str = ""
    """A system prompt ahead of every conversation."""
    prefill: Literal["auto", "off", "turn", "continue"] = "auto"
    """Whether the server continues an assistant's turn that ends a conversation. turn: by itself; continue: with vLLM's
    continue_final_message; off: it does not; auto: as the provider's documentation says."""
    effort: str = ""
    """How much a reasoning model thinks, in the provider's words: low, medium, high, …"""
    extra: str = ""
    """A JSON object whose fields are added to every request: {"provider": {"order": ["x"]}}."""
    concurrency: Count | None = None
    """The most requests in flight; by default, evalkit finds the number, up to 512."""
    rpm: Count | None = None
    """Requests a minute."""
    tpm: Count | None = None
    """Tokens a minute, prompt and reply."""
    timeout: Seconds = 600.0
    """Seconds for one attempt."""
    deadline: Seconds = 1800.0
    """Seconds for all attempts at one request."""
    attempts: Count = 6
    """Attempts at a request that fails; being told to slow down does not count."""
    stream: Literal["off", "on"] = "off"
    """on: replies come piece by piece, so that evalkit notices one that stalls and knows the time of the first
    token."""
    stall: Seconds = 120.0
    """Seconds without a word after which a streamed reply counts as stalled."""
    batch: Literal["off", "on"] = "off"
    """on: ask by the provider's batches (openai, anthropic): half the price, answered within a day."""
    price: str = ""
    """US dollars per million tokens: input/output, or input/output/cached input."""
    max_length: Tokens | None = None
    """The most tokens that the model reads and writes, if a task needs to know."""
    tokenizer: str = ""
    """The folder or hub id of the model's tokenizer; evalkit then asks perplexities in windows of `max_length`
    tokens."""
    draws: Mapping[str, str] = field(default_factory=dict, repr=False, metadata={"option": False})
    """What the server calls settings of sampling that not every one takes."""
    budget: str = field(default="", repr=False, metadata={"option": False})
    """The path of fields in which the server takes a budget of thought; "" where it takes none by itself."""
    extra_body: dict[str, Any] = field(default_factory=dict, repr=False, metadata={"option": False})
    """`extra`, read."""

    def drawn(self, request: Generate) -> dict[str, Any]:
        """The request's settings of sampling that not every server takes, by the names that this one has for them."""
        said = {"min_p": request.min_p or None, "top_k": request.top_k or None}
        if request.temperature == 0:
            said = {}  # nothing is drawn
        if request.repetition_penalty != 1.0:
            said["repetition_penalty"] = request.repetition_penalty
        return {self.draws[name]: value for name, value in said.items() if value is not None and name in self.draws}

    def thinking(self, request: Generate) -> int | None:
        """Tokens of thought: what the request says, or else the option."""
        return self.thinking_tokens if request.thinking_tokens is None else request.thinking_tokens

    @staticmethod
    def parse(texts: Mapping[str, str]) -> ApiOptions:
        """Read options from text. Raises UsageError for an unknown key or a value that can't be meant."""
        for key in set(texts) - set(ApiOptions.__dataclass_fields__):
            refuse_secret(key)
        values = read_options(texts, ApiOptions, _READERS, of="an API model", shown=redacted)
        if values.get("extra"):
            values["extra_body"] = _object(values["extra"])
        return ApiOptions(**values)


def refuse_secret(key: str) -> None:
    """Raises UsageError for an option that is called as if it held a key; the value is never shown."""
    if any(word in key.lower() for word in _SECRET_WORDS):
        # What is on a command line ends in shell histories and manifests.
        raise UsageError(
            f"a key is never given as an option ({key}=…)",
            fix="export it, and name the variable: key_env=MY_KEY",
        )


def _address(key: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        named = parts.username or parts.password or parts.query or redacted(parts.path) != parts.path
    except ValueError:
        valid, named = False, None
    if not valid:
        raise UsageError("base_url is an http address", found=redacted(text), fix=f"{key}=http://localhost:8000/v1")
    if named:
        raise UsageError(
            "base_url holds no user, password, key or query: it is written into manifests",
            found=redacted(f"{parts.scheme}://…@{parts.hostname}{parts.path}"),
            fix="key_env=MY_KEY",
        )
    return text.rstrip("/")


def _variable(key: str, text: str) -> str:
    if not text.isidentifier() or not text.isascii():
        raise UsageError("key_env is the name of an environment variable", fix="export MY_KEY=…, then key_env=MY_KEY")
    return text


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        found = error
    if not isinstance(found, dict):
        raise UsageError("extra is a JSON object", found=redacted(text), fix='extra={"top_k": 1}')
    for name, value in _texts_in(found):
        if name.lower().replace("-", "_") in _KEY_FIELDS or redacted(value) != value:
            raise UsageError(
                f"extra holds a key ({name}), and is written into manifests",
                fix="export it, and name the variable: key_env=MY_KEY",
            )
    return found


def _texts_in(value: Any, name: str = "extra") -> Iterator[tuple[str, str]]:
    """Every text inside, with the name of the field that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts_in(one, str(key))
    elif isinstance(value, list):
        for one in value:
            yield from _texts_in(one, name)


_READERS: Mapping[str, Reader] = {**THOUGHT_READERS, "base_url": _address, "key_env": _variable}
