"""The output layer of a local model multiplies the positions that are wanted and no others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch.overrides import TorchFunctionMode  # noqa: E402 (needs torch)

from evalkit.models.hf.forward.padded_pass import Forward, Way  # noqa: E402 (needs torch)
from evalkit.models.hf.loading.loaded_model import Loaded  # noqa: E402 (needs torch)
from evalkit.models.hf.scoring.plan import TokenRow  # noqa: E402 (needs torch)

ROWS = [TokenRow(tuple(range(3, 43)), (5, 38, 39), (1, 2, 3)), TokenRow(tuple(range(60, 90)), (29,), (4,))]
WANTED = 4


@pytest.fixture
def loaded() -> Loaded:
    import transformers

    config = transformers.Gemma2Config(
        vocab_size=500,
        hidden_size=16,
        num_hidden_layers=2,
        intermediate_size=32,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        final_logit_softcapping=20.0,
    )
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    return Loaded(model, lambda text, **_: {"input_ids": [3, 4, 5]}, "cpu", 512, frozenset({1}), False, None)


class Multiplied(TorchFunctionMode):
    """Counts the rows that are multiplied by a part of some weights, each by how much of them it is."""

    def __init__(self, weight: Any) -> None:
        super().__init__()
        self._weight = weight
        self.rows = 0.0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.nn.functional.linear, torch.mm, torch.matmul):
            first, second = args[:2]
            if second.untyped_storage().data_ptr() == self._weight.untyped_storage().data_ptr():
                self.rows += first.numel() / first.shape[-1] * second.numel() / self._weight.numel()
        return func(*args, **(kwargs or {}))


def logits(forward: Forward) -> tuple[Any, float]:
    """Of all rows, and how many rows the output layer multiplied for them."""
    with torch.inference_mode(), Multiplied(forward._head.weight) as seen:
        found = torch.cat([piece.clone() for _, piece in forward.logits(ROWS)])
    return found, seen.rows


def plain(loaded: Loaded) -> Any:
    with torch.inference_mode():
        return torch.cat(
            [loaded.model(input_ids=torch.tensor([row.ids])).logits[0, list(row.positions)] for row in ROWS]
        )


def test_only_wanted_positions_are_multiplied(loaded: Loaded) -> None:
    with torch.inference_mode():
        forward = Forward(loaded)
    assert forward.way == Way("chunked")
    found, rows = logits(forward)
    assert rows == WANTED
    torch.testing.assert_close(found, plain(loaded), atol=1e-5, rtol=1e-5)


def test_tiles_of_the_vocabulary_count_as_what_they_are(loaded: Loaded) -> None:
    with torch.inference_mode():
        forward = Forward(loaded)
        with Multiplied(forward._head.weight) as seen:
            list(forward.row_tiles(ROWS))
    assert seen.rows == WANTED


def test_an_output_layer_with_more_to_it_computes_and_is_seen_to(loaded: Loaded) -> None:
    """A hook may send its output to other devices, and expects a product."""
    seen: list[Any] = []
    head = loaded.model.get_output_embeddings()
    with torch.inference_mode():
        forward = Forward(loaded)
        head.register_forward_hook(lambda module, args, output: seen.append(output))
        found, rows = logits(forward)
    assert rows == WANTED + len(ROWS) and all(bool(output.any()) for output in seen)
    torch.testing.assert_close(found, plain(loaded), atol=1e-5, rtol=1e-5)


@contextmanager
def own_forward(head: Any) -> Iterator[Any]:
    head.forward = lambda hidden: torch.nn.functional.linear(hidden, head.weight)
    yield head.forward
    del head.forward


def test_the_output_layer_is_as_it_was_behind_a_pass(loaded: Loaded) -> None:
    head = loaded.model.get_output_embeddings()
    with torch.inference_mode():
        forward = Forward(loaded)
    logits(forward)
    assert "forward" not in vars(head) and not head._forward_pre_hooks
    with own_forward(head) as own:
        found, rows = logits(forward)
        assert vars(head)["forward"] is own and rows == WANTED
    torch.testing.assert_close(found, plain(loaded), atol=1e-5, rtol=1e-5)


def test_and_behind_one_that_fails(loaded: Loaded) -> None:
    with torch.inference_mode():
        forward = Forward(loaded)

    def fail(*_: Any) -> None:
        raise RuntimeError("out of memory")

    handle = loaded.model.model.norm.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        logits(forward)
    handle.remove()
    assert "forward" not in vars(loaded.model.get_output_embeddings())
    torch.testing.assert_close(logits(forward)[0], plain(loaded), atol=1e-5, rtol=1e-5)
