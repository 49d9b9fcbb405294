"""`evalkit show`: the list of runs, a run's scores, and single samples with prompt, reply and scores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.completion import complete_runs
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.core import Record, Reply, Sample, UsageError
from evalkit.runs.store import Run, TaskResult, runs_under

if TYPE_CHECKING:
    from rich.console import Console

_LISTED_RUNS = 20
_LONG_FOLDER = 36
_SHOWN_SAMPLES = 5
_SHOWN_GROUPS = 80
# Everything a terminal obeys: C0 without tab and newline, DEL and C1. A model's reply must not move the cursor.


@click.command(
    "show",
    epilog=examples(
        "evalkit show",
        "evalkit show runs/20260101-120000 --wrong",
        "evalkit show runs/20260101-120000 --sample astronomy/17",
    ),
)
@click.argument("run", required=False, type=click.Path(path_type=Path), shell_complete=complete_runs)
@click.option("--task", metavar="TASK", help="Show only this task.")
@click.option(
    "--sample", "samples", multiple=True, metavar="ID", help="Show this sample in full. Repeat it for several."
)
@click.option("--failed", is_flag=True, help="Show samples that could not be measured.")
@click.option("--wrong", is_flag=True, help="Show samples that fall short of the best value of the primary metric.")
@click.option("--limit", type=int, default=_SHOWN_SAMPLES, show_default=True, help="Show at most this many samples.")
@click.option("--again", is_flag=True, help="Ask the model again for those samples, as the run did, and show both.")
@json_option
def command(
    run: Path | None,
    task: str | None,
    samples: tuple[str, ...],
    failed: bool,
    wrong: bool,
    limit: int,
    again: bool,
    as_json: bool,
) -> None:
    """Show the scores of RUN, or single samples of it. Without RUN, list the runs in runs/.

    RUN is a run folder, a folder of runs, an lm-eval output folder or an Inspect log.
    """
    from evalkit.cli.rendering.output import console
    from evalkit.cli.rendering.run_json import record_json, run_json

    out = console()
    if run is None:
        _list_json() if as_json else _list_runs(out)
        return
    from evalkit.runs.foreign.scored import runs_at

    found = runs_at(run)[::-1]
    if again and (as_json or not samples):
        raise UsageError("--again asks samples that are named, and shows them as text", fix="--sample ID")
    if as_json and (samples or failed or wrong):
        chosen = [record for one in found for record in islice(_chosen(one, task, samples, failed, wrong), limit)]
        print_json(samples=[record_json(record) for record in chosen])
    elif as_json:
        print_json(runs=[run_json(one, task) for one in found])
    elif samples or failed or wrong:
        shown = sum(_show_samples(out, one, task, samples, failed, wrong, limit) for one in found)
        if not shown and samples:
            raise UsageError(
                f"the run has no sample {' or '.join(map(repr, samples))}",
                fix=f"evalkit show {run} --wrong shows some ids",
            )
        if not shown:
            out.print(f"no sample {_wanted(failed, wrong)}" + (f" in {task}" if task else ""))
        if again:
            for one in found:
                _show_again(out, one, task, samples, limit)
    else:
        _show_summary(out, found, task)


def _show_again(out: Console, run: Run, task: str | None, samples: tuple[str, ...], limit: int) -> None:
    """The same samples as the model answers them now; the run stays as it is."""
    import tempfile

    from evalkit.runs.again import ask_again

    with tempfile.TemporaryDirectory() as folder:
        asked = ask_again(run, samples, Path(folder) / "again", task or "")
        out.print("asked again", style="bold")
        _show_samples(out, asked, task, samples, False, False, limit)


def _wanted(failed: bool, wrong: bool) -> str:
    told = ["could not be measured"] * failed + ["falls short of the best value of its primary metric"] * wrong
    return " or ".join(told)


def _list_json() -> None:
    from evalkit.runs.plan import RUNS

    found = [Run.open(folder) for folder in runs_under(RUNS)]
    print_json(
        runs=[
            {"folder": str(one.folder), "model": one.model, "status": one.manifest.status,
             "created": one.manifest.created, "tasks": list(one.tasks)}
            for one in found
        ]
    )  # fmt: skip


def _list_runs(out: Console) -> None:
    from rich.table import Table

    from evalkit.runs.plan import RUNS

    folders = runs_under(RUNS)
    if not folders:
        out.print("runs/ holds no runs yet", "next: evalkit quickstart", sep="\n")
        return
    listed = [(str(folder), Run.open(folder)) for folder in folders[:_LISTED_RUNS]]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    # A folder is there to be copied: it is not broken, and a long one has a line to itself.
    apart = max(len(folder) for folder, _ in listed) > _LONG_FOLDER
    for column in ("run", "model", "tasks", "status"):
        table.add_column(column, overflow="fold", no_wrap=column == "run")
    for folder, run in listed:
        facts = (run.model, ", ".join(run.tasks), run.manifest.status)
        if apart:
            out.print(folder, style="bold", soft_wrap=True)
            out.print(f"  {' · '.join(facts)}")
        else:
            table.add_row(folder, *facts)
    if not apart:
        out.print(table)
    if len(folders) > _LISTED_RUNS:
        out.print(f"… and {len(folders) - _LISTED_RUNS} older")
    out.print(f"next: evalkit show {folders[0]}", style="dim")


def _show_summary(out: Console, runs: list[Run], task: str | None) -> None:
    from evalkit.cli.rendering.output import print_scores
    from evalkit.core.formatting import duration
    from evalkit.reporting.endings import plural
    from evalkit.reporting.over_samples import over_samples_words

    if task is not None:
        for run in runs:
            run.manifest.task(task)  # says which tasks there are, where this is none of them
    print_scores(out, runs, task)
    for run in runs:
        out.print()
        head = f"{run.folder} · {run.manifest.status} · {run.manifest.created}"
        out.print(head, style="bold", soft_wrap=True)
        for entry in run.manifest.tasks:
            if entry.result is None or (task is not None and entry.name != task):
                continue
            result = entry.result
            tokens = f"{result.prompt_tokens:,} prompt and {result.completion_tokens:,} completion tokens"
            if result.reasoning_tokens:
                answer = result.completion_tokens - result.reasoning_tokens
                tokens += f" ({result.reasoning_tokens:,} of thought, {answer:,} of answers)"
            out.print(f"{entry.name}: {plural(result.samples, 'sample')}, {tokens}, {duration(result.seconds)}")
            out.print(f"  {result.signature}", style="dim", soft_wrap=True)
            for line in over_samples_words(result):
                out.print(f"  {line}", soft_wrap=True)
            if departs := entry.identity.get("departs"):
                out.print(f"  departs from the task's recommended settings: {departs}", style="yellow", soft_wrap=True)
            if task is not None or len(run.manifest.tasks) == 1:
                _show_groups(out, result)
    out.print(f"next: evalkit show {runs[0].folder} --wrong", style="dim", soft_wrap=True)


def _show_groups(out: Console, result: TaskResult) -> None:
    from rich.table import Table

    from evalkit.core.formatting import interval, number

    if not result.groups:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("group", overflow="fold")
    for column in (result.primary_metric, "95 % interval", "n"):
        table.add_column(column, justify="right")
    for name, metrics in islice(result.groups.items(), _SHOWN_GROUPS):
        metric = next((m for m in metrics if m.name == result.primary_metric), metrics[0])
        value = number(metric.estimate.value, metric.scale)
        table.add_row(
            name, value, interval(metric.estimate.low, metric.estimate.high, metric.scale), f"{metric.estimate.n:,}"
        )
    out.print(table)


def _show_samples(
    out: Console, run: Run, task: str | None, ids: tuple[str, ...], failed: bool, wrong: bool, limit: int
) -> int:
    shown = 0
    for record in islice(_chosen(run, task, ids, failed, wrong), limit):
        show_record(out, record, run.model)
        shown += 1
    return shown


def _chosen(run: Run, task: str | None, ids: tuple[str, ...], failed: bool, wrong: bool) -> Iterator[Record]:
    from evalkit.comparing.sample_values import SampleValues

    values = SampleValues.of_run(run) if wrong else None
    for record in run.records(task or ""):
        value = values.of(record) if values else None
        if (
            record.sample.id in ids
            or (failed and record.validity.is_measurement_failure)
            or (values is not None and values.is_wrong(record.task, value))
        ):
            yield record


def show_record(out: Console, record: Record, model: str) -> None:
    """One sample in full: prompt, reply, what was extracted, what was right, scores with their reasons."""
    out.rule(f"{record.task} · {record.sample.id}", align="left", style="bold")
    out.print(f"model {model} · validity {record.validity} · {' '.join(record.flags)}".rstrip(" ·"))
    if record.failure is not None:
        failure = record.failure
        out.print(f"failed in {failure.stage}: {failure.kind}: {failure.message}", style="red")
    first = record.replies[0].sent if record.replies else ()
    if first:
        _block(out, "prompt, as it was sent", "\n\n".join(message.content for message in first))
    elif record.prompt is not None:
        _block(out, "prompt", record.prompt.text)
    in_contexts = _one_a_choice(record)
    if in_contexts:
        _block(out, "replies, one a choice", _likelihoods(record.sample, in_contexts))
    for number, reply in enumerate(record.replies, 1):
        name = "completion" if len(record.replies) == 1 else f"completion {number}"
        for message in reply.sent if number > 1 else ():
            _block(out, f"{message.role}, before {name}", message.content)
        if reply.role == "tool":
            _block(out, f"tool result {number}", "\n".join(reply.texts))
            continue
        _show_texts(out, name, reply)
        if reply.loglikelihoods and not in_contexts:
            _block(out, f"{name} ({reply.source})", _likelihoods(record.sample, reply.loglikelihoods))
    if record.sample.targets:
        _block(out, "target", " | ".join(record.sample.targets))
    for score in record.scores:
        answer = "" if score.answer is None else f"  answer {score.answer!r}"
        reason = f"  ({score.reason})" if score.reason else ""
        out.print(f"{score.name} = {score.value:.4g}{answer}{reason}", soft_wrap=True)
    out.print()


def _show_texts(out: Console, name: str, reply: Reply) -> None:
    """Every text with the thought ahead of it and what was cut off behind it."""
    for place, (text, finish) in enumerate(zip(reply.texts, reply.finish, strict=False)):
        if thought := "".join(reply.reasoning[place : place + 1]):
            _block(out, f"{name}: reasoning", thought)
        _block(out, f"{name} ({finish}, {reply.source})", text)
        if rest := "".join(reply.cut[place : place + 1]):
            _block(out, f"{name}: cut at a stop string", rest)


def _one_a_choice(record: Record) -> tuple[float, ...]:
    """The log-likelihoods of replies that are one for each choice; nothing where they are not."""
    values = [reply.loglikelihoods for reply in record.replies]
    if len(values) < 2 or len(values) != len(record.sample.choices) or any(len(one) != 1 for one in values):
        return ()
    return tuple(one[0] for one in values)


def _likelihoods(sample: Sample, values: tuple[float, ...]) -> str:
    """One line a choice: the right one marked, the likeliest one pointed at."""
    if len(values) != len(sample.choices):
        return "  ".join(f"{value:.4f}" for value in values)
    best = max(range(len(values)), key=values.__getitem__)
    lines = []
    for i, (choice, value) in enumerate(zip(sample.choices, values, strict=True)):
        mark = ("✓" if i in sample.gold else " ") + ("→" if i == best else " ")
        lines.append(f"{mark} {value:12.4f}  {choice}")
    return "\n".join(lines)


def _block(out: Console, title: str, text: str) -> None:
    out.print(title, style="bold cyan")
    out.print(text)
