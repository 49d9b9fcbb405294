"""Runs that are killed at random moments, and what is lost, asked twice or mixed: nothing may be.

    python benchmarks/random_kills.py --kills 200

Each trial starts `evalkit run` in a fresh folder, disturbs it once to three times at random moments, and resumes it
until it is finished. Half of the trials ask a server in this process, which notes every question; the others run the
embedded model. A disturbance is one of

- `kill`, `term`, `hangup`: SIGKILL, SIGTERM, SIGHUP to the command;
- `disk`: the folder is on a file system that is full at some point, with room again for the next attempt;
- `clock`: the system's clock is set back by up to a month while the run goes on (libfaketime), then SIGKILL;
- `second`: another `--resume` of the folder while the run goes on, which must be refused, then SIGKILL;
- `twins`: a run of another model begins in the same second in the same place, then SIGKILL to both.

A trial fails where a record on the disk is gone or changed, a sample occurs twice or is missing, a question was
asked again though its record was on the disk, a record has another model's text, a score differs from that of the run
that nobody disturbed, or a command ended in a traceback. `disk` needs the right to mount, `clock` the library
libfaketime; without them they are left out, which is said.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from peers.disturbing import KINDS, Trial, World, possible
from peers.noting import NotingServer

ROWS = 150
_SHOWN = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=KINDS)
    given = parser.parse_args()
    kinds, missing = possible([given.only] if given.only else KINDS)
    for kind, why in missing.items():
        print(f"left out: {kind} ({why})")
    draw = random.Random(given.seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="evalkit-kills-") as place, NotingServer(draw.random()) as server:
        worlds = [_world(Path(place), "api", server), _world(Path(place), "local", server)]
        counts, faults = _trials(worlds, given.kills, kinds, draw)
    print(f"{sum(counts.values())} disturbances in {time.monotonic() - begun:.0f} s:", end=" ")
    print(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    print(f"faults: {len(faults)}")
    for fault in faults[:_SHOWN]:
        print("  " + fault)
    raise SystemExit(bool(faults))


def _trials(worlds: list[World], kills: int, kinds: list[str], draw: random.Random) -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    faults: list[str] = []
    while sum(counts.values()) < kills:
        world = worlds[sum(counts.values()) % len(worlds)]
        trial = Trial(world, draw)
        try:
            trial.through([draw.choice(kinds) for _ in range(draw.randint(1, 3))])
        finally:
            trial.remove()
        counts.update(trial.done)
        faults += [f"{world.name} {'+'.join(trial.plan)}: {fault}" for fault in trial.faults]
        print(
            f"{sum(counts.values()):4d} {world.name:5s} {'+'.join(trial.plan)}: {trial.faults or 'whole'}", flush=True
        )
    return counts, faults


def _world(place: Path, name: str, server: NotingServer) -> World:
    """The task's files and the outcome of a run that nobody disturbs, for the server or for the embedded model."""
    folder = place / name
    folder.mkdir()
    lines = (json.dumps({"id": f"q{i}", "word": f"w{i * 7919 % 1000}"}) for i in range(ROWS))
    (folder / "words.jsonl").write_text("\n".join(lines) + "\n")
    if name == "api":
        task = 'prompt: "Repeat: {{ word }}"\nanswer: "alpha {{ word }}"\nmax_tokens: 8\n'
        models = tuple(f"vllm/{model},base_url={server.address}/v1" for model in ("alpha", "beta"))
    else:
        choices = '["{{ word }} in all", "none", "{{ word }} or so"]'
        gold = 'gold: "{{ word }} in all"\nfewshot: {k: 2, order: seeded}'
        task = f'prompt: "It is {{{{ word }}}}:"\nchoices: {choices}\n{gold}\n'
        models = ("tiny,batch_tokens=128", "tiny,batch_tokens=256")
    (folder / "words.yaml").write_text(f"name: words\ndata: words.jsonl\n{task}")
    return World(name, folder, models, server if name == "api" else None)


if __name__ == "__main__":
    try:
        main()
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"a command did not end: {error}") from None
