"""An encoder-decoder encodes each source once, and scores as if every continuation were computed alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, ModelError, Prompt, Reply
from evalkit.models import resolve
from tests.models.oracle import Plain, answers

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.scoring.encoder_decoder import EncoderDecoderStrategy, by_source  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.plan import TokenRow, merge  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.score import score  # noqa: E402 (needs torch)
from tests.models.test_packed import engine_of  # noqa: E402 (needs torch)

# A name of an argument that transformers is about to drop would leave this path unused, with no other sign.
pytestmark = pytest.mark.filterwarnings("error:.past_key_values.:FutureWarning")

CONTEXTS = ("The quick brown fox", "Question: Which planet is the largest?\nAnswer:", "She", "She sells sea shells by")
ENDINGS = ("dog", "Jupiter is the largest planet.", "A", "B", "")


def rows() -> list[TokenRow]:
    chance = random.Random(2)

    def text(length: int) -> tuple[int, ...]:
        return tuple(chance.randrange(3, 400) for _ in range(length))

    made: list[TokenRow] = []
    for source in (text(20), text(3), text(9), text(31)):
        made += [TokenRow((2,), (0,) * 4, (5, 6, 7, 8), source)]
        for count in (2, 5, 1, 12):
            ending = text(count)
            made.append(TokenRow((2, *ending[:-1]), tuple(range(count)), ending, source))
    return merge(made)[0]


def test_scores_equal_those_of_each_row_alone(make_model: Callable[..., Path]) -> None:
    engine = engine_of(make_model("t5", max_length=128))
    asked = rows()
    groups = by_source(asked)
    assert len(groups) == 4
    strategy = EncoderDecoderStrategy(engine._loaded, engine._forward, engine.stats)
    worst = 0.0
    with torch.inference_mode():
        for room in (1, 100, 4000):
            results = strategy.score([[asked[number] for number in group] for group in groups], room)
            for group, scores in zip(groups, results, strict=True):
                for number, result in zip(group, scores, strict=True):
                    alone = score(engine._forward, [asked[number]])[0]
                    assert result.best == alone.best
                    worst = max(worst, *(abs(a - b) for a, b in zip(result.logprobs, alone.logprobs, strict=True)))
    print(f"t5: {worst:.1e}")
    assert worst <= 1e-4


def ask(folder: Path, hook: Callable[[Any], None] | None = None) -> tuple[list[Any], Any]:
    async def ask() -> tuple[list[Any], Any]:
        model: Any = resolve(f"hf/{folder}")
        await model._start()
        engine = model._loading.result()[1]
        if hook is not None:
            hook(engine)
        requests = [Choose(Prompt(text), ENDINGS) for text in CONTEXTS]
        replies = await asyncio.gather(*(model.answer(request) for request in requests), return_exceptions=True)
        await model.close()
        return list(replies), engine

    return asyncio.run(ask())


def test_the_encoder_reads_every_context_once(make_model: Callable[..., Path]) -> None:
    folder = make_model("t5", max_length=128)
    read: list[int] = []

    def count(engine: Any) -> None:
        engine._loaded.model.get_encoder().register_forward_pre_hook(
            lambda module, args, kwargs: read.append(len(kwargs["input_ids"])), with_kwargs=True
        )

    replies, engine = ask(folder, count)
    assert engine.facts["scoring"] == "sources encoded once"
    assert read[-1] == len(CONTEXTS)
    assert engine.stats.tokens_computed < engine.stats.tokens_asked
    plain = Plain(folder)
    for context, reply in zip(CONTEXTS, replies, strict=True):
        assert isinstance(reply, Reply)
        for ending, value in zip(ENDINGS[:-1], reply.loglikelihoods, strict=False):
            assert value == pytest.approx(plain.continuation(context, " " + ending)[0], abs=1e-4)


def test_a_cache_that_can_not_be_chosen_from_is_caught(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from transformers import EncoderDecoderCache

    folder = make_model("t5", max_length=128)
    expected = answers(resolve(f"hf/{folder}"), [Choose(Prompt(text), ENDINGS) for text in CONTEXTS])
    select = EncoderDecoderCache.batch_select_indices
    monkeypatch.setattr(EncoderDecoderCache, "batch_select_indices", lambda self, index: select(self, index * 0))
    replies, engine = ask(folder)
    assert engine.facts["scoring"].startswith("plain: its log-probabilities differ")
    assert caplog.text.count("computes every prompt from its beginning") == 1
    for reply, alone in zip(replies, expected, strict=True):
        assert reply.loglikelihoods == pytest.approx(alone.loglikelihoods, abs=1e-4)


def test_out_of_memory_makes_batches_of_sources_smaller(make_model: Callable[..., Path]) -> None:
    folder = make_model("t5", max_length=128)
    expected, _ = ask(folder)
    sizes: list[int] = []

    def scarce(engine: Any) -> None:
        def refuse(module: Any, args: Any, kwargs: Any) -> None:
            sizes.append(kwargs["input_ids"].numel())
            if sizes[-1] > 30:
                raise torch.OutOfMemoryError("out of memory")

        engine._loaded.model.get_encoder().register_forward_pre_hook(refuse, with_kwargs=True)

    replies, _ = ask(folder, scarce)
    assert max(sizes) > 30
    assert not any(isinstance(reply, ModelError) for reply in replies)
    for reply, alone in zip(replies, expected, strict=True):
        assert reply.loglikelihoods == pytest.approx(alone.loglikelihoods, abs=1e-4)
