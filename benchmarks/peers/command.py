"""The whole command, from the shell to the table: imports, finding tasks, loading the model, asking, writing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from peers.forms import Form
from peers.running import Bench


def measure_command(bench: Bench, form: Form, threads: int, batch: int, runs: int) -> dict[str, Any]:
    """Alternate `evalkit run` and `lm_eval run` over the MMLU form; prints and returns the wall times."""
    seconds: dict[str, list[float]] = {"evalkit": [], "lm_eval": []}
    agrees = True
    for _ in range(runs):
        ours, acc = _evalkit(bench, form, threads)
        theirs, peer_acc = _lm_eval(bench, form, threads, batch)
        seconds["evalkit"].append(ours)
        seconds["lm_eval"].append(theirs)
        agrees = agrees and abs(acc - peer_acc) < 1e-9
    ratio = median(seconds["lm_eval"]) / median(seconds["evalkit"])
    print(f"\nwhole command, {form.title} · {threads} thread{'s' * (threads != 1)} · {runs} runs")
    print(f"  evalkit run      {median(seconds['evalkit']):8.1f} s")
    print(f"  lm_eval run      {median(seconds['lm_eval']):8.1f} s, batch {batch}")
    print(f"  {ratio:.2f}x as fast; accuracies {'equal' if agrees else 'DIFFERENT'}", flush=True)
    return {"form": form.name, "threads": threads, "batch": batch, "ratio": ratio, "agrees": agrees, **seconds}


def _evalkit(bench: Bench, form: Form, threads: int) -> tuple[float, float]:
    model = f"hf/{bench.model},dtype={bench.dtype},device={bench.device}"
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "run"
        command = [bench.environment.program("evalkit"), "run", bench.evalkit_task(form), "--model", model]
        # Without its cache of replies, which would answer the second run.
        wall = bench.timed([*command, "--out", str(out), "--no-cache"], threads, Path(name))
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    metrics = {metric["name"]: metric["estimate"]["value"] for metric in manifest["tasks"][0]["result"]["metrics"]}
    return wall, metrics["acc"]


def _lm_eval(bench: Bench, form: Form, threads: int, batch: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "run"
        command = [bench.environment.program("lm_eval"), "run", "--model", "hf"]
        command += ["--model_args", f"pretrained={bench.model},dtype={bench.dtype}", "--device", bench.device]
        command += ["--tasks", ",".join(form.peer_tasks), "--include_path", str(bench.peer_tasks)]
        command += ["--batch_size", str(batch), "--output_path", str(out)]
        wall = bench.timed(command, threads, Path(name))
        written = json.loads(next(out.rglob("results_*.json")).read_text(encoding="utf-8"))
    right = total = 0.0
    for task in form.peer_tasks:
        count = written["n-samples"][task]["effective"]
        right, total = right + written["results"][task]["acc,none"] * count, total + count
    return wall, right / total
