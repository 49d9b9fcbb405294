"""What `evalkit run --dry-run` prints: requests, tokens and cost before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evalkit.cli.rendering.output import console
from evalkit.core import Model, Usage
from evalkit.core.terminal import styled
from evalkit.models.api.cost_limit import price_of_model
from evalkit.runs.runner import Forecast


def show_forecasts(
    found: Sequence[tuple[Model, Sequence[Forecast]]],
    then: str = "the same without --dry-run, with --max-cost USD",
) -> None:
    """A table a model, a line a task; what was guessed is said below. `then` is what comes next."""
    from rich.table import Table

    out = console()
    for model, tasks in found:
        price = price_of_model(model)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        table.add_column("task", overflow="fold", min_width=12)
        for name in ("samples", "requests", "prompt ≈", "completion ≤", "US$ ≤"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in [*tasks, *([_total(tasks)] if len(tasks) > 1 else [])]:
            cost = "–" if price is None else f"{price.cost(one.usage):,.4f}"
            table.add_row(
                one.task,
                f"{one.samples:,}",
                f"{one.requests:,}",
                f"{one.prompt_tokens:,}",
                f"{one.completion_tokens:,}",
                cost,
            )
        out.print(styled((model.identity.name, "bold")))
        out.print(table)
        for line in _remarks(tasks, price is None):
            out.print(line, style="dim", soft_wrap=True)
        out.print()
    out.print(f"No model was asked. next: {then}", style="dim", soft_wrap=True)


def forecasts_json(found: Sequence[tuple[Model, Sequence[Forecast]]]) -> list[dict[str, Any]]:
    """The same as data: a model's tasks with requests, tokens and US dollars (None where no price is known)."""
    told = []
    for model, tasks in found:
        price = price_of_model(model)
        counts = [
            {
                "task": one.task,
                "samples": one.samples,
                "requests": one.requests,
                "cached": one.cached,
                "prompt_tokens": one.prompt_tokens,
                "completion_tokens_at_most": one.completion_tokens,
                "cost_at_most": None if price is None else price.cost(one.usage),
                "samples_that_may_ask_more": one.unsure,
            }
            for one in tasks
        ]
        told.append({"model": model.identity.name, "tasks": counts})
    return told


def _remarks(tasks: Sequence[Forecast], unpriced: bool) -> list[str]:
    lines = ["prompt: about four characters per token; completion: the limit of each task"]
    if cached := sum(one.cached for one in tasks):
        lines.append(f"{cached:,} requests are in the cache and cost nothing")
    if unpriced:
        lines.append("price unknown: set price=INPUT/OUTPUT (US$ a million tokens) or EVALKIT_PRICES")
    if unsure := sum(one.unsure for one in tasks):
        lines.append(f"{unsure:,} samples may ask more, depending on their replies: this is a minimum")
    return lines


def _total(tasks: Sequence[Forecast]) -> Forecast:
    usage = Usage(sum(one.prompt_tokens for one in tasks), sum(one.completion_tokens for one in tasks))
    samples, requests = sum(one.samples for one in tasks), sum(one.requests for one in tasks)
    return Forecast("all", samples, requests, 0, usage.prompt_tokens, usage.completion_tokens)
