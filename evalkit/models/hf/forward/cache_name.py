"""What a model calls the keys and values that it keeps between passes."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["cache_name"]


def cache_name(model: Any) -> str:
    """The argument of a model's forward pass, and the attribute of its output.

    transformers calls it `cache`, and takes the former name until version 5.40. A model with code of its own may know
    only the former one.
    """
    names = inspect.signature(model.forward).parameters
    return "past_key_values" if "past_key_values" in names and "cache" not in names else "cache"
