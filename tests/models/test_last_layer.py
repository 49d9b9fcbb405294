"""The last layer runs only where something is wanted of it, and whole where a model does not allow that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Prompt, Reply, Request
from evalkit.models import resolve
from tests.models.oracle import answers

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.forward.last_layer import LastLayer, last_layer  # noqa: E402 (needs torch)

pytestmark = pytest.mark.slow("computes models of many families narrowed and whole")

CONTEXT = "She sells sea shells by the sea shore; the shells she sells are surely sea shells. " * 3
REQUESTS: list[Request] = [
    *(Choose(Prompt(CONTEXT + question), (" A", " B", " C")) for question in ("Who?", "Why?", "Where?")),
    *(Generate(Prompt(CONTEXT + start), max_tokens=5, stop=()) for start in ("In", "On the other hand")),
]


class Watched:
    """A model's answers, how many tokens its last layer's second half was given, and whether it is narrowed still."""

    def __init__(
        self, folder: Path, change: Callable[[Any], Any] = lambda model: None, asked: list[Request] = REQUESTS
    ) -> None:
        self.asked = asked
        self.sizes: list[tuple[int, int]] = []
        self.replies: list[Reply] = []
        self.last: LastLayer | None = None
        asyncio.run(self._ask(folder, change))

    async def _ask(self, folder: Path, change: Callable[[Any], Any]) -> None:
        model: Any = resolve(f"hf/{folder}")
        await model._start()
        engine = model._loading.result()[1]
        inner = engine._loaded.model
        change(inner)
        first, last = (_layers(inner)[place] for place in (0, -1))
        seen: list[int] = []
        _dense(first).register_forward_pre_hook(lambda module, args: seen.append(args[0].numel()))
        _dense(last).register_forward_pre_hook(lambda module, args: self.sizes.append((seen[-1], args[0].numel())))
        self.replies = list(await asyncio.gather(*(model.answer(request) for request in self.asked)))
        self.last = engine._forward.last
        await model.close()


def _layers(model: Any) -> Any:
    return next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == 2)


def _dense(layer: Any) -> Any:
    """The layer's part that works on every token by itself."""
    return next(module for name, module in layer.named_modules() if name in ("mlp", "fc1"))


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "gemma2", "gemma3", "mistral", "gpt_neox", "phi", "opt"])
def test_the_last_layer_gets_the_wanted_tokens_alone(family: str, make_model: Callable[..., Path]) -> None:
    """That numbers and texts are those of the plain pass is tested in test_packed and test_generation_slots."""
    watched = Watched(make_model(family))
    assert watched.last is not None
    assert any(last * 8 < first for first, last in watched.sizes)


@pytest.mark.parametrize("asked", [REQUESTS[:3], REQUESTS[3:]], ids=["scoring", "writing"])
def test_a_last_layer_that_counts_its_tokens_runs_whole(asked: list[Request], make_model: Callable[..., Path]) -> None:
    """It adds what the first layer made of the token with the same number, which is another one where it has fewer."""

    def mix(model: Any) -> None:
        first, last = _layers(model)[0], _layers(model)[-1]
        made: list[Any] = []
        first.mlp.register_forward_hook(lambda module, args, output: made.append(output))
        last.mlp.register_forward_hook(lambda module, args, output: output + made[-1][:, : output.shape[1]])

    assert Watched(make_model("llama"), mix, asked).last is None


def test_a_last_layer_that_fails_on_fewer_tokens_runs_whole(make_model: Callable[..., Path]) -> None:
    def demand(model: Any) -> None:
        first, last = _layers(model)[0], _layers(model)[-1]
        seen: list[int] = []
        first.mlp.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))

        def check(module: Any, args: Any) -> None:
            if args[0].shape[1] != seen[-1]:
                raise IndexError("not as many tokens as there were")

        last.mlp.register_forward_pre_hook(check)

    folder = make_model("llama")
    watched = Watched(folder, demand)
    assert watched.last is None
    for one, other in zip(watched.replies, answers(resolve(f"hf/{folder}"), REQUESTS), strict=True):
        assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=1e-4)
        assert one.texts == other.texts


def test_a_model_without_one_list_of_layers_has_no_last_one() -> None:
    from types import SimpleNamespace

    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(num_hidden_layers=2))
    two = [torch.nn.ModuleList([torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)]) for _ in range(2)]
    for lists in ([], two):
        assert last_layer(SimpleNamespace(config=config, modules=lambda lists=lists: iter(lists))) is None
    assert last_layer(SimpleNamespace(config=config, modules=lambda: iter(two[:1]))) is not None
