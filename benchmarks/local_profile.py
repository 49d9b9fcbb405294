"""Where a local model's time goes: matrix products and attention, other operations of torch, everything else.

    python benchmarks/local_profile.py --only mmlu,rolling

Uses the environment, model and rows of local_speed.py, and evalkit alone. The profiler itself takes some of the time
that it shows, so the phase is longer than that of local_speed.py.
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
from peers.forms import FULL, Form, forms
from peers.running import Bench, default_work, prepare


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", default="mmlu,hellaswag,rolling,generation", metavar="A,B")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    given = parser.parse_args()
    known = {form.name: form for form in forms(FULL)}
    ready = environment.ready(given.work / "env")
    bench = prepare(ready, given.work, FULL, size="ref", device="cpu", dtype="float32")
    print(f"{'form':20}{'phase s':>9}{'products':>10}{'attention':>11}{'both':>7}{'other torch':>13}{'rest':>7}")
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
    """Shares of the phase."""
    phase = found["phase"]
    products, attention, other = (value / phase for value in found["seconds"].values())
    rest = 1 - products - attention - other
    both = products + attention
    return f"{name:20}{phase:>9.2f}{products:>10.0%}{attention:>11.0%}{both:>7.0%}{other:>13.0%}{rest:>7.0%}"


if __name__ == "__main__":
    sys.exit(main())
