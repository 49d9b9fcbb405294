"""What an error says, in whichever of the shapes that servers give it: one reader for all of them.

Shapes: `{"error": {"message", "type", "param", "code"}}` (OpenAI and most others), `{"error": "…", "code": "…"}` (xAI,
Ollama, LM Studio, TGI), `{"detail": [{"loc", "msg", "type", "ctx"}]}` (FastAPI; within `message` on Mistral),
`{"object": "error", "message": …}` (vLLM, SGLang), `{"error": {"status", "details": […]}}` (Google),
`{"type": "error", "error": {…}}` (Anthropic), `{"base_resp": {"status_code", "status_msg"}}` (MiniMax),
`{"error": {"metadata": {"raw": "…"}}}` (OpenRouter), `{"errors": […]}` and `{"title", "detail"}` (gateways).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Said", "error_of", "failed_generation", "read_error"]

_MOST_WORDS = 2000
_CODES = ("code", "type", "status", "error_type", "reason", "__type", "errorCode")
_STATUSES = ("code", "status", "status_code", "statusCode", "http_status_code", "httpStatus")
_MESSAGES = ("message", "detail", "msg", "error_description", "Message", "title", "reason", "status_msg")


@dataclass(frozen=True, slots=True)
class Said:
    """`words`: the message. `codes`: every code and type there is, in small letters. `parameter`: what the server says
    the error is about, "" where it does not. `bounds`: what a value must keep to, as FastAPI says it ("le", "gt", …).
    `status`: the status that the body names, 0 for none. `raw`: words of a server behind this one."""

    words: str
    codes: tuple[str, ...] = ()
    parameter: str = ""
    bounds: Mapping[str, float] = field(default_factory=dict)
    status: int = 0
    raw: str = ""

    @property
    def lowered(self) -> str:
        """All that is said, in small letters and on one line."""
        return " ".join(f"{self.words} {self.raw}"[: 2 * _MOST_WORDS].lower().split())


def error_of(body: object) -> object:
    """The error that a body of status 200, or an event of a stream, holds; None where it holds none."""
    if isinstance(body, list):  # Gemini's streaming endpoints wrap it
        return error_of(body[0]) if body else None
    if not isinstance(body, dict):
        return None
    if body.get("error"):
        return body
    if body.get("object") == "error" or body.get("type") == "error":
        return body
    base = body.get("base_resp")
    if isinstance(base, Mapping) and base.get("status_code"):
        return body
    said = body.get("detail") or body.get("errors") or (body.get("message") if body.get("code") else None)
    return body if said and not any(body.get(name) for name in ("choices", "content", "candidates", "output")) else None


def read_error(body: object, text: str = "") -> Said:
    """What an error says; of a body in no known shape, the beginning of its text."""
    found = body[0] if isinstance(body, list) and body else body
    if isinstance(found, Mapping):
        layers = list(_layers(found))
        words = next((words for layer in layers if (words := _message(layer))), "")
        problems = [problem for layer in layers for problem in _problems(layer)]
        if words or problems:
            return Said(
                (words or _listed(problems))[:_MOST_WORDS],
                tuple(dict.fromkeys(code for layer in layers for code in _codes(layer))),
                _parameter(layers, problems),
                _bounds(problems),
                next((status for layer in layers if (status := _status(layer))), 0),
                _raw(layers),
            )
    return Said(" ".join(text.split())[:500] or "no reason given")


def failed_generation(body: object) -> str:
    """The text that a model wrote and the server refused to pass on: Groq puts it into the error (codes
    json_validate_failed and tool_use_failed). "" where there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    text = error.get("failed_generation") if isinstance(error, Mapping) else None
    return text if isinstance(text, str) else ""


def _layers(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The error's mappings, the innermost first: the one that is about the request says the most."""
    for name in ("error", "message", "detail", "base_resp", "errors", "innererror", "metadata"):
        inner = found.get(name)
        if isinstance(inner, list) and inner and name == "errors":
            inner = inner[0]
        if isinstance(inner, Mapping):
            yield from _layers(inner)
    details = found.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping):
            yield {name: detail[name] for name in ("reason",) if name in detail}
    yield found


def _message(layer: Mapping[str, Any]) -> str:
    said = layer.get("error")
    if isinstance(said, str) and said:
        return said
    return next((text for name in _MESSAGES if isinstance(text := layer.get(name), str) and text), "")


def _problems(layer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """FastAPI's list of what is wrong with a request."""
    for name in ("detail", "message", "errors"):
        found = layer.get(name)
        if isinstance(found, list) and found and isinstance(found[0], Mapping) and "msg" in found[0]:
            return [one for one in found if isinstance(one, Mapping)]
    return []


def _listed(problems: list[Mapping[str, Any]]) -> str:
    return "; ".join(f"{'.'.join(map(str, _place(one)))}: {one.get('msg', one)}" for one in problems[:3])


def _place(problem: Mapping[str, Any]) -> tuple[object, ...]:
    place = problem.get("loc")
    return tuple(place) if isinstance(place, list | tuple) else ()


def _parameter(layers: list[Mapping[str, Any]], problems: list[Mapping[str, Any]]) -> str:
    for layer in layers:
        for name in ("param", "parameter"):
            if isinstance(said := layer.get(name), str) and said:
                return said
    places = [part for part in _place(problems[0]) if part not in ("body", "query")] if problems else []
    return ".".join(map(str, places))


def _bounds(problems: list[Mapping[str, Any]]) -> dict[str, float]:
    found = problems[0].get("ctx") if problems else None
    if not isinstance(found, Mapping):
        return {}
    return {str(name): float(value) for name, value in found.items() if isinstance(value, int | float)}


def _codes(layer: Mapping[str, Any]) -> Iterator[str]:
    for name in _CODES:
        value = layer.get(name)
        if isinstance(value, str) and value:
            yield value.lower()
        elif isinstance(value, int) and not isinstance(value, bool):
            yield str(value)
    for problem in _problems(layer):
        if isinstance(kind := problem.get("type"), str):
            yield kind.lower()
    base = layer.get("status_code")
    if isinstance(base, int) and "status_msg" in layer:
        yield f"minimax-{base}"


def _status(layer: Mapping[str, Any]) -> int:
    for name in _STATUSES:
        value = layer.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return 0


def _raw(layers: list[Mapping[str, Any]]) -> str:
    """What a gateway quotes of the server behind it."""
    found = [value for layer in layers if isinstance(value := layer.get("raw"), str)]
    reasons = [str(reason) for layer in layers if isinstance(layer.get("reasons"), list) for reason in layer["reasons"]]
    return " ".join([*found, *reasons])[:_MOST_WORDS]
