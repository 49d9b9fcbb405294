"""The same answers as lm-eval from every architecture: small models with random weights, the forms of local_speed.py.

    python benchmarks/family_parity.py
    python benchmarks/family_parity.py --family t5,mistral --form mmlu

Needs Python 3.11 and nothing else, as local_speed.py does. Exits with 1 where prompts, answers or texts differ, or
log-likelihoods by more than 1e-4 (rolling sums: 1e-6 of their size), which holds for their vocabulary of 8,192.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from peers import environment
from peers.comparing import Parity, compare
from peers.families import FAMILIES
from peers.forms import QUICK, Form, forms
from peers.running import default_work, family_folder, prepare

_FORMS = ("mmlu", "hellaswag", "rolling", "generation")
_BATCH = 8


def main() -> int:
    given = _arguments()
    known = {form.name: form for form in forms(QUICK)}
    ready = environment.ready(given.work / "env")
    print(f"{'family':10}{'form':14}{'rows':>5}{'prompts':>9}{'answers':>9}{'texts':>7}{'furthest':>11}{'bound':>9}")
    holds = True
    for family in given.family:
        model = family_folder(ready, given.work, family)
        bench = prepare(
            ready, given.work, QUICK, size="ref", device="cpu", dtype="float32", model=model, mirror=given.data_dir
        )
        for name in given.form:
            if family == "t5" and known[name].kind == "rolling":
                continue  # an encoder-decoder has no rolling log-likelihood, in either harness
            ours, theirs = bench.evalkit(known[name], 1), bench.lm_eval(known[name], 1, _BATCH)
            found = compare(ours.items, theirs.items, known[name].kind, bench.vocabulary)
            holds &= found.holds
            print(_line(family, known[name], found), flush=True)
    return 0 if holds else 1


def _line(family: str, form: Form, found: Parity) -> str:
    def same(others: int) -> str:
        return "equal" if not others else f"{others} not"

    far = "" if form.kind == "texts" else f"{found.furthest:.1e}"
    bound = "" if form.kind == "texts" else f"{found.bound:.0e}"
    counts = f"{same(found.other_prompts):>9}{same(found.other_answers):>9}{same(found.other_texts):>7}"
    return f"{family:10}{form.name:14}{found.rows:>5}{counts}{far:>11}{bound:>9}{'' if found.holds else '  !'}"


def _several(text: str, known: tuple[str, ...]) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"nothing named {unknown[0]!r}; there are {', '.join(known)}")
    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    families = tuple(FAMILIES)
    parser.add_argument("--family", default=families, type=lambda text: _several(text, families), metavar="A,B")
    parser.add_argument("--form", default=_FORMS, type=lambda text: _several(text, _FORMS), metavar="A,B")
    parser.add_argument("--data-dir", type=Path, help="a mirror of hub data, for real MMLU questions")
    parser.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
