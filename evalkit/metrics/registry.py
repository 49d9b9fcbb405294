"""Metrics by name, for YAML tasks and the command line, with their settings checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from evalkit.core import Metric, UsageError
from evalkit.metrics.means import mean
from evalkit.metrics.perplexity import bits_per_byte, byte_perplexity, word_perplexity
from evalkit.spec import unknown

_METRICS: Mapping[str, Callable[..., Metric]] = {
    "mean": mean,
    "word_perplexity": word_perplexity,
    "byte_perplexity": byte_perplexity,
    "bits_per_byte": bits_per_byte,
}

Made = TypeVar("Made")


def names() -> tuple[str, ...]:
    """The metrics that a YAML task can name; `mean` takes the name of a score as its setting `score`."""
    return tuple(_METRICS)


def by_name(name: str, **settings: object) -> Metric:
    """The metric of that name. Raises UsageError for an unknown name and for settings it does not take."""
    return make("metric", name, _METRICS, settings)


def make(kind: str, name: str, table: Mapping[str, Callable[..., Made]], settings: Mapping[str, object]) -> Made:
    """Call the function `table` has under `name` with settings from outside, such as YAML, after checking them.

    Raises UsageError with a suggestion for a name or a setting that does not exist, and for one that is missing or
    of another type than the function's annotation says.
    """
    if name not in table:
        raise unknown(kind, name, table)
    function = table[name]
    parameters = inspect.signature(function).parameters
    types = get_type_hints(function)
    for key in settings:
        if key not in parameters:
            raise unknown(f"setting of {kind} {name!r}", key, parameters)
    for key, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and key not in settings:
            raise UsageError(f"{kind} {name!r} needs a setting {key!r}", fix=f"{name}: {{{key}: …}}")
    return function(**{key: _checked(kind, name, key, value, types[key]) for key, value in settings.items()})


def _checked(kind: str, name: str, key: str, value: object, wanted: Any) -> object:
    """The value as the function takes it: a YAML list becomes a tuple and a whole number may stand for a float."""
    if get_origin(wanted) is tuple and isinstance(value, (list, tuple)):
        value = tuple(value)
        item = get_args(wanted)[0]
        if all(isinstance(part, item) for part in value):
            return value
    elif _fits(value, wanted):
        return value
    shown = getattr(wanted, "__name__", str(wanted)) if get_origin(wanted) is None else str(wanted)
    raise UsageError(
        f"setting {key!r} of {kind} {name!r} has the wrong type", found=repr(value), fix=f"a value of type {shown}"
    )


def _fits(value: object, wanted: Any) -> bool:
    if isinstance(wanted, type) and get_origin(wanted) is None:
        if isinstance(value, bool):
            return wanted is bool
        return isinstance(value, (int, float) if wanted is float else wanted)
    options = get_args(wanted)
    # Members of a union are types, those of a Literal are values.
    return any(value == option if not isinstance(option, type) else _fits(value, option) for option in options)
