"""lm-eval's own tasks, read by evalkit and run by lm-eval on the same rows and model: the same prompts and scores?

    python benchmarks/lm_eval_tasks.py
    python benchmarks/lm_eval_tasks.py --only gsm8k,winogrande --limit 20
    python benchmarks/lm_eval_tasks.py --chat           # through a chat template, examples as turns

Both read one folder of YAML: each file includes lm-eval's own and points its data at local rows, real ones where a
mirror has them, else rows of the true schema made up from a seed. Exits with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from peers import adapter_tasks, environment
from peers.running import default_work, model_folder

_HERE = Path(__file__).resolve().parent
_REAL = _HERE.parents[1] / "shared" / "data" / "hub"
_NATS = 1e-4
_TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}"
    "{% if not (loop.last and m['role'] == 'assistant') %}[end]\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def main() -> int:
    given = _arguments()
    bench = environment.ready(given.work / "env")
    model = given.model or model_folder(bench, given.work, "ref")
    names = given.only.split(",") if given.only else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = _with_template(model, folder / "model") if given.chat else model
        real = adapter_tasks.write(folder, _definitions(bench), given.data_dir or _REAL, given.limit, names)
        theirs = _side("lm_eval", bench, model, folder, list(real), given)
        ours = _side("evalkit", bench, model, folder, list(real), given)
    tasks = [task for task in adapter_tasks.TASKS if task.name in real]
    found = {task.name: _compared(ours[task.name], theirs[task.name]) for task in tasks}
    width = max(map(len, found))
    print(f"{'task':{width}}  {'family':14}  rows       k  prompts    texts   |Δ nats|  scores")
    for task in tasks:
        told = found[task.name]
        rows = f"{told['rows']} {'real' if real[task.name] else 'made'}"
        print(
            f"{task.name:{width}}  {task.family:14}  {rows:8} {task.shots:3}  {told['prompts']:7}  {told['texts']:7}"
            f"  {told['nats']:9.1e}  {told['scores']}"
        )
    right = sum(told["holds"] for told in found.values())
    print(f"\n{right} of {len(found)} tasks of {len({task.family for task in tasks})} families agree")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if right == len(found) else 1


def _compared(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    pairs = list(zip(ours["rows"], theirs["rows"], strict=False))
    prompts = sum(_asked(one) == _asked(two) for one, two in pairs)
    texts = [(one["got"], two["got"]) for one, two in pairs if isinstance(two["got"][0], str)]
    numbers = [(one["got"], two["got"]) for one, two in pairs if not isinstance(two["got"][0], str)]
    pairs_of = [(a, b) for one, two in numbers for a, b in zip(one, two, strict=True)]
    nats = max((abs(a - b) for a, b in pairs_of), default=0.0)
    # A page's log-likelihood is a sum over thousands of tokens in float32.
    close = all(math.isclose(a, b, abs_tol=_NATS, rel_tol=1e-6) for a, b in pairs_of)
    same_texts = sum(one == two for one, two in texts)
    differing = [
        f"{name} {ours['scores'].get(name, math.nan):.4f}≠{value:.4f}"
        for name, value in theirs["scores"].items()
        if not _same(name, ours["scores"].get(name, math.nan), value)
    ]
    count = len(theirs["rows"])
    holds = count == len(ours["rows"]) == prompts and same_texts == len(texts) and close and not differing
    return {
        "rows": count,
        "prompts": f"{prompts}/{count}",
        "texts": f"{same_texts}/{len(texts)}" if texts else "–",
        "nats": nats,
        "scores": "; ".join(differing) or f"{len(theirs['scores'])} equal",
        "holds": holds,
    }


def _asked(row: dict[str, Any]) -> list[str]:
    """What the model read for each request: context and continuation together, white space at their seam included.

    evalkit's record has the choice without the delimiter, so a blank more on lm-eval's side is none.
    """
    return [request[0] + "\0" + (request[1].lstrip() if len(request) > 1 else "") for request in row["asked"]]


def _same(name: str, ours: float, theirs: float) -> bool:
    """One row that is judged otherwise moves a mean by a thousandth or more; probabilities move as the log-likelihoods
    do."""
    return math.isclose(ours, theirs, rel_tol=1e-4, abs_tol=1e-4)


def _side(side: str, bench: Any, model: Path, folder: Path, names: list[str], given: Any) -> dict[str, Any]:
    out = folder / f"{side}.json"
    command = [bench.python, "-m", "peers.adapter_sides", side, "--model", str(model.resolve()), "--out", str(out)]
    command += [
        "--only",
        ",".join(names),
        "--folder",
        str(folder),
        "--limit",
        str(given.limit),
        *(["--chat"] if given.chat else []),
    ]
    variables = {"PYTHONPATH": f"{_HERE}{os.pathsep}{_HERE.parent}", "LMEVAL_LOG_LEVEL": "ERROR"}
    variables |= dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "OMP_NUM_THREADS"), "1")
    variables |= {"HF_HOME": str(given.work / "hf"), "EVALKIT_CACHE": str(given.work / "cache")}
    done = subprocess.run(command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{side} ended with {done.returncode}:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def _with_template(model: Path, folder: Path) -> Path:
    """The model with a chat template that shows every turn, its role and its end."""
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).symlink_to(file.resolve())
    path = folder / "tokenizer_config.json"
    told = json.loads(path.read_text(encoding="utf-8")) | {"chat_template": _TEMPLATE}
    path.unlink()
    path.write_text(json.dumps(told), encoding="utf-8")
    return folder


def _definitions(bench: Any) -> Path:
    """Where the installed lm-eval keeps its tasks; found without importing it."""
    code = "import importlib.util as u; print(u.find_spec('lm_eval').submodule_search_locations[0])"
    found = subprocess.run([bench.python, "-c", code], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip()) / "tasks"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", default="", help="names of tasks, with commas between them")
    parser.add_argument("--chat", action="store_true", help="ask through a chat template, examples as turns")
    parser.add_argument("--limit", type=int, default=10, help="rows a task [10]")
    parser.add_argument("--model", type=Path, help="a model folder of your own")
    parser.add_argument("--data-dir", type=Path, help="a mirror of real hub data [../shared/data/hub]")
    parser.add_argument("--work", type=Path, default=default_work(), help="[~/.cache/evalkit-bench]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
