"""evalkit and lm-eval side by side: the same model, rows and prompts, in processes of equal circumstances.

    python benchmarks/local_speed.py --quick
    python benchmarks/local_speed.py --threads 1,2 --runs 3 --json speed.json
    python benchmarks/local_speed.py --device cuda --size 1b --dtype bfloat16

Needs Python 3.11 and nothing else: it makes an environment with both harnesses, a model and rows in a cache folder and
uses them again the next time. Exits with 1 where the two did not come to the same numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import environment
from peers.checkpoint import size_of
from peers.command import measure_command
from peers.comparing import compare
from peers.exact import Decision, decide
from peers.forms import FULL, QUICK, Form, forms
from peers.running import Bench, default_work, prepare
from peers.table import Result, block, summary

_QUICK_FORMS = "mmlu,hellaswag,generation-shared"


@dataclass(frozen=True)
class Plan:
    """What to measure and how often."""

    only: tuple[str, ...]
    threads: tuple[int, ...]
    batches: tuple[int, ...]
    runs: int


def main() -> int:
    given = _arguments()
    amounts = QUICK if given.quick else FULL
    known = {form.name: form for form in forms(amounts)}
    plan = _plan(given, [*known, "command"])
    bench = prepare(
        environment.ready(given.work / "env"),
        given.work,
        amounts,
        size=given.size,
        device=given.device,
        dtype=given.dtype,
        model=given.model,
        mirror=given.data_dir,
        pin=given.pin,
    )
    versions = bench.environment.versions()
    print(f"{platform.machine()}, {os.cpu_count()} processors; " + ", ".join(f"{k} {v}" for k, v in versions.items()))
    results = [
        measure(bench, known[name], threads, plan) for name in plan.only if name in known for threads in plan.threads
    ]
    commands = []
    if "command" in plan.only:
        commands = [
            measure_command(bench, known["mmlu"], threads, plan.batches[0], plan.runs) for threads in plan.threads
        ]
    if results:
        print("\n" + summary(results))
    if given.json:
        written = {"versions": versions, "machine": platform.platform(), "size": given.size, "device": given.device}
        written |= {"dtype": given.dtype, "forms": [result.as_dict() for result in results], "commands": commands}
        given.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    agree = all(result.holds for result in results) and all(command["agrees"] for command in commands)
    return 0 if agree or not bench.is_comparable else 1


def measure(bench: Bench, form: Form, threads: int, plan: Plan) -> Result:
    """Alternate both harnesses over a form, print what came out, and compare every run with every other."""
    result = Result(form.name, form.title, threads, peer={batch: [] for batch in plan.batches})
    for number in range(plan.runs):
        ours = bench.evalkit(form, threads)
        result.evalkit.append(ours)
        for batch in plan.batches:
            theirs = bench.lm_eval(form, threads, batch)
            result.peer[batch].append(theirs)
            result.parity = result.parity.worst(compare(ours.items, theirs.items, form.kind, bench.vocabulary))
            first = result.peer[plan.batches[0]][-1]
            result.within_peer = result.within_peer.worst(
                compare(first.items, theirs.items, form.kind, bench.vocabulary)
            )
            _say(f"{form.name}, run {number + 1}: {ours.phase:.2f} s, lm-eval batch {batch} {theirs.phase:.2f} s")
    parity = result.parity
    if form.kind == "rolling" and bench.is_comparable and parity.is_same_but_for_rounding and not parity.holds:
        result.decision = _decision(bench, form, result)
    print("\n" + block(result), flush=True)
    return result


def _decision(bench: Bench, form: Form, result: Result) -> Decision:
    """What float64 says of the texts, which every run read."""
    _say(f"{form.name}: further apart than the bound; computing in float64, which takes minutes")
    ours, theirs = result.evalkit, [run for runs in result.peer.values() for run in runs]
    exact = bench.exact(form, result.threads, {key: item.prompt for key, item in theirs[0].items.items()})
    return decide((run.items for run in ours), (run.items for run in theirs), exact)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _plan(given: argparse.Namespace, names: list[str]) -> Plan:
    only = tuple((given.only or (_QUICK_FORMS if given.quick else ",".join(names))).split(","))
    unknown = [name for name in only if name not in names]
    if unknown:
        raise SystemExit(f"nothing named {unknown[0]!r} to measure; there are {', '.join(names)}")
    if given.quick:
        return Plan(only, (1,), (8,), 1)
    return Plan(only, given.threads, given.batch, given.runs)


def _numbers(text: str) -> tuple[int, ...]:
    if not all(part.isdecimal() and int(part) for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"numbers from 1, with commas between them; found {text!r}")
    return tuple(int(part) for part in text.split(","))


def _size(text: str) -> str:
    try:
        size_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _arguments() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="few rows, one run, one thread: does it work?")
    parser.add_argument("--only", help="comma-separated: mmlu, hellaswag, hellaswag-first, rolling, generation, …")
    parser.add_argument("--threads", default=(1, 2), type=_numbers, help="processor threads [1,2]")
    parser.add_argument("--runs", type=int, default=3, help="alternating runs of each, of which medians count [3]")
    parser.add_argument("--batch", default=(8, 1), type=_numbers, help="lm-eval's batch sizes, the rival's first [8,1]")
    parser.add_argument("--size", default="ref", type=_size, help="ref, 1b, 8b, or hidden,layers [ref]")
    parser.add_argument("--device", default="cpu", help="cpu or cuda [cpu]")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--model", type=Path, help="a model folder of your own instead")
    parser.add_argument("--data-dir", type=Path, help="a mirror of hub data, for real MMLU questions")
    parser.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    parser.add_argument("--no-pin", dest="pin", action="store_false", help="let processes roam over all processors")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
