"""`evalkit init`: a small project of one's own, with a task, a judge, a report and a suite that run as they are."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.core import UsageError
from evalkit.core.terminal import say

_FILES = {
    "tasks/capitals.yaml": """\
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
# evalkit run suite.yaml
tasks:
  - capitals
  - toy_mmlu
models: [tiny]
seed: 1
""",
}


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=".")
def command(folder: Path) -> None:
    """Start a project in FOLDER (default: here). Files that are there already are never overwritten."""
    taken = [name for name in _FILES if (folder / name).exists()]
    if taken:
        raise UsageError(f"{folder} holds such a project already", found=", ".join(taken), fix="evalkit init NEWFOLDER")
    for name, text in _FILES.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}", found=error.strerror or str(error)) from None
        say(f"wrote {path}")
    go = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    say(f"next: {go}evalkit run suite.yaml")
