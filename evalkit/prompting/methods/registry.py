"""Methods by name, for YAML tasks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, get_args, get_origin, get_type_hints

from evalkit.core import Method, UsageError

# name -> "module:function", so that a list of names imports nothing.
_METHODS: Mapping[str, str] = {
    "call_functions": "evalkit.prompting.methods.structured:call_functions",
    "chain_of_thought": "evalkit.prompting.methods.reasoning:chain_of_thought",
    "choose": "evalkit.prompting.methods.choosing:choose",
    "write_code": "evalkit.prompting.methods.coding:write_code",
    "choose_contexts": "evalkit.prompting.methods.contexts:choose_contexts",
    "embed": "evalkit.prompting.methods.embedding:embed",
    "generate": "evalkit.prompting.methods.generating:generate",
    "multi_turn": "evalkit.prompting.methods.turns:multi_turn",
    "perplexity": "evalkit.prompting.methods.likelihood:rolling",
    "self_consistency": "evalkit.prompting.methods.voting:self_consistency",
    "token_likelihoods": "evalkit.prompting.methods.tokens:token_likelihoods",
    "tokenize": "evalkit.prompting.methods.tokens:tokenize",
    "tool_loop": "evalkit.prompting.methods.tool_loop:tool_loop",
    "write_json": "evalkit.prompting.methods.structured:write_json",
    "written_choice": "evalkit.prompting.methods.written:written_choice",
}


def names() -> tuple[str, ...]:
    """The methods that a YAML task can name."""
    return tuple(_METHODS)


def settings_of(name: str) -> dict[str, Any]:
    """The settings that a method takes from a file, with their types: its parameters that are no functions."""
    function = _function(name)
    types = get_type_hints(function)
    return {key: types[key] for key in inspect.signature(function).parameters if not _takes_function(types[key])}


def _takes_function(wanted: Any) -> bool:
    return any(get_origin(part) is Callable for part in (wanted, *get_args(wanted)))


def by_name(name: str, **settings: object) -> Method:
    """The method of that name; raises UsageError for an unknown name or setting."""
    if name not in _METHODS:
        raise UsageError(f"no method named {name!r}", fix="one of " + ", ".join(_METHODS))
    function = _function(name)
    for key in settings:
        if key not in inspect.signature(function).parameters:
            raise UsageError(f"method {name!r} takes no {key!r}", fix="one of " + ", ".join(settings_of(name)))
    return function(**settings)


def _function(name: str) -> Callable[..., Method]:
    module, _, function = _METHODS[name].partition(":")
    found: Callable[..., Method] = getattr(import_module(module), function)
    return found
