"""Whole runs, by the command line, against a server that keeps a log of its own."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from evalkit import Run
from tests.cli.console import EVALKIT, ONE_THREAD, Finished, evalkit
from tests.judging.server import judge_server
from tests.models.api.faultserver import FaultServer, random_faults

pytestmark = pytest.mark.slow("starts runs and kills them")

TASK = """\
name: say
data: say.jsonl
prompt: "{{ question }}"
answer: "{{ answer }}"
stop: "\\n"
max_tokens: 10
scorers: [exact_match]
"""
KILLS = int(os.environ.get("EVALKIT_TEST_KILLS") or 3)
"""How often the run is killed; 50 before a release."""


def project(folder: Path, rows: int) -> Path:
    (folder / "say.yaml").write_text(TASK)
    lines = (json.dumps({"question": f"say word{n}", "answer": f"word{n}"}) for n in range(rows))
    (folder / "say.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def run(folder: Path, server: FaultServer, *more: str, model: str = "", **environment: str) -> Finished:
    asked = f"openai/parrot,api=chat,base_url={server.url},timeout=2{model}"
    return evalkit("run", "say.yaml", "--model", asked, "--out", "run", *more, cwd=folder, **environment)


def validities(folder: Path) -> Counter[str]:
    return Counter(record.validity.value for record in Run.open(folder).records())


def test_with_30_per_cent_failing_every_sample_ends_once_and_the_totals_are_the_servers(tmp_path: Path) -> None:
    with FaultServer(random_faults(0.3, 3), stall=3.0) as server:
        done = run(project(tmp_path, 150), server, "--max-failures", "1", model=",attempts=2,concurrency=64")
    assert done.code == 0, done.err
    records = list(Run.open(tmp_path / "run").records())
    assert len({record.key for record in records}) == len(records) == 150
    answered = [record for record in records if record.replies]
    assert {record.validity.value for record in records} <= {"ok", "backend_error"}
    assert sum(server.answered.values()) == len(answered)
    assert sum(record.replies[0].usage.completion_tokens for record in answered) == len(answered)
    result = Run.open(tmp_path / "run").manifest.tasks[0].result
    assert result is not None
    assert result.completion_tokens == len(answered)
    assert result.prompt_tokens == 2 * len(answered)
    assert all(record.failure is not None and record.failure.message for record in records if not record.replies)


def test_a_wrong_key_ends_the_command_with_exit_code_2_and_the_servers_words(tmp_path: Path) -> None:
    with FaultServer(lambda prompt, attempt: "401") as server:
        done = run(project(tmp_path, 300), server)
    assert done.code == 2
    assert "made to fail with 401" in done.err
    assert sum(server.attempts.values()) <= 20


def test_a_run_stops_below_its_cost_limit_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A sample costs 2 + 1 tokens at a dollar each: 3 of a million dollars' millionths."""
    with FaultServer() as server:
        price = ",price=1000000/1000000,concurrency=4"
        # The most that one may cost is guessed: 8 tokens and a third of its characters, and 10 of its reply.
        stopped = run(project(tmp_path, 100), server, "--max-cost", "150", model=price)
        assert stopped.code == 3
        assert "cost limit is reached" in stopped.err
        spent = sum(3 for _ in server.answered)
        records = list(Run.open(tmp_path / "run").records())
        assert 100 < spent <= 150
        assert sum(record.cost or 0.0 for record in records) == pytest.approx(spent)
        resumed = evalkit("run", "--resume", "run", "--max-cost", "1000", cwd=tmp_path)
        assert resumed.code == 0, resumed.err
    assert max(server.answered.values()) == 1
    assert len(server.answered) == 100
    result = Run.open(tmp_path / "run").manifest.tasks[0].result
    assert result is not None
    assert result.cost == pytest.approx(300)
    assert "300.0000 US dollars" in resumed.out


def test_a_cost_limit_needs_a_price(tmp_path: Path) -> None:
    with FaultServer() as server:
        done = run(project(tmp_path, 3), server, "--max-cost", "1")
        assert done.code == 0, done.err  # a server on this machine is free
    asked = "openai/nobody-knows-this-one,key_env=MY_KEY"
    done = evalkit("run", "say.yaml", "--model", asked, "--max-cost", "1", cwd=tmp_path, MY_KEY="sk-0123456789abcdefgh")
    assert done.code == 2
    assert "needs a price" in done.err
    assert "sk-0123" not in done.err + done.out


def test_a_dry_run_counts_and_asks_nothing(tmp_path: Path) -> None:
    with FaultServer() as server:
        done = run(project(tmp_path, 100), server, "--dry-run", model=",price=2/8")
        assert done.code == 0, done.err
        assert not server.bodies
        assert not (tmp_path / "run").exists()
        # "say word7" is 9 or 10 characters: 3 tokens; 100 × 10 of the reply; 300 × 2 + 1000 × 8 millionths.
        words = done.out.split()
        at = words.index("say")
        assert words[at : at + 6] == ["say", "100", "100", "300", "1,000", "0.0086"]
        assert run(tmp_path, server, "--limit", "40", model=",price=2/8").code == 0
        again = run(tmp_path, server, "--dry-run", model=",price=2/8")
    assert "40 requests are in the cache" in again.out
    assert max(map(len, again.out.splitlines())) <= 80


def test_a_tape_plays_a_run_again_with_no_server_and_no_key(tmp_path: Path) -> None:
    with FaultServer() as server:
        key = "sk-recorded-0123456789"
        first = run(project(tmp_path, 50), server, "--record", "cassette.jsonl", model=",key_env=MY_KEY", MY_KEY=key)
        assert first.code == 0, first.err
        asked = f"openai/parrot,api=chat,base_url={server.url},timeout=2,key_env=MY_KEY"
    again = evalkit("run", "say.yaml", "--model", asked, "--replay", "cassette.jsonl", "--out", "again", cwd=tmp_path)
    assert again.code == 0, again.err
    one, other = Run.open(tmp_path / "run"), Run.open(tmp_path / "again")
    for before, after in zip(one.manifest.tasks, other.manifest.tasks, strict=True):
        assert before.result is not None
        assert after.result is not None
        assert before.result.metrics == after.result.metrics
        assert before.result.signature == after.result.signature
    assert one.manifest.model["digest"] == other.manifest.model["digest"]
    for path in [tmp_path / "cassette.jsonl", *(tmp_path / "run").iterdir(), *(tmp_path / "again").iterdir()]:
        assert key.encode() not in path.read_bytes(), path
    (tmp_path / "say.jsonl").write_text(json.dumps({"question": "say other", "answer": "other"}) + "\n")
    lacking = evalkit("run", "say.yaml", "--model", asked, "--replay", "cassette.jsonl", "--out", "third", cwd=tmp_path)
    assert lacking.code == 3
    assert "not on the cassette" in lacking.err


VERDICT = "It holds.\n\ncorrectness: 3\ncompleteness: 2\nclarity: 3"
JUDGED = """\
name: helped
data: say.jsonl
prompt: "{{ question }}"
answer: "{{ answer }}"
max_tokens: 10
scorers: [{judge: helpfulness}]
"""


def test_a_tape_has_the_judge_as_well_so_a_judged_run_is_played_again_without_either(tmp_path: Path) -> None:
    (project(tmp_path, 5) / "helped.yaml").write_text(JUDGED)
    with FaultServer() as server, judge_server(lambda prompt: VERDICT) as (judge, asked):
        models = ["--model", f"openai/parrot,api=chat,base_url={server.url}", "--judge", judge]
        first = evalkit("run", "helped.yaml", *models, "--record", "cassette.jsonl", "--out", "run", cwd=tmp_path)
        assert first.code == 0, first.err
        assert len(asked) == 5
    again = evalkit("run", "helped.yaml", *models, "--replay", "cassette.jsonl", "--out", "again", cwd=tmp_path)
    assert again.code == 0, again.err
    one, other = (Run.open(tmp_path / name).manifest.tasks[0].result for name in ("run", "again"))
    assert one is not None
    assert other is not None
    assert one.metrics == other.metrics
    assert one.metrics[0].estimate.n == 5
    assert one.signature == other.signature
    elsewhere = [*models[:3], "openai/other,base_url=http://127.0.0.1:9/v1"]
    lacking = evalkit("run", "helped.yaml", *elsewhere, "--replay", "cassette.jsonl", "--out", "third", cwd=tmp_path)
    assert lacking.code == 2
    assert "is not on the cassette" in lacking.err


def test_no_key_in_any_file_or_message_of_a_run_that_fails(tmp_path: Path) -> None:
    key = "sk-broken-0123456789abc"
    cache = tmp_path / "cache"
    with FaultServer(lambda prompt, attempt: "400" if prompt.endswith("3") else "") as server:
        more = {"MY_KEY": key, "EVALKIT_CACHE": str(cache), "EVALKIT_DEBUG": "1"}
        done = run(project(tmp_path, 20), server, model=",key_env=MY_KEY", **more)
    assert done.code == 3
    assert any("Bearer " + key in headers.values() for headers in server.headers)
    assert key not in done.out + done.err
    for path in (path for folder in (tmp_path / "run", cache) for path in folder.rglob("*") if path.is_file()):
        assert key.encode() not in path.read_bytes(), path


def test_a_run_that_is_killed_pays_again_only_for_what_was_in_flight(tmp_path: Path) -> None:
    """kill -9 at a random moment, again and again: a kill costs at most the 16 answers in flight and those of the
    last 50 ms, which were not written yet. The server's log says how many those were."""
    rows, drawn = 60 * (KILLS + 1), random.Random(7)
    project(tmp_path, rows)
    kills = unwritten = 0
    with FaultServer(delay=0.02) as server:
        asked = f"openai/parrot,api=chat,base_url={server.url},concurrency=16"
        command = ["run", "say.yaml", "--model", asked, "--out", "run", "--no-cache"]
        for _ in range(KILLS):
            process = subprocess.Popen(
                [*EVALKIT, *command],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | ONE_THREAD,
            )
            before = sum(server.answered.values())
            while sum(server.answered.values()) < before + 5 and process.poll() is None:
                time.sleep(0.002)
            time.sleep(drawn.random() * 0.08)
            if process.poll() is None:
                kills += 1
                process.send_signal(signal.SIGKILL)
                at = time.monotonic()
                unwritten += sum(at - 0.05 <= moment <= at for moment in server.moments)
            process.wait(20)
            command = ["run", "--resume", "run"]
            if kills == 0 and not (tmp_path / "run" / "manifest.json").exists():
                command = ["run", "say.yaml", "--model", asked, "--out", "run", "--no-cache"]
        done = evalkit(*command, cwd=tmp_path)
        assert done.code == 0, done.err
    assert kills >= 2
    again = sum(server.answered.values()) - rows
    print(f"{kills} kills: {again} answered again, of {unwritten} of the last 50 ms and {16 * kills} in flight")
    assert 0 <= again <= 16 * kills + unwritten
    records = list(Run.open(tmp_path / "run").records())
    assert len({record.key for record in records}) == len(records) == rows
    assert {record.replies[0].texts[0] for record in records} == {f"word{n}" for n in range(rows)}
    result = Run.open(tmp_path / "run").manifest.tasks[0].result
    assert result is not None
    assert result.metrics[0].estimate.value == 1.0


def test_choices_are_written_by_a_chat_model_and_the_signature_says_so(tmp_path: Path) -> None:
    with FaultServer() as server:
        asked = f"openai/parrot,api=chat,base_url={server.url}"
        done = evalkit("run", "toy_mmlu", "--model", asked, "--limit", "4", "--out", "run", cwd=tmp_path)
    assert done.code == 0, done.err
    result = Run.open(tmp_path / "run").manifest.tasks[0].result
    assert result is not None
    assert "|written_choice|" in result.signature
    assert "Reply with the letter" in server.bodies[0]["messages"][-1]["content"]
