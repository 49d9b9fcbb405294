"""Packed passes give what a plain pass over one row gives; where they would not, they are not used."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evalkit.core import Choose, Perplexity, Prompt, Reply, Request
from evalkit.models import resolve
from tests.models.oracle import answers

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.counters import Counters  # noqa: E402 (needs torch)
from evalkit.models.hf.forward import tree_attention  # noqa: E402 (needs torch)
from evalkit.models.hf.forward.attend import Sums, attend  # noqa: E402 (needs torch)
from evalkit.models.hf.forward.attention_patch import UnsupportedError  # noqa: E402
from evalkit.models.hf.forward.padded_pass import Forward, Way  # noqa: E402 (needs torch)
from evalkit.models.hf.loading.loaded_model import Loaded  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.packed import Packed  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.plan import RowScore, TokenRow, merge  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.prefix_sharing import Caller, score_shared  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.score import score  # noqa: E402 (needs torch)
from evalkit.models.oom_backoff import TokenBudget  # noqa: E402 (needs torch)

pytestmark = pytest.mark.slow("computes models of many families packed and row by row")

PACKED = (
    "llama",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "gemma3",
    "mistral",
    "gpt2",
    "gpt_neox",
    "phi",
    "mixtral",
    "opt",
)


def engine_of(folder: Path, option: str = "") -> Any:
    async def load() -> Any:
        model: Any = resolve(f"hf/{folder}{option}")
        await model._start()
        return model._loading.result()[1]

    return asyncio.run(load())


def few_shot_rows() -> list[TokenRow]:
    """Two preambles, questions below them, choices below those; equal rows, a row that another goes on from."""
    chance = random.Random(1)

    def text(length: int) -> tuple[int, ...]:
        return tuple(chance.randrange(3, 400) for _ in range(length))

    rows: list[TokenRow] = []
    for preamble in (text(30), text(21)):
        for length in (9, 2, 14):
            question = preamble + text(length)
            rows.append(TokenRow(question, (len(question) - 1,) * 4, (5, 6, 7, 8)))  # single-token choices
            for count in (2, 5, 11):
                goes_on = text(count)
                ids = question + goes_on[:-1]
                rows.append(TokenRow(ids, tuple(range(len(question) - 1, len(ids))), goes_on))
    other = text(40)
    rows += [
        rows[1],
        rows[1],
        TokenRow(other, tuple(range(40)), text(40)),
        TokenRow(other[:7], (6, 2), (9, 9)),
        TokenRow(text(1), (0,), (3,)),
    ]
    return merge(rows)[0]


def shared(
    engine: Any, rows: Sequence[TokenRow], *, budget: int, keep: int, worth: int = 0
) -> tuple[dict[int, RowScore], Counters]:
    counters = Counters()
    packed = Packed(engine._loaded, engine._forward, counters)
    scores: dict[int, RowScore] = {}

    def settle(number: int, result: RowScore, seconds: float) -> None:
        assert number not in scores
        scores[number] = result

    def fail(number: int, error: Exception) -> None:
        raise error

    caller = Caller(lambda number: True, settle, fail, lambda: None)
    with torch.inference_mode():
        rest = score_shared(packed, rows, range(len(rows)), TokenBudget(budget), TokenBudget(keep), worth, caller)
    assert rest == []
    return scores, counters


@pytest.mark.parametrize("family", PACKED)
def test_packed_scores_equal_those_of_each_row_alone(
    family: str, make_model: Callable[..., Path], record_property: Callable[[str, Any], None]
) -> None:
    engine = engine_of(make_model(family, max_length=128))
    rows = few_shot_rows()
    worst = 0.0
    with torch.inference_mode():
        plain = Forward(engine._loaded, Way("full", alone=True))
        expected = [score(plain, [row])[0] for row in rows]
    # All in one pass; several; kept keys and values at several levels; nothing kept; short prefixes not shared.
    for budget, keep, worth in ((4096, 4096, 0), (64, 4096, 0), (8, 4096, 0), (64, 0, 0), (40, 70, 0), (64, 4096, 30)):
        scores, counters = shared(engine, rows, budget=budget, keep=keep, worth=worth)
        for number, one in enumerate(expected):
            assert scores[number].best == one.best
            for a, b in zip(scores[number].logprobs, one.logprobs, strict=True):
                worst = max(worst, abs(a - b))
        assert counters.tokens_computed <= sum(len(row.ids) for row in rows)
    record_property("max_abs_difference", worst)
    print(f"{family}: {worst:.1e}")
    assert worst <= 1e-4


@pytest.mark.parametrize("family", PACKED)
def test_the_trial_on_the_first_rows_allows_packed_passes(
    family: str, make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    engine = engine_of(make_model(family, max_length=128))
    with torch.inference_mode():
        assert engine._fast._is_usable(few_shot_rows())
    assert engine.facts["scoring"] == "packed"
    assert engine.stats.passes == 0  # trials are not counted
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and "evalkit" in record.name]


@pytest.mark.parametrize("family", ["llama", "mistral", "gpt2", "mixtral", "gemma3"])
def test_bfloat16_is_packed_too(family: str, make_model: Callable[..., Path]) -> None:
    engine = engine_of(make_model(family, max_length=128), ",dtype=bfloat16")
    with torch.inference_mode():
        assert engine._fast._is_usable(few_shot_rows()), engine.facts
    rows = few_shot_rows()
    exact = engine_of(make_model(family, max_length=128))
    expected, _ = shared(exact, rows, budget=4096, keep=4096)
    got, _ = shared(engine, rows, budget=64, keep=4096)
    gaps = sorted(
        abs(a - b) / (1 + abs(b))
        for number in expected
        for a, b in zip(got[number].logprobs, expected[number].logprobs, strict=True)
    )
    assert gaps[len(gaps) // 2] < 0.05


def test_shared_tokens_are_computed_once(make_model: Callable[..., Path]) -> None:
    rows = few_shot_rows()
    distinct = len({row.ids[: end + 1] for row in rows for end in range(len(row.ids))})
    engine = engine_of(make_model("llama", max_length=128))
    for budget in (4096, 64, 8):
        _, counters = shared(engine, rows, budget=budget, keep=4096)
        assert counters.tokens_computed == distinct
    assert counters.passes > 10
    assert counters.logits_computed == len({row.ids[: place + 1] for row in rows for place in row.positions})


def test_what_is_kept_between_passes_is_bounded(make_model: Callable[..., Path]) -> None:
    engine = engine_of(make_model("llama", max_length=128))
    token = 2 * 2 * 2 * 8 * 4  # keys and values, layers, key heads, head size, bytes
    for keep in (0, 20, 80, 200):
        _, counters = shared(engine, few_shot_rows(), budget=16, keep=keep)
        assert counters.most_kept_bytes <= keep * token
    assert counters.most_kept_bytes > 0


def asked() -> list[Request]:
    preamble = "Question: Which planet is the largest?\nAnswer: Jupiter is the largest planet.\n\n"
    questions = ("The quick brown", "She sells sea shells by the", "A", "")
    choices = [Choose(Prompt(text, preamble), ("fox", "dog and the fox", "A", "")) for text in questions]
    return [*choices, Perplexity("In the beginning there was a small town"), choices[0]]


def replies_and_engine(folder: Path) -> tuple[list[Reply], Any]:
    async def ask() -> tuple[list[Reply], Any]:
        model: Any = resolve(f"hf/{folder}")
        replies = list(await asyncio.gather(*(model.answer(request) for request in asked())))
        engine = model._loading.result()[1]
        await model.close()  # the batch has landed then
        return replies, engine

    return asyncio.run(ask())


def assert_equal(replies: list[Reply], expected: list[Reply]) -> None:
    for reply, alone in zip(replies, expected, strict=True):
        assert reply.loglikelihoods == pytest.approx(alone.loglikelihoods, abs=1e-4)
        assert reply.greedy == alone.greedy


def test_the_engine_says_what_it_computed(make_model: Callable[..., Path]) -> None:
    _, engine = replies_and_engine(make_model("llama", max_length=128))
    stats = engine.stats
    assert 0 < stats.tokens_computed < stats.tokens_asked / 2
    assert 0 < stats.forward_seconds < stats.total_seconds
    assert stats.passes == 1


def test_a_model_says_how_it_is_computed_once_it_was_asked(make_model: Callable[..., Path]) -> None:
    async def ask() -> tuple[dict[str, str], dict[str, str]]:
        model: Any = resolve(f"hf/{make_model('llama', max_length=128)}")
        before = model.facts
        await model.answer(asked()[0])
        return before, model.facts

    before, after = asyncio.run(ask())
    assert before == {} and after["scoring"] == "packed"


@pytest.mark.parametrize("vocabulary", [400, 128_256])
def test_logits_are_held_a_piece_at_a_time(vocabulary: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rolling perplexity wants every position; the softmax sees a bounded number of them at once."""
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=vocabulary, hidden_size=16, num_hidden_layers=1, intermediate_size=16, num_attention_heads=2
    )
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    loaded = Loaded(model, lambda text, **_: {"input_ids": [3, 4, 5]}, "cpu", 2048, frozenset({1}), False, None)
    pieces: list[tuple[int, int]] = []
    with torch.inference_mode():
        forward = Forward(loaded, Way("chunked"))
        forward.tolerance = 1e-3
        text = tuple(number % 390 for number in range(701))
        rows = [TokenRow(text[:-1], tuple(range(700)), text[1:])] * 2
        chance = random.Random(0)
        rows.append(TokenRow(tuple(chance.randrange(399) for _ in range(600)), tuple(range(600)), (7,) * 600))
        plain = [score(forward, [row])[0] for row in rows]
        get = forward.tiles

        def watched(inputs: Any, places: Any) -> Any:
            for start, first, piece in get(inputs, places):
                pieces.append(piece.shape)
                yield start, first, piece

        monkeypatch.setattr(forward, "tiles", watched)
        engine: Any = SimpleNamespace(_loaded=loaded, _forward=forward)
        scores, counters = shared(engine, merge(rows)[0], budget=1024, keep=0)
    assert max(positions * tokens for positions, tokens in pieces) <= 1 << 21
    assert sum(positions * tokens for positions, tokens in pieces) == 1300 * vocabulary
    assert counters.tokens_computed == 1300
    assert scores[0].logprobs[:700] == pytest.approx(plain[0].logprobs, abs=1e-4)
    assert scores[1].logprobs == pytest.approx(plain[2].logprobs, abs=1e-4)


def wrong_merge(self: Sums, first: int, last: int, part: Any) -> None:
    """Parts put together without their weights."""
    self._out[first:last].lerp_(part[0][0].transpose(0, 1), 0.5)


def forgets_the_prefix(self: Sums, first: int, last: int, part: Any) -> None:
    pass


def uncausal(*tensors: Any, causal: bool = False, **rest: Any) -> Any:
    return attend(*tensors, **rest)


def wrong_scale(*tensors: Any, scale: float | None = None, **rest: Any) -> Any:
    return attend(*tensors, scale=2 * (scale or 1.0), **rest)


def breaks(*tensors: Any, **rest: Any) -> Any:
    raise NotImplementedError("no such kernel")


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [
        (Sums, "add", wrong_merge),
        (Sums, "add", forgets_the_prefix),
        (tree_attention, "attend", uncausal),
        (tree_attention, "attend", wrong_scale),
        (tree_attention, "attend", breaks),
    ],
)
def test_broken_attention_is_caught_and_the_plain_path_answers(
    owner: Any,
    name: str,
    broken: Any,
    make_model: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = make_model("llama", max_length=128)
    expected = answers(resolve(f"hf/{folder}"), asked())
    monkeypatch.setattr(owner, name, broken)
    replies, engine = replies_and_engine(folder)
    assert_equal(replies, expected)
    assert engine.facts["scoring"].startswith("plain: ")
    assert caplog.text.count("LlamaForCausalLM computes every prompt from its beginning") == 1


@pytest.mark.parametrize(
    ("family", "reason"),
    [("bloom", "its attention can't be replaced"), ("mamba", "it has layers of another kind (linear_attention)")],
)
def test_a_model_whose_attention_cannot_be_replaced_is_computed_plainly_and_that_is_said_once(
    family: str, reason: str, make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_model(family, max_length=128)
    _, engine = replies_and_engine(folder)
    assert engine.facts["scoring"] == f"plain: {reason}"
    assert caplog.text.count("computes every prompt from its beginning") == 1
    with torch.inference_mode():
        assert not engine._fast._is_usable(few_shot_rows())
    assert caplog.text.count("computes every prompt from its beginning") == 1


def test_a_pass_that_fails_otherwise_is_computed_row_by_row(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model("llama", max_length=128)
    expected = answers(resolve(f"hf/{folder}"), asked())
    run = Packed.run
    calls: list[int] = []

    def sometimes(self: Packed, step: Any, ids: Any, targets: Any) -> Any:
        calls.append(1)
        if len(calls) == 8:
            raise ValueError("a kernel that does not like this pass")
        return run(self, step, ids, targets)

    monkeypatch.setattr(Packed, "run", sometimes)

    async def ask() -> list[Reply]:
        model = resolve(f"hf/{folder},batch_tokens=8")
        return list(await asyncio.gather(*(model.answer(request) for request in asked())))

    assert_equal(asyncio.run(ask()), expected)
    assert len(calls) >= 8


def test_rows_nobody_waits_for_are_not_computed(make_model: Callable[..., Path]) -> None:
    engine = engine_of(make_model("llama", max_length=128))
    rows = few_shot_rows()
    wanted = {2, 3}
    counters = Counters()
    settled: set[int] = set()
    caller = Caller(wanted.__contains__, lambda number, result, seconds: settled.add(number), print, lambda: None)
    with torch.inference_mode():
        packed = Packed(engine._loaded, engine._forward, counters)
        score_shared(packed, rows, range(len(rows)), TokenBudget(12), TokenBudget(4096), 0, caller)
    assert wanted <= settled
    assert counters.tokens_computed < sum(len(row.ids) for row in rows) / 3
    assert not packed._kept


def test_results_arrive_pass_by_pass(make_model: Callable[..., Path]) -> None:
    engine = engine_of(make_model("llama", max_length=128))
    counters = Counters()
    passes: list[int] = []
    caller = Caller(
        lambda number: True, lambda number, result, seconds: passes.append(counters.passes), print, lambda: None
    )
    with torch.inference_mode():
        packed = Packed(engine._loaded, engine._forward, counters)
        rows = few_shot_rows()
        score_shared(packed, rows, range(len(rows)), TokenBudget(40), TokenBudget(4096), 0, caller)
    assert len(set(passes)) > 4


def test_out_of_memory_halves_the_passes_and_what_is_kept(make_model: Callable[..., Path]) -> None:
    engine = engine_of(make_model("llama", max_length=128))
    rows = few_shot_rows()
    expected, _ = shared(engine, rows, budget=4096, keep=4096)
    sizes: list[int] = []

    def scarce(module: Any, args: Any, kwargs: Any) -> None:
        sizes.append(kwargs["input_ids"].numel())
        if sizes[-1] > 50:
            raise torch.OutOfMemoryError("out of memory")

    handle = engine._loaded.model.register_forward_pre_hook(scarce, with_kwargs=True)
    try:
        scores, _ = shared(engine, rows, budget=4096, keep=4096)
    finally:
        handle.remove()
    assert max(sizes) > 50
    assert sum(size > 50 for size in sizes) < 10
    for number, result in expected.items():
        assert scores[number].logprobs == pytest.approx(result.logprobs, abs=1e-4)


def test_the_kernels_agree_with_softmax() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 4, 9, 8), torch.randn(2, 2, 9, 8), torch.randn(2, 2, 9, 8)
    seen = torch.rand(9, 9) > 0.5
    seen[3] = False
    triangle = torch.ones(9, 9, dtype=torch.bool).tril()
    for causal, mask in ((False, None), (True, None), (False, seen)):
        for softcap in (None, 1.0):
            out, lse = attend(query, key, value, causal=causal, seen=mask, scale=0.3, softcap=softcap)
            scores = torch.matmul(query, key.repeat_interleave(2, 1).transpose(-1, -2)) * 0.3
            scores = scores if softcap is None else torch.tanh(scores / softcap) * softcap
            visible = triangle if causal else mask
            scores = scores if visible is None else scores.masked_fill(~visible, float("-inf"))
            weights = torch.softmax(scores, -1).nan_to_num(0.0)
            assert torch.allclose(out, torch.matmul(weights, value.repeat_interleave(2, 1)), atol=1e-5)
            assert torch.allclose(lse, torch.logsumexp(scores, -1), atol=1e-5)


def test_a_thread_without_a_plan_is_told_so() -> None:
    with pytest.raises(UnsupportedError, match="outside of a pass"):
        one = torch.zeros(1, 1, 1, 8)
        tree_attention._attention(None, one, one, one, attention_mask=None)
