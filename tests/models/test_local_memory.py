"""A local model that runs out of memory, ways of computing that an architecture does not allow, and closing."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Generate, ModelError, Perplexity, Prompt, Reply, Request
from evalkit.models import resolve
from tests.models import oracle
from tests.models.oracle import answers

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.forward.padded_pass import Forward, Way  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.decode import Cached, Plain, find_stepper  # noqa: E402 (needs torch)
from evalkit.models.hf.loading.footprint import weight_bytes  # noqa: E402 (needs torch)

pytestmark = pytest.mark.slow("computes again and again as memory runs out")


async def loaded(model: Any) -> Any:
    """The transformers model behind a local model."""
    await model._start()
    return model._loading.result()[1]._loaded.model


def asked_with_capacity(folder: Path, requests: list[Request], capacity: int) -> tuple[list[Any], list[int]]:
    """Outcomes on a device where a pass over more than `capacity` tokens is out of memory; tokens of each pass."""
    sizes: list[int] = []

    async def ask() -> list[Any]:
        model = resolve(f"hf/{folder},batch_tokens=512")
        inner = await loaded(model)

        def scarce(module: Any, args: Any, kwargs: Any) -> None:
            sizes.append(kwargs["input_ids"].numel())
            if sizes[-1] > capacity:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

        inner.register_forward_pre_hook(scarce, with_kwargs=True)
        try:
            return await asyncio.gather(*(model.answer(r) for r in requests), return_exceptions=True)
        finally:
            await model.close()

    return asyncio.run(ask()), sizes


def requests(count: int) -> list[Request]:
    made: list[Request] = []
    for number in range(count):
        text = f"The quick brown fox number {number} jumps over"
        made += [Choose(Prompt(text), ("red", "blue")), Perplexity(text), Generate(Prompt(text), max_tokens=4, stop=())]
    return made


def test_out_of_memory_makes_batches_smaller_and_answers_the_same(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=128)
    expected = answers(resolve(f"hf/{folder}"), requests(8))
    outcomes, sizes = asked_with_capacity(folder, requests(8), capacity=60)
    assert max(sizes) > 60
    for reply, alone in zip(outcomes, expected, strict=True):
        assert isinstance(reply, Reply), reply
        assert reply.texts == alone.texts
        assert reply.loglikelihoods == pytest.approx(alone.loglikelihoods, abs=1e-4)


def test_a_request_too_large_by_itself_fails_and_the_others_are_answered(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=128)
    long = "sea shells by the sea shore " * 20
    goes_on = Generate(Prompt(long), max_tokens=2)
    outcomes, _ = asked_with_capacity(folder, [Choose(Prompt(long), ("A",)), *requests(3), goes_on], capacity=60)
    assert isinstance(outcomes[0], ModelError)
    assert "out of memory on a single input" in str(outcomes[0])
    assert all(isinstance(reply, Reply) for reply in outcomes[1:])
    # A prompt to be continued is computed in chunks, which may be as small as memory is.
    assert outcomes[-1].texts == oracle.answer(resolve(f"hf/{folder}"), goes_on).texts


def engine_of(folder: Path) -> Any:
    async def load() -> Any:
        model: Any = resolve(f"hf/{folder}")
        await model._start()
        return model._loading.result()[1]

    return asyncio.run(load())


@pytest.mark.parametrize("family", ["llama", "gpt2", "mistral", "t5", "gemma2", "granite", "cohere"])
def test_the_output_layer_runs_apart_on_a_few_positions_at_a_time(family: str, make_model: Callable[..., Path]) -> None:
    """gemma2 caps its logits behind the output layer, granite divides them, cohere multiplies them."""
    assert engine_of(make_model(family))._forward.way == Way("chunked")


def test_a_cap_too_high_to_show_on_small_logits_is_noticed(
    make_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody knows of the cap, the model itself runs its output layer, on the wanted positions."""
    folder = Path(shutil.copytree(make_model("gemma2"), tmp_path / "high"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "final_logit_softcapping": 3000.0}))
    assert engine_of(folder)._forward.way == Way("chunked")
    monkeypatch.setattr(
        "evalkit.models.hf.forward.padded_pass.candidates", lambda config: iter([lambda logits: logits])
    )
    assert engine_of(folder)._forward.way == Way("gathered")


def test_a_model_that_reads_its_padding_is_run_one_row_at_a_time(make_model: Callable[..., Path]) -> None:
    with torch.inference_mode():
        loaded = engine_of(make_model("llama"))._loaded
        inner = loaded.model.model

        def leak(module: Any, args: Any, output: Any) -> Any:
            # Every position learns of all others in its row, padding included.
            output.last_hidden_state = output.last_hidden_state + output.last_hidden_state.mean(1, keepdim=True)
            return output

        handle = inner.register_forward_hook(leak)
        assert Forward(loaded).way == Way("full", alone=True)
        handle.remove()
        assert Forward(loaded).way == Way("chunked")


@pytest.mark.parametrize(
    "way", [Way("chunked"), Way("gathered", mask=True), Way("full", mask=True), Way("full", alone=True)]
)
def test_every_way_scores_the_same(way: Way, make_model: Callable[..., Path]) -> None:
    folder = make_model("llama")

    async def ask() -> list[Reply]:
        model: Any = resolve(f"hf/{folder}")
        await model._start()
        model._loading.result()[1]._forward.way = way
        return list(await asyncio.gather(*(model.answer(request) for request in requests(3))))

    for reply, expected in zip(asyncio.run(ask()), answers(resolve(f"hf/{folder}"), requests(3)), strict=True):
        assert reply.loglikelihoods == pytest.approx(expected.loglikelihoods, abs=1e-4)


def test_without_a_usable_cache_texts_are_the_same_and_a_warning_says_so(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_model("llama")
    asked: list[Request] = [Generate(Prompt(text), max_tokens=8, stop=()) for text in ("A", "The quick brown fox")]
    expected = [reply.texts for reply in answers(resolve(f"hf/{folder}"), asked)]
    # A cache that forgets where padding was.
    step = Cached.step
    monkeypatch.setattr(Cached, "step", lambda self, tokens: step(self, [0] * len(tokens)))
    with torch.inference_mode():
        engine = engine_of(folder)
        assert isinstance(find_stepper(engine._loaded, engine._forward), Plain)
    assert [reply.texts for reply in answers(resolve(f"hf/{folder}"), asked)] == expected
    assert "LlamaForCausalLM generates without a key-value cache" in caplog.text


def test_t5_without_a_cache_writes_the_same(make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "evalkit.models.hf.generation.decode.Cached.start", lambda self, prompts: torch.zeros(len(prompts), 400)
    )
    folder = make_model("t5")
    reply = oracle.answer(resolve(f"hf/{folder}"), Generate(Prompt("The quick brown"), max_tokens=6, stop=()))
    assert reply.texts == (oracle.Plain(folder).generate("The quick brown", 6)[0],)


def test_closing_frees_the_model_and_refuses_more(make_model: Callable[..., Path], tmp_path: Path) -> None:
    # Weights of its own: those that another open model shares stay.
    folder = shutil.copytree(make_model("llama"), tmp_path / "own")

    async def ask() -> weakref.ref[Any]:
        model = resolve(f"hf/{folder}")
        await model.answer(Choose(Prompt("A"), ("B",)))
        alive = weakref.ref(await loaded(model))
        await model.close()
        await model.close()
        with pytest.raises(ModelError, match="closed"):
            await model.answer(Choose(Prompt("A"), ("B",)))
        return alive

    alive = asyncio.run(ask())
    gc.collect()
    assert alive() is None


def test_a_model_may_be_closed_before_it_was_asked(make_model: Callable[..., Path]) -> None:
    model = resolve(f"hf/{make_model('llama')}")
    asyncio.run(model.close())
    with pytest.raises(ModelError, match="closed"):
        asyncio.run(model.answer(Choose(Prompt("A"), ("B", "C"))))


def test_a_model_answers_in_one_event_loop_after_another(make_model: Callable[..., Path]) -> None:
    model = resolve(f"hf/{make_model('llama')}")
    request = Choose(Prompt("A"), ("B", "C"))
    first = asyncio.run(model.answer(request))
    assert asyncio.run(model.answer(request)).loglikelihoods == first.loglikelihoods


def test_cancelled_generation_stops_computing(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=4000)

    async def ask() -> float:
        model = resolve(f"hf/{folder}")
        await model.answer(Generate(Prompt("A"), max_tokens=1))
        task = asyncio.create_task(model.answer(Generate(Prompt("A"), max_tokens=3900, stop=())))
        await asyncio.sleep(0.3)
        assert not task.done()
        task.cancel()
        begun = time.perf_counter()
        await model.answer(Choose(Prompt("A"), ("B",)))
        return time.perf_counter() - begun

    # 3,900 steps take many seconds; the next request waits for one step of them at most.
    assert asyncio.run(ask()) < 2


def test_replies_arrive_before_everything_is_computed(make_model: Callable[..., Path]) -> None:
    async def ask() -> tuple[float, float]:
        model = resolve(f"hf/{make_model('llama', max_length=4000)},batch_tokens=1")
        begun = time.perf_counter()

        async def timed(tokens: int) -> float:
            await model.answer(Generate(Prompt("A"), max_tokens=tokens, stop=()))
            return time.perf_counter() - begun

        long, short = await asyncio.gather(timed(300), timed(1))
        return long, short

    long, short = asyncio.run(ask())
    assert long < short  # longest first, and its caller does not wait for the other


def test_the_embedded_model_answers() -> None:
    model = resolve("tiny")
    assert model.identity.name == "tiny"
    assert dict(model.identity.facts)["dtype"] == "float32"
    choose, generate, perplexity = answers(
        model, [Choose(Prompt("A"), ("B", "C")), Generate(Prompt("The"), max_tokens=3), Perplexity("A story.")]
    )
    assert all(value < 0 for value in (*choose.loglikelihoods, *perplexity.loglikelihoods))
    assert generate.finish[0] in ("stop", "eos", "length")


def test_slots_take_little_more_memory_than_the_weights(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer texts are written at a time then, and they are the same."""
    folder = make_model("llama", max_length=128)
    asked: list[Request] = [Generate(Prompt(f"{n} quick foxes"), max_tokens=90, stop=()) for n in range(40)]

    def written() -> tuple[list[Reply], int, int]:
        async def ask() -> tuple[list[Reply], int, int]:
            model: Any = resolve(f"hf/{folder}")
            replies = list(await asyncio.gather(*(model.answer(request) for request in asked)))
            engine = model._loading.result()[1]
            return replies, engine.written.most_slot_bytes, weight_bytes(engine._loaded.model)

        return asyncio.run(ask())

    expected, free, weights = written()
    monkeypatch.setattr("evalkit.models.hf.generation.strategy._LEAST", 1000)
    found, bounded, _ = written()
    assert 0 < bounded <= 1.5 * weights < free
    assert [reply.texts for reply in found] == [reply.texts for reply in expected]
