"""Whether a reply is JSON, and JSON of the schema that was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.json import ABSENT, find_json, without_json
from evalkit.scoring.metrics import mean

_NAMES = ("schema_valid", "json_valid")


@dataclass(frozen=True, slots=True)
class _JSONSchema(ScoreSample):
    formats: bool

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        validator = _validator(sample.data["schema"], self.formats)
        answer = final_answer(replies)
        said = find_json(answer.text)
        if said is ABSENT:
            none = without_json(answer.text)
            reason, validity = answer.reason or none.problem, answer.validity_with(none)
            return tuple(Score(name, 0.0, None, reason, validity) for name in _NAMES)
        mistake = _first_mistake(validator, said)
        reason = "; ".join(filter(None, [mistake, answer.reason]))
        shown = json.dumps(said, ensure_ascii=False)
        return (
            Score(_NAMES[0], float(not mistake), shown, reason, answer.validity),
            Score(_NAMES[1], 1.0, shown, "", answer.validity),
        )


def json_schema(*, formats: bool = False) -> Scorer:
    """Whether a reply is JSON, `json_valid`, and follows the schema of its sample, `schema_valid` (0 or 1).

    The package jsonschema decides validity, under the draft that the schema names with `$schema`, else 2020-12.
    References reach within the schema only. `formats` also holds texts to "format". The JSON may be alone, in a ```
    fence or after other words. A reply without JSON is NO_ANSWER; one whose JSON cannot be parsed is UNREADABLE.

    Scoring raises ValueError where the row's schema is not a schema.
    """
    settings = {"formats": "yes"} if formats else {}
    return Scorer("json_schema", _JSONSchema(formats), _NAMES, tuple(map(mean, _NAMES)), settings)


def _validator(schema: Any, formats: bool) -> Any:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"the row's schema is not a JSON schema: {error.message}") from None
    # An empty registry: a reference to another place raises instead of being fetched.
    return kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER if formats else None)


def _first_mistake(validator: Any, said: Any) -> str:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        worst = best_match(validator.iter_errors(said))
    except Unresolvable as error:
        raise ValueError(f"the row's schema refers to what it does not hold: {error}") from None
    except RecursionError:
        return "nested too deeply to be validated"
    return "" if worst is None else f"{worst.json_path}: {worst.message}"[:300]
