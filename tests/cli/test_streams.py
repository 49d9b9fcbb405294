"""Output in any encoding, into pipes that close, onto full disks: nothing is lost in silence, no verdict turns good."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.core import Reply
from evalkit.core.stream_encoding import json_for
from tests.cli.console import EVALKIT, evalkit
from tests.reports.made import record, write_run

TEXT = "fünf 五 😀"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("streams")
    reply = Reply(texts=(TEXT,), finish=("stop",))
    for name, right in (("a", True), ("b", False)):
        write_run(place / name, [replace(record(number, right=right), replies=(reply,)) for number in range(40)])
    return place


def printed(*arguments: str, encoding: str, folder: Path) -> str:
    """What a command prints to a pipe of an encoding that may not lack a character."""
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    done = subprocess.run([*EVALKIT, *arguments], cwd=folder, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode("utf-8" if "html" in arguments else encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_line_is_there_in_an_encoding_that_lacks_its_characters(folder: Path, encoding: str) -> None:
    whole = evalkit("show", "a", cwd=folder).out.splitlines()
    assert len(printed("show", "a", encoding=encoding, folder=folder).splitlines()) == len(whole)
    assert "(p <= 0.01 over all cuts)" in printed("history", ".", encoding=encoding, folder=folder)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_json_keeps_its_value_in_any_encoding(folder: Path, encoding: str) -> None:
    out = printed("show", "a", "--sample", record(1).sample.id, "--json", encoding=encoding, folder=folder)
    assert json.loads(out)["samples"][0]["replies"] == [TEXT]


def test_a_document_is_utf_8_whatever_the_locale(folder: Path) -> None:
    assert "</html>" in printed("report", "a", "--as", "html", "-o", "-", encoding="cp1252", folder=folder)


def test_json_is_escaped_only_where_it_must_be(capfd: pytest.CaptureFixture[str]) -> None:
    import io

    narrow = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    assert json_for(narrow, '"é"') == '"é"'
    escaped = json_for(narrow, '"é 五 😀"')
    assert escaped.isascii() and json.loads(escaped) == "é 五 😀"


def through(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    whole = command.replace("evalkit", " ".join(EVALKIT))
    return subprocess.run(["bash", "-c", whole], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="a shell with pipes")
def test_a_gate_whose_reader_went_away_is_no_pass(folder: Path) -> None:
    assert evalkit("gate", "run", "b", "--baseline", "a", "--margin", "2%", cwd=folder).code not in (0, 2)
    done = through("evalkit gate run a --baseline a --margin 20% | true; exit ${PIPESTATUS[0]}", folder)
    assert (done.returncode, done.stderr) == (141, "")
    done = through("evalkit list tasks | head -1; exit ${PIPESTATUS[0]}", folder)
    assert done.returncode in (0, 141) and not done.stderr and done.stdout.startswith("tasks (")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is full")
def test_a_full_disk_and_a_closed_stdout_are_said_without_a_traceback(folder: Path) -> None:
    done = through("evalkit show a > /dev/full", folder)
    assert done.returncode == 3 and "cannot write: No space left on device" in done.stderr
    assert "unexpected" not in done.stderr
    assert through("evalkit show a >&-", folder).returncode == 0
    assert through("evalkit show --nope 2>&-", folder).returncode == 2


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("run toy_m", "plain,toy_mmlu"),
        ("run mmlu --model hf", "plain,hf/"),
        ("show ", "plain,runs/one"),
        ("judge pairwise --using pairw", "plain,pairwise"),
        ("quantize-ch", "plain,quantize-check"),
    ],
)
def test_a_shell_completes_tasks_models_runs_and_judges(typed: str, offered: str, tmp_path: Path) -> None:
    write_run(tmp_path / "runs/one", [record(1)])
    words = f"evalkit {typed}"
    environment = {"_EVALKIT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = evalkit(cwd=tmp_path, **environment)
    assert offered in done.out.splitlines(), done
