"""One run that is disturbed and resumed, and what it must not have lost, asked twice or mixed."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any

from evalkit import Run
from peers.noting import NotingServer

KINDS = ("kill", "term", "hangup", "disk", "clock", "second", "twins")
EVALKIT = (sys.executable, "-m", "evalkit.cli")
_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "hangup": signal.SIGHUP}
_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
_PATIENCE_S = 300.0
_BUSY = 2

Outcomes = dict[tuple[str, str, int], Any]


def possible(kinds: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Those of the kinds that can be had on this machine, and why the others cannot."""
    missing = {}
    if os.geteuid() != 0:
        missing["disk"] = "only root may mount a file system"
    if not Path(_FAKETIME).exists():
        missing["clock"] = "apt-get install libfaketime"
    missing = {kind: why for kind, why in missing.items() if kind in kinds}
    return [kind for kind in kinds if kind not in missing], missing


class World:
    """A task in a folder, two models to ask, and what they say when nobody disturbs them."""

    def __init__(self, name: str, folder: Path, models: tuple[str, ...], server: NotingServer | None) -> None:
        self.name, self.folder, self.models, self.server = name, folder, models, server
        self.whole: dict[str, Outcomes] = {}
        begun = time.monotonic()
        for number, model in enumerate(models):
            out = folder / f"whole-{number}"
            done = subprocess.run(self.command(model, out), cwd=folder, env=environment(folder), capture_output=True)
            if done.returncode:
                raise SystemExit(done.stderr.decode())
            self.whole[model] = outcomes(out)
        self.seconds = (time.monotonic() - begun) / len(models)

    def command(self, model: str, out: Path | None) -> list[str]:
        where = ["--out", str(out)] if out else []
        cache = ["--no-cache"] if self.server is None else []
        return [*EVALKIT, "run", "words.yaml", "--model", model, *where, *cache]


class Trial:
    """`through` disturbs a run and finishes it. `done`: the disturbances; `faults`: what should not have happened."""

    def __init__(self, world: World, draw: random.Random) -> None:
        self.world, self._draw = world, draw
        self.done: list[str] = []
        self.plan: list[str] = []
        self.faults: list[str] = []
        self._place = world.folder / f"trial-{draw.getrandbits(48):012x}"
        self._place.mkdir()
        for name in ("words.yaml", "words.jsonl"):
            shutil.copy(world.folder / name, self._place)
        self._model = draw.choice(world.models)
        self._runs: dict[Path, str] = {}
        self._kept: dict[Path, Outcomes] = {}
        self._mounted = False
        self._last: dict[Path, str] = {}

    def through(self, plan: list[str]) -> None:
        """One disturbance after another, then to the end."""
        self.plan = plan
        for kind in plan:
            if self._runs and all(self._finished(folder) for folder in self._runs):
                break
            self._disturb(kind)
            self.done.append(kind)
            self._look()
        for folder in [*self._runs] or [self._place / "runs" / "one"]:
            self._finish(folder)

    def remove(self) -> None:
        """Take the folder away."""
        if self._mounted:
            subprocess.run(["umount", "-l", self._place / "runs"], check=False)
        shutil.rmtree(self._place, ignore_errors=True)

    # ------------------------------------------------ disturbances

    def _disturb(self, kind: str) -> None:
        if kind == "disk":
            self._fill_disk()
        elif kind == "twins":
            self._twins()
        else:
            clock = self._place / "clock"
            process = self._start(self._folder(), clock if kind == "clock" else None)
            self._wait(process)
            if kind == "clock":
                _set_clock(clock, f"-{self._draw.randint(1, 30)}d")
                self._wait(process)
            if kind == "second":
                self._second(self._folder(), process)
            self._end(process, _SIGNALS.get(kind, signal.SIGKILL), {_BUSY} if kind == "second" else set())

    def _folder(self) -> Path:
        return self._place / "runs" / "one"

    def _start(self, folder: Path, clock: Path | None = None) -> subprocess.Popen[bytes]:
        fresh = not (folder / "manifest.json").exists()
        self._runs[folder] = self._model
        if fresh and folder.exists():
            # It was ended before it had written what it was to do: there is nothing to resume.
            shutil.rmtree(folder)
        command = self.world.command(self._model, folder) if fresh else [*EVALKIT, "run", "--resume", str(folder)]
        self._last[folder] = key = self._new_key()
        return self._open(command, key, clock)

    def _new_key(self) -> str:
        """A key for the server, by which it knows a process."""
        return f"{self._draw.getrandbits(64):016x}"

    def _open(self, command: list[str], key: str, clock: Path | None = None) -> subprocess.Popen[bytes]:
        extra = {"VLLM_API_KEY": key}
        if clock is not None:
            _set_clock(clock, "+0")
            extra |= {"LD_PRELOAD": _FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
            extra["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        env = environment(self._place) | extra
        return subprocess.Popen(command, cwd=self._place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Some moment between the start of the command and its usual end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self._draw.uniform(0.2, 1.1) * self.world.seconds)

    def _end(self, process: subprocess.Popen[bytes], number: signal.Signals, also: Set[int] = frozenset()) -> None:
        process.send_signal(number)
        self._said(process, {-number, 128 + number, 0, *also})

    def _said(self, process: subprocess.Popen[bytes], fine: set[int]) -> None:
        _, err = process.communicate(timeout=_PATIENCE_S)
        if b"Traceback" in err or process.returncode not in fine:
            self.faults.append(f"exit code {process.returncode}: {err.decode(errors='replace')[-400:]}")

    def _second(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        """Another process for the folder: refused where the first is still there, and nothing is changed by it."""
        if not (folder / "manifest.json").exists() or process.poll() is not None:
            return
        key = self._new_key()
        other = self._open([*EVALKIT, "run", "--resume", str(folder)], key)
        _, err = other.communicate(timeout=_PATIENCE_S)
        if other.returncode == _BUSY and self.world.server and any(one.who == key for one in self.world.server.noted):
            self.faults.append("a process that was refused asked all the same")
        # The first may have been past its end, or the second may have been the first to hold the folder.
        if process.poll() is None and other.returncode != _BUSY and not self._finished(folder):
            self.faults.append(f"a second process was not refused: {err.decode(errors='replace')[-300:]}")

    def _fill_disk(self) -> None:
        """A file system that has room for some records."""
        runs = self._place / "runs"
        runs.mkdir(exist_ok=True)
        room = self._draw.randint(40, 400) + (_used(runs) // 1024 if self._mounted else 0)
        how = "remount," if self._mounted else ""
        if not self._mounted and any(runs.iterdir()):
            return self._end(self._start(self._folder()), signal.SIGKILL)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{how}size={room}k", "tmpfs", runs], check=True)
        self._mounted = True
        # Refused for the disk (3), or it was done before the disk was full (0).
        self._said(self._start(self._folder()), {0, 2, 3})
        subprocess.run(["mount", "-o", "remount,size=64m", runs], check=True)
        return None

    def _twins(self) -> None:
        """Two models at once in folders that the command names itself; then both are killed."""
        runs = self._place / "runs"
        before = set(runs.glob("2*"))
        both = [self._open(self.world.command(model, None), self._new_key()) for model in self.world.models]
        self._wait(both[0])
        for process in both:
            self._end(process, signal.SIGKILL)
        for folder in set(runs.glob("2*")) - before:
            if (folder / "manifest.json").exists():
                self._runs[folder] = self._asked(folder)

    def _asked(self, folder: Path) -> str:
        asked = str(Run.open(folder).manifest.request)
        return next(model for model in self.world.models if model in asked)

    # ------------------------------------------------ what must hold

    def _finished(self, folder: Path) -> bool:
        with contextlib.suppress(Exception):
            return Run.open(folder).manifest.status == "finished"
        return False

    def _look(self) -> None:
        """After every disturbance: what was on the disk before is there still, unchanged."""
        for folder in self._runs:
            if not (folder / "manifest.json").exists():
                continue
            self._asked_again(folder)
            now = outcomes(folder, self.faults)
            for key, outcome in self._kept.get(folder, {}).items():
                if now.get(key) != outcome:
                    self.faults.append(f"{key} was {outcome}, is {now.get(key)}")
            self._kept[folder] = now
        self._last.clear()

    def _asked_again(self, folder: Path) -> None:
        """Whether the process that ended last asked what was on the disk when it began."""
        if self.world.server is None:
            return
        there = {str(outcome[1]).split()[-1] for outcome in self._kept.get(folder, {}).values()}
        for one in self.world.server.noted:
            if one.who == self._last.get(folder) and one.word in there:
                self.faults.append(f"{one.word} was asked again though its record was on the disk")

    def _finish(self, folder: Path) -> None:
        process = self._start(folder) if folder not in self._runs else self._resume(folder)
        self._said(process, {0})
        model = self._runs[folder]
        self._look()
        found = self._kept.get(folder, {})
        whole = self.world.whole[model]
        if differing := [key for key in {*found, *whole} if found.get(key) != whole.get(key)]:
            self.faults.append(f"{folder.name} differs from the undisturbed run in {sorted(differing)[:5]}")
        if not self._finished(folder):
            self.faults.append(f"{folder.name} is not finished")

    def _resume(self, folder: Path) -> subprocess.Popen[bytes]:
        kept, self._model = self._model, self._runs[folder]
        try:
            return self._start(folder)
        finally:
            self._model = kept


def _set_clock(file: Path, to: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(to)
    new.replace(file)


def _used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def environment(folder: Path) -> dict[str, str]:
    """One thread, and a cache of the trial's own."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "EVALKIT_CACHE": str(folder / "cache")}


def outcomes(folder: Path, faults: list[str] | None = None) -> Outcomes:
    """Each sample's scores and text; a sample that occurs twice is a fault."""
    found: Outcomes = {}
    for record in Run.open(folder).records():
        if record.key in found and faults is not None:
            faults.append(f"{record.key} occurs twice")
        found[record.key] = (
            {score.name: score.value for score in record.scores},
            *(text for reply in record.replies for text in reply.texts),
        )
    return found
