"""A reply depends on its request and the model alone: not on batch size, order, or who else asks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from evalkit.core import Choose, Generate, ModelError, Perplexity, Prompt, Reply, Request
from evalkit.models import resolve
from tests.examples import examples
from tests.models.oracle import answers, outcomes

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

pytestmark = pytest.mark.slow("asks models of many families the same in several batches")

WORDS = ["the", "quick", "brown", "fox", "sells", "sea", "shells", "A", "B", "apples", "Jupiter\n:", "é", "東京", "🙂"]
texts = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
requests = st.one_of(
    st.builds(
        Choose,
        st.builds(Prompt, texts),
        st.lists(texts, max_size=4).map(tuple),
        st.sampled_from([" ", ""]),
    ),
    st.builds(Perplexity, texts),
    st.builds(
        Generate,
        st.builds(Prompt, texts),
        max_tokens=st.integers(1, 12),
        stop=st.sampled_from([(), ("e",), ("\n", "th")]),
        temperature=st.sampled_from([0.0, 0.0, 0.7, 1.5]),
        top_p=st.sampled_from([1.0, 0.8]),
        n=st.integers(1, 3),
        seed=st.integers(0, 5),
    ),
)


def assert_same(one: Reply | BaseException, other: Reply | BaseException) -> None:
    if not isinstance(one, Reply) or not isinstance(other, Reply):
        assert isinstance(one, ModelError)
        assert str(one) == str(other)
        return
    assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=1e-4, rel=1e-6)
    for field in ("texts", "finish", "usage", "truncated_tokens", "notes", "rendered_digest"):
        assert getattr(one, field) == getattr(other, field), field


@pytest.mark.parametrize("family", ["llama", "mistral", "gpt2"])
@examples(12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(requests, min_size=2, max_size=12), budget=st.integers(1, 400), seed=st.integers(0, 99))
def test_replies_do_not_depend_on_the_batch(
    family: str, make_model: Callable[..., Path], asked: list[Request], budget: int, seed: int
) -> None:
    folder = make_model(family)
    alone = [answers_from(folder, "batch_tokens=1", [request])[0] for request in asked]
    together = answers_from(folder, "", asked)
    order = list(range(len(asked)))
    random.Random(seed).shuffle(order)
    shuffled = answers_from(folder, f"batch_tokens={budget}", [asked[place] for place in order])
    for place, reply in zip(order, shuffled, strict=True):
        assert_same(reply, alone[place])
        assert_same(together[place], alone[place])


_models: dict[tuple[Path, str], Any] = {}


def answers_from(folder: Path, option: str, asked: Sequence[Request]) -> list[Reply | BaseException]:
    """As `oracle.outcomes`, with models kept between examples since loading takes longest."""
    key = (folder, option if option.startswith("batch_tokens=1") or not option else "budget")
    if key not in _models:
        _models[key] = resolve(f"hf/{folder}" + (f",{option}" if option else ""))
    model = _models[key]
    if key[1] == "budget" and model._batcher is not None:
        engine = model._loading.result()[1]
        engine._budget.tokens = int(option.partition("=")[2])
        engine._cached_budget.tokens = 4 * engine._budget.tokens
        engine._slot_budget.tokens = 4 * engine._budget.tokens

    async def ask() -> list[Reply | BaseException]:
        return await asyncio.gather(*(model.answer(request) for request in asked), return_exceptions=True)

    return asyncio.run(ask())


def test_a_request_that_cannot_be_tokenised_fails_alone(make_model: Callable[..., Path]) -> None:
    good: list[Request] = [
        Choose(Prompt("The quick"), ("fox", "dog")),
        Generate(Prompt("A"), max_tokens=3),
        Perplexity("text"),
    ]
    bad: list[Request] = [Choose(Prompt("\ud800"), ("fox",)), Generate(Prompt("\udfff")), Perplexity("\ud83d")]
    mixed = outcomes(resolve(f"hf/{make_model('llama')}"), [*bad, *good, Choose(Prompt("x"), ("\ud800", "b"))])
    assert all("can't be tokenised" in str(outcome) for outcome in [*mixed[:3], mixed[-1]])
    expected = answers(resolve(f"hf/{make_model('llama')}"), good)
    for reply, alone in zip(mixed[3:6], expected, strict=True):
        assert isinstance(reply, Reply)
        assert_same(reply, alone)


def test_bfloat16_agrees_with_float32_up_to_its_precision(
    make_model: Callable[..., Path], record_property: Callable[[str, Any], None]
) -> None:
    """bfloat16 has 8 bits of mantissa: answers may flip where two choices are close, and only there."""
    folder = make_model("llama", max_length=128)
    chance = random.Random(5)
    asked = [
        Choose(Prompt(" ".join(chance.choices(WORDS, k=chance.randint(1, 30)))), ("A", "B", "fox", "sea shells"))
        for _ in range(100)
    ]
    exact = answers(resolve(f"hf/{folder},dtype=float32"), asked)
    coarse = answers(resolve(f"hf/{folder},dtype=bfloat16"), asked)
    small = answers(resolve(f"hf/{folder},dtype=bfloat16,batch_tokens=40"), asked)

    def best(reply: Reply) -> int:
        return max(range(4), key=lambda choice: reply.loglikelihoods[choice])

    flips = sum(best(a) != best(b) for a, b in zip(exact, coarse, strict=True))
    batch_flips = sum(best(a) != best(b) for a, b in zip(small, coarse, strict=True))
    worst = max(
        abs(x - y) / (1 + abs(x))
        for a, b in zip(exact, coarse, strict=True)
        for x, y in zip(a.loglikelihoods, b.loglikelihoods, strict=True)
    )
    record_property("flips_against_float32", flips)
    record_property("flips_against_another_batch_size", batch_flips)
    record_property("worst_relative_difference", worst)
    print(f"bfloat16: {flips} of 100 flip against float32, {batch_flips} against batch_tokens=40, worst {worst:.3f}")
    assert flips <= 10
    assert batch_flips <= 5
    assert worst < 0.1


def test_equal_requests_are_computed_once_and_answered_each(make_model: Callable[..., Path]) -> None:
    request = Choose(Prompt("The quick brown"), ("A", "B", "C"))
    replies = answers(resolve(f"hf/{make_model('llama')}"), [request] * 5)
    assert len({reply.loglikelihoods for reply in replies}) == 1


def test_everyone_who_waits_for_a_model_to_load_is_in_its_first_batch(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evalkit.models.hf.engine import Engine

    sizes: list[int] = []
    run = Engine.run
    monkeypatch.setattr(Engine, "run", lambda self, batch: (sizes.append(len(batch.jobs)), run(self, batch))[1])
    asked = [Choose(Prompt(f"The quick {number}"), ("fox", "dog")) for number in range(3000)]
    answers(resolve(f"hf/{make_model('llama')}"), asked)
    assert sizes[0] == 3000


def test_what_is_prepared_beside_the_device_gives_the_same_replies(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that is asked while others are computed is rendered and tokenised meanwhile, one that fails too."""
    from evalkit.models.hf.engine import Engine

    folder = make_model("llama")
    late: list[Request] = [
        Choose(Prompt("The quick brown fox"), (" jumps", " sleeps")),
        Perplexity("She sells sea shells"),
        Generate(Prompt("In the beginning"), max_tokens=6, stop=()),
        Choose(Prompt("\ud800"), (" a", " b")),
    ]
    expected = outcomes(resolve(f"hf/{folder}"), late)
    prepared: list[object] = []
    run = Engine.run

    def watched(self: Any, batch: Any) -> None:
        prepared.extend(batch.prepared)
        run(self, batch)

    monkeypatch.setattr(Engine, "run", watched)
    monkeypatch.setattr(Engine, "prepares", True)

    async def ask() -> list[Reply | BaseException]:
        model = resolve(f"hf/{folder}")
        await model.answer(Choose(Prompt("A"), (" b",)))
        first = [asyncio.create_task(model.answer(Perplexity(f"{n} " * 300))) for n in range(80)]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        found = await asyncio.gather(*(model.answer(request) for request in late), return_exceptions=True)
        await asyncio.gather(*first)
        await model.close()
        return found

    for one, other in zip(asyncio.run(ask()), expected, strict=True):
        assert_same(one, other)
    assert None not in prepared[-len(late) :]
