"""In which form a model is asked for a reply: held to a JSON schema, as a JSON object, or in words alone.

A server that does not take one is asked in the next. What it takes is tried once for a model and a schema, and kept in
mind while the process lasts. The words say the form either way, since some servers take a schema and ignore it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from weakref import WeakKeyDictionary

from evalkit.core import ANY_OBJECT, Model, ModelError, Reply, schema_text

Form = Literal["schema", "object", "words"]
FORMS: tuple[Form, ...] = ("schema", "object", "words")

Put = Callable[[Form], Awaitable[Reply]]


class TakenForm:
    """Which form a model takes for one schema. `known` is None until a request was answered."""

    def __init__(self) -> None:
        self.known: Form | None = None
        self._trial: asyncio.Future[None] | None = None
        self._doubts = 0

    async def put(self, ask: Put) -> tuple[Form, Reply]:
        """(the form, the reply in it). The first request finds out which, and others wait for it. Raises ModelError as
        the first form did, where none is answered."""
        loop = asyncio.get_running_loop()
        if self.known is None and self._trial is not None and self._trial.get_loop() is loop:
            await asyncio.wait((self._trial,))
        if self.known is not None:
            return self.known, await ask(self.known)
        if self._trial is not None and self._trial.get_loop() is loop:
            return await self._tried(ask)
        self._trial = loop.create_future()
        try:
            return await self._tried(ask)
        finally:
            self._trial.set_result(None)

    async def _tried(self, ask: Put) -> tuple[Form, Reply]:
        refusal: ModelError | None = None
        certain = True
        for form in FORMS:
            try:
                reply = await ask(form)
            except ModelError as error:
                refusal = refusal or error
                certain = certain and error.why == "refused"
                if not error.why:
                    break  # unreachable, too busy, too long: no other form would help
                continue
            # A server that failed may have failed for another reason; two in a row did for this one.
            if certain or self._doubts:
                self.known = form
            self._doubts += not certain
            return form, reply
        assert refusal is not None
        raise refusal


_TAKEN: WeakKeyDictionary[Model, dict[str, TakenForm]] = WeakKeyDictionary()


def taken_form(model: Model, schema: Mapping[str, Any]) -> TakenForm:
    """What is known of a model and a schema."""
    return _TAKEN.setdefault(model, {}).setdefault(schema_text(schema), TakenForm())


def told(model: Model) -> str:
    """What a person should know of the forms that a model took; "" where all was as asked."""
    found = {taken.known for taken in _TAKEN.get(model, {}).values()} - {None, "schema"}
    if not found:
        return ""
    how = "as a JSON object" if found == {"object"} else "in words"
    return f"takes no JSON schema, and was asked for its verdicts {how}"


def schema_of(form: Form, schema: Mapping[str, Any]) -> str:
    """The text of a request's `schema`."""
    return {"schema": schema_text(schema), "object": ANY_OBJECT, "words": ""}[form]


def object_words(schema: Mapping[str, Any]) -> str:
    """A schema in words: every field by its name, with what may be in it, the first one first."""
    return f"Reply with one JSON object and nothing before or after it, its fields in this order:\n{_shown(schema)}"


def _shown(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        fields = ", ".join(f'"{name}": {_shown(part)}' for name, part in schema.get("properties", {}).items())
        return f"{{{fields}}}"
    if kind == "array":
        return f"[{_shown(schema.get('items', {}))}, …]"
    if kind == "boolean":
        return "true or false"
    if kind in ("integer", "number") and "minimum" in schema:
        what = "a whole number" if kind == "integer" else "a number"
        return f"<{what} from {schema['minimum']} to {schema['maximum']}>"
    return {"integer": "<a whole number>", "number": "<a number>", "string": '"…"'}.get(str(kind), "…")
