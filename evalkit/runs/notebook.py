"""Runs in a notebook: progress that its front end shows, and tables."""

from __future__ import annotations

import html
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evalkit.core import Record, formatting

if TYPE_CHECKING:
    from evalkit.runs.runner.prepare import PreparedTask
    from evalkit.runs.store.manifest import Manifest

__all__ = ["NotebookProgress", "in_notebook", "scores_html"]

_HEADS = ("task", "metric", "value", "95 % interval", "n")


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook (not IPython in a terminal)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class NotebookProgress:
    """A bar a task, by tqdm: a widget where the front end has them, text elsewhere."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}

    def start(self, task: PreparedTask, model: str, done: int) -> None:
        from tqdm.auto import tqdm

        self._bars[task.name] = tqdm(total=task.total, initial=done, desc=f"{task.name} · {model}", unit="sample")

    def advance(self, record: Record) -> None:
        self._bars[record.task].update()

    def tick(self, tokens: int) -> None:
        for bar in self._bars.values():
            if tokens:
                bar.set_postfix_str(f"{tokens / max(1e-9, bar.format_dict['elapsed']):,.0f} tokens/s")

    def finish(self, task: PreparedTask) -> None:
        self._bars.pop(task.name).close()


def scores_html(manifest: Manifest) -> str:
    """The scores of a run as an HTML table, a row a metric."""
    rows: list[Sequence[str]] = []
    for entry in manifest.tasks:
        if entry.result is None:
            rows.append((entry.name, manifest.status, formatting.NONE, formatting.NONE, formatting.NONE))
            continue
        for metric in entry.result.metrics:
            found = metric.estimate
            limits = formatting.interval(found.low, found.high, metric.scale)
            value = formatting.number(found.value, metric.scale)
            rows.append((entry.name, metric.name, value, limits, f"{found.n:,}"))
    heads = "".join(f"<th>{html.escape(head)}</th>" for head in _HEADS)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    name = html.escape(f"{manifest.model['name']} · {manifest.status}")
    return f"<p>{name}</p><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
