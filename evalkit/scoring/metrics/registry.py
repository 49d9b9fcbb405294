"""Metrics by name, for YAML tasks and the command line, with their settings checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from evalkit.core import Metric, UsageError
from evalkit.core.spec import unknown

# name -> "module:function", so that a list of names imports nothing.
_METRICS: Mapping[str, str] = {
    "pass_at_k": "evalkit.scoring.metrics.pass_at_k:pass_at_k",
    "mean": "evalkit.scoring.metrics.means:mean",
    "word_perplexity": "evalkit.scoring.metrics.perplexity:word_perplexity",
    "byte_perplexity": "evalkit.scoring.metrics.perplexity:byte_perplexity",
    "bits_per_byte": "evalkit.scoring.metrics.perplexity:bits_per_byte",
    "token_perplexity": "evalkit.scoring.metrics.perplexity:token_perplexity",
    "bleu": "evalkit.scoring.metrics.corpus:bleu",
    "chrf": "evalkit.scoring.metrics.corpus:chrf",
    "ter": "evalkit.scoring.metrics.corpus:ter",
    "mcc": "evalkit.scoring.metrics.classification:mcc",
    "macro_f1": "evalkit.scoring.metrics.classification:macro_f1",
    "micro_f1": "evalkit.scoring.metrics.classification:micro_f1",
    "ece": "evalkit.scoring.metrics.calibration:ece",
    "ratio": "evalkit.scoring.metrics.ratios:ratio",
    "spearman": "evalkit.scoring.metrics.correlation:spearman",
    "pearson": "evalkit.scoring.metrics.correlation:pearson",
    "auroc": "evalkit.scoring.metrics.correlation:auroc",
    "spread": "evalkit.scoring.metrics.spread:spread",
    "perplexity": "evalkit.scoring.metrics.targets:target_perplexity",
}

Made = TypeVar("Made")


def names() -> tuple[str, ...]:
    """The metrics that a YAML task can name; `mean` takes the name of a score as its setting `score`."""
    return tuple(_METRICS)


def by_name(name: str, /, **settings: object) -> Metric:
    """The metric of that name. Raises UsageError for an unknown name and for settings it does not take."""
    return make("metric", name, _METRICS, settings)


def make(
    kind: str,
    name: str,
    table: Mapping[str, Callable[..., Made] | str],
    settings: Mapping[str, object],
    base: Path | None = None,
) -> Made:
    """Call the function `table` has under `name` with settings from outside, such as YAML, after checking them.

    An entry of the table is a function or where it stands, as "module:function". `base`, the folder that relative
    paths are meant from, goes to a function that has a parameter of that name.

    Raises UsageError with a suggestion for a name or a setting that does not exist, and for one that is missing or
    of another type than the function's annotation says.
    """
    if name not in table:
        raise unknown(kind, name, table)
    function = _found(table[name])
    parameters = dict(inspect.signature(function).parameters)
    placed = {"base": base} if parameters.pop("base", None) is not None else {}
    types = get_type_hints(function)
    for key in settings:
        if key not in parameters:
            raise unknown(f"setting of {kind} {name!r}", key, parameters)
    for key, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and key not in settings:
            raise UsageError(f"{kind} {name!r} needs a setting {key!r}", fix=f"{name}: {{{key}: …}}")
    values = {key: _checked(kind, name, key, value, types[key]) for key, value in settings.items()}
    return function(**values, **placed)


def _found(entry: Callable[..., Made] | str) -> Callable[..., Made]:
    if not isinstance(entry, str):
        return entry
    module, _, function = entry.partition(":")
    found: Callable[..., Made] = getattr(import_module(module), function)
    return found


def _checked(kind: str, name: str, key: str, value: object, wanted: Any) -> object:
    """The value as the function takes it: a YAML list becomes a tuple and a whole number may stand for a float."""
    if isinstance(value, list):
        value = tuple(value)
    if _fits(value, wanted):
        return value
    raise UsageError(f"setting {key!r} of {kind} {name!r} has the wrong type", found=repr(value), fix=_shown(wanted))


def _fits(value: object, wanted: Any) -> bool:
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if origin is Literal:
        return value in parts
    if origin is dict:
        return isinstance(value, dict)
    if origin is not None:
        return any(_fits(value, part) for part in parts)
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, (int, float) if wanted is float else wanted)


def _shown(wanted: Any) -> str:
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is tuple:
        return f"a list of {_shown(parts[0])}"
    if origin is Literal:
        return "one of " + ", ".join(map(repr, parts))
    if origin is dict:
        return "a mapping"
    if origin is not None:
        return " or ".join(map(_shown, parts))
    return "nothing" if wanted is type(None) else str(wanted.__name__)
