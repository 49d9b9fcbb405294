"""`evalkit score-code`: completions that were made elsewhere, scored by a task's tests in the sandbox."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import click

from evalkit import plugins
from evalkit.cli.run_options import run_option
from evalkit.core import (
    AskModel,
    Attempt,
    BadRow,
    Capabilities,
    DataOptions,
    Identity,
    Method,
    Model,
    ModelError,
    OpenedSource,
    Reply,
    Request,
    Row,
    Source,
    Task,
    UsageError,
    claims,
    digest_of,
    paths,
)
from evalkit.core.terminal import say
from evalkit.core.unpacking import Gzip
from evalkit.runs.plan import RUNS
from evalkit.runs.runner import Settings, begin, execute, new_journal, prepare
from evalkit.runs.store import Run

USUAL_K = (1, 10, 100)


@click.command("score-code")
@click.argument("samples", type=click.Path(path_type=Path), metavar="SAMPLES.jsonl")
@click.option("--task", default="humaneval", show_default=True, metavar="TASK", help="Whose problems they answer.")
@click.option("--k", default="", metavar="K,K,…", help="pass@k for these k.  [default: of 1, 10, 100 what there is]")
@click.option("--partial", is_flag=True, help="Leave out problems that have no completion.")
@run_option("data_dir")
@run_option("offline")
@click.option("--unsafe-code", type=click.Choice(["subprocess"]), help="Run the programs WITHOUT isolation.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder.  [default: runs/<time>]")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(samples: Path, task: str, k: str, partial: bool, quiet: bool, **given: Any) -> None:
    """Score completions in the format of OpenAI's human-eval: a line {"task_id": …, "completion": …} each.

    Any number of lines may answer a problem. Beside the run folder, SAMPLES.jsonl_results.jsonl gets every line again
    with its "result" and "passed", as human-eval writes it.
    """
    from evalkit.cli.commands.run import finish
    from evalkit.cli.rendering.progress import progress

    lines = read_samples(samples)
    completions: dict[str, list[str]] = {}
    for line in lines:
        completions.setdefault(line["task_id"], []).append(line["completion"])
    found = plugins.load("task", task)
    if not isinstance(found, Task):
        raise UsageError(f"{task!r} is not a task")
    options = DataOptions(given["data_dir"] or paths.data_mirror(), given["offline"])
    asked = _stored(found, completions, options, partial, samples)
    asked = replace(asked, metrics=_metrics(k, completions), primary_metric="pass@1")
    settings = Settings(data=options, unsafe_code=given["unsafe_code"] or "")
    model = _Samples(samples, lines)
    prepared = prepare(asked, task, "score-code", cast(Model, model), settings)
    out = given["out"] or claims.new_folder(RUNS)
    with new_journal(out) as journal:
        plan = begin(out, out.name, cast(Model, model), [prepared], {"tasks": [None], "models": [None], "cache": False})
        run = asyncio.run(execute(journal, plan, cast(Model, model), [prepared], progress(quiet=quiet)))
    written = write_results(samples, lines, run)
    finish([run])
    say(f"results: {written}")


class _Samples:
    """Stands where the runner wants a model: the completions are there already."""

    capabilities = Capabilities()

    def __init__(self, path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
        content = digest_of(*(json.dumps(line, sort_keys=True) for line in lines))
        self.identity = Identity(f"samples/{path.name}", (("content", content),))

    async def answer(self, request: Request) -> Reply:
        raise ModelError("the completions come from a file")

    async def close(self) -> None: ...


def read_samples(path: Path) -> list[dict[str, Any]]:
    """The lines of a samples file, `.gz` or not; raises UsageError with file and line for one that is no sample."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}", fix="evalkit score-code SAMPLES.jsonl")
    lines = []
    shape = '{"task_id": "HumanEval/0", "completion": "    return …"}'
    try:
        packed = Gzip(path) if path.suffix == ".gz" else path.open("rb")
        with packed, io.TextIOWrapper(packed, encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                if not line.strip():
                    continue
                found = _parsed(line)
                if not isinstance(found.get("task_id"), str) or not isinstance(found.get("completion"), str):
                    raise UsageError(
                        "this line is no sample", found=line.strip()[:120], fix=shape, at=f"{path}, line {number}"
                    )
                lines.append(found)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise UsageError(f"{path} cannot be read", found=str(error)) from None
    if not lines:
        raise UsageError(f"{path} holds no samples", fix=shape)
    return lines


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class _Stored(AskModel):
    completions: Mapping[str, list[str]]

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        texts = tuple(self.completions[attempt.sample.id])
        return (Reply(texts=texts, finish=("stop",) * len(texts)),)


def _stored(task: Task, completions: Mapping[str, list[str]], options: DataOptions, partial: bool, path: Path) -> Task:
    """The task with the completions for replies; UsageError where they and the problems do not match."""
    known: dict[str, None] = {}
    for subset in task.data:
        for row in subset.rows.open(options).rows():
            if isinstance(row, Row):
                known[task.sample(row).id] = None
    strange = [name for name in completions if name not in known]
    if strange:
        raise UsageError(
            f"{task.name} has no problem {strange[0]!r}",
            found=f"{len(strange)} unknown task ids in {path}; the task's begin with {next(iter(known), '–')!r}",
            fix="--task NAME",
        )
    missing = [name for name in known if name not in completions]
    if missing and not partial:
        raise UsageError(
            f"{len(missing)} of {len(known)} problems have no completion",
            found=", ".join(missing[:5]) + ("…" if len(missing) > 5 else ""),
            fix="--partial scores the others alone; such a score compares with no published one",
        )
    data = tuple(replace(subset, rows=_Answered(subset.rows, task, frozenset(completions))) for subset in task.data)
    sampling = {"sampling": "stored"}
    return replace(
        task, data=data, method=Method("stored", _Stored(completions), task.method.gold, frozenset(), sampling)
    )


@dataclass(frozen=True, slots=True)
class _Answered:
    """The rows of a source whose problems have completions."""

    source: Source
    task: Task
    ids: frozenset[str]

    def open(self, options: DataOptions) -> OpenedSource:
        return _OpenedAnswered(self.source.open(options), self.task, self.ids)


@dataclass(frozen=True, slots=True)
class _OpenedAnswered:
    opened: OpenedSource
    task: Task
    ids: frozenset[str]

    @property
    def digest(self) -> str:
        return self.opened.digest

    @property
    def count(self) -> int | None:
        return sum(1 for _ in self.rows())

    @property
    def facts(self) -> Mapping[str, str]:
        return self.opened.facts

    def rows(self) -> Iterator[Row | BadRow]:
        for row in self.opened.rows():
            if isinstance(row, BadRow) or self.task.sample(row).id in self.ids:
                yield row


def _metrics(wanted: str, completions: Mapping[str, list[str]]) -> tuple[Any, ...]:
    from evalkit.scoring.metrics.pass_at_k import pass_at

    least = min(map(len, completions.values()))
    return pass_at(wanted or ",".join(str(k) for k in USUAL_K if k <= least), least)


def write_results(samples: Path, lines: Sequence[Mapping[str, Any]], run: Run) -> Path:
    """Every sample again with "result" and "passed", in the order of the file; `passed` is null if nothing ran."""
    ends: dict[str, list[str]] = {}
    for record in run.records():
        words = next((score.answer for score in record.scores if score.name == "attempts"), None)
        ends[record.sample.id] = (words or "").split()
    seen: Counter[str] = Counter()
    path = samples.with_name(f"{samples.name.removesuffix('.gz')}_results.jsonl")
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for line in lines:
            name = line["task_id"]
            words_of = ends.get(name, [])
            word = words_of[seen[name]] if seen[name] < len(words_of) else "sandbox-error"
            seen[name] += 1
            passed = None if word == "sandbox-error" else word == "passed"
            result = {"passed": "passed", "timeout": "timed out"}.get(word, f"failed: {word}")
            out.write(json.dumps({**line, "result": result, "passed": passed}, ensure_ascii=False) + "\n")
    return path
