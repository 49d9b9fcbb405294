"""The tutorial of a first gate, run as it is written in a real git repository, and the action on its pull requests."""

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

from evalkit.cli.ci_files import CI, NEXT
from evalkit.cli.suite_file import read_suite
from evalkit.comparing.gates import read_policy
from tests.cli.console import ONE_THREAD, Finished
from tests.comparing.gates.test_action import ACTION, GH, gate_step

pytest.importorskip("torch")

pytestmark = pytest.mark.slow("runs every command of a tutorial, and the action on two pull requests")

REPOSITORY = Path(__file__).resolve().parents[2]
TUTORIAL = REPOSITORY / "docs" / "tutorials" / "first-gate.md"


def shell(script: str, folder: Path, **more: str) -> Finished:
    environment = {
        **os.environ,
        **ONE_THREAD,
        "PATH": f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        **{f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        **more,
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository at the end of the tutorial; every block was run, and ended as the text behind it says."""
    if shutil.which("bash") is None or shutil.which("git") is None:
        pytest.skip("needs bash and git")
    folder = tmp_path_factory.mktemp("tutorial") / "models"
    folder.mkdir()
    (folder.parent / "bin").mkdir()
    (folder.parent / "bin" / "evalkit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evalkit.cli "$@"\n')
    (folder.parent / "bin" / "evalkit").chmod(0o755)
    parts = re.split(r"```sh\n(.*?)```\n", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL)
    codes = []
    for script, behind in zip(parts[1::2], parts[2::2], strict=True):
        said = re.match(r"\s*It ends with exit code (\d)", behind)
        done = shell(script, folder, EVALKIT_CACHE=str(folder.parent / "cache"))
        assert done.code == int(said[1] if said else 0), (script, done)
        codes += [done.code] if said else []
    assert codes == [1, 0], "a red and a green pull request"
    return folder


def test_nothing_that_a_run_wrote_is_committed(repository: Path) -> None:
    """`git add -A` committed runs/."""
    tracked = shell("git ls-files", repository).out.split()
    assert set(tracked) >= {*CI["github"], ".gitignore", "baseline.evalkit"}
    assert not [name for name in tracked if name.startswith("runs")]
    log = shell("git log --oneline main -- baseline.evalkit", repository).out.splitlines()
    assert len(log) == 2, "the baseline was made, and measured anew after the merge"


def inputs_of(repository: Path, action: dict[str, Any]) -> dict[str, str]:
    """What the workflow that `init` wrote gives to the action, with the action's defaults."""
    (job,) = yaml.safe_load((repository / ".github/workflows/gate.yml").read_text())["jobs"].values()
    (step,) = [step for step in job["steps"] if step["uses"].startswith("OWNER/evalkit")]
    assert set(step["with"]) <= set(action["inputs"])
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    base = shell("git rev-parse main~1", repository).out.strip()
    known = {name: str(about.get("default", "")) for name, about in action["inputs"].items()}
    given = {name: str(value) for name, value in step["with"].items()}
    return {
        name: value.replace("${{ github.event.pull_request.base.sha }}", base)
        for name, value in (known | given).items()
    }


def expression(text: str, values: dict[str, str]) -> str:
    """The value of `${{ … }}`, of those that the action's steps use."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values[found[1]], text)


@pytest.mark.parametrize(
    ("branch", "code", "begins"),
    [
        (
            "worse-model",
            1,
            r"## ❌ evalkit gate: FAIL: toy_squad f1: The drop is at least [\d.]+ points, more than the margin",
        ),
        ("equal-model", 0, r"## ✅ evalkit gate: PASS: no drop beyond its margin"),
    ],
)
def test_the_action_on_a_pull_request(repository: Path, tmp_path: Path, branch: str, code: int, begins: str) -> None:
    """The action's steps as a runner runs them: a worse model is red, with the reason in the comment's first line."""
    if shutil.which("jq") is None:
        pytest.skip("needs jq, which GitHub's runners have")
    action = yaml.safe_load(ACTION.read_text())
    tree = tmp_path / "checkout"
    assert shell(f"git worktree add -q --detach '{tree}' {branch}", repository).code == 0
    inputs = inputs_of(repository, action)
    (tmp_path / "temp").mkdir()
    (tmp_path / "bin").symlink_to(repository.parent / "bin")
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    values = {f"inputs.{name}": value for name, value in inputs.items()}
    step = gate_step(action)
    environment = {name: expression(text, values) for name, text in step["env"].items()}
    runner = {"RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_ACTIONS": "true", "EVALKIT_CACHE": str(tmp_path / "cache")}
    done = shell(step["run"], tree, **environment, **runner, **files)
    assert done.code == code, done
    outputs = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text().splitlines())
    assert outputs["exit-code"] == str(code)
    # The comment is written whatever the gate said.
    (comment,) = [one for one in action["runs"]["steps"] if "graphql" in one.get("run", "")]
    assert comment["if"].startswith("always() && ") and inputs["comment"] == "true"
    values |= {"github.repository": "team/models", "github.event.pull_request.number": "12"}
    values |= {"steps.gate.outputs.markdown": outputs["markdown"], "inputs.token": "t"}
    gh = tmp_path / "gh"
    gh.write_text(f"#!{sys.executable}\n{GH}")
    gh.chmod(0o755)
    posted = {name: expression(text, values) for name, text in comment["env"].items()}
    none: dict[str, Any] = {"data": {"repository": {"pullRequest": {"comments": {"nodes": []}}}}}
    told = {"CALLS": str(tmp_path / "calls"), "COMMENTS": json.dumps(none)}
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    assert shell(comment["run"], tree, **posted, **told, **path).code == 0
    last = json.loads((tmp_path / "calls").read_text().splitlines()[-1])
    (body,) = [Path(word.removeprefix("body=@")) for word in last if word.startswith("body=@")]
    marker, first, *_ = body.read_text().splitlines()
    assert marker == "<!-- evalkit gate -->"  # which nobody sees
    assert re.match(begins, first), first


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_what_init_adds_to_a_project(tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from evalkit.cli.commands.init import command
    from evalkit.core import UsageError

    monkeypatch.chdir(tmp_path)
    Path(".gitignore").write_text("*.pyc")
    done = CliRunner().invoke(command, ["--ci", provider])
    assert done.exit_code == 0, done.output
    assert [line for line in done.output.splitlines() if line.startswith("next: ")] == [
        f"next: {step}" for step in NEXT
    ]
    assert Path(".gitignore").read_text() == "*.pyc\nruns/\n"
    assert read_policy(Path("gate.yaml")).baseline == str(tmp_path / "baseline.evalkit")
    suite = read_suite(Path("gate-suite.yaml"))
    assert suite["models"] == ["tiny"]
    for name in ("gate.yaml", "gate-suite.yaml"):
        (schema,) = re.findall(r"\$schema=(\S+)", Path(name).read_text())
        assert json.loads(Path(schema).read_text())["type"] == "object"
    again = CliRunner().invoke(command, ["--ci", provider])
    assert isinstance(again.exception, UsageError) and "already holds a gate" in str(again.exception)


def test_the_job_of_gitlab_lets_no_shown_drop_through() -> None:
    job = yaml.safe_load(CI["gitlab"][".gitlab-ci.yml"])["gate"]
    assert job["allow_failure"] == {"exit_codes": [4]}
    (line,) = [line for line in job["script"] if "gate run" in line]
    assert "--baseline-ref FETCH_HEAD" in line and "--inconclusive" not in line
