"""Where a local model's time goes: matrix products and attention, other operations of torch, everything else.

    python benchmarks/local_profile.py --only mmlu,rolling
    python benchmarks/local_profile.py --model smollm2 --rows 30 --work ~/.cache/evalkit-models

Uses the environment, models and rows of local_speed.py (or of real_models.py), and evalkit alone. "Output layer" is a
part of the other columns: its products, and what is made of the logits. "GFLOP/s" is what the largest products reach,
"of peak" what that is of the fastest way to compute the same shapes (MKL's or oneDNN's), each measured alone. "Bound"
is how long all products would take at that peak and all attention as it does alone, with nothing else to do. The
profiler's own preparations are not part of the phase; what it writes down of every operation is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from peers import environment
from peers.forms import FULL, Form, forms, speed_amounts
from peers.real import fetching
from peers.running import Bench, default_work, prepare

_HEAD = f"{'form':20}{'phase s':>9}{'products':>10}{'attention':>11}{'other torch':>13}{'rest':>7}" + (
    f"{'output layer':>14}{'GFLOP/s':>10}{'of peak':>9}{'bound s':>9}"
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", default="mmlu,hellaswag,rolling,generation", metavar="A,B")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    names = tuple(fetching.LANGUAGE_MODELS)
    parser.add_argument("--model", choices=names, help="a model with real weights, on real rows")
    parser.add_argument("--rows", type=int, default=30, help="how much with --model, as in real_models.py [30]")
    data = Path(__file__).resolve().parents[2] / "shared" / "data" / "hub"
    parser.add_argument("--data-dir", type=Path, default=data, help="the mirror of hub data for it")
    given = parser.parse_args()
    amounts = speed_amounts(given.rows) if given.model else FULL
    known = {form.name: form for form in forms(amounts)}
    ready = environment.ready(given.work / "env")
    folder = fetching.folder_of(fetching.LANGUAGE_MODELS[given.model], ready, given.work) if given.model else None
    mirror = given.data_dir if given.model else None
    bench = prepare(ready, given.work, amounts, size="ref", device="cpu", dtype="float32", model=folder, mirror=mirror)
    print(_HEAD)
    for name in given.only.split(","):
        if name not in known:
            raise SystemExit(f"nothing named {name!r} to profile; there are {', '.join(known)}")
        print(line(name, profiled(bench, known[name], given.threads)), flush=True)
    return 0


def profiled(bench: Bench, form: Form, threads: int) -> dict[str, Any]:
    """One run of evalkit over a form, under torch's profiler."""
    asked = bench.asked(form, [bench.evalkit_task(form)], threads)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "profile.json"
        command = [bench.environment.python, "-m", "peers.profile_side", json.dumps(asdict(asked)), str(out)]
        bench.timed(command, threads, Path(folder))
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def line(name: str, found: dict[str, Any]) -> str:
    """Shares of the phase, and what the products reach."""
    phase = found["phase"]
    products, attention, other = (value / phase for value in found["seconds"].values())
    rest = 1 - products - attention - other
    shares = f"{name:20}{phase:>9.2f}{products:>10.0%}{attention:>11.0%}{other:>13.0%}{rest:>7.0%}"
    share = found["reached"] / found["peak"] if found["peak"] else 0.0
    return f"{shares}{found['output layer'] / phase:>14.0%}{found['reached']:>10.0f}{share:>9.0%}{found['bound']:>9.2f}"


if __name__ == "__main__":
    sys.exit(main())
