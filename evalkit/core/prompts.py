"""What is put before a model and what comes back: prompts, requests, replies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from evalkit.core.images import Image
from evalkit.core.messages import Message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is put before a model, ahead of any chat template.

    `preamble` (description and few-shot examples) is kept apart from `question` because many samples share it:
    it is stored, tokenised and computed once. A conversation is given as `messages` instead.
    """

    question: str = ""
    preamble: str = ""
    messages: tuple[Message, ...] = ()

    @property
    def text(self) -> str:
        if self.messages:
            return "\n\n".join(m.content for m in self.messages)
        return self.preamble + self.question

    @property
    def images(self) -> tuple[Image, ...]:
        """Those of the whole conversation."""
        return tuple(image for message in self.messages for image in message.images)

    @property
    def begun(self) -> str:
        """The assistant's words that a conversation ends with, which the model continues; "" where there are none."""
        return self.messages[-1].content if self.messages and self.messages[-1].role == "assistant" else ""

    def as_messages(self) -> tuple[Message, ...]:
        return self.messages or (Message("user", self.preamble + self.question),)

    def with_last_turn(self, change: Callable[[str], str]) -> Prompt:
        """The same as a conversation, with other words in the last turn that is not the assistant's."""
        turns = list(self.as_messages())
        asked = max((place for place, turn in enumerate(turns) if turn.role != "assistant"), default=len(turns) - 1)
        turns[asked] = replace(turns[asked], content=change(turns[asked].content))
        return Prompt(messages=tuple(turns))


def schema_text(schema: Mapping[str, Any]) -> str:
    """A JSON schema as requests hold it: compact JSON, its keys in the order given (a decoder may follow it)."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


ANY_OBJECT = '{"type":"object","additionalProperties":true}'
"""The schema of a reply that is a JSON object with any fields: what servers call JSON mode."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call. `parameters` is a JSON schema as text, so that a request can be compared."""

    name: str
    description: str = ""
    parameters: str = '{"type":"object","properties":{}}'

    @staticmethod
    def of(name: str, description: str, parameters: Mapping[str, Any]) -> Tool:
        """A tool whose schema is given as a mapping."""
        return Tool(name, description, schema_text(parameters))

    @property
    def schema(self) -> dict[str, Any]:
        """The parameters' JSON schema, read anew."""
        read: dict[str, Any] = json.loads(self.parameters)
        return read


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model made through its backend's own interface. `arguments` is JSON as the model wrote it."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Generate:
    """Ask for `n` texts. `temperature` 0 is greedy; `seed` and `repeat` tell samples of one prompt apart.

    `schema` (a JSON schema as text, see `schema_text`) holds the text to it, `tools` may be called: a model that
    names neither "schema" nor "tools" among its features refuses such a request instead of leaving it out.
    `top_logprobs` (feature "logprobs") also wants that many of the likeliest tokens at every place of the first text.
    """

    prompt: Prompt
    max_tokens: int = 256
    stop: tuple[str, ...] = ("\n\n",)
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    seed: int = 0
    repeat: int = 0
    schema: str = ""
    tools: tuple[Tool, ...] = ()
    top_logprobs: int = 0
    top_k: int = 0
    """As many of the likeliest tokens are drawn from; 0: all."""
    min_p: float = 0.0
    """Tokens less probable than this part of the likeliest one's probability are not drawn."""
    repetition_penalty: float = 1.0
    """Divides the logit of a token that was read or written before; multiplies one below 0."""
    thinking_tokens: int | None = None
    """Tokens of thought on top of `max_tokens`; None: what the model's own option says."""


@dataclass(frozen=True, slots=True)
class Choose:
    """Ask for the log-likelihood of every continuation after one context.

    `delimiter` comes before each continuation unless the prompt went through a chat template.
    """

    prompt: Prompt
    continuations: tuple[str, ...]
    delimiter: str = " "


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Ask for the rolling log-likelihood of a whole text; with `tokens`, of each of its tokens, too.

    Windows are disjoint, each with one token of context. With a `stride`, a window as long as the model reads moves by
    that many tokens and scores the new ones, so that each has the rest of the window as its context.
    """

    text: str
    tokens: bool = False
    stride: int | None = None


@dataclass(frozen=True, slots=True)
class Embed:
    """Ask for one vector a text. `role` matters to models that embed queries and documents differently."""

    texts: tuple[str, ...]
    role: Literal["text", "query", "document"] = "text"


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Ask into how many tokens a text falls, special tokens left out."""

    text: str


Request = Generate | Choose | Perplexity | Embed | Tokenize
"""Whatever a model can be asked."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """The embeddings of one reply: `count` rows of `dimension` float32 numbers, little-endian, row after row.

    A record keeps count, dimension and digest alone (`data` is then empty): the numbers lie in the response cache.
    """

    count: int
    dimension: int
    data: bytes = b""
    digest: str = ""

    @staticmethod
    def of(rows: NDArray[np.float32]) -> Vectors:
        """The vectors of an array of shape (count, dimension)."""
        data = rows.astype("<f4").tobytes()
        return Vectors(rows.shape[0], rows.shape[1], data, hashlib.blake2b(data, digest_size=8).hexdigest())

    def array(self) -> NDArray[np.float32]:
        """The vectors, of shape (count, dimension). Raises ValueError where only their digest was kept."""
        import numpy as np

        if len(self.data) != 4 * self.count * self.dimension:
            raise ValueError("the vectors were not kept on the record, only their digest")
        return np.frombuffer(self.data, dtype="<f4").reshape(self.count, self.dimension)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply. Of the prompt's, `cached_tokens` were kept by the provider from before and `written_tokens`
    were paid to be kept; of the completion's, `reasoning_tokens` were thought. `cost` is in US dollars, None where no
    price is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    Generate: `texts` and `finish`, n of each: "stop" (a stop string, or a server that does not tell), "eos" (the model
    ended it), "length" (its limit), "refused" (withheld), "tool" (it made a call) or "unknown" (for a reason that
    evalkit does not know). `cut` is what a stop string cut off each text, from that string on. `calls` are the tool
    calls of each that a backend returned. `reasoning` is the thought before each. `thought_apart`: the model's markers
    were used to take the thought out of the texts, so that a text is the answer alone; False in what an older evalkit
    or another harness wrote. Choose: `loglikelihoods` (nats, summed over the continuation's tokens) and `greedy`, one
    per continuation. Perplexity: one log-likelihood, and `token_loglikelihoods` if they were asked for (without that of
    a begin token). Embed: `vectors`. Tokenize: `usage.prompt_tokens`.
    """

    texts: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    loglikelihoods: tuple[float, ...] = ()
    greedy: tuple[bool, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    truncated_tokens: int = 0
    notes: tuple[str, ...] = ()
    rendered_digest: str = ""
    source: Literal["model", "cache"] = "model"
    token_loglikelihoods: tuple[float, ...] = ()
    vectors: Vectors | None = None
    calls: tuple[tuple[ToolCall, ...], ...] = ()
    reasoning: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    thought_apart: bool = False
    top_logprobs: tuple[tuple[tuple[str, float], ...], ...] = ()
    """(token, log-probability) of the likeliest at each place of the first text, where they were asked for."""
    served: str = ""
    """What the server calls the model that answered, with its fingerprint; "" for a local one."""
    role: Literal["assistant", "tool"] = "assistant"
    """Whose text it is: what a tool gave back is no model's."""
    sent: tuple[Message, ...] = ()
    """What a method put before the model for this reply, where that is not the record's prompt: of a first reply all of
    it, of a later one what followed the reply before. A text prompt is one message of the user's."""
    made: float = field(default=0.0, compare=False)
    """When the model gave it, in seconds since 1970, also where it comes from the cache; 0 where that is not known."""

    def part(self, places: slice) -> Reply:
        """The reply with some of its texts alone, and with what belongs to them."""
        names = ("texts", "finish", "reasoning", "cut", "calls")
        return replace(self, **{name: getattr(self, name)[places] for name in names})
