"""The distribution's name: nothing sends anyone to the foreign project that is called evalkit on PyPI."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from evalkit.cli.group import cli
from evalkit.core import distribution

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TOLD = [
    path
    for pattern in ("*.md", "*.yml", "*.toml", "*.py", ".github/**/*", "docs/**/*.md", "evalkit/**/*.py", "tasks/**/*")
    for path in ROOT.glob(pattern)
    if path.is_file() and "__pycache__" not in path.parts
]
# An install command that names the foreign distribution: "evalkit" not followed by "-harness", with or without extras.
FOREIGN = re.compile(r"(pip3? install|uv add|uv pip install|pipx install|requires?:)[^\n|&;#]*[ '\"]evalkit(?![-\w./])")


def test_no_text_installs_the_foreign_project() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}: {found[0]}" for path in TOLD if (found := FOREIGN.search(path.read_text()))
    ]
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize(
    ("text", "is_foreign"),
    [
        ("pip install evalkit", True),
        ("pip install 'evalkit[local]'", True),
        ('python -m pip install -U "evalkit>=1"', True),
        ("uv pip install evalkit==0.2.1", True),
        ("pip install 'evalkit-harness[quant]'", False),
        ("pip install -e . && evalkit run", False),
        ("pip install '.[local]'", False),
    ],
)
def test_the_search_knows_such_texts(text: str, is_foreign: bool) -> None:
    assert bool(FOREIGN.search(text)) is is_foreign


def test_every_extra_that_is_named_exists() -> None:
    extras = set(PROJECT["optional-dependencies"])
    named = re.compile(r"""(?:evalkit-harness|'\.|"\.|GITHUB_ACTION_PATH)\[([a-z][a-z,]*)\]|pip_install\("(\w+)"\)""")
    offenders = [
        f"{path.relative_to(ROOT)}: {extra}"
        for path in TOLD
        for found in named.finditer(path.read_text())
        for extra in (found[1] or found[2]).split(",")
        if extra not in extras
    ]
    assert not offenders, "\n".join(offenders)


def test_the_name_is_one() -> None:
    assert PROJECT["name"] == distribution.NAME
    assert distribution.version() == importlib.metadata.version(distribution.NAME)
    done = CliRunner().invoke(cli, ["--version"])
    assert done.output.strip().endswith(distribution.version())


@pytest.mark.slow("two whole runs of the doctor")
def test_doctor_says_where_the_foreign_project_lies_in_the_environment(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evalkit.cli", "doctor"]
    clean = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "EVolutionary" not in clean
    info = tmp_path / "evalkit-0.2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evalkit\nVersion: 0.2.1\n")
    lines = f"import sys; sys.path.append({str(tmp_path)!r}); from evalkit.cli.group import main; main()"
    done = subprocess.run([sys.executable, "-c", lines, "doctor"], capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if "EVolutionary" in line]
    assert line.startswith("✗") and "0.2.1" in line and "pip uninstall evalkit" in line
