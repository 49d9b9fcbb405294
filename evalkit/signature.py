"""The line that says what a number is, in the manner of sacrebleu: equal lines mean comparable numbers."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from functools import cache


@cache
def version() -> str:
    """evalkit's version, as installed."""
    try:
        return importlib.metadata.version("evalkit")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


def signature(
    *,
    task: str,
    version_of_task: int,
    data: str,
    prompts: str,
    shots: str,
    method: str,
    scorers: Sequence[str],
    sampling: str,
    seed: int,
    limit: int | None,
    judge: str,
    model: str,
) -> str:
    """`mmlu|v1|data:9f3c…|prompt:41aa…|5-shot|choose|accuracy|greedy|seed:1|limit:–|judge:–|model:…|evalkit:…`."""
    parts = [
        task,
        f"v{version_of_task}",
        f"data:{data[:8] or '–'}",
        f"prompt:{prompts[:8] or '–'}",
        shots,
        method,
        "+".join(scorers),
        sampling,
        f"seed:{seed}",
        f"limit:{'–' if limit is None else limit}",
        f"judge:{judge or '–'}",
        f"model:{model}",
        f"evalkit:{version()}",
    ]
    return "|".join(part.replace("|", "/") for part in parts)
