"""End to end in a scratch git repository, as a CI job does it: the model, the commands and git are real."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from evalkit import run
from evalkit.data.toy import toy_path
from evalkit.models.tiny import TINY
from tests.cli.console import Finished, evalkit
from tests.comparing.gates.damage import damage, retemplate

pytest.importorskip("torch")

pytestmark = pytest.mark.slow("a process for every run and gate")

TASK = """\
summary: questions with four choices
data: rows.jsonl
id: id
prompt: "{{ question }}\\nAnswer:"
choices: choices
gold: answer
groups: ["{{ subject }}"]
primary_metric: acc
"""
SUITE = """\
tasks: [./quiz.yaml]
models: [tiny]
gate:
  baseline: baseline.evalkit
  margin: 6%
"""


@dataclass(frozen=True)
class Project:
    folder: Path
    cache: Path

    def evalkit(self, *arguments: str | Path, **environment: str) -> Finished:
        return evalkit(*arguments, cwd=self.folder, EVALKIT_CACHE=str(self.cache), **environment)

    def git(self, *arguments: str) -> None:
        name = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *name, *arguments], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository with a task, a suite and a committed baseline of the embedded model."""
    folder = tmp_path_factory.mktemp("repository")
    made = Project(folder, tmp_path_factory.mktemp("cache"))
    shutil.copy(toy_path("multiple_choice"), folder / "rows.jsonl")
    (folder / "quiz.yaml").write_text(TASK)
    (folder / "suite.yaml").write_text(SUITE)
    run("./quiz.yaml", "tiny", out=folder / "runs" / "base", project=folder, cache=False)
    saved = made.evalkit("baseline", "save", "runs/base")
    assert saved.code == 0, saved
    assert "wrote baseline.evalkit: 1 task new or changed, 90 samples" in saved.out
    made.git("init", "-q")
    made.git("add", "baseline.evalkit", "quiz.yaml", "rows.jsonl", "suite.yaml")
    made.git("commit", "-q", "-m", "baseline")
    bad = damage(folder / "damaged", 0.6, TINY)
    run("./quiz.yaml", f"hf/{bad}", out=folder / "runs" / "damaged", project=folder, cache=False)
    return made


def test_the_same_model_passes_with_the_suites_own_gate(project: Project) -> None:
    done = project.evalkit("gate", "run", "suite.yaml", "-q", "--out", "runs/again")
    assert done.code == 0, done
    assert "PASS: 1 decision, exit code 0" in done.out
    assert max(map(len, done.out.splitlines())) <= 100


def test_a_damaged_model_fails_against_the_baseline_in_git(project: Project, tmp_path: Path) -> None:
    # The working tree's baseline is not what counts: it could have been changed by the very branch.
    arguments = [
        "gate",
        "run",
        "runs/damaged",
        "--baseline-ref",
        "main",
        "--margin",
        "6%",
        "--json",
        str(tmp_path / "o.json"),
    ]
    done = project.evalkit(*arguments)
    assert done.code == 1, done
    assert done.out.splitlines()[0].startswith("baseline   main:baseline.evalkit (tiny@")
    found = json.loads((tmp_path / "o.json").read_text())
    (row,) = found["rows"]
    assert (found["outcome"], found["exit_code"], row["verdict"]["outcome"]) == ("FAIL", 1, "FAIL")
    assert row["verdict"]["high"] < -0.06
    assert len(row["worse"]) - len(row["better"]) == pytest.approx(-90 * row["verdict"]["difference"])


def test_a_small_sample_is_inconclusive_and_says_how_many_would_do(project: Project) -> None:
    limited = ["gate", "run", "suite.yaml", "--limit", "20", "-q"]
    done = project.evalkit(*limited, "--common-samples", "--out", "runs/small")
    assert done.code == 4, done
    assert "INCONCLUSIVE: 1 decision, exit code 4" in done.out
    assert "samples would decide" in done.out
    allowed = project.evalkit(
        "gate", "run", "runs/small", "--common-samples", "--margin", "6%", "--inconclusive", "pass"
    )
    assert allowed.code == 0, allowed
    # Without --common-samples missing samples are no smaller set but a different one.
    refused = project.evalkit("gate", "run", "runs/small", "--margin", "6%")
    assert refused.code == 3, refused
    assert "70 of the baseline's samples are missing in the candidate" in refused.out


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "quiz.yaml",
            "primary_metric: acc",
            "description: 'Think.'",
            "another task prompt (before the chat template) for 90 of 90 samples",
        ),
        ("quiz.yaml", "\\nAnswer:", "\\nReply:", "another task prompt over the same rows: 90 of 90 samples"),
        (
            "rows.jsonl",
            "opposite of wet",
            "opposite of damp",
            "another dataset: 1 of 90 samples are not what they were",
        ),
        ("quiz.yaml", "primary_metric: acc", "version: 2", "the task's version changed: 1 → 2"),
    ],
)
def test_what_was_not_asked_alike_is_refused(
    project: Project, tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    for name in ("quiz.yaml", "rows.jsonl"):
        shutil.copy(project.folder / name, tmp_path / name)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    run("./quiz.yaml", "tiny", out=tmp_path / "run", project=tmp_path)
    done = project.evalkit("gate", "run", tmp_path / "run", "--margin", "6%")
    assert done.code == 3, done
    assert said in done.out
    assert "INCOMPARABLE: no verdict" in done.out
    assert "PASS" not in done.out


def test_another_chat_template_is_reported_and_not_refused(project: Project, tmp_path: Path) -> None:
    template = retemplate(tmp_path / "templated", TINY)
    run("./quiz.yaml", f"hf/{template},chat=on", out=tmp_path / "run", project=project.folder)
    done = project.evalkit("gate", "run", tmp_path / "run", "--margin", "6%")
    assert done.code in (0, 1, 4), done
    assert "the rendered prompts differ (another chat template or system prompt); this is allowed" in done.out


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("margin: 2%\nmargins: {quiz: 1%}\n", 2, "unknown key 'margins'"),
        ("margin: a lot\n", 1, "a margin is the largest drop that passes"),
        ("tasks:\n  quiz:\n    margin: 1%\n    zero_tolerance: true\n", 3, "zero tolerance leaves no margin"),
        ("confidence: 1.5\n", 1, "confidence must be between 0.5 and 1"),
        ("limits:\n  latency: quick\n", 2, "how much more than the baseline"),
        ("margin: [\n", 2, "malformed YAML"),
        ("on_inconclusive: maybe\n", 1, "unknown value"),
    ],
)
def test_a_broken_policy_is_a_usage_error_with_file_and_line(
    project: Project, tmp_path: Path, text: str, line: int, said: str
) -> None:
    (tmp_path / "gate.yaml").write_text(text)
    done = project.evalkit("gate", "run", "runs/damaged", "--policy", tmp_path / "gate.yaml")
    assert done.code == 2, done
    assert f"gate.yaml:{line}: " in done.err
    assert said in done.err
    assert done.out == ""


def test_a_policy_that_names_no_task_of_the_runs_gates_nothing_and_says_so(project: Project, tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text("tasks: {quizz: 1%}\n")
    done = project.evalkit("gate", "run", "runs/damaged", "--policy", tmp_path / "gate.yaml")
    assert done.code == 2
    assert "the policy names a task 'quizz' that no run has" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runs/damaged", "--baseline", "nowhere"), "baseline nowhere does not exist"),
        (("runs/damaged", "--baseline-ref", "no-such-branch"), "in git at 'no-such-branch'"),
        (("runs/damaged", "--baseline-ref=--output=injected"), "--baseline-ref is a commit, branch or tag"),
        (("nothing",), "nothing is not a run folder, and evalkit cannot run it without --model"),
        (("runs/damaged", "quiz.yaml"), "a candidate is runs or tasks, not both"),
        (("runs/damaged", "--confidence", "0.3"), "--confidence: confidence must be between 0.5 and 1"),
    ],
)
def test_mistakes_in_what_is_asked_are_usage_errors(project: Project, arguments: tuple[str, ...], said: str) -> None:
    done = project.evalkit("gate", "run", *arguments)
    assert done.code == 2, done
    assert said in done.err


def test_sequential_looks_stop_early_on_a_damaged_model(project: Project) -> None:
    arguments = [
        "gate",
        "run",
        "./quiz.yaml",
        "--model",
        "hf/./damaged",
        "--sequential",
        "4",
        "--out",
        "runs/looks",
        "-q",
    ]
    done = project.evalkit(*arguments)
    assert done.code == 1, done
    looks = sorted(path.name for path in (project.folder / "runs" / "looks").iterdir())
    assert looks[0] == "look-1"
    assert len(looks) < 4, "a drop of 40 points needs no fourth look"
    assert f"{len(looks)} of 4 looks" in done.out


def test_a_job_on_github_gets_annotations_a_summary_and_outputs(project: Project, tmp_path: Path) -> None:
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    files = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
    done = project.evalkit("gate", "run", "runs/damaged", "--margin", "6%", GITHUB_ACTIONS="true", **files)
    assert done.code == 1
    assert any(line.startswith("::error title=evalkit FAIL%3A quiz::acc ") for line in done.out.splitlines())
    assert "## ❌ evalkit gate: FAIL" in summary.read_text()
    assert outputs.read_text() == "outcome=FAIL\nexit-code=1\n"


def test_five_problems_of_which_none_changed_are_inconclusive(project: Project, tmp_path: Path) -> None:
    """It was PASS, "+0.0 … +0.0", exit code 0: pass@1 was resampled, and where nothing varied nothing could."""
    base = tmp_path / "base"
    assert project.evalkit("run", "toy_humaneval", "--model", "tiny", "--limit", "5", "--out", base, "-q").code in (
        0,
        3,
    )
    file = tmp_path / "b.evalkit"
    assert project.evalkit("baseline", "save", base, file).code == 0
    done = project.evalkit("gate", "run", base, "--baseline", file, "--margin", "2%", "--json", tmp_path / "o.json")
    assert done.code == 4, done
    planned = project.evalkit("gate", "plan", file, "--margin", "2%", "--like", base)
    (told,) = re.findall(r"about ([\d,]+) samples would decide \(there are 5\)", done.out)
    assert f"it needs {told} samples" in planned.out, "plan and run name one number"
    assert int(told.replace(",", "")) > 100
    (row,) = json.loads((tmp_path / "o.json").read_text())["rows"]
    assert row["verdict"]["low"] == pytest.approx(-row["verdict"]["high"])
    assert row["verdict"]["low"] < -0.4
    planned = project.evalkit("gate", "plan", file, "--margin", "2%")
    assert "toy_humaneval pass@1: 5 samples are too few for this margin" in planned.out


def test_the_mean_over_tasks_is_one_decision(project: Project, tmp_path: Path) -> None:
    written = str(tmp_path / "o.json")
    arguments = ["gate", "run", "runs/base", "--baseline", "baseline.evalkit", "--json", written]
    done = project.evalkit(*arguments, "--mean-margin", "5%")
    assert done.code == 0, done
    (row,) = json.loads((tmp_path / "o.json").read_text())["rows"]
    assert (row["kind"], row["task"], row["verdict"]["margin"]) == ("mean", "mean of 1 tasks", 0.05)
    both = project.evalkit(*arguments, "--mean-margin", "5%", "--margin", "6%")
    assert "2 decisions" in both.out
    wrong = project.evalkit(*arguments, "--mean-margin", "much")
    assert (wrong.code, "--mean-margin is a number such as" in wrong.err) == (2, True)
    (tmp_path / "gate.yaml").write_text("mean: {margin: 5%, weights: {quizz: 2}}\n")
    named = project.evalkit(*arguments, "--policy", tmp_path / "gate.yaml")
    assert (named.code, "weighs a task 'quizz' that no run has" in named.err) == (2, True)
    (tmp_path / "gate.yaml").write_text("mean:\n  weights: {quiz: 2}\n")
    lacking = project.evalkit(*arguments, "--policy", tmp_path / "gate.yaml")
    assert (lacking.code, "gate.yaml:2" in lacking.err or "gate.yaml:1" in lacking.err) == (2, True)


def test_plan_says_what_the_set_resolves(project: Project) -> None:
    done = project.evalkit("gate", "plan", "--margin", "6%")
    assert done.code == 0, done
    assert "quiz acc" in done.out
    assert max(map(len, done.out.splitlines()[:2])) <= 80
    assert "90 samples are too few for this margin" in done.out
    measured = project.evalkit("gate", "plan", "--margin", "6%", "--like", "runs/base")
    assert measured.code == 0, measured
    assert "too few" not in measured.out, "the very same run differs nowhere"
