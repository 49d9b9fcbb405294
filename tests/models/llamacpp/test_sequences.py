"""llama.cpp's cache as evalkit uses it: what is asked together changes no number, and what fails fails alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Perplexity, Prompt, Request
from evalkit.models import resolve
from evalkit.models.llamacpp.scoring import waves
from tests.models.oracle import answer, answers, outcomes

llama_cpp = pytest.importorskip(
    "llama_cpp", reason="pip install 'evalkit-harness[gguf]' compiles llama-cpp-python in 5 to 12 minutes"
)

PREAMBLES = ("", "The quick brown fox jumps over the lazy dog. " * 6, "She sells sea shells. " * 4)
ENDINGS = ("red", "a small town", "red apples", "red")


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    """Continuations that begin alike, texts that are beginnings of each other, one-token and long ones."""
    asked: list[Request] = []
    for number, preamble in enumerate(PREAMBLES):
        asked += [Choose(Prompt(f"Question {n}: is it so?\nAnswer:", preamble), ENDINGS) for n in range(6)]
        asked += [Perplexity((preamble + " and then") * (number + 1)), Perplexity(preamble)]
    asked += [
        Generate(Prompt(f"{PREAMBLES[1]} It is {n}"), max_tokens=6, stop=(), temperature=0.8, n=2) for n in range(6)
    ]
    return asked


@pytest.fixture(scope="module")
def alone(written: Callable[..., Path], requests: list[Request]) -> list[Any]:
    """Each request in a batch of its own."""

    async def ask() -> list[Any]:
        model = resolve(f"gguf/{written('F32')}")
        found = [await model.answer(request) for request in requests]
        await model.close()
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize("limits", [{}, {"_WAVE": 80, "_SEQUENCES": 5, "_WRITING": 40}, {"_SEQUENCES": 4}])
@pytest.mark.parametrize("options", ["", ",batch_tokens=7"])
def test_what_is_asked_together_changes_nothing(
    limits: dict[str, int],
    options: str,
    written: Callable[..., Path],
    requests: list[Request],
    alone: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(f"evalkit.models.llamacpp.engine.{name}", value)
    order = list(range(len(requests)))
    random.Random(len(limits) + len(options)).shuffle(order)
    found = answers(resolve(f"gguf/{written('F32')}{options}"), [requests[number] for number in order])
    for number, reply in zip(order, found, strict=True):
        expected = alone[number]
        assert reply.loglikelihoods == pytest.approx(expected.loglikelihoods, abs=1e-4), requests[number]
        assert (reply.greedy, reply.texts, reply.finish) == (expected.greedy, expected.texts, expected.finish)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_quantized_numbers_do_not_depend_on_company(kind: str, written: Callable[..., Path]) -> None:
    """To the bit: activations are rounded to 8 bits, and a rounding that changed would be multiplied by the next."""
    requests = [Choose(Prompt(f"Question {n}: is it so?\nAnswer:", PREAMBLES[1]), ENDINGS) for n in range(12)]

    async def one_by_one() -> list[Any]:
        model = resolve(f"gguf/{written(kind)}")
        found = [await model.answer(request) for request in requests]
        await model.close()
        return found

    together = answers(resolve(f"gguf/{written(kind)}"), requests)
    assert [r.loglikelihoods for r in together] == [r.loglikelihoods for r in asyncio.run(one_by_one())]


def test_what_is_shared_is_computed_once(written: Callable[..., Path]) -> None:
    """Each token of the prefix tree goes through the model once, and logits are computed where they are read."""
    requests = [Choose(Prompt(f"Is {n} red?", PREAMBLES[1]), ("yes", "no")) for n in range(40)]

    async def ask() -> Any:
        model: Any = resolve(f"gguf/{written('F32')}")
        await asyncio.gather(*(model.answer(request) for request in requests))
        stats = model._engine.result().stats
        await model.close()
        return stats

    stats = asyncio.run(ask())
    from evalkit.models.hf.scoring.prefix_tree import build
    from evalkit.models.tiny import TINY
    from tests.models.oracle import Plain

    plain = Plain(TINY)
    rows = [plain.ids(PREAMBLES[1] + f"Is {n} red? {ending}")[:-1] for n in range(40) for ending in ("yes", "no")]
    # A trial of a few tokens belongs to the loading.
    least = build([tuple(row) for row in rows]).tokens
    assert least <= stats.tokens_computed <= least + 96
    assert stats.tokens_asked > 5 * stats.tokens_computed
    wanted = {tuple(row[:end]) for row in rows for end in range(len(plain.ids(PREAMBLES[1])), len(row) + 1)}
    assert stats.logits_computed <= len(wanted) + 6


def failing(monkeypatch: pytest.MonkeyPatch, poison: int) -> list[int]:
    """llama_decode refuses every call that holds the token `poison`."""
    decode, refused = llama_cpp.llama_decode, []

    def refuse(context: Any, batch: Any) -> int:
        if poison in [batch.token[number] for number in range(batch.n_tokens)]:
            refused.append(batch.n_tokens)
            return -3
        return int(decode(context, batch))

    monkeypatch.setattr(llama_cpp, "llama_decode", refuse)
    return refused


def test_what_llama_cpp_refuses_fails_alone(written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit.models.tiny import TINY
    from tests.models.oracle import Plain

    good: list[Request] = [Choose(Prompt(f"{PREAMBLES[1]} It is {n}"), ("red", "blue")) for n in range(5)]
    good += [Generate(Prompt(f"{PREAMBLES[1]} It is {n}"), max_tokens=4, stop=()) for n in range(5)]
    bad: list[Request] = [
        Choose(Prompt(f"{PREAMBLES[1]} It is #"), ("red", "blue")),
        Generate(Prompt("It is # x"), max_tokens=4, stop=()),
    ]
    plain = Plain(TINY)
    poison = next(token for token in plain.ids(" # x") if "#" in plain.tokenizer.decode([token]))
    expected = answers(resolve(f"gguf/{written('F32')}"), good)
    refused = failing(monkeypatch, poison)
    found = outcomes(resolve(f"gguf/{written('F32')}"), [bad[0], *good, bad[1]])
    assert "could not compute" in str(found[0])
    assert "could not compute" in str(found[-1])
    for ours, theirs in zip(found[1:-1], expected, strict=True):
        assert not isinstance(ours, BaseException), ours
        assert ours.loglikelihoods == pytest.approx(theirs.loglikelihoods, abs=1e-4)
        assert ours.texts == theirs.texts
    assert len(refused) >= 2


def test_a_cache_that_does_not_share_is_found_out(
    written: Callable[..., Path], requests: list[Request], alone: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No difference is small enough for the trial: every prompt is then computed by itself, with the same numbers."""
    monkeypatch.setattr("evalkit.models.llamacpp.engine._TOLERANCE", -1.0)
    found, facts = ask_with_facts(f"gguf/{written('F32')}", requests[::3])
    assert facts["scoring"].startswith("every prompt from its beginning")
    for reply, expected in zip(found, alone[::3], strict=True):
        assert reply.loglikelihoods == pytest.approx(expected.loglikelihoods, abs=1e-4)
        assert reply.texts == expected.texts


def ask_with_facts(spec: str, requests: list[Request]) -> tuple[list[Any], dict[str, str]]:
    async def ask() -> tuple[list[Any], dict[str, str]]:
        model = resolve(spec)
        found = await asyncio.gather(*(model.answer(request) for request in requests))
        facts = dict(model.facts)  # type: ignore[attr-defined]
        await model.close()
        return list(found), facts

    return asyncio.run(ask())


def test_a_context_grows_with_what_is_asked(written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.models.llamacpp.engine._WAVE", 256)

    async def ask() -> tuple[Any, ...]:
        model: Any = resolve(f"gguf/{written('F32')}")
        before = await model.answer(Perplexity("a b c"))
        small = model._engine.result()._sequences.cells
        await model.answer(Perplexity("one two three four " * 60))
        large = model._engine.result()._sequences.cells
        again = await model.answer(Perplexity("a b c"))
        await model.close()
        return before, small, large, again

    before, small, large, again = asyncio.run(ask())
    assert large > small
    assert again.loglikelihoods == pytest.approx(before.loglikelihoods, abs=1e-5)


def test_no_memory_for_a_context_is_said(written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    make = llama_cpp.llama_init_from_model

    def small(model: Any, params: Any) -> Any:
        return make(model, params) if params.n_ctx <= 512 else None

    monkeypatch.setattr(llama_cpp, "llama_init_from_model", small)
    texts = ["a b c", "one two three four " * 400]
    fits, too_long = outcomes(resolve(f"gguf/{written('F32')}"), [Perplexity(text) for text in texts])
    assert "no memory for an input of" in str(too_long)
    assert fits.loglikelihoods == pytest.approx(
        answer(resolve(f"gguf/{written('F32')}"), Perplexity(texts[0])).loglikelihoods, abs=1e-5
    )


def test_waves_hold_every_sequence_once_and_keep_to_their_size() -> None:
    from evalkit.models.hf.scoring.prefix_tree import build

    random_ = random.Random(3)
    ids = [tuple(random_.choices(range(3), k=random_.randint(1, 12))) for _ in range(200)]
    for most, leaves in ((30, 64), (1, 3), (1000, 7)):
        cut = list(waves(ids, most=most, leaves=leaves))
        assert sorted(number for wave in cut for number in wave) == list(range(200))
        for wave in cut:
            assert len(wave) <= leaves
            assert len(wave) == 1 or build([ids[number] for number in wave]).tokens <= most


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
