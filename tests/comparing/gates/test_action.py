"""action.yml: its gate step is run by a real shell, as GitHub's runner would run it."""

from __future__ import annotations

import json
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


GH = """
import json, os, subprocess, sys
from pathlib import Path
arguments = sys.argv[1:]
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments[:2] == ["api", "graphql"]:
    query = arguments[arguments.index("--jq") + 1]
    sys.exit(subprocess.run(["jq", "-r", query], input=os.environ["COMMENTS"], text=True).returncode)
"""


@pytest.mark.parametrize(("own", "method"), [(None, "POST"), (7, "PATCH")])
def test_only_a_comment_of_its_own_is_edited(
    action: dict[str, Any], tmp_path: Path, own: int | None, method: str
) -> None:
    """Anyone can begin a comment with the marker; the one that this token wrote is found all the same."""
    bash = shutil.which("bash")
    if bash is None or shutil.which("jq") is None:
        pytest.skip("needs bash and jq, which GitHub's runners have")
    marker = "<!-- evalkit gate -->\n"
    nodes = [{"databaseId": 3, "viewerDidAuthor": False, "body": marker + "a stranger's"}]
    nodes += [{"databaseId": 5, "viewerDidAuthor": True, "body": "of another action"}]
    nodes += [{"databaseId": own, "viewerDidAuthor": True, "body": marker}] if own else []
    comments = {"data": {"repository": {"pullRequest": {"comments": {"nodes": nodes}}}}}
    (tmp_path / "gh").write_text(f"#!{sys.executable}\n{GH}")
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "gate.md").write_text(marker)
    (step,) = [step for step in action["runs"]["steps"] if "graphql" in step.get("run", "")]
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "COMMENTS": json.dumps(comments),
        "REPOSITORY": "team/models",
        "NUMBER": "12",
        "BODY": str(tmp_path / "gate.md"),
    }
    subprocess.run([bash, "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path, env=environment, check=True)
    last = json.loads((tmp_path / "calls").read_text().splitlines()[-1])
    assert last[:3] == ["api", "--method", method]
    assert last[3] == (f"repos/team/models/issues/comments/{own}" if own else "repos/team/models/issues/12/comments")
