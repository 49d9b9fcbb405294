"""Functions of the user's in a YAML task, named as `./my.py:polite` under `scorers`, `metrics` and `sample`.

A scorer is a function of a sample and a text, or of the text alone; a metric one of the list of values; `sample` one of
a row. Each is executed when the task is loaded. The digest of its file is a part of the task's source.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

from evalkit.core import Metric, Reply, Row, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.core.named import call
from evalkit.core.spec import nearest
from evalkit.plugins.in_file import InFile, find_in_file
from evalkit.plugins.modules import guarded
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.of_values import of_values

__all__ = ["metric_in_file", "row_function", "scorer_in_file"]

_OWN = ("ends", "lower_is_better")
"""Settings that evalkit takes for itself where the function has no parameter of that name."""


def scorer_in_file(text: str, base: Path, settings: Mapping[str, object]) -> Scorer:
    """The scorer that a function is: it takes (sample, text) or (text), with `settings` as keywords, and returns a
    number, a truth value or a Score. `ends` are the least and largest number, `lower_is_better` says so.

    Raises UsageError for what is no such function, and for settings that it does not take.
    """
    found = find_in_file(text, base, what="scorer")
    if isinstance(found.made, Scorer):
        _no_settings(found, settings)
        return replace(found.made, settings={**found.made.settings, "source": found.digest[:8]})
    function = _function(found, "a scorer", "def polite(sample, text) -> bool")
    keywords, own = _settings(found, function, settings)
    takes = _by_place(function)
    if takes not in (1, 2):
        fix = f"def {found.name}(sample, text): …, or def {found.name}(text): …"
        raise UsageError(f"a scorer takes a sample and a text, {found.title} takes {takes}", fix=fix, at=found.at)
    ends = _ends(own.get("ends"), found)
    is_truth = get_type_hints(function).get("return") is bool
    metric = mean(
        found.name,
        scale="proportion" if is_truth or ends == (0.0, 1.0) else "number",
        higher_is_better=not own.get("lower_is_better", False),
        ends=ends,
    )
    told = {key: str(value) for key, value in settings.items()} | {"source": found.digest[:8]}
    score = _FromFunction(found, partial(function, **keywords), takes == 2)
    return Scorer(found.title, score, (found.name,), (metric,), told)


def metric_in_file(text: str, base: Path, settings: Mapping[str, object], scores: tuple[str, ...]) -> Metric:
    """The metric that a function is: it takes the list of the values of one score and returns a number. `of` names
    the score (the first one by default). Raises UsageError as `scorer_in_file` does."""
    found = find_in_file(text, base, what="metric")
    if isinstance(found.made, Metric):
        _no_settings(found, settings)
        return replace(found.made, source=found.digest[:8])
    function = _function(found, "a metric", "def median(values) -> float")
    keywords, own = _settings(found, function, settings, also=("of", "lower_is_better"))
    score = own.get("of", scores[0])
    if score not in scores:
        close = nearest(str(score), scores)
        fix = f"did you mean {close!r}?" if close else f"one of {', '.join(scores)}"
        raise UsageError("no scorer of the task makes this score", found=f"of: {score}", fix=fix)
    compute: Callable[[Any], float] = partial(guarded_call, found.path, partial(function, **keywords))
    _try_out(found, compute)
    lower = bool(own.get("lower_is_better", False))
    return of_values(found.name, str(score), compute, higher_is_better=not lower, source=found.digest[:8])


def _try_out(found: InFile, compute: Callable[[Any], float]) -> None:
    """Ask for the metric of two values, before a model is asked for thousands. One that needs more may refuse."""
    try:
        made: object = compute([0.0, 1.0])
    except UsageError:
        return
    if isinstance(made, bool) or not isinstance(made, int | float):
        shown = f"{type(made).__name__}: {made!r:.60}"
        raise UsageError(f"the metric {found.title} must return a number", found=shown, at=found.at)


def row_function(text: str, base: Path) -> Callable[[Row], Row]:
    """The function that makes of each row the mapping that templates then see. Raises UsageError where it is none, or
    with the row's origin where it fails."""
    found = find_in_file(text, base, what="function of a row")
    function = _function(found, "`sample`", "def row(row: dict) -> dict")

    def made(row: Row) -> Row:
        try:
            values = guarded_call(found.path, function, dict(row.values))
        except UsageError as error:
            raise UsageError(error.wrong, found=f"the row {row.origin}", fix=error.fix, at=error.at) from error
        if not isinstance(values, Mapping):
            shown = f"{type(values).__name__} for {row.origin}"
            raise UsageError(f"{found.title} must return a dict of columns", found=shown, at=found.at)
        return replace(row, values=dict(values))

    return made


def guarded_call(path: Path, function: Callable[..., Any], *given: object) -> Any:
    """The function's result; what it raises becomes a UsageError with its line."""
    return guarded(path, partial(function, *given))


@dataclass(frozen=True, slots=True)
class _FromFunction(ScoreSample):
    found: InFile
    function: Callable[..., Any]
    takes_sample: bool

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answer = final_answer(replies, strip="none")
        given = (sample, answer.text) if self.takes_sample else (answer.text,)
        made = self.function(*given)
        if inspect.isawaitable(made):
            made = await made
        name = self.found.name
        if isinstance(made, Score):
            return (replace(made, name=name),)
        if isinstance(made, bool | int | float) and math.isfinite(made):
            return (Score(name, float(made), answer.text, answer.reason, answer.validity),)
        raise TypeError(f"{self.found.title} returned {made!r:.60}; a number, a bool or a Score is needed")


def _function(found: InFile, what: str, example: str) -> Callable[..., Any]:
    if not callable(found.made) or inspect.isclass(found.made):
        shown = f"{type(found.made).__name__}: {found.made!r:.60}"
        raise UsageError(f"{found.title} is not a function, which {what} is", found=shown, fix=example)
    return found.made


def _by_place(function: Callable[..., Any]) -> int:
    parameters = inspect.signature(function).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)


def _settings(
    found: InFile, function: Callable[..., Any], settings: Mapping[str, object], also: tuple[str, ...] = _OWN
) -> tuple[dict[str, Any], dict[str, object]]:
    """Those that the function takes by keyword, checked by their annotations, and those that are evalkit's."""
    parameters = inspect.signature(function).parameters
    theirs = {name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY or p.default is not p.empty}
    own = {key: value for key, value in settings.items() if key in also and key not in theirs}
    given = {key: value for key, value in settings.items() if key not in own}
    kinds = get_type_hints(function, include_extras=True)

    def keywords(**chosen: object) -> dict[str, object]:
        return chosen

    shape = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=parameters[name].default) for name in theirs
    ]
    keywords.__signature__ = inspect.Signature(shape)  # type: ignore[attr-defined]
    keywords.__annotations__ = {name: kinds.get(name, Any) for name in theirs}
    return call("scorer", found.title, keywords, given), own


def _ends(value: object, found: InFile) -> tuple[float, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(end, int | float) for end in value):
        raise UsageError(f"the ends of {found.title} are two numbers", found=f"ends: {value}", fix="ends: [1, 10]")
    return tuple(float(end) for end in value)


def _no_settings(found: InFile, settings: Mapping[str, object]) -> None:
    if settings:
        name = next(iter(settings))
        raise UsageError(f"{found.title} is an object, which takes no settings", found=name, fix="name a function")
