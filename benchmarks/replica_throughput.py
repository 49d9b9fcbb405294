"""How much faster two replicas are than one, on this machine, loading included.

    OMP_NUM_THREADS=1 python benchmarks/replica_throughput.py piqa hf/./model,dtype=float32

Runs the task by `--counts` replicas, one after another and without a cache, each as a command of its own, and prints
seconds, the ratio to the first and how many samples got another score. Needs ray, and as many free processors (or
GPUs) as the highest count. On two processors a run should take three minutes by one replica: what each replica needs
to load is counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evalkit.runs.store import read_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("model")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--options", default="", help="more options of `evalkit run`")
    arguments = parser.parse_args()
    words = [sys.executable, "-m", "evalkit.cli", "run", arguments.task, "--model", arguments.model, "--no-cache"]
    words += ["--quiet", *arguments.options.split()]
    first: tuple[float, dict[object, object]] | None = None
    with tempfile.TemporaryDirectory() as name:
        for count in arguments.counts:
            out = Path(name) / str(count)
            begun = time.perf_counter()
            subprocess.run([*words, "--replicas", str(count), "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
            seconds = time.perf_counter() - begun
            found: dict[object, object] = {one.key: [score.value for score in one.scores] for one in read_records(out)}
            first = first or (seconds, found)
            changed = sum(found.get(key) != value for key, value in first[1].items())
            print(
                f"{count} replicas  {len(found):,} samples  {seconds:7.1f} s  {first[0] / seconds:.2f} times as fast  "
                f"{changed} other scores",
                flush=True,
            )


if __name__ == "__main__":
    main()
