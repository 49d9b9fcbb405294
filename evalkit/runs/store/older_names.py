"""Words of runs and baselines that an older evalkit wrote, in those of today.

`mmlu,data=sample` is `toy_mmlu`: the rows and the questions are the same, so that such a run is shown, compared and
scored again under the name of today. Its signatures stay as they were written. A task's `headline` is its
`primary_metric`, and a `share` is a `proportion`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.core.spec import Spec, parse

_OPTION = ",data=sample"
# The tasks that had the option; another project's task may have one of that name, too. The list is closed.
_HAD_IT = frozenset(
    (
        *("clustering", "cnn_dailymail", "contamination", "format_sensitivity", "function_calls", "humaneval"),
        *("json_output", "mmlu", "perplexity", "prompt_injection", "refusals", "retrieval", "squad", "sts"),
        *("tokenizer_efficiency", "wikitext", "xsum"),
    )
)
# Without files of one's own, these asked the rows that ship.
_SHIPPED_BY_DEFAULT = frozenset(["hallucination_detection", "prompt_injection", "rag_faithfulness", "refusals"])


def name_today(name: str) -> str:
    """The name or spec of a task as it is today."""
    if _OPTION not in name:
        return name
    found = parse(name)
    if found.name not in _HAD_IT or found.options.get("data") != "sample":
        return name
    return str(Spec(f"toy_{found.name}", {key: value for key, value in found.options.items() if key != "data"}))


def scale_today(scale: str) -> str:
    """The scale of a metric: "proportion" or "number"."""
    return "proportion" if scale == "share" else scale


def result_today(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest's result of a task, as it would be written today."""
    values = dict(raw)
    if "headline" in values:
        values["primary_metric"] = values.pop("headline")
    return values


def member_today(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A suite's member, as it would be written today; one metric was all that it had."""
    values = {**raw, "task": name_today(raw["task"])}
    if "metric" in values:
        values["metrics"] = [values.pop("metric")]
    return values


def settings_today(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest's settings, as they would be written today."""
    values = dict(raw)
    if "share" in values:
        values["proportion"] = values.pop("share")
    return values


def is_shipped(data: Sequence[Mapping[str, str]]) -> bool:
    """Whether rows that ship with evalkit were asked: toy sets, all of them, whichever task asks them."""
    return any("bundled" in facts for facts in data)


def entry_today(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest's entry of a task, as it would be written today."""
    if "toy" in raw:
        return dict(raw)
    name, spec = name_today(raw["name"]), name_today(raw["spec"])
    found = parse(spec) if spec else Spec(spec)
    if found.name in _SHIPPED_BY_DEFAULT and "files" not in found.options and raw["identity"].get("source") != "object":
        # The name stays, which the records have, too; what is loaded to score them again is the toy set.
        spec = str(Spec(f"toy_{found.name}", found.options))
    return {**raw, "name": name, "spec": spec, "toy": spec != raw["spec"] or is_shipped(raw["data"])}
