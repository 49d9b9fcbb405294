"""The pytest plugin in a pytest of its own: suites are collected, and a project without them notices nothing."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from evalkit import run
from evalkit.models.tiny import TINY
from tests.cli.console import evalkit
from tests.comparing.gates.damage import damage

pytest.importorskip("torch")

pytestmark = pytest.mark.slow("runs tasks, and pytest in processes of its own")

SUITE = """\
tasks: ["toy_mmlu", "toy_squad"]
models: [tiny]
gate:
  baseline: baseline.evalkit
  margin: 6%
"""
TESTS = """\
import pytest
import evalkit

def test_same(assert_no_regression):
    assert assert_no_regression("base", "baseline.evalkit", margin="6%").exit_code == 0

def test_worse(assert_no_regression):
    with pytest.raises(AssertionError, match="FAIL .*mmlu"):
        assert_no_regression(evalkit.Run.open("damaged-run"), "baseline.evalkit", margin=0.06)

def test_unclear(assert_no_regression):
    with pytest.raises(AssertionError, match="samples would decide"):
        assert_no_regression("base", "baseline.evalkit", margin="0.5%")
    assert_no_regression("base", "baseline.evalkit", margin="0.5%", allow_inconclusive=True)
"""


def in_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    # Loaded by its module, whether or not this evalkit was installed with its entry point (which is then blocked).
    command = [sys.executable, "-m", "pytest", "-p", "no:evalkit", "-p", "evalkit.cli.pytest_plugin", "-rA", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "nightly.evalkit.yaml").write_text(SUITE)
    (folder / "test_models.py").write_text(TESTS)
    tasks = ["toy_mmlu", "toy_squad"]
    run(tasks, "tiny", out=folder / "base", cache=False)
    run(tasks, f"hf/{damage(folder / 'damaged', 0.6, TINY)}", out=folder / "damaged-run", cache=False)
    assert evalkit("baseline", "save", "base", cwd=folder).code == 0
    return folder


def test_a_suite_is_a_test_for_each_of_its_tasks(project: Path) -> None:
    code, out = in_pytest(project, "nightly.evalkit.yaml")
    assert code == 0, out
    assert "2 passed" in out
    assert "nightly.evalkit.yaml::toy_mmlu" in out


def test_a_regression_fails_with_the_gates_table_and_no_traceback(project: Path) -> None:
    code, out = in_pytest(project, "nightly.evalkit.yaml", "--evalkit-model", "hf/./damaged")
    assert code == 1, out
    assert "2 failed" in out
    assert "FAIL     toy_mmlu acc" in out
    assert "Traceback" not in out


def test_assert_no_regression_passes_and_fails_as_the_gate_does(project: Path) -> None:
    code, out = in_pytest(project, "test_models.py")
    assert code == 0, out
    assert "3 passed" in out


def test_the_entry_point_names_the_plugin() -> None:
    declared = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    (module,) = declared["entry-points"]["pytest11"].values()
    assert importlib.import_module(module).__name__ == "evalkit.cli.pytest_plugin"


def test_a_broken_suite_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken.evalkit.yaml").write_text("tasks: [mmlu]\nmodel: tiny\n")
    code, out = in_pytest(tmp_path, ".")
    assert code == 2, out
    assert "broken.evalkit.yaml:2: unknown key 'model'" in out
    assert in_pytest(tmp_path, ".", "--no-evalkit")[0] == 5, "nothing is collected"


def test_a_project_without_suites_loads_nothing_of_evalkit(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\ndef test_it():\n"
        "    found = {n for n in sys.modules if n.startswith('evalkit.')}\n"
        "    assert found == {'evalkit.cli', 'evalkit.cli.pytest_plugin'}\n"
        "    assert 'numpy' not in sys.modules and 'torch' not in sys.modules\n"
    )
    code, out = in_pytest(tmp_path, ".")
    assert code == 0, out
