"""Options typed as text, turned into the annotated parameters of a plugin's function."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from evalkit.core import UsageError
from evalkit.core.option_values import convert, describe
from evalkit.core.spec import nearest

Parameters = Mapping[str, inspect.Parameter]


def parameters_of(function: Callable[..., object], *, what: str, at: str, keyword_only: bool) -> Parameters:
    """The parameters that can be options, their types evaluated; UsageError where a type cannot be.

    `keyword_only` leaves the others out: they are for evalkit to give, and their types may stay unimported.
    """
    found = inspect.signature(function).parameters
    chosen = {name: p for name, p in found.items() if p.kind is p.KEYWORD_ONLY or not keyword_only}
    written = {name: p.annotation for name, p in chosen.items() if isinstance(p.annotation, str)}
    try:
        evaluated = typing.get_type_hints(
            types.SimpleNamespace(__annotations__=written), function.__globals__, include_extras=True
        )
    except (NameError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        raise UsageError(
            f"{what}: the annotations of its parameters cannot be read ({error})",
            fix="import the names that they use at run time",
            at=at,
        ) from None
    return {name: p.replace(annotation=evaluated.get(name, p.annotation)) for name, p in chosen.items()}


def bind(parameters: Parameters, options: Mapping[str, str], *, what: str, at: str) -> dict[str, Any]:
    """The keyword arguments that `options` stand for.

    Parameters may be annotated str, int, float, bool, Literal and unions of them with None (written "none").
    `what` names the plugin in errors and `at` is its file and line. Raises UsageError for an unknown option, a
    value of the wrong type, a missing one, and a parameter that no option can be.
    """
    for parameter in parameters.values():
        _check(parameter, what, at)
    for name in options:
        if name not in parameters:
            raise _unknown_option(name, what, parameters)
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in options:
            raise UsageError(f"{what} needs the option {name!r}", fix=_listed(parameters))
    arguments = {}
    for name, text in options.items():
        kind = parameters[name].annotation
        try:
            arguments[name] = convert(text, kind)
        except ValueError:
            raise UsageError(
                f"{what}: bad value for the option {name!r}", found=repr(text), fix=f"{name}=<{describe(kind)}>"
            ) from None
        except TypeError:
            raise UsageError(
                f"{what}: the parameter {name!r} is annotated {describe(kind)}, which no option can be",
                fix="annotate it as str, int, float, bool, Literal or `… | None`",
                at=at,
            ) from None
    return arguments


def _check(parameter: inspect.Parameter, what: str, at: str) -> None:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise UsageError(
            f"{what}: the parameter {str(parameter)!r} cannot be an option",
            fix="name every parameter, and give it a type and a default",
            at=at,
        )
    if parameter.annotation is inspect.Parameter.empty:
        name = parameter.name
        raise UsageError(f"{what}: the parameter {name!r} has no type", fix=f"annotate it, such as {name}: str", at=at)


def _unknown_option(name: str, what: str, parameters: Parameters) -> UsageError:
    close = nearest(name, parameters)
    hint = f"did you mean {close!r}? " if close else ""
    return UsageError(f"{what} has no option {name!r}", fix=hint + _listed(parameters))


def _listed(parameters: Parameters) -> str:
    if not parameters:
        return "it takes no options"
    shown = []
    for name, parameter in parameters.items():
        text = f"{name}=<{describe(parameter.annotation)}>"
        if parameter.default is not inspect.Parameter.empty and parameter.default not in ("", None):
            text += f" ({parameter.default})"
        shown.append(text)
    return "options: " + ", ".join(shown)
