"""evalkit and lm-eval on the same rows and model: the same prompts, log-likelihoods and scores?

    python benchmarks/score_parity.py
    python benchmarks/score_parity.py --only arc,winogrande --limit 100
    python benchmarks/score_parity.py --data-dir ../shared/data/hub --json parity.json

lm-eval runs its own task files; only their data is pointed at local rows: real ones where `--data-dir` has them, else
rows of the true schema, made up from a seed. Needs Python 3.11 and nothing else: it makes an environment with both
harnesses and a small model in a cache folder and uses them again the next time. A pass in float64 tells how far each
harness is from the truth. Exits with 1 where prompts, texts or scores differ by more than rounding, or evalkit's
log-likelihoods are further from float64 than its bound; lm-eval's rounding is shown and decides nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from peers import environment
from peers.checkpoint import size_of
from peers.parity import running
from peers.parity.cases import CASES, Case
from peers.running import default_work, model_folder

_HERE = Path(__file__).resolve().parent
_REAL = _HERE.parents[1] / "shared" / "data" / "hub"


def main() -> int:
    given = _arguments()
    cases = _chosen(given.only)
    bench = environment.ready(given.work / "env")
    model = given.model or model_folder(bench, given.work, given.size)
    real = given.data_dir or (_REAL if _REAL.is_dir() else None)
    cases = [case for case in cases if case.can_be_made or case.has_real(real)]
    print("; ".join(f"{name} {version}" for name, version in bench.versions().items()), flush=True)
    print(f"model {model.name}, rows {'real where ' + str(real) + ' has them' if real else 'made up'}\n", flush=True)
    plan = running.Plan(model, real, given.threads, lambda case: min(given.limit, case.most))
    found = running.compared(bench, given.work, plan, cases)
    print(running.table(found))
    if given.json:
        given.json.write_text(json.dumps([each.as_dict() for each in found], indent=1) + "\n", encoding="utf-8")
    return 0 if all(each.holds for each in found) else 1


def _chosen(only: str) -> list[Case]:
    wanted = only.split(",") if only else [""]
    for name in wanted:
        if not any(case.name.startswith(name) for case in CASES):
            raise SystemExit(f"nothing named {name!r} to compare; there are {', '.join(case.name for case in CASES)}")
    return [case for case in CASES if case.name.startswith(tuple(wanted))]


def _size(text: str) -> str:
    try:
        size_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", default="", help="beginnings of task names, with commas between them")
    parser.add_argument("--limit", type=int, default=40, help="rows a task; fewer where a row takes long [40]")
    parser.add_argument("--size", default="ref", type=_size, help="ref (trained), or hidden,layers (random) [ref]")
    parser.add_argument("--model", type=Path, help="a model folder of your own instead")
    parser.add_argument("--data-dir", type=Path, help="a mirror of real hub data [../shared/data/hub, if there]")
    parser.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    parser.add_argument("--threads", type=int, default=1, help="processor threads [1]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
