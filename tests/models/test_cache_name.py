"""The cache is passed under the name that the model knows, so that a release of transformers does not end it."""

from __future__ import annotations

import functools
from typing import Any

import pytest

pytest.importorskip("torch")

from evalkit.models.hf.forward.cache_name import cache_name


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
