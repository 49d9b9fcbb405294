"""Runs for Weights & Biases, offline: what would be synced, read with wandb's own protobuf messages."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evalkit.core import UsageError
from evalkit.reporting.trackers import content
from evalkit.reporting.trackers.to_wandb import send
from tests.cli.console import evalkit
from tests.reports.made import record, write_run

pytest.importorskip("wandb", reason="wandb's own messages are the oracle (pip install wandb)")


def messages(data: bytes) -> Iterator[bytes]:
    """The messages in wandb's transaction log: LevelDB's log format after a header of seven bytes."""
    place, whole = 7, b""
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield whole
            whole = b""


def written(folder: Path) -> tuple[dict[str, Any], list[Any]]:
    """The summary and all records of the one run that waits below a folder to be synced."""
    from wandb.proto import wandb_internal_pb2 as form

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    summary: dict[str, Any] = {}
    records = []
    for message in messages(path.read_bytes()):
        one = form.Record()
        one.ParseFromString(message)
        for item in one.summary.update:
            summary["/".join(item.nested_key) or item.key] = json.loads(item.value_json)
        records.append(one)
    return summary, records


def test_an_offline_run_waits_to_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    run = write_run(tmp_path / "r", (record(n, right=n % 4 > 0) for n in range(40)), model="org/model")
    done = evalkit("push", "r", "--to", "wandb:team/nightly", cwd=tmp_path)
    assert done.code == 0, done
    assert "offline-run-" in done.out
    assert "WARNING" not in done.err
    made = content(run)
    summary, records = written(tmp_path)
    assert {name: value for name, value in summary.items() if not name.startswith("_")} == dict(made.metrics)
    (about,) = [one.run for one in records if one.WhichOneof("record_type") == "run"][:1]
    assert (about.run_id, about.project, about.entity) == (made.id, "nightly", "team")
    config = {item.key: json.loads(item.value_json) for item in about.config.update}
    assert config["model"] == "org/model"
    sent = [path.path for one in records for path in one.request.log_artifact.artifact.manifest.contents]
    kept = [entry.path for one in records for entry in one.artifact.manifest.contents]
    assert {"manifest.json", "report.html"} <= {*sent, *kept}


def test_without_an_account_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    write_run(tmp_path / "r", [record(0)])
    done = evalkit("push", "r", "--to", "wandb", "--no-pages", cwd=tmp_path)
    assert done.code == 2
    assert "wandb login" in done.err


def test_the_folder_that_an_offline_run_left_is_not_taken_for_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "r", (record(n, right=True) for n in range(4)), model="org/model")
    monkeypatch.setitem(sys.modules, "wandb", ModuleType("wandb"))  # a namespace, as import makes of a bare folder
    with pytest.raises(UsageError, match="wandb is not installed"):
        send(content(run), "nightly")
