"""Decoder layers in blocks of rows give the layer's own numbers, and are left alone where they would not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.forward.attend import attend  # noqa: E402 (needs torch)
from evalkit.models.hf.loading import layer_rows  # noqa: E402 (needs torch)
from evalkit.models.hf.loading.layer_rows import take_layers  # noqa: E402
from evalkit.models.hf.loading.onednn_linear import take_blocks  # noqa: E402

pytestmark = pytest.mark.slow("makes models of many families")

TAKEN = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3")
TOKENS = 40


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that do not divide the tokens."""
    monkeypatch.setattr(layer_rows, "_ROWS", 16)


@pytest.fixture
def load(make_model: Callable[..., Path]) -> Callable[..., Any]:
    from transformers import AttentionInterface, AutoModelForCausalLM

    def of(family: str, *, attention: str = "by definition") -> Any:
        folder = make_model(family)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        AttentionInterface.register("by definition", by_definition)
        model.config._attn_implementation_internal = attention  # Gemma 2 is given no other but "eager"
        return model

    return of


def by_definition(
    module: Any, query: Any, key: Any, value: Any, mask: Any, *, scaling: float, softcap: float | None = None, **_: Any
) -> Any:
    """Causal attention with scale and cap; masks and windows are another test's."""
    return attend(query, key, value, causal=True, scale=scaling, softcap=softcap)[0].transpose(1, 2), None


def taken(model: Any) -> Any:
    """The model with gated layers and whole ones in blocks; every layer is."""
    assert take_blocks(model)
    assert take_layers(model) == model.config.num_hidden_layers
    return model


def logits(model: Any, rows: int = 1, tokens: int = TOKENS) -> Any:
    ids = torch.randint(10, 300, (rows, tokens), generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        return model(input_ids=ids, use_cache=False).logits


def in_blocks(model: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by the tokens of every layer that is computed in blocks from now on."""
    seen: list[int] = []
    compute = layer_rows._Blocks.compute

    def watched(self: Any, hidden: Any, **named: Any) -> Any:
        seen.append(hidden.shape[1])
        return compute(self, hidden, **named)

    monkeypatch.setattr(layer_rows._Blocks, "compute", watched)
    return seen


@pytest.mark.parametrize("family", TAKEN)
def test_every_layer_gives_the_models_own_numbers(
    family: str, load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is the same model before: with caps, biases, norms of queries and keys, four norms a layer."""
    expected = logits(load(family))
    model = taken(load(family))
    seen = in_blocks(model, monkeypatch)
    assert torch.allclose(logits(model), expected, atol=2e-5 * float(expected.abs().max()))
    assert seen == [TOKENS] * model.config.num_hidden_layers


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox", "phi", "mixtral", "opt"])
def test_layers_that_are_built_otherwise_are_left(family: str, load: Callable[..., Any]) -> None:
    model = load(family)
    take_blocks(model)
    assert take_layers(model) == 0


@pytest.mark.parametrize("what", ["another norm", "another rotation", "a scaled sum"])
def test_a_layer_that_computes_something_else_is_left(what: str, load: Callable[..., Any]) -> None:
    """Its parts have the usual names, and its numbers are others."""
    model = load("llama")
    layer = model.model.layers[0]
    if what == "another norm":
        layer.input_layernorm.forward = lambda rows: torch.nn.functional.layer_norm(rows, rows.shape[-1:])
        expected = 2  # the norm itself is called
    elif what == "another rotation":
        turned = layer.self_attn.forward
        layer.self_attn.forward = lambda *args, position_embeddings, **named: turned(
            *args, position_embeddings=position_embeddings[::-1], **named
        )
        expected = 1
    else:
        plain = type(layer).forward
        layer.__class__ = type("Doubled", (type(layer),), {"forward": lambda *args, **named: 2 * plain(*args, **named)})
        expected = 1
    take_blocks(model)
    assert take_layers(model) == expected


def test_window_scale_and_cap_reach_attention(load: Callable[..., Any]) -> None:
    """What a layer tells attention is learnt from it: Mistral's window is in its config, Gemma's in the layer."""
    from transformers import AttentionInterface

    told: list[dict[str, Any]] = []

    def listening(module: Any, query: Any, key: Any, value: Any, mask: Any, **named: Any) -> Any:
        told.append({name: named.get(name) for name in ("scaling", "sliding_window", "softcap")})
        return torch.zeros_like(query).transpose(1, 2), None

    AttentionInterface.register("listening", listening)
    for family in TAKEN:
        model = load(family, attention="listening")
        logits(model)
        plainly = told[:]
        told.clear()
        logits(taken(model))
        assert told == plainly, family
        told.clear()


@pytest.mark.parametrize(
    "way", ["few tokens", "two rows", "gradients", "a cache", "a listener", "another's attention", "eager"]
)
def test_other_passes_go_through_the_layer_itself(
    way: str, load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = taken(load("llama", attention="eager" if way == "eager" else "sdpa"))
    seen = in_blocks(model, monkeypatch)
    if way == "few tokens":
        logits(model, tokens=16)
    elif way == "two rows":
        logits(model, rows=2)
    elif way == "gradients":
        model(input_ids=torch.arange(10, 10 + TOKENS)[None], use_cache=False).logits.sum().backward()
        assert model.model.layers[0].self_attn.q_proj.weight.grad is not None
    elif way == "a cache":
        with torch.inference_mode():
            assert model(input_ids=torch.arange(10, 10 + TOKENS)[None], use_cache=True).cache
    elif way == "a listener":
        heard: list[Any] = []
        for layer in model.model.layers:
            layer.self_attn.register_forward_hook(lambda *given: heard.append(given))
        logits(model)
        assert len(heard) == model.config.num_hidden_layers
    elif way == "another's attention":
        attention = model.model.layers[0].self_attn
        attention.forward = attention.forward
        logits(model)
        assert len(seen) == model.config.num_hidden_layers - 1
        seen.clear()
    else:
        logits(model)
    assert not seen


def test_an_exchanged_part_is_followed(load: Callable[..., Any]) -> None:
    """As an adapter does it: the new part's numbers count."""

    def exchange(model: Any) -> Any:
        attention = model.model.layers[1].self_attn
        part = torch.nn.Linear(attention.o_proj.in_features, attention.o_proj.out_features, bias=False)
        torch.nn.init.ones_(part.weight)
        attention.o_proj = torch.nn.Sequential(part)
        return model

    plain, blocks = exchange(load("llama")), exchange(taken(load("llama")))
    assert torch.allclose(logits(blocks), logits(plain), atol=1e-3)


def test_tables_for_a_part_of_a_head_go_through_the_layer_itself(load: Callable[..., Any]) -> None:
    """The trial's are for a whole head, and say nothing of a model that turns a part."""
    layer = taken(load("llama")).model.layers[0]
    size = layer.self_attn.head_dim
    hidden = torch.zeros(1, TOKENS, layer.self_attn.q_proj.in_features)
    usable = layer.forward.__self__._usable
    with torch.inference_mode():
        assert usable(hidden, {"position_embeddings": 2 * (torch.zeros(1, TOKENS, size),)})
        assert not usable(hidden, {"position_embeddings": 2 * (torch.zeros(1, TOKENS, size // 2),)})
        assert not usable(hidden, {})
