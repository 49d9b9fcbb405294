"""`evalkit quantize-check`: what quantized variants of a model lose against the full one, and what they save."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from evalkit.cli.commands.run import RUN_FAILED
from evalkit.cli.completion import complete_models
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option
from evalkit.cli.run_options import run_options
from evalkit.comparing.gates.report import INCONCLUSIVE, REGRESSED
from evalkit.core import UsageError, claims
from evalkit.core.terminal import emit_json, say
from evalkit.runs.options import OPTIONS

if TYPE_CHECKING:
    from evalkit.comparing.gates.policy import Policy
    from evalkit.comparing.gates.report import GateReport
    from evalkit.comparing.variant_file import VariantList
    from evalkit.runs.store import Run

TASKS = ("toy_mmlu", "toy_squad", "toy_wikitext")
"""Choices, short answers and texts that ship with evalkit: they tell whether a variant is broken, not how much of a
benchmark it loses."""
BY_TOKEN = ",tokens=true"
"""Beside them where every model tells the log-likelihoods of single tokens."""
PAGE = "variants.html"
_KEPT = tuple(o.name for o in OPTIONS.values() if "quantize-check" in o.commands and o.name != "quiet")


class _Against(click.Command):
    """`--against A B C` is `--against A --against B --against C`: click's options take a fixed number of values."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        taking = False
        for number, text in enumerate(args):
            if text == "--against":
                taking = True
                if number + 1 == len(args) or args[number + 1].startswith("-"):
                    raise UsageError("--against names variants", fix="--against quant=int8 dtype=bfloat16")
            elif text.startswith("-"):
                taking = False
                spread.append(text)
            else:
                spread += ["--against", text] if taking else [text]
        return super().parse_args(ctx, spread)


@click.command(
    "quantize-check",
    cls=_Against,
    epilog=examples(
        "evalkit quantize-check tiny --against dtype=bfloat16",
        "evalkit quantize-check hf/./m --against quant=nf4 gguf=m-q4.gguf --task mmlu",
    ),
)
@click.argument("model", metavar="MODEL", required=False, shell_complete=complete_models)
@click.option("--against", multiple=True, metavar="VARIANT…", help="Variants to compare with MODEL.")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="TASK",
    help="Task to run. Repeat it for several.  [default: three small sets]",
)
@click.option("--gate", "policy", metavar="FILE", help="Gate each variant with this policy file, or with `default`.")
@click.option("--margin", metavar="X", help="Gate each variant; the largest drop that passes, such as 0.02 or 2%.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the runs to this folder.  [default: runs/<time>]",
)
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", help="Continue an interrupted check.")
@json_option
@run_options("quantize-check")
def command(model: str | None, out: Path | None, resume: Path | None, **given: Any) -> None:
    """Compare variants of MODEL, such as quantized ones, with the full model, sample by sample.

    VARIANT is a set of options for MODEL (quant=int8, dtype=bfloat16, adapter=PATH; separate several with commas),
    gguf=FILE, or another model. MODEL may be a suite file: its first model is the full one, and all others are
    variants. evalkit does not repeat variants that already have a result in --out.

    \b
    Exit codes:
      0  every variant that can run here has a result
      1  with a gate: a variant regressed
      2  a mistake in the command or its files
      3  a variant failed or none could run; with a gate, any that could not run
      4  with a gate: too few samples to decide
    """
    from evalkit.cli.variant_runs import check, open_models, run_all
    from evalkit.comparing.variant_file import hold
    from evalkit.runs.plan import RUNS

    where, asked = _asked(model, out, resume, given)
    policy = _policy(given)
    opened = open_models(asked)
    if asked.tasks == list(TASKS) and all("tokens" in m.capabilities.features for m in opened.values()):
        asked.tasks[-1] += BY_TOKEN
    check(asked, opened)
    folder = where or claims.new_folder(RUNS)
    try:
        with hold(folder):
            run_all(folder, asked, opened, quiet=given["quiet"], say=lambda text: say(text, err=True))
    except KeyboardInterrupt:
        say(f"evalkit: interrupted; every finished sample is kept\n  continue: {_again(folder)}", err=True)
        raise click.exceptions.Exit(130) from None
    _finish(folder, asked, policy, given)


def _again(folder: Path) -> str:
    return f"evalkit quantize-check --resume {folder}"


# ---------------------------------------------------------------- what is asked


def _asked(
    model: str | None, out: Path | None, resume: Path | None, given: dict[str, Any]
) -> tuple[Path | None, VariantList]:
    """Where, and what; no folder where none is named."""
    from evalkit.comparing.variant_file import FILE, read_list

    if resume is None:
        folder, new = _new(model, out, given)
        earlier = read_list(folder) if folder else None
        return folder, new if folder is None or earlier is None else _joined(folder, earlier, new)
    if model or given["against"] or given["tasks"] or out:
        raise UsageError(f"--resume takes model, variants and tasks from {resume / FILE}", fix=_again(resume))
    found = read_list(resume)
    if found is None:
        raise UsageError(f"{resume} holds no check to continue", found=f"no {FILE}", fix="name its folder")
    return resume, found


def _new(model: str | None, out: Path | None, given: dict[str, Any]) -> tuple[Path | None, VariantList]:
    from evalkit.cli.suite_file import read_suite
    from evalkit.cli.variant_runs import listed
    from evalkit.comparing.variant_file import VariantList

    said: dict[str, Any] = {}
    project, variants = Path.cwd(), list(given["against"])
    if model and Path(model).suffix in (".yaml", ".yml"):
        if not Path(model).is_file():
            raise UsageError(f"suite file {model} does not exist")
        said, project = read_suite(Path(model)), Path(model).parent
        models = said.get("models", [])
        model, variants = (models[0] if models else None), [*models[1:], *said.get("against", []), *variants]
    if not model:
        raise UsageError("no model is given", fix="evalkit quantize-check tiny --against dtype=bfloat16")
    if not variants:
        raise UsageError("there is nothing to compare with", fix=f"evalkit quantize-check {model} --against quant=int8")
    settings = {key: said[key] for key in _KEPT if key in said}
    settings |= {key: given[key] for key in _KEPT if given.get(key) is not None and given[key] is not False}
    plain = {key: str(value.resolve()) if isinstance(value, Path) else value for key, value in settings.items()}
    full, found = listed(model, variants)
    tasks = list(given["tasks"]) or list(said.get("tasks", TASKS))
    return out or said.get("out"), VariantList(full, found, tasks, plain, str(project.resolve()))


def _joined(folder: Path, earlier: VariantList, new: VariantList) -> VariantList:
    """A folder's list with what is asked for now behind it. Raises UsageError where another thing was measured."""
    differences = [
        f"{name}: {before} then, {now} now"
        for name, before, now in (
            ("model", earlier.full.spec, new.full.spec),
            ("tasks", *(", ".join(one.tasks).replace(BY_TOKEN, "") for one in (earlier, new))),
            ("settings", earlier.settings, new.settings),
        )
        if before != now
    ]
    if differences:
        raise UsageError(
            f"{folder} holds another check", found="\n         ".join(differences), fix="another --out for this one"
        )
    taken = {one.folder for one in (earlier.full, *earlier.variants)}
    for one in new.variants:
        if all(one.spec != other.spec for other in earlier.variants):
            number, name = 1, one.folder
            while one.folder in taken:
                number += 1
                one.folder = f"{name}-{number}"
            taken.add(one.folder)
            earlier.variants.append(one)
    return earlier


# ---------------------------------------------------------------- what came out


def _policy(given: dict[str, Any]) -> Policy | None:
    """The gate's policy, read before anything runs; None without a gate."""
    if not (given["policy"] or given["margin"]):
        return None
    from evalkit.comparing.gates import policy_from

    path = None if given["policy"] in (None, "default") else Path(given["policy"])
    return policy_from(path, {"margin": given["margin"]})


def _finish(folder: Path, asked: VariantList, policy: Policy | None, given: dict[str, Any]) -> None:
    from evalkit.cli.rendering.variants import show, to_json
    from evalkit.comparing.gates import gate, open_run
    from evalkit.comparing.variants import compare_variants, cost_of
    from evalkit.runs.store import Run

    full = Run.open(folder / asked.full.folder)
    before = open_run(full)
    names = asked.shown()
    opened = {
        names[one.folder]: open_run(Run.open(folder / one.folder)) for one in asked.variants if one.state == "finished"
    }
    others = [(names[one.folder], one.problem) for one in asked.variants]
    variants = compare_variants(before, [(name, opened.get(name) or problem) for name, problem in others])
    # As `evalkit gate run` has it with the full model's run for a baseline.
    gates = {name: gate(one, before, policy) for name, one in opened.items()} if policy is not None else {}
    folders = [folder / one.folder for one in asked.variants if names[one.folder] in opened]
    if folders:
        _write_page(folder / PAGE, [full, *map(Run.open, folders)], given)
    if given["as_json"]:
        emit_json(to_json(folder, asked, cost_of(full), variants, gates))
    else:
        show(asked, cost_of(full), variants, gates)
        if folders:
            say(f"\npage: {folder / PAGE}\nnext: evalkit compare {full.folder} {folders[0]}")
    sys.stdout.flush()
    raise click.exceptions.Exit(_exit_code(asked, gates, gated=policy is not None))


def _write_page(page: Path, runs: Sequence[Run], given: dict[str, Any]) -> None:
    from evalkit import plugins
    from evalkit.runs.written_report import Report, write_pieces

    options = {name: given[name] for name in ("policy", "margin") if given[name]}
    write_pieces(page, cast("Report", plugins.load("report", "variants", options))(runs))


def _exit_code(asked: VariantList, gates: dict[str, GateReport], *, gated: bool) -> int:
    """A regression that was shown counts before what could not be measured, and that before what is not told."""
    codes = [report.exit_code for report in gates.values()]
    states = [one.state for one in asked.variants]
    if "failed" in states or "finished" not in states or (gated and "unavailable" in states):
        codes.append(RUN_FAILED)
    return next((code for code in (REGRESSED, RUN_FAILED, INCONCLUSIVE) if code in codes), 0)
