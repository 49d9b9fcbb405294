"""Texts held to a JSON schema and calls of functions, asked through the prompt or through the backend's interface."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.core import AskModel, Attempt, Generate, Method, Model, Reply, Sample, Tool, UsageError, schema_text

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_TYPES: Mapping[str, str] = {"dict": "object", "float": "number", "tuple": "array"}


def write_json(*, max_tokens: int = 512, constrained: bool = False) -> Method:
    """Let the model write JSON; with `constrained`, its backend holds it to `sample.data["schema"]`.

    A constrained task needs a model with the feature "schema". The gold reply is the first target.
    """

    def request(attempt: Attempt) -> Generate:
        schema = schema_text(attempt.sample.data["schema"]) if constrained else ""
        return _greedy(attempt, max_tokens, schema=schema)

    return _method("write_json", request, _gold_json, max_tokens, "schema", constrained)


def call_functions(*, max_tokens: int = 512, native: bool = False) -> Method:
    """Let the model call functions in a text; with `native`, through its backend's interface for tools.

    A native task needs a model with the feature "tools": it is sent `sample.data["functions"]`, with JSON Schema's
    names of types and with underscores for what such interfaces do not take in a name. The gold reply holds the first
    acceptable value of every parameter in `sample.data["ground_truth"]`.
    """

    def request(attempt: Attempt) -> Generate:
        functions = attempt.sample.data["functions"] if native else ()
        return _greedy(attempt, max_tokens, tools=tuple(tool_of(function) for function in functions))

    return _method("call_functions", request, _gold_calls, max_tokens, "tools", native)


def tool_of(function: Mapping[str, Any]) -> Tool:
    """A function's description as a tool that any interface takes."""
    name = _NOT_IN_A_NAME.sub("_", function["name"])[:64]
    return Tool.of(name, str(function.get("description", "")), json_schema_of(function.get("parameters") or {}))


def json_schema_of(described: Any) -> Any:
    """A description in the leaderboard's types (dict, float, tuple, any) as JSON Schema."""
    if isinstance(described, list):
        return [json_schema_of(item) for item in described]
    if not isinstance(described, Mapping):
        return described
    made = {key: json_schema_of(value) for key, value in described.items() if key != "type"}
    said = described.get("type")
    if isinstance(said, Mapping):  # a parameter that is called "type"
        made["type"] = json_schema_of(said)
    elif said is not None and said != "any":
        made["type"] = _TYPES.get(said, said) if isinstance(said, str) else said
    return made


def _greedy(attempt: Attempt, max_tokens: int, *, schema: str = "", tools: tuple[Tool, ...] = ()) -> Generate:
    return Generate(attempt.prompt, max_tokens=max_tokens, stop=(), repeat=attempt.repeat, schema=schema, tools=tools)


@dataclass(frozen=True, slots=True)
class _Structured(AskModel):
    """`request` is what an attempt asks, `text` the reply of a perfect model."""

    request: Callable[[Attempt], Generate]
    text: Callable[[Sample], str]

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(self.request(attempt)),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        return (Reply(texts=(self.text(attempt.sample),), finish=("stop",)),)


def _method(
    name: str,
    request: Callable[[Attempt], Generate],
    text: Callable[[Sample], str],
    max_tokens: int,
    feature: str,
    used: bool,
) -> Method:
    if max_tokens < 1:
        raise UsageError("max_tokens must be at least 1", found=f"max_tokens={max_tokens}")

    way = _Structured(request, text)
    settings = {"sampling": "greedy", "max_tokens": str(max_tokens)}
    if used:
        settings[feature] = "by the backend"
    features = frozenset({feature}) if used else frozenset[str]()
    return Method(name, way, way.gold, frozenset({Generate}), settings, features)


def _gold_json(sample: Sample) -> str:
    return sample.targets[0] if sample.targets else "{}"


def _gold_calls(sample: Sample) -> str:
    functions = {function["name"]: function.get("parameters") or {} for function in sample.data["functions"]}
    calls = [
        {"name": name, "arguments": _gold_arguments(values, functions.get(name, {}))}
        for entry in sample.data["ground_truth"]
        for name, values in entry.items()
    ]
    return json.dumps(calls, ensure_ascii=False)


def _gold_arguments(values: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What must be given, and what may be where leaving it out is not the first of its acceptable values.

    A few rows of the leaderboard accept to leave out what is required, or name what the function does not have.
    """
    described, required = parameters.get("properties") or {}, parameters.get("required") or ()
    return {
        name: _plain(next(value for value in found if value != ""))
        for name, found in values.items()
        if name in described and (name in required or (found and found[0] != "")) and any(v != "" for v in found)
    }


def _plain(value: Any) -> Any:
    """An object of acceptable values as one that has the first of each."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return [_plain(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _plain(found[0]) for key, found in value.items() if found and found[0] != ""}
