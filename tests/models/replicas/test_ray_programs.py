"""Programs of a code task on the nodes of a real Ray cluster: the records of one machine, also where a node is lost."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Record, UsageError
from evalkit.models.replicas.joining import _begun
from evalkit.sandbox import usable_engine
from evalkit.sandbox.ray_nodes import RayNodes

pytest.importorskip("ray", reason="pip install 'evalkit-harness[ray]'")
pytestmark = pytest.mark.slow("starts nodes of a Ray cluster as processes, and kills them")

_ENDINGS = (
    "    return None\n",
    "    raise KeyError('k')\n",
    "    while True: pass\n",
    "    import os; os._exit(0)\n",
    "    print('x' * 10)\n    return [0] * 10**10\n",
    "\n",
    "    return args[0] if args else None\n",
)
_TASK = "toy_humaneval,n=6,temperature=0.8,cpu=1,k=6"


@pytest.fixture(autouse=True)
def isolates() -> None:
    try:
        usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")


def writer(prompt: str, seed: int) -> str:
    """A body that ends in one of many ways, by prompt and seed."""
    draw = random.Random(f"{prompt} {seed}")
    return draw.choice(_ENDINGS)


def facts(record: Record) -> object:
    """All of a record that is no time."""
    scores = []
    for score in record.scores:
        details = repr(
            [
                [(key, value) for key, value in sorted(one.items()) if key not in ("seconds", "wall")]
                for one in score.details.get("programs", [])
            ]
        )
        scores.append((score.name, score.value, score.answer, score.reason, score.validity, score.flags, details))
    return record.key, record.validity, [reply.texts for reply in record.replies], scores


def facts_of(run: Any) -> list[object]:
    return sorted((facts(one) for one in run.records()), key=str)


class Loses:
    """A progress that takes a node away once it has seen so many records, and brings another."""

    def __init__(self, cluster: Any, node: Any, at: int) -> None:
        self.cluster, self.node, self.at, self.seen = cluster, node, at, 0

    def start(self, task: object, model: str, done: int) -> None: ...
    def finish(self, task: object) -> None: ...
    def tick(self, tokens: int) -> None: ...
    def advance(self, record: object) -> None:
        self.seen += 1
        if self.seen == self.at:
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.cluster.add_node(num_cpus=1)


def test_records_are_those_of_one_machine_also_where_a_node_is_lost(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    asked = RayNodes.run

    async def counted(self: RayNodes, node: str, program: Any, output: int) -> Any:
        ran.append(node)
        return await asked(self, node, program, output)

    monkeypatch.setattr(RayNodes, "run", counted)
    plain = evalkit.run(_TASK, writer, limit=8, out=tmp_path / "plain")
    assert not ran
    expected = facts_of(plain)
    said = [word for record in plain.records() for word in str(record.scores[1].answer).split()]
    words = set(said)
    assert {"wrong", "KeyError", "timeout", "status-0", "memory", "no-code"} <= words, words
    node = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    lost = evalkit.run(
        _TASK,
        writer,
        limit=8,
        out=tmp_path / "lost",
        sandbox_workers="auto",
        ray=cluster.address,
        progress=Loses(cluster, node, at=4),
    )
    assert facts_of(lost) == expected
    signatures = [[one.result and one.result.signature for one in run.manifest.tasks] for run in (lost, plain)]
    assert signatures[0] == signatures[1]
    assert len(set(ran)) >= 3 and len(ran) >= len(said) - said.count("no-code")
    assert _begun.users == 0, "the run has left the cluster"


def test_a_cluster_that_is_not_there_is_refused_before_a_model_is_asked(tmp_path: Path) -> None:
    words = ["run", "toy_humaneval", "--model", "tiny", "--sandbox-workers", "2", "--ray", "127.0.0.1:1"]
    command = [sys.executable, "-m", "evalkit.cli", *words, "--out", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert "the Ray cluster at 127.0.0.1:1 is not available" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
