"""The hostile programs of hostile.py, as the user who runs the tests and, where that is root, as an ordinary one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow("a hostile program a test, each in a sandbox")

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "evalkit"
ORDINARY = 12345


def run_suite(folder: Path, python: str, user: int | None) -> dict[str, Any]:
    """Run hostile.py with nothing of evalkit but its core and its sandbox, from a folder that everyone may read."""
    shutil.copytree(PACKAGE / "core", folder / "evalkit" / "core")
    shutil.copytree(PACKAGE / "sandbox", folder / "evalkit" / "sandbox")
    shutil.copy(PACKAGE / "__init__.py", folder / "evalkit")
    shutil.copy(HERE / "hostile.py", folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    done = subprocess.run(
        [python, "hostile.py"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def reachable_python() -> str:
    """An interpreter that an ordinary user may start: this one, or the system's."""
    for name in (sys.executable, "/usr/bin/python3"):
        path = Path(name)
        if path.exists() and all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents):
            return name
    pytest.skip("there is no Python that an ordinary user could start")


@pytest.fixture(scope="module", params=["this user", "an ordinary user"])
def report(request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("suite")
    if request.param == "this user":
        return run_suite(folder, sys.executable, None)
    if os.getuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    # The test's folders lie below one that only root may enter.
    with_everyone = Path(os.path.realpath("/tmp")) / f"evalkit-escape-{os.getpid()}"
    with_everyone.mkdir(mode=0o755)
    try:
        found = run_suite(with_everyone, reachable_python(), ORDINARY)
    finally:
        shutil.rmtree(with_everyone)
    assert found["uid"] == ORDINARY
    return found


def test_there_are_enough_of_them(report):
    assert len(report["attacks"]) >= 40


def test_none_gets_out_and_none_forges_a_verdict(report):
    assert [label for label, seen in report["attacks"].items() if seen["outcome"] == "passed"] == []


def test_none_is_a_failure_of_the_sandbox(report):
    broken = {label: seen for label, seen in report["attacks"].items() if seen["outcome"] == "sandbox error"}
    assert broken == {}


def test_none_leaves_a_file_a_process_or_a_variable_for_the_next(report):
    assert {label: seen["next_message"] for label, seen in report["attacks"].items() if seen["next"] != "passed"} == {}


def test_none_leaves_anything_on_this_machine(report):
    assert (report["left"], report["secret"], report["processes"]) == ([], "s3cret", [])


def test_none_slows_the_next(report):
    # Processor time of the honest program that follows: some milliseconds. A busy machine makes none of it.
    slow = {label: seen["next_cpu"] for label, seen in report["attacks"].items() if seen["next_cpu"] > 0.25}
    assert slow == {}


# Outcomes that a reader of a report must be able to tell apart.
@pytest.mark.parametrize(
    ("label", "outcomes"),
    [
        ("an endless loop", {"timeout"}),
        ("an endless loop in C", {"timeout"}),
        ("sleep for ever", {"timeout"}),
        ("sleep for ever, deaf to signals", {"timeout"}),
        ("stop everything", {"timeout"}),
        ("memory bomb", {"memory"}),
        ("memory bomb in many processes", {"memory"}),
        ("endless output", {"output"}),
        ("endless errors", {"output"}),
        ("exit with success, at once", {"exited"}),
        ("exit at once while defining", {"exited"}),
        ("another program that succeeds", {"exited"}),
        ("exit with success in the tests", {"exception"}),
        ("an object equal to everything", {"wrong"}),
        ("a text equal to everything", {"wrong"}),
        ("the tests from its own memory", {"wrong"}),
        ("an end of the tests by StopIteration", {"exception"}),
        ("the checks killed", {"exited"}),
    ],
)
def test_how_it_ended_is_named(report, label, outcomes):
    assert report["attacks"][label]["outcome"] in outcomes


def test_what_can_be_seen_is_flagged(report):
    flags = {label: set(seen["flags"]) for label, seen in report["attacks"].items()}
    assert "left-processes" in flags["processes that outlive it"]
    assert "checks-killed" in flags["the checks killed"]
