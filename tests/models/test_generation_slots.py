"""Texts written over slots are those written alone, whoever shares their prompt, batch or slot."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from evalkit.core import Generate, ModelError, Prompt, Reply, Request
from evalkit.models import resolve
from tests.examples import examples
from tests.models.oracle import Plain, answers, outcomes

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.forward import slot_attention  # noqa: E402 (needs torch)
from evalkit.models.hf.forward.tree_attention import Kept  # noqa: E402 (needs torch)
from evalkit.models.hf.generation import continuous_batching as refill_module  # noqa: E402 (needs torch)
from evalkit.models.hf.generation import strategy  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.continuous_batching import ContinuousBatching, GenerationCounters, SlotLimits  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.decode import Cached, decode  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.drafts import Drafts, Siblings  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.kv_slots import Slots  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.prefill import Prefill  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.requests import Generation, PreparedGeneration  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.stream import Stream  # noqa: E402 (needs torch)
from evalkit.models.replies.detokenize import Detokenizer  # noqa: E402 (needs torch)
from evalkit.models.replies.local_text import LocalText  # noqa: E402 (needs torch)
from evalkit.models.replies.markers import ANY  # noqa: E402 (needs torch)

pytestmark = pytest.mark.slow("writes texts with models of many families, together and one by one")

LIMITS = SlotLimits(pass_tokens=64, slot_tokens=4096, slots=4, worth=2, readers=2)
GUESSING = replace(LIMITS, guesses=24)
_engines: dict[Path, Any] = {}


def engine_of(folder: Path) -> Any:
    """The engine behind a model, kept between examples since loading takes longest."""

    async def load() -> Any:
        model: Any = resolve(f"hf/{folder}")
        await model._start()
        return model._loading.result()[1]

    if folder not in _engines:
        _engines[folder] = asyncio.run(load())
    return _engines[folder]


@dataclass
class Batch:
    """A batch that notes what is delivered; `unwanted` says whether nobody waits for a request any more."""

    unwanted: Callable[[int], bool] = lambda index: False
    delivered: dict[int, Any] = field(default_factory=dict)
    jobs: tuple[()] = ()

    def wanted(self, index: int) -> bool:
        return not self.unwanted(index)

    def deliver(self, index: int, result: Any) -> None:
        assert index not in self.delivered, "answered twice"
        self.delivered[index] = result


@dataclass(frozen=True)
class Text:
    """A text to write: its prompt's tokens, and how."""

    ids: tuple[int, ...]
    limit: int = 8
    stops: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0

    def stream(self, tokenizer: Any) -> Stream:
        text = LocalText(Detokenizer(tokenizer), ANY, (), self.stops)
        return Stream(self.ids, self.limit, text, frozenset({1}), temperature=self.temperature, seed=self.seed)


def round_of(
    folder: Path,
    texts: Sequence[Text],
    limits: SlotLimits = LIMITS,
    unwanted: Callable[[int], bool] = lambda index: False,
) -> tuple[ContinuousBatching, Batch, list[Stream], GenerationCounters]:
    """A round over slots that has not begun: one request a text."""
    engine = engine_of(folder)
    batch, counters = Batch(unwanted), GenerationCounters()
    streams = [text.stream(engine._loaded.tokenizer) for text in texts]
    generation = Generation(batch, [PreparedGeneration(index, [stream]) for index, stream in enumerate(streams)])  # type: ignore[arg-type]
    with torch.inference_mode():
        batching = ContinuousBatching(
            engine._loaded, engine._forward, generation, range(len(streams)), limits, counters
        )
    return batching, batch, streams, counters


def run(batching: ContinuousBatching) -> None:
    with torch.inference_mode():
        batching.run()


_alone: dict[tuple[Path, Text], tuple[tuple[int, ...], str]] = {}


def alone(folder: Path, text: Text) -> tuple[tuple[int, ...], str]:
    """What is written when nothing else is, by the stepper that knows no slots: (tokens, how it ended)."""
    if (folder, text) not in _alone:
        engine = engine_of(folder)
        stream = text.stream(engine._loaded.tokenizer)
        with torch.inference_mode():
            list(decode(Cached(engine._loaded), [stream], lambda place: True))
        _alone[folder, text] = tuple(stream.written), stream.finish
    return _alone[folder, text]


_heads = st.sampled_from([(0,), (0, *range(30, 44)), (0, *range(30, 44), 77, 78, 79), (0, 9, 9, 9)])
_tails = st.lists(st.integers(3, 399), max_size=14).map(tuple)
texts = st.builds(
    Text,
    st.builds(lambda head, tail: head + tail, _heads, _tails),
    limit=st.integers(1, 12),
    stops=st.sampled_from([(), ("e",), ("a", " the"), ("\ufffd",)]),
    temperature=st.sampled_from([0.0, 0.0, 1.0]),
    seed=st.integers(0, 2),
)


@pytest.mark.parametrize("family", ["llama", "mistral", "gpt2"])
@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=st.lists(texts, min_size=1, max_size=14),
    slots=st.integers(1, 5),
    passes=st.integers(1, 80),
    readers=st.integers(2, 5),
    guesses=st.sampled_from([0, 5, 24]),
    dropped=st.dictionaries(st.integers(0, 13), st.integers(0, 4), max_size=3),
)
def test_every_text_is_the_one_written_alone(
    family: str,
    make_model: Callable[..., Path],
    wanted: list[Text],
    slots: int,
    passes: int,
    readers: int,
    guesses: int,
    dropped: dict[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """mistral's window is shorter than the prompts. A dropped request is one whose caller leaves after some tokens."""
    folder = make_model(family, max_length=128)
    streams: list[Stream] = []

    def unwanted(index: int) -> bool:
        return index in dropped and bool(streams) and len(streams[index].written) >= dropped[index]

    limits = SlotLimits(pass_tokens=passes, slot_tokens=4096, slots=slots, worth=2, readers=readers, guesses=guesses)
    batching, batch, made, counters = round_of(folder, wanted, limits, unwanted)
    streams.extend(made)
    texts_alone = [alone(folder, text)[0] for text in wanted]
    with monkeypatch.context() as patched:
        known = {id(stream): tokens for stream, tokens in zip(streams, texts_alone, strict=True)}
        patched.setattr(Drafts, "guess", guess_of(known))
        run(batching)
    for index, (text, stream) in enumerate(zip(wanted, streams, strict=True)):
        tokens, finish = alone(folder, text)
        if index in dropped and index not in batch.delivered:
            assert tuple(stream.written) == tokens[: len(stream.written)]
            # What was guessed right comes with the token before it.
            assert len(stream.written) <= dropped[index] + (8 if guesses else 0)
        else:
            assert (tuple(stream.written), stream.finish) == (tokens, finish)
            assert isinstance(batch.delivered[index], Reply)
    assert counters.prompt_tokens_computed <= sum(len(text.ids) for text in wanted)


def guess_of(known: dict[int, tuple[int, ...]]) -> Callable[[Drafts, int], list[int]]:
    """Guesses of up to five tokens by who knows what a stream (by its id) will write; every third guess ends wrong."""

    def guess(self: Drafts, most: int) -> list[int]:
        stream = self._stream
        done = len(stream.written)
        some = list(known[id(stream)][done : done + min(most, 5, stream.limit - done - 1)])
        return [*some[:-1], some[-1] ^ 1] if some and done % 3 == 0 else some

    return guess


def test_tokens_that_were_guessed_right_take_no_step(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last text ends by a stop string among the guesses: what was guessed behind it is not in it."""
    folder = make_model("llama", max_length=128)
    wanted = [Text((0, 9, 9, 9, 5 + number), 40) for number in range(4)]
    tokens, _ = alone(folder, wanted[0])
    said = engine_of(folder)._loaded.tokenizer.decode(list(tokens[20:23]))
    wanted.append(replace(wanted[0], stops=(said.strip()[-2:],)))
    found = {}
    for limits in (replace(LIMITS, slots=5), replace(GUESSING, slots=5)):
        batching, _, streams, counters = round_of(folder, wanted, limits)
        # Of the text that stops, too, what it would write without.
        texts = [*(alone(folder, text)[0] for text in wanted[:4]), tokens]
        known = {id(stream): text for stream, text in zip(streams, texts, strict=True)}
        monkeypatch.setattr(Drafts, "guess", guess_of(known))
        run(batching)
        written = [(tuple(stream.written), stream.finish) for stream in streams]
        assert written == [alone(folder, text) for text in wanted]
        found[limits.guesses] = counters
    assert streams[-1].finish == "stop"
    plain, guessing = found[0], found[24]
    assert plain.tokens_guessed == 0 and guessing.tokens_written == plain.tokens_written
    assert guessing.steps < plain.steps // 2
    assert 0 < guessing.guessed_right < guessing.tokens_guessed


def test_what_one_text_said_is_guessed_of_the_next(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slot, so that the first text has ended when the second begins. Their prompts differ, and hold no guess."""
    folder = make_model("llama", max_length=128)
    wanted = [Text((0, 7 + number, 5), 40) for number in range(12)]
    found = {}
    for siblings in (True, False):
        batching, _, streams, counters = round_of(folder, wanted, replace(GUESSING, slots=1))
        if not siblings:
            monkeypatch.setattr(Siblings, "after", lambda self, one, other: None)
        run(batching)
        written = [(tuple(stream.written), stream.finish) for stream in streams]
        assert written == [alone(folder, text) for text in wanted]
        found[siblings] = counters
    assert found[True].guessed_right > found[False].guessed_right
    assert found[True].steps < found[False].steps


def test_a_text_that_waits_takes_the_place_of_one_that_ends(make_model: Callable[..., Path]) -> None:
    """Four short texts pass through one slot while the long one is written in the other."""
    folder = make_model("llama", max_length=128)
    wanted = [Text((0, 5 + number), limit) for number, limit in enumerate((13, 4, 4, 4, 4))]
    limits = SlotLimits(pass_tokens=64, slot_tokens=4096, slots=2, worth=2, readers=2)
    batching, _, streams, counters = round_of(folder, wanted, limits)
    run(batching)
    assert batching.count == 2
    assert [tuple(stream.written) for stream in streams] == [alone(folder, text)[0] for text in wanted]
    # A prompt's pass gives the first token.
    assert (counters.steps, counters.tokens_written) == (12, 24)


def test_a_text_of_one_token_takes_no_slot(make_model: Callable[..., Path]) -> None:
    batching, batch, _, counters = round_of(make_model("llama"), [Text((0, 5 + n), 1) for n in range(9)])
    run(batching)
    assert len(batch.delivered) == 9
    assert counters.steps == 0


def test_replies_are_handed_over_as_their_texts_end(make_model: Callable[..., Path]) -> None:
    batching, batch, streams, _ = round_of(make_model("llama"), [Text((0, 5), 20), Text((0, 6), 3), Text((0, 7), 9)])
    at_delivery: dict[int, int] = {}
    hand_over = batch.deliver

    def deliver(index: int, result: Any) -> None:
        at_delivery[index] = len(streams[0].written)
        hand_over(index, result)

    batch.deliver = deliver  # type: ignore[method-assign]
    run(batching)
    assert list(at_delivery) == [1, 2, 0]
    assert at_delivery[1] <= 3 and at_delivery[2] <= 9
    assert all(reply.seconds > 0 for reply in batch.delivered.values())


def test_slots_are_allocated_once_and_as_large_as_planned(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Slots] = []
    begin = Slots.__init__

    def count(self: Slots, *args: Any) -> None:
        begin(self, *args)
        made.append(self)

    monkeypatch.setattr(Slots, "__init__", count)
    limits = SlotLimits(pass_tokens=64, slot_tokens=100, slots=64, worth=2, readers=99)
    wanted = [Text((0, *range(30, 42), 50 + n), 8) for n in range(12)]
    batching, _, _, counters = round_of(make_model("llama"), wanted, limits)
    run(batching)
    assert len(made) == 1
    assert (batching.width, batching.count) == (14 + 8, 4)  # as many as 100 tokens allow
    # Two layers, keys and values, two key heads of eight float32 numbers.
    assert made[0].size == counters.most_slot_bytes == 2 * 2 * 2 * 8 * 4 * 22 * 4


def test_what_many_prompts_begin_with_is_computed_once_and_not_copied(make_model: Callable[..., Path]) -> None:
    head = (0, *range(30, 60))
    wanted = [Text((*head, 100 + n, 200 + n), 4) for n in range(6)]
    batching, _, streams, counters = round_of(make_model("llama", max_length=128), wanted)
    run(batching)
    assert counters.prompt_tokens_asked == 6 * 33
    assert counters.prompt_tokens_computed == 31 + 6 * 2
    assert batching.width == 2 + 4
    assert all(stream.finish for stream in streams)


def test_samples_of_one_prompt_share_its_computation(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=128)

    async def ask() -> tuple[Reply, GenerationCounters]:
        model: Any = resolve(f"hf/{folder}")
        prompt = Prompt("The quick brown fox jumps over the lazy dog")
        reply = await model.answer(Generate(prompt, max_tokens=6, stop=(), temperature=1.0, n=7))
        counters = model._loading.result()[1].written
        await model.close()
        return reply, counters

    reply, counters = asyncio.run(ask())
    assert len(set(reply.texts)) == 7
    assert counters.prompt_tokens_computed == reply.usage.prompt_tokens > 10
    assert counters.prompt_tokens_asked == 7 * reply.usage.prompt_tokens


def test_a_long_prompt_is_computed_in_chunks(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=256)
    wanted = [Text((0, *(3 + (7 * n) % 390 for n in range(150)))), Text((0, 9, 8, 7))]
    sizes: list[int] = []
    engine = engine_of(folder)
    limits = SlotLimits(pass_tokens=32, slot_tokens=4096, slots=4, worth=2, readers=2)
    batching, _, streams, _ = round_of(folder, wanted, limits)
    handle = engine._loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    run(batching)
    handle.remove()
    assert max(sizes) <= 32
    assert [tuple(stream.written) for stream in streams] == [alone(folder, text)[0] for text in wanted]


@examples(60)
@given(
    prompts=st.lists(st.builds(lambda head, tail: (*head, *tail, 5), _heads, _tails), min_size=1, max_size=20),
    budget=st.integers(1, 60),
    readers=st.integers(2, 6),
    room=st.integers(0, 40),
)
@example(prompts=[(1, 2, 3)] * 4, budget=2, readers=2, room=40)
def test_the_plan_of_prompts_puts_every_token_in_a_slot_or_beside_it(
    prompts: list[tuple[int, ...]], budget: int, readers: int, room: int
) -> None:
    prefill = Prefill(prompts, budget=budget, worth=2, readers=readers, room=room)
    own = prefill.own_tokens()
    assert sorted(own) == list(range(len(prompts)))
    assert prefill.shared_tokens <= room
    total = 0
    for stage in prefill._stages:
        total += stage.step.tokens
        assert stage.step.tokens <= budget
        for number, place, path in stage.ending:
            assert sum(prefill._lengths[name] for name in path) == len(prompts[number])
            assert sum(prefill._lengths[n] for n in path if n not in prefill._shared) == own[number]
            piece = next(p for p in stage.step.pieces if p.at <= place < p.at + p.length)
            assert piece.stop == len(prompts[number])
    assert total <= sum(map(len, prompts))


def kept(start: int, stop: int) -> Any:
    """A part of a text whose keys are its positions plus one, and its values their negatives; one layer."""
    numbers = torch.arange(start + 1.0, stop + 1.0)[None, None, :, None].expand(1, 1, -1, 2)
    return Kept(start, stop, [(numbers, -numbers)])


def test_the_last_text_moves_into_the_slot_of_one_that_leaves() -> None:
    slots = Slots(3, 6, kept(0, 1))
    shared = kept(0, 2)
    slots.add([kept(0, 3)], [])
    slots.add([kept(0, 1), kept(1, 5)], [])
    slots.add([kept(2, 4)], [shared])
    assert slots.groups == [(shared, [2])]
    assert slots.drop(0) == 2
    assert (slots.used, slots.lengths[:2], slots.ends[:2]) == (2, [2, 5], [4, 5])
    keys, values = slots.layers[0]
    assert keys[0, 0, 0, :2].tolist() == [3, 4] and values[0, 0, :2, 0].tolist() == [-3, -4]
    assert keys[1, 0, 0, :5].tolist() == [1, 2, 3, 4, 5]
    assert slots.positions[0, :2].tolist() == [2, 3]
    assert slots.groups == [(shared, [0])]
    assert slots.drop(1) == 1
    with pytest.raises(IndexError):
        for _ in range(3):
            slots.add([kept(0, 1)], [])


PREAMBLE = "She sells sea shells by the sea shore; the shells she sells are surely sea shells."
QUESTIONS = ("", " A. red", " B. green\nC. blue", " In the beginning", " D. yellow\nAnswer:", " fox")


@pytest.mark.parametrize(
    ("family", "window"),
    [
        *((family, None) for family in ("llama", "gpt2", "qwen2", "gemma", "gemma2", "gpt_neox", "phi", "opt")),
        ("mistral", 8),
        ("mistral", 24),
        ("mistral", 4096),
    ],
)
def test_texts_over_slots_with_a_shared_preamble_are_those_of_generate(
    family: str, window: int | None, make_model: Callable[..., Path], tmp_path: Path
) -> None:
    """mistral's window ends before the preamble, within it, and never."""
    folder = make_model(family, max_length=128)
    if window:
        folder = Path(shutil.copytree(folder, tmp_path / "copy"))
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "sliding_window": window}))
    requests = [Generate(Prompt(PREAMBLE + q), max_tokens=6 + 4 * i, stop=()) for i, q in enumerate(QUESTIONS)]

    async def ask() -> tuple[list[Reply], Any]:
        model: Any = resolve(f"hf/{folder}")
        replies = await asyncio.gather(*(model.answer(request) for request in requests))
        engine = model._loading.result()[1]
        await model.close()
        return replies, engine

    replies, engine = asyncio.run(ask())
    assert engine.facts["generation"] == "slots"
    assert engine.written.prompt_tokens_computed < engine.written.prompt_tokens_asked / 2
    plain = Plain(folder)
    for request, reply in zip(requests, replies, strict=True):
        assert reply.texts == (plain.generate(request.prompt.text, request.max_tokens)[0],)


@pytest.mark.parametrize(("family", "why"), [("bloom", "can't be replaced"), ("t5", "encoder-decoder")])
def test_models_that_slots_are_not_for_write_in_batches_and_say_why(
    family: str, why: str, make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_model(family)
    caplog.set_level("INFO")
    reply = answers(resolve(f"hf/{folder}"), [Generate(Prompt("The quick"), max_tokens=4, stop=())] * 2)[0]
    assert reply.texts == (Plain(folder).generate("The quick", 4)[0],)
    said = [record.message for record in caplog.records if "writes in batches" in record.message]
    assert len(said) == 1 and why in said[0]


@pytest.mark.parametrize("broken", ["_own", "_add"])
def test_a_model_whose_numbers_differ_over_slots_writes_in_batches(
    broken: str, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a layer attends otherwise than it tells: attention to the slot, or to what is shared, is off."""
    if broken == "_own":
        right = slot_attention._Step._own

        def turned(self: Any, query: Any, *rest: Any, **named: Any) -> Any:
            return right(self, -query, *rest, **named)

        monkeypatch.setattr(slot_attention._Step, "_own", turned)
    else:
        monkeypatch.setattr(slot_attention._Step, "_add", lambda *args: None)
    folder = make_model("llama")

    async def ask() -> tuple[Reply, dict[str, str]]:
        model: Any = resolve(f"hf/{folder}")
        reply = await model.answer(Generate(Prompt("The quick brown fox"), max_tokens=6, stop=()))
        facts = model._loading.result()[1].facts
        await model.close()
        return reply, facts

    reply, facts = asyncio.run(ask())
    assert facts["generation"].startswith("batches: its logits differ")
    assert reply.texts == (Plain(folder).generate("The quick brown fox", 6)[0],)


def test_two_tokens_as_good_as_each_other_are_decided_by_the_text_alone(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding is played by a trifle on one of two equal tokens, which the text by itself does not have."""
    folder = make_model("llama", max_length=128)
    engine = engine_of(folder)
    head = engine._loaded.model.lm_head.weight
    wanted = [Text((0, 5 + n, 9), 6) for n in range(5)]
    twins = {token: token + 1 for text in wanted for token in alone(folder, text)[0] if token + 1 < len(head)}
    before = head.detach().clone()
    right = slot_attention.step_logits

    def rounded(model: Any, slots: Slots, tokens: Sequence[Sequence[int]]) -> Any:
        logits = right(model, slots, tokens)
        for twin in twins.values():
            logits[:, twin] += 1e-6
        return logits

    monkeypatch.setattr(refill_module, "step_logits", rounded)
    with torch.no_grad():
        for token, twin in sorted(twins.items(), reverse=True):
            head[twin] = head[token]
    _alone.clear()
    try:
        expected = [alone(folder, text)[0] for text in wanted]
        for limits in (LIMITS, GUESSING):
            batching, _, streams, counters = round_of(folder, wanted, limits)
            known = {id(stream): tokens for stream, tokens in zip(streams, expected, strict=True)}
            monkeypatch.setattr(Drafts, "guess", guess_of(known))
            run(batching)
            assert [tuple(stream.written) for stream in streams] == expected
        assert counters.guessed_right, "no guess met two tokens that are as good as each other"
        batching, _, streams, _ = round_of(folder, wanted)
        monkeypatch.setattr(batching, "_is_exact", False)
        run(batching)
        assert [tuple(stream.written) for stream in streams] != expected
    finally:
        _alone.clear()
        with torch.no_grad():
            head.copy_(before)


def requests_of(count: int) -> list[Request]:
    return [Generate(Prompt(f"{PREAMBLE} {n}"), max_tokens=3 + n % 5, stop=()) for n in range(count)]


def test_out_of_memory_in_a_step_halves_the_slots_and_goes_on(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model("llama", max_length=128)
    expected = [reply.texts for reply in answers(resolve(f"hf/{folder}"), requests_of(9))]
    counts: list[int] = []
    right = slot_attention.step_logits

    def scarce(model: Any, slots: Slots, tokens: Sequence[Sequence[int]]) -> Any:
        counts.append(slots.count)
        if slots.count > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return right(model, slots, tokens)

    monkeypatch.setattr(refill_module, "step_logits", scarce)
    assert [reply.texts for reply in answers(resolve(f"hf/{folder}"), requests_of(9))] == expected
    # How many rows take part at first depends on which requests had arrived, and on texts that end with one token.
    assert max(counts) > 2 >= counts[-1] >= 1
    assert all(after < before for before, after in pairwise(counts) if before > 2)


def test_a_text_too_large_for_one_slot_fails_alone(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model("llama", max_length=128)
    begin = Slots.__init__

    def scarce(self: Slots, count: int, width: int, like: Any) -> None:
        if count * width > 60:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        begin(self, count, width, like)

    short = [Generate(Prompt(f"A {n}"), max_tokens=5, stop=()) for n in range(5)]
    long = Generate(Prompt("The quick"), max_tokens=90, stop=())
    expected = [reply.texts for reply in answers(resolve(f"hf/{folder}"), short)]
    # Texts so much longer have a round, and so slots, of their own; here all are in one.
    monkeypatch.setattr(strategy, "_ALIKE", 1000)
    # The trial is over by then, as it would be on a device that is filled later.
    monkeypatch.setattr(
        "evalkit.models.hf.generation.continuous_batching.Slots", type("Scarce", (Slots,), {"__init__": scarce})
    )
    *fine, failed = outcomes(resolve(f"hf/{folder}"), [*short, long])
    assert isinstance(failed, ModelError) and "out of memory on a single input" in str(failed)
    assert [reply.texts for reply in fine if isinstance(reply, Reply)] == expected


def test_a_text_that_the_model_breaks_on_fails_alone(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model("llama", max_length=128)
    good = requests_of(4)
    expected = [reply.texts for reply in answers(resolve(f"hf/{folder}"), good)]

    async def ask() -> list[Any]:
        model: Any = resolve(f"hf/{folder}")
        await model.answer(good[0])
        engine = model._loading.result()[1]
        poison = engine._loaded.tokenizer("🙂", add_special_tokens=False)["input_ids"][0]

        def refuse(module: Any, args: Any, kwargs: Any) -> None:
            if (kwargs["input_ids"] == poison).any():
                raise ValueError("no smiles")

        engine._loaded.model.register_forward_pre_hook(refuse, with_kwargs=True)
        asked = [*good[:2], Generate(Prompt(PREAMBLE + "🙂"), max_tokens=3), *good[2:]]
        try:
            return await asyncio.gather(*(model.answer(request) for request in asked), return_exceptions=True)
        finally:
            await model.close()

    first, second, broken, *others = asyncio.run(ask())
    assert isinstance(broken, ModelError) and "no smiles" in str(broken)
    assert [reply.texts for reply in (first, second, *others)] == expected


def test_long_texts_have_a_round_of_their_own_where_they_would_cost_others_their_slots() -> None:
    pairs = [(10, 0), (900, 1), (12, 2), (240, 3), (225, 4), (50, 5)]
    assert strategy._rounds(pairs, 1) == [[1, 3], [4], [5], [2, 0]]
    assert strategy._rounds(pairs, 50) == [[1, 3], [4], [5, 2, 0]]
    assert strategy._rounds(pairs, 300) == [[1, 3], [4, 5, 2, 0]]
    assert strategy._rounds(pairs, 900) == [[1, 3, 4, 5, 2, 0]]
    assert strategy._rounds([], 1) == []
