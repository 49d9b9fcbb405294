"""`evalkit run` of a task that executes programs: refused before anything is paid for, or isolated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evalkit import Run
from evalkit.core import UsageError
from evalkit.sandbox import accounting, usable_engine
from tests.cli.console import evalkit

pytestmark = pytest.mark.slow("a process for every run, and programs in sandboxes")

TASK = ("run", "toy_humaneval", "--model", "tiny", "--limit", "2", "-q")


def test_without_isolation_nothing_is_generated(tmp_path: Path) -> None:
    done = evalkit(*TASK, cwd=tmp_path, PATH=str(tmp_path), EVALKIT_CACHE=str(tmp_path / "cache"))
    assert done.code == 2
    assert "nothing here can isolate it" in done.err
    assert "--unsafe-code subprocess" in done.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("unsafe", [False, True])
def test_a_run_says_how_its_programs_ran(tmp_path: Path, unsafe: bool) -> None:
    pytest.importorskip("torch")
    if not unsafe:
        try:
            usable_engine()
        except UsageError as error:
            pytest.skip(f"programs cannot be isolated here: {error.found}")
    asked = (*TASK, *(("--unsafe-code", "subprocess") if unsafe else ()), "--out", "run")
    done = evalkit(*asked, cwd=tmp_path, EVALKIT_CACHE=str(tmp_path / "cache"))
    assert done.code == 0, done
    result = Run.open(tmp_path / "run").manifest.tasks[0].result
    assert result is not None
    assert result.primary_metric == "pass@1"
    assert "cpu=15s" in result.signature
    assert ("unsafe=subprocess" in result.signature) is unsafe


def test_doctor_says_what_isolates_or_how_to_get_it(tmp_path: Path) -> None:
    without = evalkit("doctor", cwd=tmp_path, PATH=str(tmp_path), EVALKIT_CACHE=str(tmp_path / "cache"))
    assert "nothing isolates generated code: apt-get install bubblewrap" in without.out


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("none", "✗ sandbox        EVALKIT_SANDBOX names no engine: 'none' (one of bubblewrap, podman, docker)"),
        ("Bubblewrap", "✗ sandbox        EVALKIT_SANDBOX names no engine: 'Bubblewrap'"),
        ("podman", "✗ sandbox        EVALKIT_SANDBOX=podman: podman is not installed"),
    ],
)
def test_doctor_takes_the_engine_that_is_named_and_no_other(tmp_path: Path, wanted: str, said: str) -> None:
    path = f"{Path(shutil.which('bwrap') or '/usr/bin/bwrap').parent}" if wanted != "podman" else str(tmp_path)
    done = evalkit(
        "doctor", cwd=tmp_path, EVALKIT_SANDBOX=wanted, PATH=path, NO_COLOR="1", EVALKIT_CACHE=str(tmp_path / "cache")
    )
    assert said in done.out
    assert "✓ sandbox" not in done.out


def test_doctor_says_how_what_programs_use_is_counted(tmp_path: Path) -> None:
    try:
        engine = usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")
    done = evalkit("doctor", cwd=tmp_path, NO_COLOR="1", EVALKIT_CACHE=str(tmp_path / "cache"))
    assert f"✓ sandbox        {engine} isolates generated code" in done.out
    assert f"· sandbox        {accounting(engine)}" in done.out
