"""action.yml: its gate step is run by a real shell, as GitHub's runner would run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit.cli.commands.gate import run as gate_run
from evalkit.comparing.baselines import write
from tests.comparing.sides import side

ACTION = Path(__file__).resolve().parents[3] / "action.yml"


@pytest.fixture
def action() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(ACTION.read_text())
    return found


def gate_step(action: dict[str, Any]) -> dict[str, Any]:
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "gate"]
    found: dict[str, Any] = step
    return found


def test_every_input_and_option_exists(action: dict[str, Any]) -> None:
    used = set(re.findall(r"inputs\.([a-z-]+)", ACTION.read_text()))
    assert used == set(action["inputs"])
    options = {name for parameter in gate_run.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert set(re.findall(r"(--[a-z-]+)", gate_step(action)["run"])) <= options
    outputs = re.findall(r"steps\.gate\.outputs\.([a-z-]+)", str(action["outputs"]))
    assert outputs == list(action["outputs"])


def test_no_input_is_pasted_into_a_script(action: dict[str, Any]) -> None:
    assert not [step for step in action["runs"]["steps"] if "${{" in step.get("run", "")]


@pytest.mark.parametrize(("drop", "code", "outcome"), [(0, 0, "PASS"), (60, 1, "FAIL")])
def test_the_gate_step_runs_with_awkward_inputs(
    action: dict[str, Any], tmp_path: Path, drop: int, code: int, outcome: str
) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    before, after = side([1.0] * 300), side([0.0] * drop + [1.0] * (300 - drop))
    write(tmp_path / "base line.evalkit", {"quiz": before})
    write(tmp_path / "candidate.evalkit", {"quiz": after})
    (tmp_path / "temp").mkdir()
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    inputs = {
        "CANDIDATE": "candidate.evalkit",
        "MODEL": "",
        "BASELINE": "base line.evalkit",
        "BASELINE_REF": "",
        "POLICY": "",
        "MORE": "--margin\n3%\n",
    }
    assert set(inputs) == set(gate_step(action)["env"])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **inputs, **files, "PATH": path, "RUNNER_TEMP": str(tmp_path / "temp")}
    script = gate_step(action)["run"]
    done = subprocess.run(
        [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done
    written = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text().splitlines())
    assert written["outcome"] == outcome
    assert Path(written["markdown"]).read_text().startswith("<!-- evalkit gate -->")
    assert "<testsuites" in Path(written["junit"]).read_text()
    assert f"evalkit gate: {outcome}" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
