"""Fast paths go past a sliding window only after a trial that crossed it, however short the first texts are."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evalkit.core import Generate, Prompt
from evalkit.models import resolve

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.forward.layout import Layout  # noqa: E402 (needs torch)
from evalkit.models.hf.forward.padded_pass import Forward, Way  # noqa: E402 (needs torch)
from evalkit.models.hf.forward.slot_attention import _Step  # noqa: E402 (needs torch)
from evalkit.models.hf.loading.edges import Reach, windows  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.packed import Packed  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.plan import TokenRow  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.prefix_sharing import Caller  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.score import score  # noqa: E402 (needs torch)
from evalkit.models.oom_backoff import TokenBudget  # noqa: E402 (needs torch)

pytestmark = pytest.mark.slow("computes a small model past its window, packed and row by row")

WINDOW = 32


@pytest.fixture(scope="module")
def folder(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gemma 3 of four layers; the first and the third see 32 tokens back."""
    import transformers

    found = tmp_path_factory.mktemp("windowed") / "gemma3"
    shutil.copytree(make_model("gemma3", max_length=256), found)
    config = json.loads((found / "config.json").read_text("utf-8"))
    kinds = ["sliding_attention", "full_attention"] * 2
    config |= {"sliding_window": WINDOW, "num_hidden_layers": len(kinds), "layer_types": kinds}
    (found / "config.json").write_text(json.dumps(config), "utf-8")
    torch.manual_seed(7)
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(found))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    model.save_pretrained(found)
    return found


def engine_of(folder: Path) -> Any:
    async def load() -> Any:
        model: Any = resolve(f"hf/{folder}")
        await model._start()
        return model._loading.result()[1]

    return asyncio.run(load())


def texts(count: int, length: int) -> list[TokenRow]:
    """Texts that share half of their tokens; the last eight places are wanted."""
    chance = random.Random(length)
    shared = tuple(chance.randrange(3, 400) for _ in range(length // 2))
    rows = []
    for _ in range(count):
        ids = shared + tuple(chance.randrange(3, 400) for _ in range(length - len(shared)))
        rows.append(TokenRow(ids, tuple(range(length - 8, length)), tuple(chance.randrange(3, 400) for _ in range(8))))
    return rows


def fast(engine: Any, rows: Sequence[TokenRow]) -> tuple[dict[int, Any], list[int]]:
    """What the fast path computes, and the numbers of the rows that it leaves."""
    found: dict[int, Any] = {}

    def fail(number: int, error: Exception) -> None:
        raise error

    caller = Caller(lambda number: True, lambda number, result, _: found.update({number: result}), fail, lambda: None)
    with torch.inference_mode():
        rest = engine._fast.score(rows, range(len(rows)), TokenBudget(4096), caller)
    return found, list(rest)


def furthest(engine: Any, rows: Sequence[TokenRow], found: dict[int, Any]) -> float:
    """From the plain pass, one row at a time."""
    with torch.inference_mode():
        plain = Forward(engine._loaded, Way("full", alone=True))
        return max(
            abs(a - b)
            for number, result in found.items()
            for a, b in zip(result.logprobs, score(plain, [rows[number]])[0].logprobs, strict=True)
        )


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The windows that were tried."""
    tried: list[int] = []
    check = Packed.check_beyond

    def watched(self: Packed, window: int, rows: Sequence[TokenRow]) -> str:
        tried.append(window)
        return check(self, window, rows)

    monkeypatch.setattr(Packed, "check_beyond", watched)
    return tried


def test_the_first_batch_past_the_window_tries_it_once(folder: Path, trials: list[int]) -> None:
    engine = engine_of(folder)
    assert windows(engine._loaded) == (WINDOW,)
    short, long = texts(6, 20), texts(12, 96)
    assert fast(engine, short)[1] == [] and trials == []
    found, rest = fast(engine, long)
    assert rest == [] and trials == [WINDOW]
    assert furthest(engine, long, found) <= 1e-4
    assert fast(engine, long)[1] == [] and trials == [WINDOW]
    assert engine.facts["scoring"] == "packed"


def test_a_trial_goes_through_as_many_layers_as_hold_every_kind(folder: Path) -> None:
    engine = engine_of(folder)
    model = engine._loaded.model
    computed: list[int] = []
    for number, layer in enumerate(model.model.layers):
        layer.register_forward_hook(lambda *_, number=number: computed.append(number))
    with torch.inference_mode():
        assert engine._fast._packed.check_beyond(WINDOW, texts(2, 96)) == ""
    assert set(computed) == {0, 1} and model.config.num_hidden_layers == 4
    computed.clear()
    fast(engine, texts(12, 96))
    assert set(computed) == {0, 1, 2, 3}


def test_texts_as_long_as_the_first_ones_need_no_trial_more(folder: Path, trials: list[int]) -> None:
    engine = engine_of(folder)
    assert fast(engine, texts(3, 2 * WINDOW))[1] == [] and trials == []


@pytest.mark.parametrize("wrong", ["unseen", "one more", "one less"])
def test_a_broken_window_is_caught_and_only_short_texts_stay_packed(
    wrong: str, folder: Path, trials: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    parts = Layout.parts

    def broken(self: Layout, window: int | None, device: Any) -> Any:
        other = {"unseen": None, "one more": (window or 0) + 1, "one less": (window or 0) - 1}[wrong]
        return parts(self, other if window else None, device)

    monkeypatch.setattr(Layout, "parts", broken)
    engine = engine_of(folder)
    rows = [*texts(6, 20), *texts(12, 96)]
    assert fast(engine, rows[:6])[1] == []
    found, rest = fast(engine, rows)
    assert trials == [WINDOW]
    assert sorted(found) == list(range(6)) and rest == list(range(6, 18))
    assert furthest(engine, rows, found) <= 1e-4
    assert engine.facts["scoring"].startswith(f"packed up to {WINDOW} tokens: its log-probabilities differ by ")
    assert caplog.text.count(f"prompts of over {WINDOW} tokens from their beginning") == 1


def written(folder: Path) -> tuple[list[str], Any]:
    """Short texts first, then some that go past the window."""
    asked = [Generate(Prompt(f"{number} the quick brown fox"), max_tokens=4) for number in range(3)]
    more = [Generate(Prompt(f"{number} the quick brown fox jumps"), max_tokens=80) for number in range(12)]

    async def ask() -> tuple[list[str], Any]:
        model: Any = resolve(f"hf/{folder}")
        replies = [*await asyncio.gather(*map(model.answer, asked)), *await asyncio.gather(*map(model.answer, more))]
        engine = model._loading.result()[1]
        await model.close()
        return [reply.texts[0] for reply in replies], engine

    return asyncio.run(ask())


@pytest.mark.parametrize("broken", ["_runs_of", "_add"])
def test_texts_that_are_written_past_a_broken_window_come_from_batches(
    broken: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, engine = written(folder)
    assert engine.facts["generation"] == "slots"
    whole = getattr(_Step, broken)
    # Everything before a token is in its sight.
    monkeypatch.setattr(
        _Step,
        broken,
        lambda self, *given: whole(self, *(None if type(part) is int and part == WINDOW else part for part in given)),
    )
    got, engine = written(folder)
    assert engine.facts["generation"].startswith(f"slots up to {WINDOW} tokens: its logits differ by ")
    assert got == expected


def reach_of(*sizes: int) -> Reach:
    config = SimpleNamespace(sliding_window=sizes[0], attention_window_size=sizes[-1])
    config.get_text_config = lambda: config
    return Reach(SimpleNamespace(model=SimpleNamespace(config=config), max_length=10_000))  # type: ignore[arg-type]


def test_windows_are_tried_in_their_order_and_a_wrong_one_ends_it() -> None:
    reach = reach_of(512, 64)
    tried: list[int] = []

    def trial(window: int, beyond: list[int]) -> str:
        tried.append(window)
        return "wrong" if window == 512 else ""

    lengths = [30, 100, *[600] * 12]
    assert reach.within(range(14), lengths.__getitem__, trial) == [0, 1]
    assert tried == [64, 512] and reach.wrong
    assert reach.within(range(14), lengths.__getitem__, trial) == [0, 1]
    assert tried == [64, 512]


def test_a_trial_costs_no_more_than_the_texts_that_need_it() -> None:
    reach = reach_of(512)
    tried: list[int] = []

    def trial(window: int, beyond: list[int]) -> str:
        tried.append(len(beyond))
        return ""

    lengths = [100, *[640] * 7]
    assert reach.within(range(7), lengths.__getitem__, trial) == [0] and tried == []
    assert reach.within(range(8), lengths.__getitem__, trial) == list(range(8)) and tried == [7]
    assert reach.within([1], lengths.__getitem__, trial) == [1] and tried == [7]


def test_a_small_window_is_tried_on_the_first_text_beyond_it() -> None:
    reach = reach_of(24)
    tried: list[int] = []
    assert reach.within([0], [24].__getitem__, lambda window, _: pytest.fail("tried")) == [0]
    assert reach.within([0], [25].__getitem__, lambda window, _: tried.append(window) or "") == [0]
    assert tried == [24]
