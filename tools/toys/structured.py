"""Toy sets for structured output: texts whose content is wanted as JSON, and requests that functions fulfil."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tools.toys.words import COLORS, FIRST_NAMES, LAST_NAMES, TOWNS

SEED = 52_200
EACH = 18

Row = Mapping[str, Any]
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_GOODS = ("pears", "candles", "notebooks", "teapots", "lamps", "scarves")


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _person(rng: Random) -> str:
    return f"{rng.choice(tuple(FIRST_NAMES))} {rng.choice(LAST_NAMES)}"


def _order(rng: Random) -> tuple[str, dict[str, Any], dict[str, Any]]:
    number, count = rng.randrange(1000, 9999), rng.randrange(2, 40)
    goods, who, town, fast = rng.choice(_GOODS), _person(rng), rng.choice(TOWNS), rng.random() < 0.5
    text = f"Order {number}: {count} {goods} for {who} in {town}" + (", sent by express." if fast else ".")
    schema = _object(
        ("order", "item", "count", "customer", "express"),
        order={"type": "integer"},
        item={"type": "string"},
        count={"type": "integer", "minimum": 1},
        customer=_object(("name", "town"), name={"type": "string"}, town={"type": "string"}),
        express={"type": "boolean"},
    )
    customer = {"name": who, "town": town}
    return text, schema, {"order": number, "item": goods, "count": count, "customer": customer, "express": fast}


def _meeting(rng: Random) -> tuple[str, dict[str, Any], dict[str, Any]]:
    day, hour, room = rng.choice(_DAYS), rng.randrange(8, 18), rng.randrange(1, 20)
    people = [_person(rng) for _ in range(rng.randrange(2, 4))]
    text = f"{' and '.join(people)} meet on {day} at {hour}:00 in room {room}."
    schema = _object(
        ("day", "hour", "room", "people"),
        day={"enum": list(_DAYS)},
        hour={"type": "integer", "minimum": 0, "maximum": 23},
        room={"type": "integer"},
        people={"type": "array", "items": {"type": "string"}, "minItems": 1},
    )
    return text, schema, {"day": day, "hour": hour, "room": room, "people": people}


def _measurement(rng: Random) -> tuple[str, dict[str, Any], dict[str, Any]]:
    town, value = rng.choice(TOWNS), rng.randrange(-80, 350) / 10
    unit, note = rng.choice(("celsius", "fahrenheit")), rng.choice((None, "windy", "foggy"))
    text = f"The station at {town} measured {value} degrees {unit.capitalize()}" + (
        f"; it was {note}." if note else "."
    )
    schema = _object(
        ("station", "temperature", "note"),
        station={"type": "string"},
        temperature=_object(("value", "unit"), value={"type": "number"}, unit={"enum": ["celsius", "fahrenheit"]}),
        note={"type": ["string", "null"]},
    )
    return text, schema, {"station": town, "temperature": {"value": value, "unit": unit}, "note": note}


def json_rows() -> list[Row]:
    """A text, the schema of what is wanted of it, and the values that are right."""
    rng = Random(SEED)
    makers: Mapping[str, Callable[[Random], tuple[str, dict[str, Any], dict[str, Any]]]] = {
        "order": _order,
        "meeting": _meeting,
        "measurement": _measurement,
    }
    rows: list[Row] = []
    for kind, make in makers.items():
        for number in range(EACH):
            text, schema, expected = make(rng)
            rows.append(
                {"id": f"{kind}-{number + 1:02d}", "kind": kind, "text": text, "schema": schema, "expected": expected}
            )
    return rows


def _function(name: str, description: str, required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"name": name, "description": description, "parameters": parameters}


_TEXT, _INTEGER = {"type": "string"}, {"type": "integer"}
WEATHER = _function(
    "weather.get", "The weather in a town.", ("town",), town=_TEXT,
    unit={"type": "string", "enum": ["celsius", "fahrenheit"], "description": "celsius if not given"},
)  # fmt: skip
TIMER = _function("set_timer", "Start a timer.", ("minutes",), minutes=_INTEGER, label=_TEXT)
PAINT = _function(
    "shop.mix_paint", "Mix paint of one color.", ("color", "liters"), color=_TEXT, liters={"type": "number"}
)
INVITE = _function(
    "invite", "Invite people to a meeting.", ("people", "day"), people={"type": "array", "items": _TEXT}, day=_TEXT
)
FUNCTIONS = (WEATHER, TIMER, PAINT, INVITE)


def _wish(rng: Random, function: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a person says, and the call that is right: each parameter with its acceptable values."""
    if function is WEATHER:
        town = rng.choice(TOWNS)
        return f"find out the weather in {town}", {"weather.get": {"town": [town], "unit": ["", "celsius"]}}
    if function is TIMER:
        minutes = rng.randrange(2, 60)
        return f"start a timer of {minutes} minutes", {"set_timer": {"minutes": [minutes], "label": [""]}}
    if function is PAINT:
        color, liters = rng.choice(COLORS), rng.randrange(1, 20) / 2
        return f"mix {liters} liters of {color} paint", {"shop.mix_paint": {"color": [color], "liters": [liters]}}
    people, day = [_person(rng) for _ in range(2)], rng.choice(_DAYS)
    call = {"invite": {"people": [people, people[::-1]], "day": [day]}}
    return f"invite {people[0]} and {people[1]} to a meeting on {day}", call


def call_rows() -> list[Row]:
    """Requests by category: one function, one of several, several calls, and none that fits."""
    rng = Random(SEED + 1)
    rows: list[Row] = []
    asked: set[str] = set()
    for number in range(4 * 15):
        category = ("simple", "multiple", "parallel", "irrelevance")[number % 4]
        question = ""
        while not question or question in asked:
            question, given, calls = _request(rng, category)
        asked.add(question)
        rows.append(
            {
                "id": f"{category}-{number // 4 + 1:02d}",
                "category": category,
                "question": question,
                "function": given,
                "ground_truth": calls,
            }
        )
    return rows


def _request(rng: Random, category: str) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """What is asked, the functions that are offered, and the calls that are right."""
    chosen = rng.choice(FUNCTIONS)
    wishes, given = [_wish(rng, chosen)], [chosen]
    if category in ("multiple", "parallel"):
        given = rng.sample(FUNCTIONS, 3)
        if chosen not in given:
            given[0] = chosen
    if category == "parallel":
        wishes.append(_wish(rng, rng.choice(given)))
    if category == "irrelevance":
        given = [function for function in FUNCTIONS if function is not chosen][:2]
    calls = [] if category == "irrelevance" else [call for _, call in wishes]
    return f"Please {' and '.join(wish for wish, _ in wishes)}.", given, calls


def structured_sets() -> dict[str, list[Row]]:
    """Both by name."""
    return {"function_calls": call_rows(), "json_output": json_rows()}
