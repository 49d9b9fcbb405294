"""Records as JSON lines and back, without loss: floats keep every bit, unusual values are written as strings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from evalkit.core import (
    Failure,
    Image,
    Message,
    Prompt,
    Record,
    Reply,
    Sample,
    Score,
    ToolCall,
    Usage,
    Validity,
    Vectors,
)
from evalkit.runs.store.older_names import name_today

Place = Callable[[Image], str]
"""Where a run keeps an image: its path or address, or, of one that has none, a path within the run folder."""
PreambleText = Callable[[str], str]
PreambleDigest = Callable[[str], str]


def _as_it_is(image: Image) -> str:
    return image.source


def encode(record: Record, preamble: PreambleDigest, place: Place = _as_it_is) -> bytes:
    """One line of the journal, newline included. `preamble` stores a shared preamble and returns its digest, `place`
    stores an image and returns where."""
    line: dict[str, Any] = {
        "task": record.task,
        "id": record.sample.id,
        "index": record.index,
        "repeat": record.repeat,
        "validity": record.validity.value,
        "scores": [_score_out(score) for score in record.scores],
        "sample": _sample_out(record.sample, record.prompt, place),
        "prompt": _prompt_out(record.prompt, record.sample, preamble, place),
        "replies": [_reply_out(reply) for reply in record.replies],
        "prompt_digest": record.prompt_digest,
        "sample_digest": record.sample_digest,
        "seconds": round(record.seconds, 6),
    }
    if record.failure is not None:
        failure = record.failure
        line["failure"] = {"stage": failure.stage, "kind": failure.kind, "message": failure.message}
    if record.flags:
        line["flags"] = record.flags
    if record.cost is not None:
        line["cost"] = record.cost
    return json_line(line, _OPTIONS)


def json_line(value: Any, option: int) -> bytes:
    """JSON in UTF-8. Half of a surrogate pair, which UTF-8 has no bytes for, becomes U+FFFD: what a model was paid for
    is kept."""
    try:
        return orjson.dumps(value, default=str, option=option)
    except TypeError:
        return orjson.dumps(_well_formed(value), default=str, option=option)


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_well_formed(key): _well_formed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_well_formed(one) for one in value]
    return value


# Samples may hold what a data set holds: numpy numbers, dates, keys that are not strings.
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def decode(line: bytes, preamble: PreambleText, folder: Path = Path()) -> Record:
    """The record of one line of the run in `folder`; raises ValueError where the line is not one."""
    raw = orjson.loads(line)
    prompt = _prompt_in(raw["prompt"], preamble, folder)
    failure = raw.get("failure")
    return Record(
        task=name_today(raw["task"]),
        index=raw["index"],
        sample=_sample_in(raw["id"], raw["sample"], prompt, folder),
        repeat=raw["repeat"],
        prompt=prompt,
        replies=tuple(_reply_in(reply) for reply in raw["replies"]),
        scores=tuple(_score_in(score) for score in raw["scores"]),
        validity=Validity(raw["validity"]),
        failure=Failure(**failure) if failure else None,
        flags=tuple(raw.get("flags", ())),
        prompt_digest=raw["prompt_digest"],
        sample_digest=raw["sample_digest"],
        seconds=raw["seconds"],
        cost=raw.get("cost"),
    )


def _floats(raw: Sequence[float | str]) -> tuple[float, ...]:
    return tuple(float(value) for value in raw)


def _as_written(raw: Any) -> Any:
    return raw


def _number_out(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)


def _score_out(score: Score) -> dict[str, Any]:
    out: dict[str, Any] = {"name": score.name, "value": _number_out(score.value)}
    if score.answer is not None:
        out["answer"] = score.answer
    if score.reason:
        out["reason"] = score.reason
    if score.validity is not Validity.OK:
        out["validity"] = score.validity.value
    if score.counts:
        out["counts"] = score.counts
    if score.details:
        out["details"] = dict(score.details)
    return out


def _score_in(raw: dict[str, Any]) -> Score:
    validity = Validity(raw.get("validity", Validity.OK))
    counts = tuple(float(value) for value in raw.get("counts", ()))
    return Score(
        raw["name"],
        float(raw["value"]),
        raw.get("answer"),
        raw.get("reason", ""),
        validity,
        counts,
        details=raw.get("details") or {},
    )


def _messages_out(messages: tuple[Message, ...], place: Place) -> list[dict[str, Any]]:
    return [
        {"role": message.role, "content": message.content}
        | ({"images": [_image_out(image, place) for image in message.images]} if message.images else {})
        for message in messages
    ]


def _image_out(image: Image, place: Place) -> dict[str, str]:
    return {"source": place(image), "digest": image.digest, "media_type": image.media_type, "name": image.name}


def _messages_in(raw: list[dict[str, Any]], folder: Path) -> tuple[Message, ...]:
    return tuple(
        Message(message["role"], message["content"], tuple(_image_in(i, folder) for i in message.get("images", ())))
        for message in raw
    )


def _image_in(raw: dict[str, str], folder: Path) -> Image:
    image = Image(**raw)
    if image.is_address or image.source.startswith("data:"):
        return image
    return replace(image, source=str(folder / image.source))


def _prompt_out(prompt: Prompt | None, sample: Sample, preamble: PreambleDigest, place: Place) -> dict[str, Any] | None:
    if prompt is None:
        return None
    out: dict[str, Any] = {"question": prompt.question}
    if prompt.preamble:
        out["preamble"] = preamble(prompt.preamble)
    if prompt.messages:
        shared = _shown(prompt.messages) if prompt.messages != sample.input else 0
        if shared:
            turns = _messages_out(prompt.messages[:shared], place)
            out["turns"] = preamble(orjson.dumps(_well_formed(turns)).decode())
        out["messages"] = _messages_out(prompt.messages[shared:], place)
    return out


def _shown(messages: tuple[Message, ...]) -> int:
    """How many turns come before the question: description and examples, which samples share; 0 if one has images."""
    asked = max((place for place, message in enumerate(messages) if message.role == "user"), default=0)
    return 0 if any(message.images for message in messages[:asked]) else asked


def _prompt_in(raw: dict[str, Any] | None, preamble: PreambleText, folder: Path) -> Prompt | None:
    if raw is None:
        return None
    shared = preamble(raw["preamble"]) if "preamble" in raw else ""
    turns = orjson.loads(preamble(raw["turns"])) if "turns" in raw else []
    return Prompt(raw["question"], shared, _messages_in([*turns, *raw.get("messages", [])], folder))


def _sample_out(sample: Sample, prompt: Prompt | None, place: Place) -> dict[str, Any]:
    out: dict[str, Any] = {}
    # A text that is asked as it is (perplexity) is written once.
    if prompt is None or sample.input != (prompt.messages or prompt.question):
        out["input"] = sample.input if isinstance(sample.input, str) else _messages_out(sample.input, place)
    for name in ("targets", "choices", "gold", "cluster", "groups", "data"):
        value = getattr(sample, name)
        if value:
            out[name] = dict(value) if name == "data" else value
    return out


def _sample_in(sample_id: str, raw: dict[str, Any], prompt: Prompt | None, folder: Path) -> Sample:
    given = raw.get("input")
    value: str | tuple[Message, ...]
    if given is None:
        value = "" if prompt is None else (prompt.messages or prompt.question)
    else:
        value = given if isinstance(given, str) else _messages_in(given, folder)
    return Sample(
        id=sample_id,
        input=value,
        targets=tuple(raw.get("targets", ())),
        choices=tuple(raw.get("choices", ())),
        gold=tuple(raw.get("gold", ())),
        cluster=raw.get("cluster", ""),
        groups=tuple(raw.get("groups", ())),
        data=raw.get("data", {}),
    )


def _reply_out(reply: Reply) -> dict[str, Any]:
    out: dict[str, Any] = {"source": reply.source}
    if reply.texts:
        out["texts"], out["finish"] = reply.texts, reply.finish
    if reply.loglikelihoods:
        out["loglikelihoods"] = [_number_out(value) for value in reply.loglikelihoods]
        out["greedy"] = reply.greedy
    if reply.token_loglikelihoods:
        out["token_loglikelihoods"] = [_number_out(value) for value in reply.token_loglikelihoods]
    if reply.vectors is not None:
        # Thousands of numbers a record would drown the journal: they stay in the response cache.
        out["vectors"] = [reply.vectors.count, reply.vectors.dimension, reply.vectors.digest]
    if reply.calls:
        out["calls"] = [[[call.name, call.arguments, call.id] for call in made] for made in reply.calls]
    if reply.reasoning:
        out["reasoning"] = reply.reasoning
    if reply.cut:
        out["cut"] = reply.cut
    if reply.thought_apart:
        out["thought_apart"] = True
    if reply.top_logprobs:
        out["top_logprobs"] = [[[text, _number_out(at)] for text, at in place] for place in reply.top_logprobs]
    out["usage"] = _usage_out(reply.usage)
    out["seconds"] = round(reply.seconds, 6)
    if reply.truncated_tokens:
        out["truncated_tokens"] = reply.truncated_tokens
    if reply.notes:
        out["notes"] = reply.notes
    if reply.served:
        out["served"] = reply.served
    if reply.rendered_digest:
        out["rendered_digest"] = reply.rendered_digest
    if reply.role != "assistant":
        out["role"] = reply.role
    if reply.sent:
        out["sent"] = [[message.role, message.content] for message in reply.sent]
    if reply.made:
        out["made"] = round(reply.made, 3)
    return out


_ALWAYS = frozenset(("source", "usage", "seconds"))
_READ: Mapping[str, Callable[[Any], Any]] = {
    "texts": tuple,
    "finish": tuple,
    "loglikelihoods": _floats,
    "greedy": tuple,
    "token_loglikelihoods": _floats,
    "vectors": lambda raw: Vectors(raw[0], raw[1], digest=raw[2]) if raw else None,
    "calls": lambda raw: tuple(tuple(ToolCall(*call) for call in made) for made in raw),
    "top_logprobs": lambda raw: tuple(tuple((text, float(at)) for text, at in place) for place in raw),
    "reasoning": tuple,
    "cut": tuple,
    "thought_apart": bool,
    "usage": lambda raw: Usage(*raw),
    "seconds": _as_written,
    "truncated_tokens": _as_written,
    "notes": tuple,
    "served": _as_written,
    "rendered_digest": _as_written,
    "role": _as_written,
    "source": _as_written,
    "made": _as_written,
    "sent": lambda raw: tuple(Message(role, content) for role, content in raw),
}
"""How each part of a reply is read. A line names those alone that say something, so that reading goes by the line."""


def _reply_in(raw: dict[str, Any]) -> Reply:
    found = {name: _READ[name](value) for name, value in raw.items() if name in _READ}
    if not found.keys() >= _ALWAYS:
        raise KeyError(*sorted(_ALWAYS - found.keys()))
    return Reply(**found)


def _usage_out(usage: Usage) -> list[int | float]:
    """The numbers up to the last one that says something: two of them for most models."""
    out: list[int | float] = [usage.prompt_tokens, usage.completion_tokens]
    rest = [usage.cached_tokens, usage.written_tokens, usage.reasoning_tokens]
    if any(rest) or usage.cost is not None:
        out += rest
    return out if usage.cost is None else [*out, usage.cost]
