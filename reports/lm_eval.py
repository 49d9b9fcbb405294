"""One run as lm-evaluation-harness writes it: `results_<time>.json` and a `samples_<task>_<time>.jsonl` a task."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from evalkit import Run
from evalkit.core import Record, Sibling, UsageError
from evalkit.runs.store import SuiteEntry, TaskEntry

META = {
    "name": "lm_eval",
    "summary": "a run as lm-evaluation-harness's results and samples, in a folder",
    "tags": ["json", "lm-eval", "folder"],
}
_PREFIX = "lm-eval/"
_UNITS = {"word_perplexity": "words", "byte_perplexity": "bytes", "bits_per_byte": "bytes"}


def report(runs: Sequence[Run], /) -> Iterator[str | Sibling]:
    """The results of exactly one run, then every task's samples, once for each filter.

    Metrics that are means of scores have a standard error; others have "N/A", as in lm-eval's own files. A sample that
    could not be measured has no line: that harness knows no such sample.
    """
    if len(runs) != 1:
        raise UsageError("lm-eval's log holds one model", found=f"{len(runs)} runs", fix="name one run folder")
    (run,) = runs
    time = _time(run)
    yield Sibling(f"results_{time}.json")
    yield json.dumps(_whole(run), indent=2, ensure_ascii=False, default=str) + "\n"
    for entry in run.manifest.tasks:
        if entry.result is not None:
            yield Sibling(f"samples_{_file_name(_name(entry.name))}_{time}.jsonl")
            yield from _lines(run, entry)


def _time(run: Run) -> str:
    try:
        created = datetime.fromisoformat(run.manifest.created)
    except ValueError:
        return re.sub(r"[^0-9T.\-]", "-", run.manifest.created) or "1970-01-01T00-00-00.000000"
    return created.replace(tzinfo=None).isoformat(timespec="microseconds").replace(":", "-")


def _name(task: str) -> str:
    return task.removeprefix(_PREFIX)


def _file_name(task: str) -> str:
    """As lm-eval's own names are: no sign that a path could take for a folder."""
    return re.sub(r"[^\w.,=+\-]", "_", task)


def _key(metric: str) -> str:
    """lm-eval's name: the metric with its filter."""
    return metric if "," in metric else f"{metric},none"


def _group(name: str, suite: SuiteEntry) -> dict[str, Any]:
    """A suite as a group: the means of its metrics. Empty where it counts as no group of lm-eval's does: members by
    different metrics, or above a floor."""
    if suite.result is None or any(member.floor for member in suite.members):
        return {}
    counted = {tuple(member.metrics) for member in suite.members if member.weight and not member.suite}
    shared = suite.metrics or (list(next(iter(counted))) if len(counted) == 1 else [])
    named = len(shared) == 1 and not any(member.suite for member in suite.members)
    if not suite.metrics and not named:
        return {}
    found = zip(shared, (suite.result, *suite.also), strict=False)
    return {"alias": name, **{_key(metric): told.estimate.value for metric, told in found}}


def _whole(run: Run) -> dict[str, Any]:
    entries = {_name(entry.name): entry for entry in run.manifest.tasks if entry.result}
    errors = _errors(run)
    suites = {_name(suite.name): suite for suite in run.manifest.suites}
    groups = {name: group for name, suite in suites.items() if (group := _group(name, suite))}
    made = datetime.fromtimestamp(run.manifest.started).timestamp() if run.manifest.started else 0.0
    return {
        "results": {**{name: _results(entry, errors) for name, entry in entries.items()}, **groups},
        **({"groups": groups} if groups else {}),
        "group_subtasks": {
            **{name: [] for name in entries},
            **{name: [_name(member.task) for member in suite.members] for name, suite in suites.items()},
        },
        "configs": {name: _config(name, entry) for name, entry in entries.items()},
        "versions": {name: entry.identity.get("version", "") for name, entry in entries.items()},
        "n-shot": {name: _shots(entry) for name, entry in entries.items()},
        "higher_is_better": {
            name: {metric.name.partition(",")[0]: metric.higher_is_better for metric in entry.result.metrics}
            for name, entry in entries.items()
            if entry.result
        },
        "n-samples": {
            name: {"original": entry.total, "effective": entry.result.samples - entry.result.failed}
            for name, entry in entries.items()
            if entry.result
        },
        "config": {"model": run.model, "model_args": run.manifest.model.get("facts", {}), **run.manifest.settings},
        "date": made,
        "model_name": run.model,
        "evalkit": {"version": run.manifest.evalkit, "run": str(run.folder)},
    }


def _config(name: str, entry: TaskEntry) -> dict[str, Any]:
    return {"task": name, "output_type": entry.identity.get("method", ""), "metadata": entry.identity}


def _results(entry: TaskEntry, errors: Mapping[tuple[str, str], tuple[float, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {"alias": _name(entry.name)}
    assert entry.result is not None
    for metric in entry.result.metrics:
        value = metric.estimate.value
        mean, error = errors.get((entry.name, metric.name), (math.nan, math.nan))
        known = math.isclose(mean, value, rel_tol=1e-9, abs_tol=1e-12) and math.isfinite(error)
        name, _, chain = _key(metric.name).partition(",")
        found[f"{name},{chain}"] = value if math.isfinite(value) else None
        found[f"{name}_stderr,{chain}"] = error if known else "N/A"
    return found


def _errors(run: Run) -> dict[tuple[str, str], tuple[float, float]]:
    """(mean, SD(n-1)/√n) of every score by (task, name), in one pass (Welford)."""
    sums: dict[tuple[str, str], tuple[int, float, float]] = {}
    for record in run.records():
        if record.validity.is_measurement_failure:
            continue
        for score in record.scores:
            if math.isfinite(score.value):
                n, mean, squares = sums.get((record.task, score.name), (0, 0.0, 0.0))
                gap = score.value - mean
                mean += gap / (n + 1)
                sums[record.task, score.name] = n + 1, mean, squares + gap * (score.value - mean)
    return {
        key: (mean, math.sqrt(squares / (n - 1) / n) if n > 1 else math.nan) for key, (n, mean, squares) in sums.items()
    }


def _shots(entry: TaskEntry) -> int:
    text = entry.identity.get("few-shot", "0-shot").partition("-")[0]
    return int(text) if text.isdigit() else 0


# ---------------------------------------------------------------- samples


def _lines(run: Run, entry: TaskEntry) -> Iterator[str]:
    """A line a sample and filter, all of one filter before those of the next."""
    assert entry.result is not None
    chains = dict.fromkeys(_key(metric.name).partition(",")[2] for metric in entry.result.metrics)
    delimiter, metrics = _delimiter(entry), [metric.name for metric in entry.result.metrics]
    for chain in chains or {"none": None}:
        places: dict[int, int] = {}
        for record in sorted(run.records(entry.name), key=lambda one: (one.index, one.repeat)):
            if record.validity.is_measurement_failure or not record.replies:
                continue
            place = places.setdefault(record.index, len(places))
            yield json.dumps(_line(record, place, chain, delimiter, metrics), ensure_ascii=False, default=str) + "\n"


def _delimiter(entry: TaskEntry) -> str:
    found = re.search(r"(?:^|,)delimiter=(.*?)(?:,\w+=|$)", entry.identity.get("method settings", ""), re.DOTALL)
    return found[1] if found else " "


def _line(record: Record, place: int, chain: str, delimiter: str, metrics: Sequence[str]) -> dict[str, Any]:
    sample = record.sample
    scores = {score.name.partition(",")[0]: score for score in record.scores if _key(score.name).endswith(f",{chain}")}
    values = _ratios({name: score.details.get("item", score.value) for name, score in scores.items()}, metrics)
    asked, answers = _asked(record, delimiter)
    shown = [score.answer for score in scores.values() if score.answer is not None]
    target = sample.gold[0] if sample.gold and len(sample.choices) > 1 else _target(sample.targets)
    doc = {**sample.data, "id": sample.id}
    return {
        "doc_id": place,
        "doc": doc,
        "target": str(target),
        "arguments": {
            f"gen_args_{number}": {f"arg_{n}": part for n, part in enumerate(parts)}
            for number, parts in enumerate(asked)
        },
        "resps": answers,
        "filtered_resps": [one[0] for one in answers] if not record.replies[0].texts else shown[:1],
        "filter": chain,
        "metrics": list(values),
        "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False, default=str)),
        "prompt_hash": _hash(str(asked[0][0])),
        "target_hash": _hash(str(target)),
        **values,
    }


def _ratios(values: dict[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """The values, with (log-likelihood, units) for metrics that are a ratio of sums, in place of what they sum."""
    found = {
        metric: [values["loglikelihood"], values[unit]]
        for metric, unit in _UNITS.items()
        if metric in metrics and {"loglikelihood", unit} <= values.keys()
    }
    summed = {"loglikelihood", "words", "bytes", "tokens"} if found else set()
    return {**{name: value for name, value in values.items() if name not in summed}, **found}


def _target(targets: Sequence[str]) -> Any:
    return targets[0] if len(targets) == 1 else list(targets)


def _asked(record: Record, delimiter: str) -> tuple[list[list[Any]], list[Any]]:
    """(arguments of every request, the answers to each), numbers as texts, as lm-eval has them."""
    sample, replies = record.sample, record.replies
    prompt = record.prompt.text if record.prompt else ""
    if replies[-1].texts:
        return [[prompt, {"until": []}]], [list(replies[-1].texts)]
    if len(sample.choices) > 1 and len(replies) == len(sample.choices):
        asked = [[prompt + choice, delimiter + _first(sample.targets)] for choice in sample.choices]
        return asked, [[_weighed(reply.loglikelihoods[0], reply.greedy, 0)] for reply in replies]
    if not sample.choices:
        return [[prompt]], [[str(value)] for value in replies[0].loglikelihoods]
    contexts = [prompt, ""][: len(replies)]
    asked = [[context, delimiter + choice] for context in contexts for choice in sample.choices]
    answers = [
        [_weighed(value, reply.greedy, number)]
        for reply in replies
        for number, value in enumerate(reply.loglikelihoods)
    ]
    return asked, answers


def _first(targets: Sequence[str]) -> str:
    return targets[0] if targets else ""


def _weighed(value: float, greedy: Sequence[bool], place: int) -> list[str]:
    return [str(value), str(bool(greedy[place])) if place < len(greedy) else "False"]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
