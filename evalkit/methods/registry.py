"""Methods by name, for YAML tasks."""

from __future__ import annotations

from collections.abc import Callable

from evalkit.core import Method, UsageError
from evalkit.methods.choosing import choose
from evalkit.methods.generating import generate
from evalkit.methods.likelihood import rolling
from evalkit.methods.voting import self_consistency

_METHODS: dict[str, Callable[..., Method]] = {
    "choose": choose,
    "generate": generate,
    "perplexity": rolling,
    "self_consistency": self_consistency,
}


def names() -> tuple[str, ...]:
    """The methods that a YAML task can name."""
    return tuple(_METHODS)


def by_name(name: str, **settings: object) -> Method:
    """The method of that name; raises UsageError for an unknown name or setting."""
    if name not in _METHODS:
        raise UsageError(f"no method named {name!r}", fix="one of " + ", ".join(_METHODS))
    try:
        return _METHODS[name](**settings)
    except TypeError as error:
        raise UsageError(f"method {name!r} cannot take these settings", found=str(error)) from None
