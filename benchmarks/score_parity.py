"""evalkit and lm-eval on the same rows and model: the same prompts, log-likelihoods and scores?

    python benchmarks/score_parity.py
    python benchmarks/score_parity.py --only arc,winogrande --limit 100
    python benchmarks/score_parity.py --data-dir ../shared/data/hub --json parity.json

lm-eval runs its own task files; only their data is pointed at local rows: real ones where `--data-dir` has them, else
rows of the true schema, made up from a seed. Needs Python 3.11 and nothing else: it makes an environment with both
harnesses and a small model in a cache folder and uses them again the next time. Exits with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from peers import environment
from peers.checkpoint import size_of
from peers.parity import comparing, outcome
from peers.parity.cases import CASES, Case
from peers.parity.rows import write_pages, write_peer_tasks, write_rows
from peers.running import default_work, model_folder

_HERE = Path(__file__).resolve().parent
_REAL = _HERE.parents[1] / "shared" / "data" / "hub"


def main() -> int:
    given = _arguments()
    cases = _chosen(given.only)
    bench = environment.ready(given.work / "env")
    model = given.model or model_folder(bench, given.work, given.size)
    real = given.data_dir or (_REAL if _REAL.is_dir() else None)
    print("; ".join(f"{name} {version}" for name, version in bench.versions().items()), flush=True)
    print(f"model {model.name}, rows {'real where ' + str(real) + ' has them' if real else 'made up'}\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        mirror, tasks = Path(name) / "hub", Path(name) / "tasks"
        is_real = {case.name: write_rows(mirror, case, given.limit, real) for case in cases}
        write_peer_tasks(tasks, _definitions(bench), mirror, cases)
        ours = _child(bench, given, "evalkit_side", model, mirror, tasks, cases)
        write_pages(mirror, [page for each in ours.values() for page in each.pages])
        theirs = _child(bench, given, "lm_eval_side", model, mirror, tasks, cases)
    found = [
        comparing.compare(case, k, is_real[case.name], ours[label], theirs[label])
        for case in cases
        for label, k in case.labels().items()
    ]
    print(comparing.table(found))
    if given.json:
        given.json.write_text(json.dumps([each.as_dict() for each in found], indent=1) + "\n", encoding="utf-8")
    return 0 if all(each.holds for each in found) else 1


def _definitions(bench: environment.Environment) -> Path:
    """Where the installed lm-eval keeps its tasks; found without importing it."""
    code = "import importlib.util as u; print(u.find_spec('lm_eval').submodule_search_locations[0])"
    found = subprocess.run([bench.python, "-c", code], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip()) / "tasks"


def _child(
    bench: environment.Environment,
    given: argparse.Namespace,
    module: str,
    model: Path,
    mirror: Path,
    tasks: Path,
    cases: Sequence[Case],
) -> dict[str, outcome.Outcome]:
    """Run one harness over all cases in a process of its own."""
    out = mirror.parent / f"{module}.json"
    labels = ",".join(label for case in cases for label in case.labels())
    command = [bench.python, "-m", f"peers.parity.{module}", "--model", str(model.resolve()), "--only", labels]
    command += ["--mirror", str(mirror), "--tasks", str(tasks), "--threads", str(given.threads), "--out", str(out)]
    variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), str(given.threads))
    variables |= dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"), "1")
    variables |= {"HF_HOME": str(given.work / "hf"), "EVALKIT_CACHE": str(given.work / "cache")}
    variables |= {"PYTHONPATH": str(_HERE), "LMEVAL_LOG_LEVEL": "ERROR"}
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=mirror.parent, env={**os.environ, **variables}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{module} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    print(f"{module.removesuffix('_side')}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return outcome.read(out)


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
