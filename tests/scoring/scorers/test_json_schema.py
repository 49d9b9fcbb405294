"""JSON by schema, against jsonschema itself on random schemas and values, and what counts as JSON in a reply."""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from evalkit.core import Reply, Sample, Validity
from evalkit.scoring.extraction.json import ABSENT, find_json
from evalkit.scoring.scorers import json_schema

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is the oracle")


def random_schema(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = rng.choice(["string", "integer", "number", "boolean", "null", "enum", *(["object", "array"] * (depth < 3))])
    if kind == "object":
        names = rng.sample("abcd", rng.randrange(1, 4))
        return {
            "type": "object",
            "properties": {name: random_schema(rng, depth + 1) for name in names},
            "required": rng.sample(names, rng.randrange(len(names) + 1)),
            "additionalProperties": rng.random() < 0.5,
        }
    if kind == "array":
        return {"type": "array", "items": random_schema(rng, depth + 1), "minItems": rng.randrange(3)}
    if kind == "enum":
        return {"enum": [random_value(rng, 3) for _ in range(3)]}
    limits = {"string": {"maxLength": 3}, "integer": {"minimum": 0}, "number": {"exclusiveMaximum": 5}}
    wanted = [kind, "null"] if kind != "null" and rng.random() < 0.2 else kind
    return {"type": wanted, **(limits.get(kind, {}) if rng.random() < 0.5 else {})}


def random_value(rng: random.Random, depth: int = 0) -> Any:
    makers = [
        lambda: rng.choice(["", "ab", "abcd", "é\n"]),
        lambda: rng.randrange(-3, 9),
        lambda: rng.choice([0.5, 1.0, -2.25, 1e3]),
        lambda: rng.random() < 0.5,
        lambda: None,
    ]
    if depth < 3:
        makers += [
            lambda: {name: random_value(rng, depth + 1) for name in rng.sample("abcd", rng.randrange(4))},
            lambda: [random_value(rng, depth + 1) for _ in range(rng.randrange(4))],
        ]
    return rng.choice(makers)()


def fitting(rng: random.Random, schema: dict[str, Any]) -> Any:
    """A value that is near to what the schema wants."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "object":
        return {name: fitting(rng, part) for name, part in schema["properties"].items()}
    if kind == "array":
        return [fitting(rng, schema["items"]) for _ in range(rng.randrange(1, 4))]
    return {"string": "ab", "integer": 3, "number": rng.choice([1, 1.5, 7]), "boolean": True, "null": None}[kind]


def test_equals_jsonschema_whichever_way_the_reply_is_written(scored: Any) -> None:
    rng = random.Random(8)
    seen = {True: 0, False: 0}
    for number in range(600):
        schema = random_schema(rng)
        value = fitting(rng, schema) if number % 2 else random_value(rng)
        valid = jsonschema.Draft202012Validator(schema).is_valid(value)
        text = json.dumps(value, ensure_ascii=number % 3 == 0, indent=rng.choice([None, 2]))
        reply = [text, f"```json\n{text}\n```", f"<think>{{}}</think>\n{text}\n"][number % 3]
        found = scored(json_schema(), Sample("1", "q", data={"schema": schema}), reply)
        assert found["json_valid"].value == 1.0
        assert found["schema_valid"].value == float(valid), (schema, value)
        assert bool(found["schema_valid"].reason) == (not valid)
        seen[valid] += 1
    assert min(seen.values()) > 100


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        (" [1, 2] ", [1, 2]),
        ('Here you are: {"a": 1}. Anything else?', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('First\n```json\n{"a": 1}\n```\nor better\n```json\n{"a": 2}\n```', {"a": 2}),
        ("{'a': 1}", ABSENT),
        ('{"a": NaN}', ABSENT),
        ('{"a": Infinity}', ABSENT),
        ('{"a": 1', ABSENT),
        ("No.", ABSENT),
        ("", ABSENT),
        ("[" * 100_000, ABSENT),
        ('{"a":' * 50_000, ABSENT),
    ],
)
def test_the_json_of_a_reply(text: str, value: Any) -> None:
    found = find_json(text)
    assert found is ABSENT if value is ABSENT else found == value


def test_what_is_no_json_is_no_answer_and_a_cut_text_says_so(scored: Any) -> None:
    sample = Sample("1", "q", data={"schema": {"type": "object"}})
    none = scored(json_schema(), sample, "I can't.")["schema_valid"]
    assert (none.value, none.validity) == (0.0, Validity.NO_ANSWER)
    cut = scored(json_schema(), sample, Reply(texts=('{"a": [1, 2',), finish=("length",)))["schema_valid"]
    assert (cut.value, cut.validity) == (0.0, Validity.LENGTH)


def test_the_draft_is_the_schemas_own_and_formats_are_looked_at_where_wanted(scored: Any) -> None:
    # In draft 4 exclusiveMinimum is true or false and goes with minimum.
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 3, "exclusiveMinimum": True}
    assert scored(json_schema(), Sample("1", "q", data={"schema": old}), "3")["schema_valid"].value == 0.0
    dated = Sample("1", "q", data={"schema": {"type": "string", "format": "date"}})
    assert scored(json_schema(), dated, '"soon"')["schema_valid"].value == 1.0
    assert scored(json_schema(formats=True), dated, '"soon"')["schema_valid"].value == 0.0


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, "is not a JSON schema"),
        ({"$ref": "#/$defs/missing"}, "refers to what it does not hold"),
    ],
)
def test_a_rows_broken_schema_is_the_rows_fault(scored: Any, schema: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scored(json_schema(), Sample("1", "q", data={"schema": schema}), "{}")


def test_a_schema_elsewhere_is_never_fetched(scored: Any) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        schema = {"$ref": f"http://127.0.0.1:{server.server_port}/schema.json"}
        with pytest.raises(ValueError, match="refers to what it does not hold"):
            scored(json_schema(), Sample("1", "q", data={"schema": schema}), "{}")
        server.shutdown()
    assert asked == []
