"""Logs that somebody damaged, by hand or by malice: one sentence that names the file, whatever is wrong inside."""

from __future__ import annotations

import copy
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Record, UsageError
from evalkit.runs.foreign import open_log
from tests.runs.foreign.test_inspect_logs import log, sample

ODD: tuple[Any, ...] = (None, 3, -1, True, "x", "", [], {}, [None], {"a": None}, "1e999", [[]], 1e308)
LM_EVAL = {
    "doc_id": 0,
    "doc": {"id": "a"},
    "target": "0",
    "arguments": {"gen_args_0": {"arg_0": "Q", "arg_1": {"until": []}}},
    "resps": [["text"]],
    "filtered_resps": ["text"],
    "filter": "none",
    "metrics": ["acc"],
    "acc": 1.0,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*path, key)
        yield from places(one, (*path, key))


def damaged(document: Any, rng: random.Random) -> Any:
    """The document with one or two of its values gone or of another kind."""
    made = copy.deepcopy(document)
    for _ in range(rng.randint(1, 2)):
        path = rng.choice(list(places(made)))
        place = made
        for key in path[:-1]:
            place = place[key]
        if rng.random() < 0.3:
            del place[path[-1]]
        else:
            place[path[-1]] = rng.choice(ODD)
    return made


def read(path: Path) -> list[Record] | None:
    run = open_log(path)
    return None if run is None else list(run.records())


@pytest.mark.parametrize("form", ["json", "eval", "lm-eval"])
def test_a_damaged_log_is_read_or_refused_in_one_sentence(form: str, tmp_path: Path) -> None:
    rng = random.Random(form)
    whole = log([sample("a", "C"), sample("b", 0.5)])
    refused = 0
    for number in range(400):
        if form == "lm-eval":
            path = tmp_path / f"{number}" / "samples_t_2026-01-02T03-04-05.000.jsonl"
            path.parent.mkdir()
            lines = [LM_EVAL, damaged(LM_EVAL, rng)] if number % 2 else [damaged(LM_EVAL, rng), LM_EVAL]
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        else:
            path = tmp_path / f"{number}.{form}"
            made = damaged(whole, rng)
            if form == "json":
                path.write_text(json.dumps(made))
            elif not isinstance(made.get("samples"), list):
                continue
            else:
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("header.json", json.dumps({k: v for k, v in made.items() if k != "samples"}))
                    for place, one in enumerate(made["samples"]):
                        archive.writestr(f"samples/{place}.json", json.dumps(one))
        try:
            read(path)
        except UsageError as error:
            refused += 1
            assert str(path) in error.at or str(path.parent) in str(error), error
    assert refused > 20


def test_a_zip_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(log([])))
        for place in range(4):
            archive.writestr(f"samples/{place}.json", b'"' + b"a" * (40 << 20) + b'"')
    with pytest.raises(UsageError, match="unpacks to far more than data does"):
        open_log(path)
