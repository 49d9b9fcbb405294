"""A gate asks what answers now, not what the response cache kept of an earlier model under the same name."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import evalkit
from evalkit.cli.commands.gate import command
from evalkit.comparing import baselines
from evalkit.comparing.gates import Opened, open_run
from evalkit.comparing.gates.assertion import text_of
from evalkit.comparing.gates.freshness import Answers
from evalkit.comparing.gates.gate import gate
from evalkit.comparing.gates.outputs import markdown
from evalkit.comparing.gates.policy import Margin, Policy
from evalkit.models.objects import declared
from evalkit.runs import store
from tests.comparing.gates.changing_server import Exchangeable, serving
from tests.comparing.sides import side

N = 60
TASK = """\
summary: sums
data: rows.jsonl
prompt: "{{ n }} plus 1 is"
answer: "{{ m }}"
max_tokens: 8
scorers: [exact_match]
"""


def right(prompt: str) -> str:
    return str(int(prompt.split()[0]) + 1)


def garbage(prompt: str) -> str:
    return "xyzzy"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"n": n, "m": n + 1}) + "\n" for n in range(N)))
    (tmp_path / "sums.yaml").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(project: Path) -> Iterator[Exchangeable]:
    """A server with a good model, whose baseline is saved."""
    with serving(right) as found:
        run = evalkit.run("./sums.yaml", found.spec, out="runs/base")
        assert run.estimate("sums").value == 1.0
        baselines.write(Path("baseline.evalkit"), open_run(run).sides)
        found.asked = 0
        yield found


def gate_run(*arguments: str) -> tuple[int, str, dict[str, Any]]:
    done = CliRunner().invoke(command, ["run", *arguments, "--json", "gate.json", "-q"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output, json.loads(Path("gate.json").read_text())


@pytest.mark.parametrize("more", [[], ["--sequential", "3"]])
def test_a_server_whose_model_was_exchanged_is_asked_again(server: Exchangeable, more: list[str]) -> None:
    """It was PASS from the cache without a word: nothing was asked."""
    server.answer = garbage
    code, said, found = gate_run("./sums.yaml", "--model", server.spec, "--margin", "9%", *more)
    assert (code, found["outcome"]) == (1, "FAIL")
    assert server.asked >= N / 3
    assert "none of them from the cache" in said
    assert found["answers"]["cached"] == 0


def test_an_equal_one_passes_though_it_is_asked_again(server: Exchangeable) -> None:
    code, said, found = gate_run("./sums.yaml", "--model", server.spec, "--margin", "9%")
    assert (code, found["outcome"], server.asked) == (0, "PASS", N)
    assert f"answers    {N}, none of them from the cache" in said


def test_no_look_is_asked_twice(server: Exchangeable) -> None:
    _, _, found = gate_run("./sums.yaml", "--model", server.spec, "--margin", "1%", "--sequential", "3")
    assert found["outcome"] == "INCONCLUSIVE"
    assert server.asked == N
    assert found["answers"] == {"total": N, "cached": 0, "oldest": "", "mutable": True}


def test_a_run_of_the_baselines_own_answers_is_no_candidate(server: Exchangeable) -> None:
    """Within a week `evalkit run` may reuse answers; a gate that is given such a run says that nobody was asked."""
    server.answer = garbage
    evalkit.run("./sums.yaml", server.spec, out="runs/again")
    assert server.asked == 0
    code, said, found = gate_run("runs/again", "--margin", "9%")
    assert (code, found["outcome"]) == (3, "INCOMPARABLE")
    assert f"all {N} answers of vllm/prod" in said and "was not asked" in said
    assert found["answers"]["cached"] == N
    Path("gate.yaml").write_text("on_cached: warn\nmargin: 9%\n")
    code, said, _ = gate_run("runs/again", "--policy", "gate.yaml", "--markdown", "gate.md")
    assert code == 0
    assert f"warning sums: all {N} answers" in said
    shown = Path("gate.md").read_text()
    assert f"answers: {N}, of which all came from the cache (the oldest of " in shown


def test_a_policy_may_allow_an_age(server: Exchangeable) -> None:
    Path("gate.yaml").write_text("max_age: 2h\nmargin: 9%\n")
    # They are the baseline's own answers, so they are no evidence, however young.
    code, _, found = gate_run("./sums.yaml", "--model", server.spec, "--policy", "gate.yaml")
    assert (code, server.asked, found["answers"]["cached"]) == (3, 0, N)
    # Those of a later run are: here the baseline says that it was answered an hour ago.
    text = Path("baseline.evalkit").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("answered: ")]
    hour_ago = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 3600))
    Path("baseline.evalkit").write_text(text.replace(line, f'answered: "{hour_ago}"'))
    code, _, found = gate_run("./sums.yaml", "--model", server.spec, "--policy", "gate.yaml")
    assert (code, server.asked, found["answers"]["cached"]) == (0, 0, N)
    # An option of the command wins.
    code, _, _ = gate_run("./sums.yaml", "--model", server.spec, "--policy", "gate.yaml", "--max-age", "0")
    assert (code, server.asked) == (0, N)


def test_a_baseline_of_an_older_evalkit_knows_no_times_and_is_no_excuse(server: Exchangeable) -> None:
    text = Path("baseline.evalkit").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("answered: ")]
    Path("baseline.evalkit").write_text("\n".join(lines) + "\n")
    evalkit.run("./sums.yaml", server.spec, out="runs/again")
    assert gate_run("runs/again", "--margin", "9%")[0] == 3


def test_another_name_or_a_run_that_was_asked_is_fine(server: Exchangeable) -> None:
    evalkit.run("./sums.yaml", server.spec, out="runs/again", max_age="0")
    assert server.asked == N
    assert gate_run("runs/again", "--margin", "9%")[0] == 0


# ---------------------------------------------------------------- the cache


def test_answers_of_a_server_are_kept_for_a_week(server: Exchangeable, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    evalkit.run("./sums.yaml", server.spec, out="runs/a")
    assert server.asked == 0
    monkeypatch.setattr(time, "time", lambda: now() + 6.9 * 86_400)
    evalkit.run("./sums.yaml", server.spec, out="runs/c")
    assert server.asked == 0
    monkeypatch.setattr(time, "time", lambda: now() + 7.1 * 86_400)
    run = evalkit.run("./sums.yaml", server.spec, out="runs/d")
    assert server.asked == N
    # The manifest says when, and whose answers may change.
    entry = run.manifest.task("sums").result
    assert entry is not None
    assert (entry.cached, run.manifest.model["fixed"]) == (0, False)
    assert entry.made_first[:10] == time.strftime("%Y-%m-%d", time.gmtime(time.time()))
    again = evalkit.run("./sums.yaml", server.spec, out="runs/e")
    kept = again.manifest.task("sums").result
    assert kept is not None and (kept.cached, kept.made_last) == (N, entry.made_last)
    assert all(reply.made for record in again.records() for reply in record.replies)


def test_those_of_fixed_weights_are_kept_for_ever(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    first = evalkit.run("./sums.yaml", "tiny", out="runs/a")
    assert first.manifest.model["fixed"] is True
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3_000 * 86_400)
    again = evalkit.run("./sums.yaml", "tiny", out="runs/b", max_age="1h")
    result = again.manifest.task("sums").result
    assert result is not None and result.cached == N
    # A gate reuses them as well, says so, and is not troubled: the same weights answer the same.
    report = gate(open_run(again), open_run(first), Policy(margin=Margin(0.09)))
    assert (report.exit_code, report.answers) != (3, None)
    assert report.answers is not None and (report.answers.cached, report.answers.mutable) == (N, False)
    assert f"of which all came from the cache (the oldest of {time.strftime('%Y', time.gmtime(now()))}" in text_of(
        report
    )


# ---------------------------------------------------------------- objects made in Python

OBJECT = """\
from evalkit.core import Capabilities, Generate, Identity, Reply

class Base:
    asked = 0

class Mine(Base):
    identity = Identity("mine")
    capabilities = Capabilities(requests=frozenset({{Generate}}))

    async def answer(self, request):
        Base.asked += 1
        return Reply(texts=({text},), finish=("stop",))

    async def close(self): ...
"""
GOOD = "str(int(request.prompt.text.split()[0]) + 1)"


def loaded(path: Path, text: str) -> Any:
    path.write_text(OBJECT.format(text=text))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_object_whose_code_changed_gives_no_earlier_answer(project: Path) -> None:
    """A changed class still gave its old answers."""
    one = loaded(project / "mine_a.py", GOOD)
    assert evalkit.run("./sums.yaml", one.Mine(), out="runs/a").estimate("sums").value == 1.0
    evalkit.run("./sums.yaml", one.Mine(), out="runs/b")
    assert one.Base.asked == N, "unchanged code is not asked again"
    other = loaded(project / "mine_a.py", "'xyzzy'" + " " * 40)
    assert evalkit.run("./sums.yaml", other.Mine(), out="runs/c").estimate("sums").value == 0.0
    # A gate on it does not trust its identity: what a class asks elsewhere, its source does not say.
    assert store.Run.open(Path("runs/b")).manifest.model["fixed"] is False


def test_nor_does_that_of_a_package_that_brings_a_provider(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an entry point opens is not an object of the user's, and its code changes all the same."""
    made = loaded(project / "mine_c.py", GOOD)
    monkeypatch.setattr("evalkit.models.stack.resolve", lambda name, project=None: made.Mine())
    assert evalkit.run("./sums.yaml", "acme/x", out="runs/a").estimate("sums").value == 1.0
    made = loaded(project / "mine_c.py", "'xyzzy' + '' * 3")
    assert evalkit.run("./sums.yaml", "acme/x", out="runs/b").estimate("sums").value == 0.0


def test_without_a_source_there_is_no_cache(project: Path) -> None:
    space: dict[str, Any] = {"__name__": "nowhere"}
    exec(OBJECT.format(text=GOOD), space)
    for out in ("runs/a", "runs/b"):
        evalkit.run("./sums.yaml", space["Mine"](), out=out)
    assert space["Base"].asked == 2 * N


def test_a_class_that_it_inherits_from_counts(project: Path) -> None:
    one = loaded(project / "mine_b.py", GOOD)

    class Child(one.Mine):  # type: ignore[name-defined]
        pass

    first = declared(Child()).identity.digest
    loaded(project / "mine_b.py", "'xyzzy and more'")
    assert declared(Child()).identity.digest != first


# ---------------------------------------------------------------- in words


def test_answers_in_words() -> None:
    assert Answers(90, 0).words == "90, none of them from the cache"
    assert Answers(1200, 12, "2026-01-03 14:05 UTC").words.endswith(
        "of which 12 came from the cache (the oldest of 2026-01-03 14:05 UTC)"
    )


def test_a_side_without_times_says_nothing() -> None:
    report = gate(Opened("a", {"quiz": side([1.0] * 300)}), Opened("b", {"quiz": side([1.0] * 300)}), Policy())
    assert report.answers is None
    assert "answers: " not in markdown(report)


def test_a_baseline_keeps_when_it_was_answered() -> None:
    one = side([1.0] * 3, answered=1_700_000_000.4)
    back = baselines.parse(baselines.text_of({"quiz": one}), "b")["quiz"]
    assert back.answered == 1_700_000_000.0
    assert math.isnan(baselines.parse(baselines.text_of({"quiz": side([1.0])}), "b")["quiz"].answered)
