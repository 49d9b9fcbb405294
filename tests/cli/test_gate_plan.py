"""What `evalkit gate plan` prints, in this process: plans of looks, and of what is not a mean of samples."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from evalkit import run
from evalkit.cli.commands.gate import command
from tests.runs.runner.scripted import Skilled, say_task


def planned(folder: Path, *arguments: str) -> str:
    done = CliRunner().invoke(command, ["plan", str(folder), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan") / "base"
    run(say_task(400), Skilled("base", 0.6), out=folder, cache=False)
    return folder


def test_a_plan_of_looks_says_when_they_end(stored: Path) -> None:
    told = planned(stored, "--margin", "9%", "--sequential", "4")
    assert "say exact_match: 4 looks: where nothing changed" in told
    assert "of a drop of twice the margin" in told
    assert "decided by look:" in told
    assert "4 looks" not in planned(stored, "--margin", "9%")


def test_too_many_looks_are_refused(stored: Path) -> None:
    done = CliRunner().invoke(command, ["plan", str(stored), "--sequential", "21"])
    assert "2 to 20 looks" in str(done.exception or done.output)
