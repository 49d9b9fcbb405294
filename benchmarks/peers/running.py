"""Runs both harnesses as child processes of equal circumstances, and finds or makes what they need."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from peers.checkpoint import size_of
from peers.environment import CHECKOUT, Environment
from peers.forms import Amounts, Form, write_peer_tasks, write_rows
from peers.measuring import Asked, Measured
from peers.parity.outcome import Exact

_HERE = Path(__file__).resolve().parent
_NEVER_ENDING = "x"
"""Random weights write no blank line; ending at a letter makes their texts end at varied lengths all the same."""


def default_work() -> Path:
    """Where environment, models and rows are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalkit-bench"


@dataclass(frozen=True)
class Bench:
    """Where everything lies and what every run has in common."""

    environment: Environment
    work: Path
    model: Path
    rows: Path
    peer_tasks: Path
    device: str
    dtype: str
    pin: bool
    stop: str = ""

    @property
    def is_comparable(self) -> bool:
        """Whether both have to agree. Rounding in half precision may turn an answer around, and a GPU's may."""
        return (self.device, self.dtype) == ("cpu", "float32")

    @functools.cached_property
    def vocabulary(self) -> int:
        """How many tokens the model knows."""
        config = json.loads((self.model / "config.json").read_text(encoding="utf-8"))
        return int(config.get("text_config", config)["vocab_size"])

    def evalkit_task(self, form: Form) -> str:
        """evalkit's name for the form's task."""
        options = {"rows": str(self.rows), **form.options}
        if form.kind == "texts" and self.stop:
            options["stop"] = self.stop
        return ",".join([str(_HERE / "tasks" / f"{form.task}.py"), *(f"{k}={v}" for k, v in options.items())])

    def evalkit(self, form: Form, threads: int) -> Measured:
        """One run of evalkit over a form."""
        return self._child("peers.evalkit_side", self.asked(form, [self.evalkit_task(form)], threads))

    def lm_eval(self, form: Form, threads: int, batch: int) -> Measured:
        """One run of lm-eval over a form."""
        return self._child("peers.lm_eval_side", self.asked(form, list(form.peer_tasks), threads, batch))

    def exact(self, form: Form, threads: int, texts: Mapping[str, str]) -> dict[str, Exact]:
        """The rolling sum of each text in float64, which takes several times as long as a run."""
        asked = self.asked(form, [], threads)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "exact.json"
            out.write_text(json.dumps(dict(texts)), encoding="utf-8")
            command = [self.environment.python, "-m", "peers.exact", json.dumps(asdict(asked)), str(out)]
            self.timed(command, threads, Path(folder))
            found: dict[str, dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
        return {key: Exact(**each) for key, each in found.items()}

    def asked(self, form: Form, tasks: list[str], threads: int, batch: int = 0) -> Asked:
        """What a child process is told."""
        return Asked(
            model=str(self.model),
            tasks=tasks,
            form=form.name,
            kind=form.kind,
            device=self.device,
            dtype=self.dtype,
            threads=threads,
            batch=batch,
            task_folder=str(self.peer_tasks),
        )

    def _child(self, module: str, asked: Asked) -> Measured:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "measured.json"
            command = [self.environment.python, "-m", module, json.dumps(asdict(asked)), str(out)]
            wall = self.timed(command, asked.threads, Path(folder))
            measured = Measured.read(out)
        measured.wall = wall
        return measured

    def timed(self, command: Sequence[str], threads: int, folder: Path) -> float:
        """Run a command in a folder with so many threads; returns its wall time. Exits where the command fails."""
        bind = functools.partial(_bind, threads) if self.pin and self.device == "cpu" else None
        begun = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=self._variables(threads), preexec_fn=bind, capture_output=True, text=True
        )
        wall = time.perf_counter() - begun
        if done.returncode:
            sys.exit(
                f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            )
        return wall

    def _variables(self, threads: int) -> dict[str, str]:
        counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), str(threads))
        offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"), "1")
        caches = {"HF_HOME": str(self.work / "hf"), "EVALKIT_CACHE": str(self.work / "cache")}
        paths = {"PYTHONPATH": f"{_HERE.parent}{os.pathsep}{CHECKOUT}", "LMEVAL_LOG_LEVEL": "ERROR"}
        return {**os.environ, **counts, **offline, **caches, **paths}


def _bind(threads: int) -> None:
    """Hold this process to as many processors as it may have threads, where the system allows that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def prepare(
    environment: Environment,
    work: Path,
    amounts: Amounts,
    *,
    size: str,
    device: str,
    dtype: str,
    model: Path | None = None,
    mirror: Path | None = None,
    pin: bool = True,
) -> Bench:
    """Make the model, the rows and the tasks where they are not there from an earlier time."""
    stop = "" if model or size_of(size).is_trained else _NEVER_ENDING
    source = (_HERE / "writing.py").read_bytes()
    made = model or model_folder(environment, work, size, dtype=dtype, device=device)
    writers = [(_HERE / name).read_bytes() for name in ("forms.py", "real_rows.py")]
    named = _digest(source, *writers, repr((amounts, mirror, stop)).encode())
    rows = kept(work / "rows" / named, lambda folder: write_rows(folder, amounts, mirror))
    tasks = work / "lm-eval-tasks" / named
    write_peer_tasks(tasks, rows, amounts, ("\n\n", stop) if stop else ("\n\n",))
    return Bench(environment, work, made.resolve(), rows, tasks, device, dtype, pin, stop)


def model_folder(
    environment: Environment, work: Path, size: str, *, dtype: str = "float32", device: str = "cpu"
) -> Path:
    """The model of that size, made where an earlier time left none."""
    named = _digest((_HERE / "writing.py").read_bytes(), (_HERE / "checkpoint.py").read_bytes())
    folder = work / "models" / f"{size.replace(',', '-')}-{dtype}-{named}"
    return kept(folder, lambda unfinished: _make_model(environment, unfinished, size, dtype, device))


def family_folder(environment: Environment, work: Path, family: str) -> Path:
    """The small model of an architecture, made where an earlier time left none."""
    sources = [(_HERE / name).read_bytes() for name in ("writing.py", "checkpoint.py", "families.py")]

    def make(unfinished: Path) -> None:
        command = [environment.python, "-m", "peers.families", "--family", family, "--out", str(unfinished)]
        subprocess.run(command, check=True, cwd=_HERE.parent, capture_output=True)

    return kept(work / "models" / f"{family}-{_digest(*sources)}", make)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:10]


def kept(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made under another name first, so that one which is there is whole."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-unfinished-", dir=folder.parent))
        try:
            make(unfinished)
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return folder


def _make_model(environment: Environment, folder: Path, size: str, dtype: str, device: str) -> None:
    print(f"making the model of size {size}", flush=True)
    command = [environment.python, "-m", "peers.checkpoint", "--size", size, "--dtype", dtype]
    command += ["--device", device, "--out", str(folder)]
    subprocess.run(command, check=True, cwd=_HERE.parent)
