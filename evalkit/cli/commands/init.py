"""`evalkit init`: a small project of one's own, with a task, a judge, a report and a suite that run as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from evalkit.cli.examples import examples
from evalkit.core import UsageError
from evalkit.core.terminal import say

_FILES = {
    "tasks/capitals.yaml": """\
# yaml-language-server: $schema=../.evalkit/task.schema.json
name: capitals
summary: Capitals of the world, a first task of our own
data: capitals.jsonl
prompt: "Question: What is the capital of {{ country }}?\\nAnswer:"
answer: "{{ capital }}"
stop: ["\\n"]
max_tokens: 16
scorers: [exact_match, {judge: brevity}]
fewshot: {k: 2, order: first}
""",
    "tasks/capitals.jsonl": """\
{"country": "France", "capital": "Paris"}
{"country": "Japan", "capital": "Tokyo"}
{"country": "Kenya", "capital": "Nairobi"}
{"country": "Peru", "capital": "Lima"}
{"country": "Norway", "capital": "Oslo"}
{"country": "Egypt", "capital": "Cairo"}
""",
    "judges/brevity.py": '''\
"""Is the reply as short as a capital's name? A judge that needs no model."""

from evalkit.core import Judge, Reply, Sample, Score, Verdict

META = {"name": "brevity", "summary": "1 where a reply has at most `words` words", "tags": ["style"]}


def judge(*, words: int = 5) -> Judge:
    async def verdict(sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        count = len(replies[0].texts[0].split())
        return Verdict((Score("brevity", float(count <= words), reason=f"{count} words"),))

    return Judge("brevity", verdict)
''',
    "reports/primary_metrics.py": '''\
"""One line a task: its primary metric and nothing else."""

from collections.abc import Sequence

from evalkit import Run

META = {"name": "primary_metrics", "summary": "one line a task", "tags": ["text"]}


def report(runs: Sequence[Run], /) -> str:
    lines = [f"{run.model}  {task}  {run.estimate(task).value:.3f}" for run in runs for task in run.tasks]
    return "\\n".join(lines) + "\\n"
''',
    "suite.yaml": """\
# yaml-language-server: $schema=.evalkit/suite.schema.json
# evalkit run suite.yaml
tasks:
  - capitals
  - toy_mmlu
models: [tiny]
seed: 1
""",
}


_IGNORED = ("runs/",)
"""What a project does not commit."""


@click.command("init", epilog=examples("evalkit init my-evals", "evalkit init --ci github"))
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--ci", type=click.Choice(["github", "gitlab"]), help="Add a CI gate: suite, policy and job.")
@click.option("--schemas", is_flag=True, help="Write only the JSON schemas of evalkit files, for editors.")
def command(folder: Path, ci: str | None, schemas: bool) -> None:
    """Create a project in FOLDER (default: the current folder), or add a CI gate to a project.

    evalkit never overwrites a file. It adds missing lines to .gitignore.
    """
    from evalkit.cli.schemas import write_schemas

    if schemas:
        for path in write_schemas(folder):
            say(f"wrote {path}")
        return
    if ci is None:
        _write(folder, _FILES, "such a project", "evalkit init NEWFOLDER")
    else:
        from evalkit.cli.ci_files import CI

        _write(folder, CI[ci], "a gate", "move it away, or add the job of docs/how-to/gates.md to yours")
    _ignore(folder / ".gitignore")
    write_schemas(folder)
    go = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    for step in _next(ci):
        say(f"next: {go}{step}")


def _next(ci: str | None) -> tuple[str, ...]:
    if ci is None:
        return ("evalkit run suite.yaml",)
    from evalkit.cli.ci_files import NEXT

    return NEXT


def _write(folder: Path, files: Mapping[str, str], what: str, fix: str) -> None:
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        raise UsageError(f"{folder} already holds {what}", found=", ".join(taken), fix=fix)
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}", found=error.strerror or str(error)) from None
        say(f"wrote {path}")


def _ignore(path: Path) -> None:
    """Have git ignore what runs write; lines that are there stay as they are."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        known = {line.strip().strip("/") for line in text.splitlines()}
        missing = [name for name in _IGNORED if name.strip("/") not in known]
        if not missing:
            return
        gap = "" if not text or text.endswith("\n") else "\n"
        path.write_text(f"{text}{gap}" + "".join(f"{name}\n" for name in missing), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot write {path}", found=str(error)) from None
    say(f"wrote {path}" if not text else f"{path}: added {', '.join(missing)}")
