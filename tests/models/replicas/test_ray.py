"""Replicas on a real Ray: nodes as processes of this machine, killed in the middle of a run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Choose, Generate, Model, Perplexity, Prompt, Reply, Request
from evalkit.models import resolve
from evalkit.models.replicas.model import ReplicatedModel
from evalkit.models.replicas.settings import Replicas
from evalkit.models.stack import Stack
from evalkit.runs.store import read_records
from tests.models.oracle import answers

pytest.importorskip("ray", reason="pip install 'evalkit-harness[ray]'")
pytest.importorskip("torch")
pytestmark = pytest.mark.slow("starts nodes of a Ray cluster as processes, and kills them")

_DRAW = random.Random(3)
WORDS = ("the", "old", "house", "Paris", "is", "France", "1918", "green", "hill")
REQUESTS: list[Request] = [
    request
    for number in range(40)
    for request in (
        Choose(Prompt(f"{'Few shots. ' * 20 * (number % 2)}{' '.join(_DRAW.choices(WORDS, k=9))}"), (" the", " Paris")),
        Generate(Prompt(f"The old {number}"), max_tokens=6, temperature=float(number % 3 == 0), seed=number),
        Perplexity(" ".join(_DRAW.choices(WORDS, k=12))),
    )
]


def same(found: list[Reply], expected: list[Reply]) -> None:
    for one, other, request in zip(found, expected, REQUESTS, strict=True):
        assert one.texts == other.texts and one.greedy == other.greedy, request
        assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=1e-4), request


def test_one_two_and_three_replicas_answer_as_one_process_does(cluster: Any) -> None:
    expected = answers(resolve("tiny"), REQUESTS)
    for count in (1, 2, 3):
        (model,) = Stack(replicas=Replicas(count)).open(["tiny"])
        assert isinstance(model, ReplicatedModel)
        order = _DRAW.sample(range(len(REQUESTS)), len(REQUESTS))
        found = dict(zip(order, answers(model, [REQUESTS[n] for n in order]), strict=True))
        same([found[n] for n in range(len(REQUESTS))], expected)


class _Kills(ReplicatedModel):
    """Kills a replica's process after every `every` replies, `most` times in all."""

    every, most, replies = 100, 1, 0
    killed: tuple[int, ...] = ()

    async def answer(self, request: Request) -> Reply:
        reply = await super().answer(request)
        type(self).replies += 1
        if self.replies % self.every == 0 and len(self.killed) < self.most:
            assert self._pool is not None
            living = {slot.about.pid for slot in self._pool._slots.values()} - {0, *self.killed}
            if living:
                victim = _DRAW.choice(sorted(living))
                os.kill(victim, signal.SIGKILL)
                type(self).killed = (*self.killed, victim)
        return reply


def _scores(folder: Path) -> dict[tuple[str, str, int], object]:
    found = list(read_records(folder))
    assert len({record.key for record in found}) == len(found), "a sample occurs twice"
    return {record.key: [(score.name, score.value) for score in record.scores] for record in found}


def test_actors_killed_in_the_middle_lose_nothing_and_change_no_score(cluster: Any, tmp_path: Path) -> None:
    tasks = ["toy_mmlu", "toy_squad"]
    plain = evalkit.run(tasks, "tiny", cache=False, out=tmp_path / "plain")
    _Kills.every, _Kills.most = 30, 3
    model: Model = _Kills(resolve("tiny"), "tiny", Replicas(2))
    run = evalkit.run(tasks, model, cache=False, out=tmp_path / "killed")
    assert len(_Kills.killed) >= 2
    assert _scores(run.folder) == _scores(plain.folder)
    computed = run.manifest.model["computed"]
    # The run may end before the last loss is noticed.
    lost = int(computed["lost"].partition(" ")[0])
    assert lost >= len(_Kills.killed) - 1 and computed["replicas"].endswith(f"{2 + lost} started"), computed


def test_a_node_that_leaves_and_one_that_comes(cluster: Any, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=1, resources={"extra": 1})
    cluster.wait_for_nodes()
    (model,) = Stack(replicas=Replicas(None, {"extra": 1})).open(["tiny"])
    state = {"left": False, "came": False}

    class Watching:
        def start(self, task: object, model: str, done: int) -> None: ...
        def finish(self, task: object) -> None: ...
        def tick(self, tokens: int) -> None: ...
        def advance(self, record: object) -> None:
            state["seen"] = state.get("seen", 0) + 1  # type: ignore[assignment]
            if state["seen"] == 20 and not state["left"]:
                cluster.remove_node(node, allow_graceful=False)
                state["left"] = True
                cluster.add_node(num_cpus=1, resources={"extra": 1})
                state["came"] = True

    run = evalkit.run("toy_mmlu", model, cache=False, out=tmp_path / "run", progress=Watching())
    plain = evalkit.run("toy_mmlu", "tiny", cache=False, out=tmp_path / "plain")
    assert state["left"] and state["came"]
    assert _scores(run.folder) == _scores(plain.folder)


def test_a_driver_killed_in_the_middle_is_resumed(tmp_path: Path) -> None:
    """With a Ray of the run's own, through the command line."""
    words = [sys.executable, "-m", "evalkit.cli", "run"]
    env = {**os.environ, "EVALKIT_CACHE": str(tmp_path / "cache"), "RAY_raylet_start_wait_time_s": "180"}
    env.pop("RAY_ADDRESS", None)
    out = tmp_path / "run"
    asked = ["toy_mmlu", "toy_squad", "--model", "tiny", "--no-cache", "--replicas", "2", "--out", str(out)]
    driver = subprocess.Popen(
        [*words, *asked], env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 240
    while time.monotonic() < end and driver.poll() is None:
        if any(path.stat().st_size > 1_000 for path in out.glob("*.jsonl*")):
            break
        time.sleep(0.05)
    driver.kill()
    driver.communicate()
    assert json.loads((out / "manifest.json").read_text())["status"] == "running"
    done = subprocess.run(
        [*words, "--resume", str(out), "--quiet"], env=env, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    plain = evalkit.run(["toy_mmlu", "toy_squad"], "tiny", cache=False, out=tmp_path / "plain")
    assert _scores(out) == _scores(plain.folder)
