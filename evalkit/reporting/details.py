"""One record as a page keeps it: everything that a reader of the sample may ask for, and its line in a list."""

from __future__ import annotations

import json
from typing import Any

import orjson

from evalkit.core import Record, Reply, Score
from evalkit.core.outside_text import visible
from evalkit.reporting.text import finite
from evalkit.reporting.thumbnails import thumbnails

_EXCERPT = 120


def packed(value: Any) -> bytes:
    """JSON in UTF-8, numbers that are not finite as null. Lone surrogates, which UTF-8 has not, stay escaped."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return json.dumps(finite(value), ensure_ascii=True, default=str).encode("ascii")


def detail(record: Record) -> dict[str, Any]:
    """Everything that a reader of one sample may ask for, as JSON; empty parts are left out."""
    sample, prompt, failure = record.sample, record.prompt, record.failure
    found: dict[str, Any] = {
        "id": sample.id,
        "messages": sent(record),
        "preamble": _preamble(record),
        "shots": _shots(record),
        "images": thumbnails(record),
        "input": sample.input if prompt is None and isinstance(sample.input, str) else "",
        "replies": [_reply(reply) for reply in record.replies],
        "scores": [_score(score) for score in record.scores],
        "targets": sample.targets,
        "choices": sample.choices,
        "gold": sample.gold,
        "groups": sample.groups,
        "cluster": sample.cluster,
        "data": dict(sample.data),
        "flags": record.flags,
        "failure": [failure.stage, failure.kind, failure.message] if failure else None,
        "seconds": record.seconds,
        "cost": record.cost,
        "digests": [record.sample_digest, record.prompt_digest],
    }
    return {key: value for key, value in found.items() if value or value == 0.0}


def _score(score: Score) -> list[Any]:
    """[name, value, answer, reason, validity], and what it rests on where it says so."""
    told: list[Any] = [score.name, score.value, score.answer, score.reason, score.validity.value]
    return [*told, dict(score.details)] if score.details else told


def _reply(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = {
        "texts": reply.texts,
        "finish": reply.finish,
        "reasoning": reply.reasoning,
        "cut": reply.cut,
        "calls": [[[call.name, call.arguments] for call in made] for made in reply.calls],
        "loglikelihoods": reply.loglikelihoods,
        "greedy": reply.greedy,
        "tokens": [reply.usage.prompt_tokens, reply.usage.completion_tokens],
        "thought": reply.usage.reasoning_tokens,
        "seconds": reply.seconds,
        "source": reply.source,
        "notes": reply.notes,
        "truncated": reply.truncated_tokens,
        "role": "tool" if _is_of_tool(reply) else "",
        "sent": [[message.role, message.content] for message in reply.sent],
    }
    return {key: value for key, value in found.items() if value}


def _is_of_tool(reply: Reply) -> bool:
    """Runs of an older evalkit told a tool's result by its ending alone: "tool" without a call."""
    return reply.role == "tool" or (
        reply.finish == ("tool",) and not any(reply.calls) and not reply.usage.prompt_tokens
    )


def sent(record: Record) -> list[list[str]]:
    """What was put before the model first: what its method says that it sent, else the prompt."""
    if record.replies and record.replies[0].sent:
        return [[message.role, message.content] for message in record.replies[0].sent]
    return [[m.role, m.content] for m in record.prompt.as_messages()] if record.prompt else []


def _preamble(record: Record) -> int:
    """How many characters of the one message are description and examples, which a page folds."""
    first = record.replies[0].sent if record.replies else ()
    if first or record.prompt is None or record.prompt.messages:
        return 0
    return len(record.prompt.preamble)


def _shots(record: Record) -> int:
    """How many messages come before the question of a sample that is not a conversation: they are examples."""
    if not isinstance(record.sample.input, str):
        return 0
    roles = [role for role, _ in sent(record)]
    return max((place for place, role in enumerate(roles) if role == "user"), default=0)


def answered(record: Record) -> str:
    """What a list shows of the outcome: the answer that was scored, else the reply, else why there is none."""
    for score in record.scores:
        if score.answer is not None:
            return score.answer
    texts = [text for reply in record.replies for text in reply.texts]
    return texts[0] if texts else (record.failure.message if record.failure else "")


def asked(record: Record) -> str:
    """The question, without description and examples."""
    prompt = record.prompt
    if prompt is None:
        return record.sample.input if isinstance(record.sample.input, str) else record.sample.input[-1].content
    return prompt.messages[-1].content if prompt.messages else prompt.question


def excerpt(text: str) -> str:
    """One line, its hidden characters visible, cut to what a list shows."""
    flat = " ".join(visible(text[: 4 * _EXCERPT]).split())
    return flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
