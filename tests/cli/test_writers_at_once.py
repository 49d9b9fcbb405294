"""Processes that write where one may: each has a folder or file to itself, or is refused and touches nothing."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit import Run
from evalkit.core import claims
from evalkit.judging.session import Verdicts
from evalkit.runs.store import Journal
from tests.cli.console import EVALKIT, evalkit

pytestmark = pytest.mark.slow("starts several commands at once")

TASK = 'data: rows.jsonl\nprompt: "{{ q }}"\nanswer: a\nscorers: [exact_match]\nmax_tokens: 4\n'
CODE = {"task_id": "HumanEval/0", "completion": "    return 1\n"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "t.yaml").write_text(TASK)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"q": f"Q{n}", "a": "x"}) + "\n" for n in range(4)))
    (tmp_path / "samples.jsonl").write_text(json.dumps(CODE) + "\n")
    return tmp_path


def at_once(project: Path, *commands: tuple[str, ...]) -> list[subprocess.Popen[str]]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen([*EVALKIT, *one], cwd=project, text=True, **pipes) for one in commands]  # type: ignore[call-overload]
    for process in started:
        process.said = process.communicate(timeout=200)
    return started


def test_runs_that_start_in_one_second_have_folders_of_their_own(project: Path) -> None:
    models = ("tiny", "tiny,max_length=128", "tiny,max_length=64", "tiny,dtype=bfloat16")
    done = at_once(project, *(("run", "t.yaml", "--model", model, "--no-cache") for model in models))
    assert [process.returncode for process in done] == [0] * 4, [process.said for process in done]  # type: ignore[attr-defined]
    found = [Run.open(folder) for folder in (project / "runs").iterdir()]
    assert len(found) == 4 == len({run.manifest.model["digest"] for run in found})
    for run in found:
        assert len({record.key for record in run.records()}) == len(list(run.records())) == 4


@pytest.mark.parametrize("arguments", [("run", "t.yaml", "--model", "tiny", "--no-cache", "--out", "r")])
def test_of_two_runs_into_one_folder_one_is_refused_and_writes_nothing(
    project: Path, arguments: tuple[str, ...]
) -> None:
    done = at_once(project, arguments, arguments, arguments)
    assert sorted(process.returncode for process in done) == [0, 2, 2]
    run = Run.open(project / "r")
    assert run.manifest.status == "finished" and len(list(run.records())) == 4


def files_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--resume", "r"),
        ("run", "t.yaml", "--model", "tiny", "--out", "r"),
        ("rescore", "r", "--out", "r"),
        ("score", "humaneval", "--responses", "samples.jsonl", "--out", "r"),
    ],
)
def test_a_folder_that_is_held_is_left_as_it_is(project: Path, arguments: tuple[str, ...]) -> None:
    assert evalkit("run", "t.yaml", "--model", "tiny", "--no-cache", "--out", "r", cwd=project).code == 0
    manifest = project / "r" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"finished"', '"running"'))
    with Journal(project / "r"):
        before = files_of(project / "r")
        refused = evalkit(*arguments, cwd=project)
        assert refused.code == 2, refused
        assert files_of(project / "r") == before


def test_verdicts_that_another_process_writes_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    held = Verdicts.open(path)
    with pytest.raises(Exception, match="is being written by another process"):
        Verdicts.open(path)
    held.close()
    Verdicts.open(path).close()


def test_what_fails_before_it_begins_leaves_no_folder(project: Path) -> None:
    for arguments in (
        ("run", "nowhere", "--model", "tiny"),
        ("run", "t.yaml", "--model", "nowhere/x"),
        ("quantize-check", "tiny", "--against", "quant=nowhere"),
    ):
        assert evalkit(*arguments, cwd=project).code == 2
        assert not list((project / "runs").glob("*")), arguments


def taken(make: Callable[[], Path]) -> bool:
    began = time.monotonic()
    return make().exists() and time.monotonic() - began < 5


def test_a_second_full_of_names_does_not_stop_a_claim(tmp_path: Path) -> None:
    assert all(taken(lambda: claims.new_folder(tmp_path)) for _ in range(300))
