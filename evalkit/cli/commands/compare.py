"""`evalkit compare`: two runs side by side: tasks, groups, or one sample in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.completion import complete_runs
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option
from evalkit.core import Record, RunError, UsageError
from evalkit.core.terminal import emit_json

if TYPE_CHECKING:
    from rich.console import Console

    from evalkit.comparing import PairedTask
    from evalkit.comparing.gates import Opened

_SHOWN_IDS = 8
_SHOWN_GROUPS = 60


@click.command(
    "compare",
    epilog=examples(
        "evalkit compare runs/before runs/after",
        "evalkit compare runs/after lm-eval-out --pair 'mmlu=mmlu_*'",
        "evalkit compare runs/before runs/after --explain astronomy/17",
    ),
)
@click.argument("a", type=click.Path(path_type=Path), metavar="A", shell_complete=complete_runs)
@click.argument("b", type=click.Path(path_type=Path), metavar="B", shell_complete=complete_runs)
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Compare this task only. Repeat it for several.")
@click.option("--pair", "pairs", multiple=True, metavar="A=B", help="Pair task A with task B of another name.")
@click.option(
    "--match",
    type=click.Choice(["id", "prompt"]),
    help="Match samples by id or by prompt.  [default: whichever matches]",
)
@click.option(
    "--confidence", type=float, default=0.95, show_default=True, help="Confidence of the two-sided intervals."
)
@click.option("--groups/--no-groups", default=None, help="Print a line for every group.  [default: for a single task]")
@click.option("--ids", type=int, default=_SHOWN_IDS, show_default=True, help="Name this many lost and gained samples.")
@click.option("--explain", metavar="ID", help="Show both transcripts of a sample and where they first differ.")
@json_option
def command(a: Path, b: Path, explain: str | None, as_json: bool, **given: Any) -> None:
    """Compare run B with run A on the samples they share.

    A and B are run folders, baseline files, lm-eval output folders (--log_samples) or Inspect logs. Differences are
    paired: B minus A on the same samples.
    """
    from evalkit.cli.rendering.output import console

    if not 0.0 < given["confidence"] < 1.0:
        raise UsageError("--confidence must be between 0 and 1", found=str(given["confidence"]))
    one, other, paired, left_out = _paired(a, b, given)
    if explain is not None:
        _explain(console(), one, other, paired, explain)
    elif as_json:
        from evalkit.cli.rendering.comparison import comparison_json

        emit_json(comparison_json(one, other, paired, left_out, given["confidence"]))
    else:
        _show(console(), one, other, paired, left_out, given)


def _paired(a: Path, b: Path, given: dict[str, Any]) -> tuple[Opened, Opened, list[PairedTask], list[str]]:
    from evalkit.comparing import names_of, pair_tasks
    from evalkit.comparing.gates import open_any

    one, other = open_any(a), open_any(b)
    wanted = given["tasks"]
    names = names_of(given["pairs"], one.sides, other.sides)
    before = {name: side for name, side in one.sides.items() if not wanted or name in wanted}
    after = {name: side for name, side in other.sides.items() if not wanted or name in wanted}
    paired, only_a, only_b = pair_tasks(before, after, names=names, by=given["match"])
    if not paired:
        raise UsageError(
            "the two runs have no task in common",
            found=f"{', '.join(one.sides)} and {', '.join(other.sides)}",
            fix="--pair A=B names the tasks to compare; * matches any text",
        )
    for pair in paired:
        if not pair.ids:
            raise RunError(
                f"{pair.name}: the two runs share no sample, neither by id nor by prompt\n"
                f"  found: {', '.join(pair.baseline.ids[:3])} … and {', '.join(pair.candidate.ids[:3])} …"
            )
    left_out = [f"{name}: only in {a}" for name in only_a] + [f"{name}: only in {b}" for name in only_b]
    return one, other, paired, left_out


def _show(
    out: Console, one: Opened, other: Opened, paired: list[PairedTask], left_out: list[str], given: dict[str, Any]
) -> None:
    from evalkit.cli.rendering.comparison import differences_table, flip_lines, groups_table
    from evalkit.comparing.gates.integrity import findings
    from evalkit.comparing.results import results_of, verdict_of_results
    from evalkit.core.outside_text import one_line

    out.print(f"A  {one_line(one.name)} ({one_line(one.model)})", soft_wrap=True)
    out.print(f"B  {one_line(other.name)} ({one_line(other.model)})\n", soft_wrap=True)
    results = results_of(paired, given["confidence"])
    for told in verdict_of_results(results)[:1]:
        out.print(f"{one_line(told)}\n", style="bold", soft_wrap=True)
    out.print(differences_table(paired, results, given["confidence"]))
    groups = given["groups"] if given["groups"] is not None else len(paired) == 1
    for pair in paired:
        table = groups_table(pair, given["confidence"], _SHOWN_GROUPS) if groups else None
        if table is not None:
            out.print()
            out.print(table)
    out.print()
    for pair in paired:
        for line in flip_lines(pair, results, given["ids"]):
            out.print(line, soft_wrap=True)
        for finding in findings(pair):
            word = "changed" if finding.level != "note" else "note"
            out.print(f"{word}: {one_line(pair.name)}: {one_line(finding.words())}", style="dim", soft_wrap=True)
    for line in [*left_out, *one.problems, *other.problems]:
        out.print(f"note: {one_line(line)}", style="dim", soft_wrap=True)
    sample = _any_flip(paired)
    if sample:
        out.print(f"next: evalkit compare {one.name} {other.name} --explain {sample}", style="dim", soft_wrap=True)


def _any_flip(paired: list[PairedTask]) -> str:
    from evalkit.comparing.gates.assess import flips

    for pair in paired:
        if pair.primary_metric:
            worse, better = flips(pair, pair.primary_metric)
            for sample in (*worse, *better):
                return sample
    return ""


def _explain(out: Console, one: Opened, other: Opened, paired: list[PairedTask], sample: str) -> None:
    from evalkit.cli.commands.show import show_record
    from evalkit.comparing.transcript import STAGES, parting

    if one.run is None or other.run is None:
        raise UsageError("a baseline file holds no transcripts", fix="give --explain two run folders")
    found = [(pair, place) for pair in paired for place, name in enumerate(pair.ids) if name == sample]
    if not found:
        raise UsageError(
            f"no sample {sample!r} is in both runs", fix=f"evalkit compare {one.name} {other.name} --ids 50"
        )
    for pair, place in found:
        left, right = (
            _records(opened, side, places)
            for opened, side, places in (
                (one, pair.baseline, pair.left[place]),
                (other, pair.candidate, pair.right[place]),
            )
        )
        for before, after in zip(left, right, strict=False):
            show_record(out, before, f"A {one.model}")
            show_record(out, after, f"B {other.model}")
            parted = parting(before, after)
            if parted.stage:
                same = ", ".join(STAGES[: STAGES.index(parted.stage)])
                out.print(f"first difference: {parted.stage}", style="bold")
                out.print(parted.what, soft_wrap=True)
                out.print(f"equal before that: {same or 'nothing'}", style="dim")
            else:
                out.print("no difference: every stage is equal", style="bold")


def _records(opened: Opened, side: Any, places: list[int]) -> list[Record]:
    """The records of one sample, repeat by repeat. A task made of several names them before the sample."""
    assert opened.run is not None
    keys = {(side.ids[place], side.repeats[place]) for place in places}
    found = {}
    for record in opened.run.records():
        for name in (record.sample.id, f"{record.task}/{record.sample.id}"):
            if (name, record.repeat) in keys and (record.task == side.name or "/" in name or "*" in side.name):
                found[record.repeat] = record
    return [found[repeat] for repeat in sorted(found)]
