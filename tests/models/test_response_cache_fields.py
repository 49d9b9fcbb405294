"""Requests that grew: an older cache stays valid, new fields are told apart, vectors are kept as bytes."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from evalkit.core import (
    Choose,
    Embed,
    Generate,
    Identity,
    Perplexity,
    Prompt,
    Record,
    Reply,
    Request,
    Sample,
    Tokenize,
    Tool,
    ToolCall,
    Vectors,
    schema_text,
)
from evalkit.models import cached
from evalkit.models.cassette import Cassette
from evalkit.models.response_cache import request_key, write_reply
from evalkit.models.sqlite_cache import SqliteCache
from evalkit.runs.store import codec

MODEL = Identity("hf/x", (("weights", "w"),))
ASKED = Prompt("Q: 1+1?\nA:", "P")
TOOL = Tool.of("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})


# Keys that evalkit made before Generate had schema and tools and Perplexity had tokens.
@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (Generate(ASKED), "38cbc33c0ffb3c1419829935d41bc987"),
        (
            Generate(Prompt("a"), max_tokens=5, stop=("\n",), temperature=0.7, n=2, seed=3, repeat=1),
            "06bb7300e8ffee5a5c7faa4b10aed6a8",
        ),
        (Choose(Prompt("a"), ("b", "c")), "2373b3b2fd1162501efe9b3b2ad7b613"),
        (Perplexity("some text"), "14e0e24643e5d66a115ef09dc59f2198"),
    ],
)
def test_a_request_that_uses_nothing_new_keeps_its_key(request_: Request, key: str) -> None:
    assert request_key(MODEL, request_, first=True) == key
    # Texts of version 1 were cut at stop strings in their thought; likelihoods are what they were.
    assert (request_key(MODEL, request_) == key) is not isinstance(request_, Generate)


def test_everything_new_is_told_apart() -> None:
    requests: list[Request] = [
        Generate(ASKED),
        Generate(ASKED, schema='{"type":"object"}'),
        Generate(ASKED, schema='{"type":"array"}'),
        Generate(ASKED, tools=(TOOL,)),
        Generate(ASKED, tools=(TOOL, TOOL)),
        Generate(ASKED, tools=(replace(TOOL, parameters="{}"),)),
        Generate(ASKED, tools=(replace(TOOL, description="Sums."),)),
        Perplexity("a"),
        Perplexity("a", tokens=True),
        Embed(("a",)),
        Embed(("a",), "query"),
        Embed(("a", "b")),
        Embed(("ab",)),
        Tokenize("a"),
    ]
    keys = [request_key(MODEL, request) for request in requests]
    assert all(one != other for one, other in combinations(keys, 2))
    assert len({hash(request) for request in requests}) == len(requests)


def test_a_schema_keeps_the_order_of_its_keys_and_a_tool_gives_it_back() -> None:
    assert schema_text({"b": 1, "a": "é"}) == '{"b":1,"a":"é"}'
    assert TOOL.schema["properties"] == {"a": {"type": "integer"}}
    assert Tool.of("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}}) == TOOL


def test_a_text_that_an_older_evalkit_kept_is_asked_for_again_and_played_from_its_cassette(tmp_path: Path) -> None:
    """Its stop string may have ended a thought; what was recorded is played to the byte all the same."""
    old, asked = Reply(texts=("<think>a",), finish=("stop",)), Generate(ASKED)
    store = Store({request_key(MODEL, asked, first=True): write_reply(old)})
    assert asyncio.run(cached(Model(Reply(texts=("b",))), store).answer(asked)).texts == ("b",)
    header = {"format": 1, "spec": "m", "name": MODEL.name, "facts": MODEL.facts, "requests": ["Generate"]}
    lines: list[dict[str, object]] = [
        {**header, "chats": False, "max_length": None, "features": []},
        {"key": request_key(MODEL, asked, first=True), "reply": write_reply(old).decode("latin-1")},
    ]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    played = asyncio.run(Cassette(tmp_path / "c.jsonl").model("m").answer(asked))
    assert played == replace(old, source="cache")
    assert not played.thought_apart


class Model:
    """Answers with the one reply it has, and counts."""

    identity = MODEL

    def __init__(self, reply: Reply) -> None:
        self.reply, self.asked = reply, 0

    @property
    def capabilities(self):
        raise NotImplementedError

    async def answer(self, request: Request) -> Reply:
        self.asked += 1
        return self.reply

    async def close(self) -> None: ...


class Store(dict[str, bytes]):
    def put(self, key: str, value: bytes) -> None:
        self[key] = value

    def kept(self, key: str) -> float:
        return 0.0


@pytest.mark.parametrize("newlines", [False, True])
def test_vectors_come_back_from_the_cache_to_the_bit_and_lie_there_as_four_bytes_a_number(tmp_path, newlines) -> None:
    rows = np.random.default_rng(1).normal(size=(2, 384)).astype(np.float32)
    if newlines:
        rows = np.frombuffer(b"\n" * rows.nbytes, np.float32).reshape(rows.shape)
    reply = Reply(vectors=Vectors.of(rows), notes=("é",))
    model, cache = Model(reply), SqliteCache(tmp_path)
    kept = cached(model, cache)

    async def twice() -> tuple[Reply, Reply]:
        return await kept.answer(Embed(("a", "b"))), await kept.answer(Embed(("a", "b")))

    first, second = asyncio.run(twice())
    assert model.asked == 1
    assert (first, second) == (reply, replace(reply, source="cache"))
    assert second.vectors is not None
    assert second.vectors.array().tobytes() == rows.tobytes()
    size = len(cache.get(request_key(MODEL, Embed(("a", "b")))) or b"")
    assert 4 * 768 < size < 4 * 768 + 500
    cache.close()


@pytest.mark.parametrize("damage", [slice(0, -1), slice(0, 40), slice(9, None), slice(0, 12)])
def test_damaged_vectors_are_asked_for_again(damage: slice) -> None:
    reply = Reply(vectors=Vectors.of(np.ones((1, 8), np.float32)))
    model, store = Model(reply), Store()
    asyncio.run(cached(model, store).answer(Embed(("a",))))
    for key in store:
        store[key] = store[key][damage]
    assert asyncio.run(cached(model, store).answer(Embed(("a",)))) == reply
    assert model.asked == 2


def test_calls_and_token_values_come_back_from_the_cache() -> None:
    reply = Reply(
        texts=("",),
        finish=("stop",),
        calls=((ToolCall("f", '{"a": 1}', "id1"), ToolCall("g", "{}")),),
        token_loglikelihoods=(-1.5, -math.inf),
        reasoning=("a",),
        cut=("\nQ:",),
        thought_apart=True,
    )
    model, store = Model(reply), Store()
    asyncio.run(cached(model, store).answer(Generate(ASKED)))
    assert asyncio.run(cached(model, store).answer(Generate(ASKED))) == replace(reply, source="cache")


def test_a_record_keeps_the_shape_and_digest_of_vectors_and_nothing_else_of_them() -> None:
    rows = np.random.default_rng(2).normal(size=(2, 384)).astype(np.float32)
    calls = ((ToolCall("f", '{"a": 1}', "id1"),),)
    vectors = Vectors.of(rows)
    reply = Reply(vectors=vectors, token_loglikelihoods=(-0.1, -2.0), calls=calls)
    line = codec.encode(Record("t", 0, Sample("1", "x"), replies=(reply,)), lambda text: "")
    assert len(line) < 700
    [back] = codec.decode(line, lambda digest: "").replies
    assert back == replace(reply, vectors=replace(vectors, data=b""))
    assert back.vectors.digest == Vectors.of(rows).digest != Vectors.of(rows + 1).digest
    with pytest.raises(ValueError, match="only their digest"):
        back.vectors.array()
