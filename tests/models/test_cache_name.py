"""The cache is passed under the name that the model knows, so that a release of transformers does not end it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evalkit.models.hf.forward.cache_name import cache_name  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.decode import Cached  # noqa: E402 (needs torch)
from tests.models.test_packed import engine_of  # noqa: E402 (needs torch)


class Model:
    def __init__(self, forward: Any) -> None:
        self.forward = forward


def of_today(input_ids: Any, cache: Any = None) -> None: ...
def of_its_own(input_ids: Any, past_key_values: Any = None) -> None: ...
def of_both(input_ids: Any, past_key_values: Any = None, cache: Any = None) -> None: ...
@functools.wraps(of_its_own)
def around(*args: Any, **named: Any) -> None: ...
def wrapper(*args: Any, **named: Any) -> None: ...


@pytest.mark.parametrize(
    ("forward", "name"),
    [
        (of_today, "cache"),
        (of_its_own, "past_key_values"),
        (of_both, "cache"),
        (around, "past_key_values"),
        (wrapper, "cache"),
    ],
)
def test_the_name_is_the_one_that_the_forward_pass_takes(forward: Any, name: str) -> None:
    assert cache_name(Model(forward)) == name


@pytest.mark.filterwarnings("error:.past_key_values.:FutureWarning")
@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_models_of_today_are_given_it_under_a_name_that_stays(family: str, make_model: Callable[..., Path]) -> None:
    loaded = engine_of(make_model(family))._loaded
    stepper = Cached(loaded)
    with torch.inference_mode():
        stepper.start([(5, 6, 7, 8)])
        after = stepper.step([9])
        kept = stepper._cache.get_seq_length()
    assert after.shape[0] == 1 and kept == (2 if family == "t5" else 5)
