"""The line that says what a number is, in the manner of sacrebleu: equal lines mean comparable numbers."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.core.distribution import version


def signature(identity: Mapping[str, str], *, data: str, prompts: str) -> str:
    """`mmlu|v1|data:9f3c…|prompt:41aa…|5-shot|choose|accuracy|greedy|seed:1|limit:–|judge:–|model:…|evalkit:…`.

    `identity` is what a manifest keeps of a task; `data` and `prompts` are the digests of the samples that were asked
    and of their prompts before any chat template.
    """
    parts = [
        identity["task"],
        f"v{identity['version']}",
        f"data:{data[:8] or '–'}",
        f"prompt:{prompts[:8] or '–'}",
        identity["few-shot"],
        identity["method"],
        identity["scorers"],
        identity["sampling"],
        f"seed:{identity['seed']}",
        f"limit:{identity['limit']}",
        f"judge:{identity['judge']}",
        f"model:{identity['model']}",
        f"evalkit:{version()}",
    ]
    if identity.get("subset", "–") != "–":
        parts.insert(parts.index(f"limit:{identity['limit']}") + 1, f"subset:{identity['subset']}")
    if identity["repeats"] != "1":
        parts.insert(-2, f"repeats:{identity['repeats']}")
    return "|".join(part.replace("|", "/") for part in parts)
