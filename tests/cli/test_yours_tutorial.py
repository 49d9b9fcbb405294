"""docs/tutorials/yours.md as a reader follows it: its files are written, its commands run, its promises hold."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit import Run
from tests.cli.console import evalkit

pytestmark = pytest.mark.slow("runs every command of a tutorial")

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "yours.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command printed, by the command."""
    if shutil.which("perl") is None:
        pytest.skip("the tutorial's other language is perl")
    folder = tmp_path_factory.mktemp("yours")
    printed = {"folder": str(folder)}
    for kind, name, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if name:
            (folder / name).write_text(text, encoding="utf-8")
        elif kind == "sh":
            for line in text.splitlines():
                printed[line] = run(line, folder)
    return printed


def run(line: str, folder: Path) -> str:
    import shlex

    program, *arguments = shlex.split(line)
    if program == "python":
        found = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
        assert found.returncode == 0, found.stderr
        return found.stdout
    assert program == "evalkit"
    finished = evalkit(*arguments, cwd=folder)
    assert finished.code == 0, (line, finished)
    return finished.out


def test_what_a_user_writes_is_under_twenty_lines() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    written = [body for kind, name, body in BLOCK.findall(text) if kind in ("python", "perl") and name]
    assert len(written) == 4
    assert all(len(body.splitlines()) < 20 for body in written)


def test_every_command_works_and_gives_what_the_page_says(done: dict[str, str]) -> None:
    assert done["python first.py"].strip() == "1.0"
    assert "all 19 probes pass" in done["evalkit check --model ./my.py:Adds"]
    assert "-100.0" in done["evalkit compare runs/right runs/wrong"]
    assert "100.0%" in done['evalkit run sums.yaml --model "cmd/perl serve.pl"']
    close = done["evalkit run close_sums.yaml --model ./my.py:Adds,off_by=1"]
    assert re.search(r"close +100\.0%", close)
    assert re.search(r"median +2\b", close)
    scored = done["evalkit score sums.yaml --responses outputs.jsonl"]
    assert "10 of 10 responses matched by question" in re.sub(r"by prompt", "by question", scored)
    assert "80.0%" in scored


def test_the_runs_are_there(done: dict[str, str]) -> None:
    folder = Path(done["folder"])
    assert Run.open(folder / "runs" / "right").model == "python/my.py:Adds"
