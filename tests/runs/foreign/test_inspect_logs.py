"""Inspect's logs as its documentation describes them: .json, and .eval zipped by Deflate and by Zstandard."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evalkit.comparing import read_sides
from evalkit.comparing.pairing import pair_task, values_of
from evalkit.core import UsageError, Validity
from evalkit.runs.foreign import ForeignRun, open_log

MESSAGE = {"role": "user", "content": "attachment://abc"}


def sample(name: str | int, value: Any, epoch: int = 1, **more: Any) -> dict[str, Any]:
    answer = {"role": "assistant", "content": f"it is {name}"}
    return {
        "id": name,
        "epoch": epoch,
        "input": f"Who is {name}?",
        "target": "it",
        "messages": [MESSAGE, answer],
        "output": {"choices": [{"message": answer, "stop_reason": "stop"}], "time": 0.5},
        "scores": {"match": {"value": value, "answer": f"{name}", "explanation": "why"}},
        "model_usage": {"m": {"input_tokens": 7, "output_tokens": 3}},
        "attachments": {"abc": f"A long question about {name}"},
        "metadata": {},
        **more,
    }


def log(samples: list[dict[str, Any]], task: str = "who") -> dict[str, Any]:
    about = {
        "task": task,
        "task_version": 2,
        "model": "provider/m",
        "created": "2026-01-02T03:04:05+00:00",
        "dataset": {"sample_ids": list(dict.fromkeys(one["id"] for one in samples))},
        "config": {"epochs": 2},
        "packages": {"inspect_ai": "0.3.285"},
        "scorers": [{"name": "match"}],
    }
    primary_metric = {"scorer": "match", "score": "match", "metric": "accuracy"}
    return {
        "version": 2,
        "status": "success",
        "eval": about,
        "results": {"headline": primary_metric},
        "samples": samples,
    }


def as_json(path: Path, whole: dict[str, Any]) -> Path:
    path.write_text(json.dumps(whole))
    return path


def entries(whole: dict[str, Any]) -> dict[str, bytes]:
    header = {key: value for key, value in whole.items() if key != "samples"}
    parts = {f"samples/{one['id']}_epoch_{one['epoch']}.json": one for one in whole["samples"]}
    return {name: json.dumps(value).encode() for name, value in {**parts, "header.json": header}.items()}


def as_eval(path: Path, whole: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries(whole).items():
            archive.writestr(name, data)
    return path


def as_zstandard(path: Path, whole: dict[str, Any]) -> Path:
    """A zip whose entries have compression method 93 (APPNOTE 6.3.8), which newer versions of Inspect write."""
    body, directory, count = b"", b"", 0
    for name, data in entries(whole).items():
        packed = pa.Codec("zstd").compress(data, asbytes=True)
        raw = name.encode()
        common = struct.pack("<HHHHHIIIHH", 63, 0, 93, 0, 0, zlib.crc32(data), len(packed), len(data), len(raw), 0)
        offset = len(body)
        body += b"PK\x03\x04" + common + raw + packed
        directory += b"PK\x01\x02" + struct.pack("<H", 63) + common + struct.pack("<HHHII", 0, 0, 0, 0, offset) + raw
        count += 1
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


def opened(path: Path) -> ForeignRun:
    found = open_log(path)
    assert found is not None
    return found


WHO = log([sample("a", "C"), sample("b", "I"), sample("a", "I", 2), sample("b", "P", 2)])


@pytest.mark.parametrize("write", [as_json, as_eval, as_zstandard])
def test_every_form_of_a_log_is_the_same_run(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / ("log.json" if write is as_json else "log.eval"), WHO)
    for place in (path, tmp_path):
        run = opened(place)
        assert (run.harness, run.model, run.tasks) == ("inspect", "provider/m", ("who",))
        found = {(r.sample.id, r.repeat): r.value("match") for r in run.records()}
        assert found == {("a", 0): 1.0, ("b", 0): 0.0, ("a", 1): 0.0, ("b", 1): 0.5}
    record = next(opened(path).records())
    assert record.prompt is not None
    assert record.prompt.text == "A long question about a"
    assert record.replies[0].texts == ("it is a",)
    assert (record.replies[0].usage.prompt_tokens, record.replies[0].seconds) == (7, 0.5)


def test_epochs_are_repeats_and_are_averaged_before_pairing(tmp_path: Path) -> None:
    run = opened(as_json(tmp_path / "log.json", WHO))
    side = read_sides(run, run.metrics, harness="inspect")["who"]
    values = values_of(pair_task(side, side), "match")
    assert values.baseline.tolist() == [0.5, 0.25]
    assert values.repeats


def test_an_error_a_limit_and_a_score_that_is_missing_are_no_zeros(tmp_path: Path) -> None:
    whole = log(
        [
            sample("error", "I", error={"message": "timeout"}, scores={}),
            sample("time", "I", limit={"type": "time", "limit": 5}),
            sample("unscored", None),
            sample("graded", {"style": 0.5, "facts": True}),
        ]
    )
    found = {record.sample.id: record for record in opened(as_json(tmp_path / "log.json", whole)).records()}
    assert found["error"].validity is Validity.BACKEND_ERROR
    assert found["error"].failure is not None
    assert found["time"].validity is Validity.TIMEOUT
    assert found["unscored"].validity is Validity.UNJUDGED
    assert {s.name: s.value for s in found["graded"].scores} == {"match.style": 0.5, "match.facts": 1.0}


def test_letters_of_a_multiple_choice_are_indices(tmp_path: Path) -> None:
    whole = log([sample(1, "C", choices=["x", "y"], target="B")])
    (record,) = opened(as_json(tmp_path / "log.json", whole)).records()
    assert (record.sample.choices, record.sample.gold) == (("x", "y"), (1,))


@pytest.mark.parametrize(("done", "planned"), [(0, "0 of 6"), (1, "1 of 6")])
def test_a_log_that_ended_early_says_what_was_planned(tmp_path, caplog, done: int, planned: str) -> None:
    whole = log([sample("a", "C")][:done])
    whole["status"] = "error"
    whole["error"] = {"message": "the server was gone\nTraceback: …"}
    whole["eval"]["dataset"] = {"samples": 3, "sample_ids": ["a", "b", "c"]}
    path = as_eval(tmp_path / "who.eval", whole)
    if not done:
        with pytest.raises(UsageError, match=rf"status 'error'\n.*{planned} planned samples; the server was gone$"):
            open_log(path)
        return
    assert len(list(opened(path).records())) == 1
    assert f"{planned} planned samples; the server was gone" in caplog.text
    assert "Traceback" not in caplog.text


def test_other_json_is_no_log_and_a_damaged_archive_says_so(tmp_path: Path) -> None:
    assert open_log(as_json(tmp_path / "other.json", {"some": "thing"})) is None
    (tmp_path / "log.eval").write_bytes(as_eval(tmp_path / "whole.eval", WHO).read_bytes()[:-200])
    with pytest.raises(UsageError, match="the log is damaged"):
        open_log(tmp_path / "log.eval")


MAKE_A_LOG = """
import tiktoken
class Words:  # the tokenizer's table would be fetched from the network
    def encode(self, text, **options): return text.split()
tiktoken.get_encoding = lambda name: Words()
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.scorer import includes, match
from inspect_ai.solver import generate
texts = ["1", "2", "nothing", "4", "5"] * 2
model = get_model("mockllm/model", custom_outputs=[ModelOutput.from_content("mockllm/model", text) for text in texts])
rows = [Sample(id=f"q{i}", input=f"What is {i} + 1?", target=str(i + 1)) for i in range(5)]
task = Task(dataset=MemoryDataset(rows), solver=generate(), scorer=[match(), includes()], epochs=2, name="sums")
eval(task, model=model, log_dir=".", log_format="FORMAT", display="none")
"""


@pytest.mark.parametrize("form", ["eval", "json"])
def test_a_log_of_a_real_inspect_gives_the_numbers_that_it_reports(tmp_path: Path, form: str) -> None:
    python = os.environ.get("EVALKIT_TEST_INSPECT", "")
    if not python:
        pytest.skip("set EVALKIT_TEST_INSPECT to a Python that has inspect-ai")
    (tmp_path / "make.py").write_text(MAKE_A_LOG.replace("FORMAT", form))
    subprocess.run([python, "make.py"], cwd=tmp_path, check=True, capture_output=True)
    (path,) = tmp_path.glob(f"*.{form}")
    run = opened(path)
    side = read_sides(run, run.metrics)["sums"]
    assert side.primary_metric == "match"
    assert side.n == 10
    assert {name: float(column.rows.mean()) for name, column in side.columns.items()} == {"match": 0.8, "includes": 0.8}
    if form == "json":
        reported = json.loads(path.read_text())["results"]["scores"]
        assert [score["metrics"]["accuracy"]["value"] for score in reported] == [0.8, 0.8]
