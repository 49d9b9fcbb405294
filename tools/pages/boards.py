"""The pages over many runs and the served ones: leaderboard, history, variants, the index, a run that is running."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson

from evalkit.reporting.serving.server import LocalServer, Site, address_of, listening, new_token
from evalkit.runs.store import Journal, Run, labels, manifest
from evalkit.runs.store.codec import json_line
from evalkit.runs.store.journal import RECORDS

DAYS = 12
_CHANGED = 8
"""The day from which the scores of one task are others."""


def over_time(runs: Sequence[Run], folder: Path) -> list[Run]:
    """Runs of twelve days: those of the second best model, of the third from one day on, with some noise."""
    shutil.rmtree(folder, ignore_errors=True)
    found = []
    for day in range(DAYS):
        source = runs[1] if day < _CHANGED else runs[2]
        made = _copy(source, folder / f"day-{day + 1:02d}", created=f"2026-03-{day + 1:02d}T06:00:00+00:00")
        draw = random.Random(day)
        for entry in made.manifest.tasks:
            metric = entry.result.metric() if entry.result else None
            if metric is not None:
                was = metric.estimate
                moved = draw.gauss(0.0, 0.1) * (was.high - was.low)
                metric.estimate = replace(was, value=was.value + moved, low=was.low + moved, high=was.high + moved)
        made.manifest.model["name"] = "atlas"
        manifest.write(made.folder, made.manifest)
        found.append(Run.open(made.folder))
    return found


def _copy(run: Run, folder: Path, *, created: str) -> Run:
    shutil.copytree(run.folder, folder)
    made = Run.open(folder)
    made.manifest.created = created
    manifest.write(folder, made.manifest)
    return made


def begun(run: Run, folder: Path) -> Journal:
    """A copy of a run that stopped two thirds of the way, and the lock of a process that goes on with it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run.folder, folder)
    whole: dict[str, Any] = orjson.loads(json_line(asdict(run.manifest), 0))
    lines = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    kept = lines[: 2 * len(lines) // 3]
    (folder / RECORDS).write_bytes(b"".join(kept))
    done = {json.loads(line)["task"] for line in kept[:-60]}
    whole["status"] = "running"
    for task in whole["tasks"]:
        unfinished = task["name"] not in done or task["name"] == json.loads(kept[-1])["task"]
        task["result"] = None if unfinished else task["result"]
    (folder / manifest.FILE).write_bytes(orjson.dumps(whole))
    return Journal(folder)


def tagged(runs: Sequence[Run]) -> None:
    """Labels for the index."""
    labels.write(runs[0].folder, labels.Labels(("release", "candidate"), "after the fix of the stop strings"))
    labels.write(runs[1].folder, labels.Labels(("baseline",), ""))


def for_people(runs: Sequence[Run], file: Path) -> Path:
    """The page on which people compare what two models advised."""
    from evalkit.judging.annotation_page import page
    from evalkit.runs.judged_outputs import read_outputs

    file.write_text(page(*(read_outputs(run.folder, task="advice") for run in runs[:2])).text, encoding="utf-8")
    return file


def quantized(runs: Sequence[Run]) -> list[Run]:
    """The third model and its quantized variant, as a check of variants compares them."""
    return [runs[2], runs[3]]


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The address of a site while it is served."""
    found, token = listening(), new_token()
    server = LocalServer(site, found, token)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield address_of(found, token)
    finally:
        server.shutdown()
        server.server_close()
