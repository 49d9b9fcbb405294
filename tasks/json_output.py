"""JSON output: whether a model writes JSON that follows a schema, and gets its fields right.

Paper: https://arxiv.org/abs/2501.10868 (JSONSchemaBench, on schemas and validity). Data: files of your own; the
toy rows are ours, under the Apache licence 2.0. The schema comes with the row; `expected` may be missing where
validity alone is measured. One row:

    {"text": "Order 1042: 3 pears for Ada Lund in Seaview.", "schema": {"type": "object", "properties": {…}, …},
     "expected": {"order": 1042, "item": "pears", "count": 3}}
"""

from __future__ import annotations

import json
from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import bundled
from evalkit.data import files as read_files
from evalkit.prompting.methods import write_json
from evalkit.scoring.scorers import json_match, json_schema

META = {
    "name": "json_output",
    "summary": "JSON by a schema that comes with the row: validity and right fields; files=PATH for your own rows",
    "tags": ["structured-output", "json"],
    "toys": {"toy_json_output": {"data": "toy", "files": ""}},
}


def task(
    *,
    files: str = "",
    fields: bool = True,
    constrained: bool = False,
    max_tokens: int = 512,
    data: Literal["files", "toy"] = "files",
) -> Task:
    """JSON output over `files` (columns text, schema, expected). `constrained` has the model's backend hold it to the
    schema; `fields=false` leaves out what is expected, for rows that have none."""
    return Task(
        name="json_output",
        data=(Subset(_source(files, data)),),
        sample=lambda row: _sample(row, fields),
        prompt=PromptFormat(),
        method=write_json(max_tokens=max_tokens, constrained=constrained),
        scorers=(json_schema(), json_match()) if fields else (json_schema(),),
        primary_metric="schema_valid",
    )


def _source(files: str, data: str) -> Source:
    if data == "toy":
        return bundled("json_output")
    if not files:
        raise UsageError("json_output needs rows with schemas", fix="json_output,files=rows.jsonl, or toy_json_output")
    return read_files(files)


def _sample(row: Row, fields: bool) -> Sample:
    schema = row.values["schema"]
    if isinstance(schema, str):
        schema = json.loads(schema)
    kind = row.values.get("kind")
    question = (
        f"Write what this text says as one JSON object that follows the schema. Reply with the JSON alone.\n\n"
        f"Schema: {json.dumps(schema, ensure_ascii=False)}\n\nText: {row.values['text']}\n\nJSON:"
    )
    return Sample(
        row.id,
        question,
        targets=(json.dumps(row.values["expected"], ensure_ascii=False),) if fields else (),
        groups=(str(kind),) if kind else (),
        data={"schema": schema},
    )
