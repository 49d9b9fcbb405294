"""Kills actors, nodes and the driver of runs with replicas, and looks at what is on disk afterwards.

    python benchmarks/replica_kills.py --kills 50 --samples 2000

Needs ray and torch. Each run asks the embedded model for 2,000 samples on a Ray cluster of processes on this machine
and is struck once at a random moment; one whose driver was killed is resumed. Counts samples that are lost, that are
there twice, and scores that differ from those of a run in one process.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from evalkit.runs.store import read_records

_TASK = """summary: words among three
data: rows.jsonl
prompt: "Question: {{ question }}\\nAnswer:"
choices: options
gold: right
"""
_WORDS = ("Paris", "Rome", "Oslo", "the old house", "a green hill", "1918", "seven", "water")
_KINDS = ("actor", "node", "driver")


def scores(folder: Path) -> dict[Any, Any]:
    """Every record's scores by its key; ends the program where a key occurs twice."""
    found = list(read_records(folder))
    kept = {one.key: [(score.name, score.value) for score in one.scores] for one in found}
    if len(kept) != len(found):
        raise SystemExit(f"{folder}: {len(found) - len(kept)} samples are there twice")
    return kept


def actors(cluster: Any) -> list[int]:
    """Processes that are replicas of this cluster: children of its nodes, by what Ray calls them."""
    raylets = {str(one.process.pid) for node in cluster.list_all_nodes() for one in node.all_processes["raylet"]}
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"ray::ReplicaWorker" in (entry / "cmdline").read_bytes():
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                found += [int(entry.name)] * (parent in raylets)
        except OSError:
            continue
    return found


def lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.is_file() else 0


def struck(
    words: list[str], out: Path, env: dict[str, str], kind: str, at: int, draw: random.Random, cluster: Any, node: Any
) -> tuple[Any, int]:
    """One run that is struck when it has `at` records: the node that takes the place of a killed one, and how many
    records there were; -1 where the run had ended before."""
    run = subprocess.Popen([*words, "--out", str(out)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    journal = out / "records.jsonl"
    while run.poll() is None and lines(journal) < at:
        time.sleep(0.01)
    hit = -1
    if run.poll() is None:
        hit = lines(journal)
        if kind == "actor" and (living := actors(cluster)):
            os.kill(draw.choice(living), signal.SIGKILL)
        elif kind == "node":
            cluster.remove_node(node, allow_graceful=False)
            node = cluster.add_node(num_cpus=2)
        elif kind == "driver":
            run.kill()
    _, said = run.communicate()
    if run.returncode and kind == "driver":
        again = [*words[: words.index("run") + 1], "--resume", str(out), "--quiet"]
        done = subprocess.run(again, env=env, capture_output=True, check=False)
        assert not done.returncode, done.stderr.decode()
    else:
        assert not run.returncode, said.decode()
    return node, hit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    arguments = parser.parse_args()
    os.environ.setdefault("RAY_worker_niceness", "0")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw = random.Random(arguments.seed)
        rows = [
            {"question": f"Which one, {n}?", "options": draw.sample(_WORDS, 3), "right": draw.randrange(3)}
            for n in range(arguments.samples)
        ]
        (folder / "rows.jsonl").write_bytes(
            b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        )
        (folder / "words.yaml").write_text(_TASK)
        env = {**os.environ, "EVALKIT_CACHE": str(folder / "cache")}
        words = [
            sys.executable,
            "-m",
            "evalkit.cli",
            "run",
            str(folder / "words.yaml"),
            "--model",
            "tiny",
            "--no-cache",
        ]
        words += ["--quiet"]
        subprocess.run([*words, "--out", str(folder / "plain")], env=env, check=True, stdout=subprocess.DEVNULL)
        expected = scores(folder / "plain")
        words += ["--replicas", "2", "--ray", cluster.address]
        lost = changed = 0
        for number in range(arguments.kills):
            kind, out = _KINDS[number % len(_KINDS)], folder / f"run{number}"
            at = draw.randint(1, int(0.9 * arguments.samples))
            node, hit = struck(words, out, env, kind, at, draw, cluster, node)
            found = scores(out)
            lost += len(expected.keys() - found.keys())
            changed += sum(found[key] != value for key, value in expected.items() if key in found)
            when = f"at {hit:,} records" if hit >= 0 else "after its end"
            print(
                f"{number + 1:3} {kind:7} {when:16} {len(found):,} in the end, {lost} lost, {changed} changed",
                flush=True,
            )
    cluster.shutdown()


if __name__ == "__main__":
    main()
