"""`--help` and `list` load nothing heavy and run no plugin."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "pandas",
    "numpy",
    "jinja2",
    "aiohttp",
    "httpx",
    "requests",
    "scipy",
    "rich",
)

WATCHED = """
import sys
from evalkit.cli.group import main
try:
    main()
except SystemExit:
    pass
print("LOADED", *sorted(sys.modules), file=sys.stderr)
"""


def loaded(tmp_path: Path, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True
    )
    line = next(line for line in done.stderr.splitlines() if line.startswith("LOADED"))
    return set(line.split()[1:])


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("list",), ("list", "tasks", "qa"), ("run", "--help"), ("watch", "--help"), ("view", "--help")],
)
def test_help_and_list_load_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    found = loaded(tmp_path, *arguments)
    assert "evalkit.cli" in found
    assert found.isdisjoint(HEAVY), found & set(HEAVY)


def test_list_runs_no_plugin(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "loud.py").write_text(
        'META = {"name": "loud", "summary": "must not run"}\nopen("ran", "w").close()\n'
    )
    found = loaded(tmp_path, "list", "tasks", "loud")
    assert not (tmp_path / "ran").exists()
    assert not any("loud" in name or "mmlu" in name for name in found)


def test_help_loads_no_command(tmp_path: Path) -> None:
    assert not any(name.startswith("evalkit.cli.commands") for name in loaded(tmp_path, "--help"))
