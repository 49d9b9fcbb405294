"""How long one waits for the first word: `--help` and the list of tasks, evalkit beside lm-eval.

    python benchmarks/startup.py --runs 5

Uses the environment that `local_speed.py` makes. Every command runs once before it is timed.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path
from statistics import median

from peers import environment
from peers.running import default_work

_PAIRS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("evalkit", "--help"), ("lm_eval", "--help")),
    (("evalkit", "list"), ("lm_eval", "ls", "tasks")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    given = parser.parse_args()
    installed = environment.ready(given.work / "env")
    for ours, theirs in _PAIRS:
        seconds: dict[tuple[str, ...], list[float]] = {ours: [], theirs: []}
        for number in range(given.runs + 1):
            for command in (ours, theirs):
                taken = _seconds([installed.program(command[0]), *command[1:]])
                if number:
                    seconds[command].append(taken)
        for command, taken_by in seconds.items():
            spread = f"{min(taken_by):.2f}–{max(taken_by):.2f}"
            print(f"{' '.join(command):20}{median(taken_by):8.2f} s   ({spread})", flush=True)


def _seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
