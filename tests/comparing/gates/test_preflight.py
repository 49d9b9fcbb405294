"""What a gate can refuse is refused before the candidate is asked, and the commands that it then names do help."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import evalkit
from evalkit.cli.commands import baseline as baseline_command
from evalkit.cli.commands import gate as gate_command
from evalkit.cli.commands import run as run_command
from evalkit.comparing import baselines
from evalkit.comparing.gates import open_run
from evalkit.core import UsageError

N = 120
TASK = """\
summary: sums
data: {rows}.jsonl
id: key
prompt: "{{{{ n }}}} plus 1 is"
answer: "{{{{ m }}}}"
max_tokens: 8
groups: ["{{{{ kind }}}}"]
scorers: [exact_match]
"""
MODEL = """\
from pathlib import Path
from evalkit.core import Capabilities, Generate, Identity, ModelError, Reply

META = {"name": "mine", "summary": "adds 1, and writes down that it was asked"}

class Mine:
    capabilities = Capabilities(requests=frozenset({Generate}))

    def __init__(self, name):
        self.identity = Identity(f"mine/{name}")
        self._name = name

    async def answer(self, request):
        with Path("asked").open("a") as file:
            file.write("x")
        if self._name == "broken":
            raise ModelError("the server is down")
        return Reply(texts=(str(int(request.prompt.question.split()[0]) + 1),), finish=("stop",))

    async def close(self): ...

def model(name, /):
    return Mine(name)
"""


def rows(numbers: range) -> str:
    return "".join(
        json.dumps({"key": f"k{n}", "n": n, "m": n + 1, "kind": "odd" if n % 2 else "even"}) + "\n" for n in numbers
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tasks, a model, and the baseline of both."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.py").write_text(MODEL)
    for name, numbers in (("sums", range(N)), ("more", range(N, 2 * N))):
        (tmp_path / f"{name}.jsonl").write_text(rows(numbers))
        (tmp_path / f"{name}.yaml").write_text(TASK.format(rows=name))
    (tmp_path / "suite.yaml").write_text("tasks: [./sums.yaml, ./more.yaml]\nmodels: [mine/candidate]\n")
    run = evalkit.run(["./sums.yaml", "./more.yaml"], "mine/trusted", out="runs/base", project=tmp_path)
    baselines.write(Path("baseline.evalkit"), open_run(run).sides)
    Path("asked").unlink()
    return tmp_path


def called(command: str) -> Result:
    """A command as a user types it, in this process. Raises UsageError as the command does."""
    words = shlex.split(command)
    assert words[0] == "evalkit"
    groups = {"gate": gate_command.command, "baseline": baseline_command.command, "run": run_command.command}
    done = CliRunner().invoke(groups[words[1]], words[2:])
    if isinstance(done.exception, UsageError):
        raise done.exception
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def gated(command: str = "evalkit gate run suite.yaml --margin 5%") -> Result:
    return called(f"{command} -q")


def change(file: str, old: str, new: str) -> Callable[[], None]:
    def work() -> None:
        text = Path(file).read_text()
        assert old in text
        Path(file).write_text(text.replace(old, new))

    return work


SUITE = "evalkit gate run suite.yaml --margin 5%"
REFUSED: list[tuple[Callable[[], None], str, str]] = [
    (change("suite.yaml", ", ./more.yaml", ""), SUITE, "more: the candidate is not run on this task of the baseline"),
    (change("sums.yaml", "plus 1 is", "and 1 make"), SUITE, "another task prompt over the same rows: 120 of 120"),
    (
        change("sums.yaml", "max_tokens: 8", "max_tokens: 8\ndescription: Add."),
        SUITE,
        "before the chat template) for 120",
    ),
    (change("sums.jsonl", '"n": 7,', '"n": 7007,'), SUITE, "another dataset: 1 of 120 samples are not what they were"),
    (change("sums.jsonl", rows(range(5, 6)), ""), SUITE, "1 of the baseline's samples are missing in the candidate"),
    (
        change("sums.jsonl", rows(range(119, 120)), rows(range(119, 122))),
        SUITE,
        "2 of the candidate's samples are not in",
    ),
    (lambda: None, f"{SUITE} --limit 30", "90 of the baseline's samples are missing in the candidate"),
    (change("sums.yaml", "summary:", "version: 2\nsummary:"), SUITE, "the task's version changed: 1 → 2"),
    (change("sums.yaml", "[exact_match]", "[token_f1]"), SUITE, "the scorers changed"),
    (lambda: None, f"{SUITE} --num-fewshot 2", "the few-shot examples changed"),
    (
        change("sums.jsonl", '{"key": "k1', '{"key\n{"key": "k1'),
        f"{SUITE} --common-samples --skip-bad-rows",
        "could not be measured (allowed: 5 %)",
    ),
]


@pytest.mark.parametrize(("prepare", "command", "said"), REFUSED, ids=[said[:40] for _, _, said in REFUSED])
def test_nothing_is_asked_where_the_answer_could_not_count(
    project: Path, prepare: Callable[[], None], command: str, said: str
) -> None:
    """Refusals came after the whole candidate run, although all of these can be known before."""
    prepare()
    done = gated(command)
    assert done.exit_code == 3, done.output
    assert said in done.output
    assert not Path("asked").exists(), "the candidate was asked"
    assert not [path for path in Path("runs").iterdir() if path.name != "base"]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("margin: 2\n", "did you mean 2%"),
        ("tasks: {sums: {metric: acc}}\n", "task 'sums' has no metric 'acc'"),
        ("tasks: {sums: {slices: [prime]}}\n", "task 'sums' has no slice 'prime'"),
        ("limits: {cost: 10%}\n", "the runs do not say what a sample took in cost"),
        ("tasks: {summs: 2%}\n", "the policy names a task 'summs' that no run has"),
        ("mean: {margin: 1%, weights: {summs: 2}}\n", "weighs a task 'summs'"),
    ],
)
def test_nor_where_the_policy_cannot_be_held(project: Path, policy: str, said: str) -> None:
    Path("gate.yaml").write_text(policy)
    with pytest.raises(UsageError, match=said):
        gated("evalkit gate run suite.yaml --policy gate.yaml")
    assert not Path("asked").exists(), "the candidate was asked"


def test_a_policy_that_can_be_held_is(project: Path) -> None:
    Path("gate.yaml").write_text("margin: 5%\nmean: 5%\ntasks: {sums: {slices: {odd: 20%}}}\n")
    assert gated("evalkit gate run suite.yaml --policy gate.yaml").exit_code == 0
    assert Path("asked").read_text() == "x" * 2 * N


def steps(output: str) -> dict[str, str]:
    """What the answer names as next, by its words."""
    lines = [line.removeprefix("next: ") for line in output.splitlines() if line.startswith("next: ")]
    parts = [line.partition(": evalkit ") for line in lines]
    return {what: command for what, _, command in parts}


def test_missing_samples_have_three_ways_out_and_each_helps(project: Path) -> None:
    change("sums.jsonl", rows(range(5, 6)), "")()
    found = steps(gated().output)
    assert list(found) == [
        "compare the samples that both have",
        "gate the other tasks alone",
        "update the baseline, if the change is meant",
    ]
    for way in ("compare the samples that both have", "gate the other tasks alone"):
        done = gated(f"evalkit {found[way]}")
        assert done.exit_code == 0, done.output
    assert found["gate the other tasks alone"].endswith("--margin 5% --task more")
    for command in found["update the baseline, if the change is meant"].split(" && "):
        called(f"evalkit {command.removeprefix('evalkit ')}")
    assert "mine/trusted" in Path("baseline.evalkit").read_text(), "a baseline is of the trusted model"
    assert gated().exit_code == 0


def test_tasks_that_are_not_gated_are_not_asked(project: Path) -> None:
    done = gated("evalkit gate run suite.yaml --margin 5% --task more")
    assert done.exit_code == 0, done.output
    assert Path("asked").read_text() == "x" * N


def test_a_task_that_is_not_run_can_be_left_out_or_leave_the_baseline(project: Path) -> None:
    change("suite.yaml", ", ./more.yaml", "")()
    found = steps(gated().output)
    assert "run the candidate on more as well: add it to the suite or the command" in found
    assert gated(f"evalkit {found['gate the other tasks alone']}").exit_code == 0
    for command in found["update the baseline, if the change is meant"].split(" && "):
        called(f"evalkit {command.removeprefix('evalkit ')}")
    assert gated().exit_code == 0


def test_changed_prompts_cannot_be_compared_on_common_samples(project: Path) -> None:
    change("sums.yaml", "plus 1 is", "and 1 make")()
    found = steps(gated().output)
    assert list(found) == ["gate the other tasks alone", "update the baseline, if the change is meant"]


def test_samples_that_failed_are_no_matter_of_the_baseline(project: Path) -> None:
    """The hint was "baseline update" though 12 of 12 samples had errors."""
    done = gated("evalkit gate run suite.yaml --model mine/broken --margin 5% --out runs/broken")
    assert done.exit_code == 3
    found = steps(done.output)
    assert found == {
        "see why samples failed": "show runs/broken --failed",
        "try these again": "run --resume runs/broken, then evalkit gate run runs/broken",
    }
    assert "baseline" not in "".join(found)


def test_markdown_says_what_helps(project: Path) -> None:
    change("sums.jsonl", rows(range(5, 6)), "")()
    gated("evalkit gate run suite.yaml --margin 5% --markdown gate.md")
    text = Path("gate.md").read_text()
    assert "- compare the samples that both have: `evalkit gate run suite.yaml --margin 5% --common-samples`" in text
