"""`evalkit score`: responses that were made elsewhere, scored as a task's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import click

from evalkit import plugins
from evalkit.cli.completion import complete_tasks
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option
from evalkit.cli.run_options import run_option
from evalkit.core import Attempt, DataOptions, Metric, Model, Record, Task, UsageError, claims, paths
from evalkit.core.event_loop import run_async
from evalkit.core.terminal import say
from evalkit.runs.plan import RUNS
from evalkit.runs.responses.matching import Matched, match
from evalkit.runs.responses.rows import Response, RowForm, read_responses
from evalkit.runs.responses.scored import ResponsesModel, as_written, metrics_of, name_of, with_responses
from evalkit.runs.runner import Settings, begin, execute, new_journal, prepare
from evalkit.runs.store import Run

_USUAL_K = (1, 10, 100)


@click.command(
    "score",
    epilog=examples(
        "evalkit score gsm8k --responses outputs.jsonl",
        "evalkit score humaneval --responses samples.jsonl --results results.jsonl",
    ),
)
@click.argument("task", metavar="TASK", shell_complete=complete_tasks)
@click.option(
    "--responses",
    "files",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File with responses of one model. Repeat it for several files.",
)
@click.option(
    "--text", default="", metavar="TEMPLATE", help='Template for the response in a row, such as "{{ output[0] }}".'
)
@click.option(
    "--id",
    "row_id",
    default="",
    metavar="TEMPLATE",
    help='Template for the sample id of a row, such as "{{ task_id }}".',
)
@click.option("--prompt", default="", metavar="TEMPLATE", help="Template for the prompt of a row, if rows have no id.")
@click.option(
    "--texts",
    type=click.Choice(["all", "first"]),
    default="all",
    show_default=True,
    help="Score all responses of a sample, or the first.",
)
@click.option(
    "--missing",
    type=click.Choice(["refuse", "out", "wrong"]),
    default="refuse",
    show_default=True,
    help="Samples without a response: refuse the file, leave them out of n, or count them as wrong.",
)
@click.option("--skip-unmatched", is_flag=True, help="Ignore responses that match no sample of the task.")
@click.option(
    "--k",
    default="",
    metavar="K,K,…",
    help="Compute pass@k for these k.  [default: 1, 10 and 100, as far as there are responses]",
)
@click.option(
    "--name", default="", metavar="NAME", help="Name of the model.  [default: from the file, or the file name]"
)
@click.option(
    "--results", type=click.Path(path_type=Path), metavar="FILE", help="Write every row with its scores to this file."
)
@run_option("data_dir")
@run_option("offline")
@click.option("--judge", metavar="MODEL", help="Model for tasks that a judge scores.")
@click.option("--unsafe-code", type=click.Choice(["subprocess"]), help="Run generated code WITHOUT a sandbox.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the run to this folder.  [default: runs/<time>]",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@json_option
def command(task: str, files: tuple[Path, ...], quiet: bool, as_json: bool, **given: Any) -> None:
    """Score responses made outside evalkit as if evalkit had asked TASK. The result is a normal run.

    FILE is JSONL, JSON, CSV, Parquet, text with one line per sample, a data set saved to disk, or an lm-eval or Inspect
    log. evalkit knows the formats of human-eval, AlpacaEval, FastChat, OpenAI evals and batch results. It matches
    responses to samples by id, prompt or question, whichever matches most, and refuses a response that fits two.
    """
    from evalkit.cli.commands.run import finish
    from evalkit.cli.rendering.progress import progress

    responses = read_responses(files, RowForm(given["text"], given["row_id"], given["prompt"]))
    found = _asked(task, responses)
    model = ResponsesModel(given["name"] or name_of(files, responses), responses)
    data = DataOptions(given["data_dir"] or paths.data_mirror(), given["offline"])
    settings = Settings(data=data, unsafe_code=given["unsafe_code"] or "", max_failures=_allowed(given["missing"]))
    attempts = [work.attempt for work in prepare(found, task, "", cast(Model, model), settings).work()]
    matched = match(attempts, responses)
    _check_unmatched(matched, responses, given["skip_unmatched"])
    place = ", ".join(map(str, files))
    scored, count = with_responses(
        found, attempts, matched, given["missing"], first=given["texts"] == "first", place=place
    )
    scored, settings = _counted(scored, settings, count, matched, given["k"])
    run = _run(scored, task, model, settings, given, progress(quiet=quiet))
    if given["results"]:
        _write_results(given["results"], matched, run)
    if not as_json:
        _say_how(matched, attempts, responses)
    finish([run], as_json=as_json)


def _asked(name: str, responses: Sequence[Response]) -> Task:
    found = plugins.load("task", name)
    if not isinstance(found, Task):
        raise UsageError(f"{name!r} is a suite", fix="score its tasks one by one")
    return found if any(one.replies for one in responses) else as_written(found)


def _allowed(missing: Literal["refuse", "out", "wrong"]) -> float:
    """The share of samples that may fail: whoever leaves out what is missing has said so."""
    return 1.0 if missing == "out" else Settings().max_failures


def _check_unmatched(matched: Matched, responses: Sequence[Response], skip: bool) -> None:
    if matched.unmatched and not skip:
        raise UsageError(
            f"{len(matched.unmatched):,} of {len(responses):,} responses match no sample by {matched.how}",
            found=matched.unmatched[0].origin,
            fix="name another task, or ignore them with --skip-unmatched",
        )


def _counted(task: Task, settings: Settings, count: int, matched: Matched, k: str) -> tuple[Task, Settings]:
    """pass@k for the completions that there are; of any other task as many repeats."""
    from evalkit.scoring.metrics.pass_at_k import pass_at

    metrics = metrics_of(task)
    if not any(metric.name.startswith("pass@") for metric in metrics):
        if k:
            raise UsageError(f"{task.name} has no pass@k", found=f"--k {k}", fix="leave out --k")
        return task, replace(settings, samples=count)
    least = min(sum(len(one.texts) for one in found) for found in matched.of.values())
    chosen = pass_at(k or ",".join(str(one) for one in _USUAL_K if one <= least), least)
    others: tuple[Metric, ...] = tuple(metric for metric in metrics if not metric.name.startswith("pass@"))
    return replace(task, metrics=(*chosen, *others), primary_metric="pass@1"), settings


def _run(task: Task, spec: str, model: ResponsesModel, settings: Settings, given: dict[str, Any], shown: Any) -> Run:
    from evalkit.judging.judge_model import judge_for, judged_by

    judge = judge_for([task], given["judge"])
    asked = cast(Model, model)
    prepared = prepare(judged_by(task, judge), spec, "score", asked, settings)
    out = given["out"] or claims.new_folder(RUNS)

    async def work() -> Run:
        with new_journal(out) as journal:
            plan = begin(out, out.name, asked, [prepared], {"tasks": [None], "models": [None], "cache": False})
            try:
                return await execute(journal, plan, asked, [prepared], shown)
            finally:
                if judge is not None:
                    await judge.close()

    return run_async(work)


def _say_how(matched: Matched, attempts: Sequence[Attempt], responses: Sequence[Response]) -> None:
    samples = len({attempt.sample.id for attempt in attempts})
    placed, fit = len(responses) - len(matched.unmatched), len(matched.of)
    say(f"{placed:,} of {len(responses):,} responses matched by {matched.how}; {fit:,} of {samples:,} samples")


def _write_results(path: Path, matched: Matched, run: Run) -> None:
    """Every matched row again with its scores; of programs with human-eval's "result" and "passed", too."""
    records: dict[str, list[Record]] = {}
    for record in run.records():
        records.setdefault(record.sample.id, []).append(record)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for sample, responses in matched.of.items():
            found = sorted(records.get(sample, ()), key=lambda record: record.repeat)
            seen: Counter[str] = Counter()
            for response in responses:
                added = _results_of(found, seen)
                out.write(
                    json.dumps({**response.row, "sample": sample, **added}, ensure_ascii=False, default=str) + "\n"
                )
    say(f"results: {path}", err=True)


def _results_of(records: Sequence[Record], seen: Counter[str]) -> dict[str, Any]:
    """What became of the next response of a sample, in the order of the file."""
    number = seen["responses"]
    seen["responses"] += 1
    record = records[min(number, len(records) - 1)] if records else None
    if record is None:
        return {"scores": {}}
    words = next((score.answer for score in record.scores if score.name == "attempts"), None)
    if words is None:
        return {"scores": {score.name: score.value for score in record.scores}, "validity": record.validity}
    ends = words.split()
    word = ends[number] if number < len(ends) else "sandbox-error"
    result = {"passed": "passed", "timeout": "timed out"}.get(word, f"failed: {word}")
    return {"result": result, "passed": None if word == "sandbox-error" else word == "passed"}
