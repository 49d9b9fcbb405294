"""A gate's policy from YAML and from the command line, with file and line for every mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from evalkit.comparing.gates import shares
from evalkit.comparing.gates.policy import CEILINGS, Margin, Policy, TaskPolicy
from evalkit.core import UsageError
from evalkit.core.option_values import fits, wanted
from evalkit.plugins.yaml_schema import TEXT, TEXTS, TRUTH, Keys, Schema, either, every, mapping, of_type, one_of, said
from evalkit.plugins.yaml_tree import Value, read_yaml
from evalkit.runs.options import Age, seconds_of

_PERCENT: Schema = {"type": "string", "pattern": rf"^\s*{shares.NUMBER}\s*%\s*$"}
_MARGIN = either({"type": "number", "minimum": 0}, _PERCENT)
_SHARE = either({"type": "number", "minimum": 0, "maximum": 1}, _PERCENT)
_CONFIDENCE = either({"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1}, _PERCENT)
_RISE = either(_SHARE, {"type": "string", "pattern": rf"^\s*\+?{shares.NUMBER}\s*%?\s*$"})
_MEAN_KEYS: Keys = {"margin": _MARGIN, "weights": every({"type": "number", "minimum": 0})}
_TASK_KEYS: Keys = {
    "margin": said(_MARGIN, "the largest drop that passes: 2%"),
    "confidence": _CONFIDENCE,
    "metric": said(TEXT, "the task's primary metric by default"),
    "any_drop_blocks": TRUTH,
    "zero_tolerance": said(TRUTH, "the first sample that got worse fails"),
    "slices": said(either(TEXTS, every(_MARGIN)), "groups of the task, which may have margins"),
}
_LIMIT_KEYS: Keys = {
    "latency": said(_RISE, "how much more time a sample may take: 20%"),
    "tokens": said(_RISE, "how many more tokens"),
    "cost": said(_RISE, "how much more money"),
    "invalid_proportion": said(_SHARE, "replies without a valid answer"),
}
KEYS: Keys = {
    "baseline": said(TEXT, "the baseline file, relative to this one"),
    "margin": said(_MARGIN, "the largest drop that passes: 2% are two points of a proportion"),
    "mean": said(either(_MARGIN, mapping(_MEAN_KEYS, ("margin",))), "the largest drop of the mean over tasks"),
    "confidence": said(_CONFIDENCE, "one-sided: 0.95 or 95%"),
    "any_drop_blocks": said(TRUTH, "a significant drop fails even inside the margin"),
    "tasks": said(
        either({"type": "array", "items": TEXT}, every(either(_MARGIN, mapping(_TASK_KEYS)))),
        "which tasks are gated, or what is asked of each",
    ),
    "limits": said(mapping(_LIMIT_KEYS), "how much more than the baseline a sample may cost"),
    "max_failures": said(_SHARE, "samples that may lack a measurement: 5%"),
    "common_samples": said(TRUTH, "compare what both have"),
    "on_degraded": one_of(("pass", "fail")),
    "on_inconclusive": one_of(("pass", "block")),
    "max_age": said(of_type(Age), "how old an answer from the cache may be: 12h; 0: none"),
    "on_cached": one_of(("refuse", "warn")),
}
SCHEMA = mapping(KEYS)
_Made = TypeVar("_Made")


def read_policy(path: Path) -> Policy:
    """The policy in a file. Raises UsageError, with the line, for anything that is not one."""
    try:
        tree = read_yaml(path)
    except OSError as error:
        raise UsageError(f"cannot read the policy {path}", found=error.strerror or str(error)) from None
    return policy_of(tree)


def policy_of(tree: Value) -> Policy:
    """The policy of a mapping, which may be a part of another file (a suite's `gate:`)."""
    found = tree.mapping(KEYS)
    values: dict[str, Any] = {"origin": str(tree.path)}
    if "margin" in found:
        values["margin"] = _margin(found["margin"])
    if "mean" in found:
        values |= {**_mean(found["mean"]), "each": "margin" in found}
    if "confidence" in found:
        values["confidence"] = _confidence(found["confidence"])
    for key in ("any_drop_blocks", "common_samples"):
        if key in found:
            values[key] = found[key].truth()
    if "max_failures" in found:
        values["max_failures"] = _proportion(found["max_failures"])
    if "on_degraded" in found:
        values["degraded_blocks"] = _choice(found["on_degraded"], ("pass", "fail")) == "fail"
    if "on_inconclusive" in found:
        values["inconclusive_blocks"] = _choice(found["on_inconclusive"], ("pass", "block")) == "block"
    if "max_age" in found:
        values["max_age"] = _age(found["max_age"])
    if "on_cached" in found:
        values["stale_passes"] = _choice(found["on_cached"], ("refuse", "warn")) == "warn"
    if "baseline" in found:
        values["baseline"] = str(tree.path.resolve().parent / found["baseline"].text())
    if "limits" in found:
        values |= _limits(found["limits"])
    if "tasks" in found:
        values |= _tasks(found["tasks"])
    return Policy(**values)


def policy_from(path: Path | Policy | None, given: Mapping[str, Any]) -> Policy:
    """The file's policy (or one that was read already, or the default), with what the command line says on top.

    `given` may hold margin and mean_margin (texts), confidence, tasks, any_drop_blocks, degraded and inconclusive
    ("pass", …), common_samples and max_failures; None and False are not given. Raises UsageError.
    """
    policy = path if isinstance(path, Policy) else read_policy(path) if path is not None else Policy()
    values: dict[str, Any] = {}
    if given.get("margin") is not None:
        values["margin"] = _option("--margin", given["margin"], Margin.parse, "a number such as 0.02, or 2%")
        values["each"] = True
    if given.get("mean_margin") is not None:
        values["mean"] = _checked(
            _option("--mean-margin", given["mean_margin"], Margin.parse, "a number such as 0.01, or 1%")
        )
        values["each"] = given.get("margin") is not None or (policy.mean is not None and policy.each)
    if given.get("confidence") is not None:
        values["confidence"] = _named("--confidence", given["confidence"], confidence)
    if given.get("tasks"):
        values["only"] = tuple(given["tasks"])
    for key in ("any_drop_blocks", "common_samples"):
        if given.get(key):
            values[key] = True
    if given.get("degraded"):
        values["degraded_blocks"] = given["degraded"] == "fail"
    if given.get("inconclusive"):
        values["inconclusive_blocks"] = given["inconclusive"] == "block"
    if given.get("max_failures") is not None:
        values["max_failures"] = _named("--max-failures", given["max_failures"], shares.proportion)
    return replace(policy, **values)


def _option(name: str, text: str, read: Callable[[str], _Made], wanted: str) -> _Made:
    try:
        return read(text)
    except ValueError:
        raise UsageError(f"{name} is {wanted}", found=repr(text)) from None


def _named(name: str, value: object, read: Callable[[str], _Made]) -> _Made:
    """An option's value; its mistakes begin with its name."""
    try:
        return read(str(value))
    except UsageError as error:
        raise UsageError(f"{name}: {error.wrong}", found=error.found, fix=error.fix) from None


# ---------------------------------------------------------------- values


def confidence(text: str) -> float:
    """A one-sided confidence: `0.95` or `95%`. Raises UsageError."""
    try:
        number, _ = shares.read(text)
    except ValueError:
        raise UsageError("confidence is a proportion", found=repr(text), fix="0.95 or 95%") from None
    if not 0.5 < number < 1.0:
        meant = shares.asked(number) if 50.0 < number < 100.0 else "0.95 or 95%"
        raise UsageError("confidence must be between 0.5 and 1", found=text, fix=meant)
    return number


def _margin(value: Value) -> Margin:
    try:
        return replace(Margin.parse(value.text()), at=value.at)
    except ValueError:
        raise value.wrong(
            "a margin is the largest drop that passes", found=repr(value.text()), fix="0.02 or 2%"
        ) from None


def _mean(value: Value) -> dict[str, Any]:
    """`mean: 1%`, or a mapping of the margin and of the tasks' weights."""
    if not value.is_mapping():
        return {"mean": _checked(_margin(value))}
    found = value.mapping(_MEAN_KEYS)
    if "margin" not in found:
        raise value.wrong("the mean over tasks needs its margin", fix="mean: {margin: 1%, weights: {mmlu: 2}}")
    weights = {}
    for name, item in found["weights"].mapping().items() if "weights" in found else ():
        weights[name] = item.number()
        if weights[name] < 0.0:
            raise item.wrong("a weight is at least 0", found=f"{weights[name]:g}")
    return {"mean": _checked(_margin(found["margin"])), "mean_weights": weights}


def _checked(margin: Margin) -> Margin:
    """The margin of a mean, which is always of proportions."""
    margin.check()
    return margin


def _confidence(value: Value) -> float:
    return _at(value, confidence)


def _proportion(value: Value) -> float:
    """`0.05` or `5%`."""
    return _at(value, shares.proportion)


def _rise(value: Value) -> float:
    """`20%` or `0.2`: how much more than the baseline."""
    return _at(value, shares.rise)


def _at(value: Value, read: Callable[[str], _Made]) -> _Made:
    """What a text means, where its mistakes stand."""
    try:
        return read(value.text())
    except UsageError as error:
        raise value.wrong(error.wrong, found=error.found, fix=error.fix) from None


def _age(value: Value) -> float:
    """`7d`, or `0` for answers of this run alone."""
    text = value.text()
    if not fits(text, Age):
        raise value.wrong(f"this must be {wanted(Age)}", found=repr(text), fix="7d")
    return seconds_of(text)


def _choice(value: Value, known: tuple[str, ...]) -> str:
    text = value.text()
    if text not in known:
        raise value.wrong("unknown value", found=repr(text), fix="one of " + ", ".join(known))
    return text


def _limits(value: Value) -> dict[str, Any]:
    found = value.mapping(_LIMIT_KEYS)
    names = {"latency": "seconds"}
    ceilings = {names.get(key, key): _rise(item) for key, item in found.items() if names.get(key, key) in CEILINGS}
    values: dict[str, Any] = {"ceilings": ceilings}
    if "invalid_proportion" in found:
        values["invalid_proportion"] = _proportion(found["invalid_proportion"])
    return values


def _tasks(value: Value) -> dict[str, Any]:
    """A list of names: no other task is looked at. A mapping: what is asked of these; others are gated by default."""
    if value.is_list():
        return {"only": value.texts()}
    tasks = {name: _task(item) for name, item in value.mapping().items()}
    return {"tasks": tasks}


def _task(value: Value) -> TaskPolicy:
    if not value.is_mapping():
        return TaskPolicy(margin=_margin(value))
    found = value.mapping(_TASK_KEYS)
    slices: dict[str, Margin | None] = {}
    if "slices" in found:
        part = found["slices"]
        if part.is_mapping():
            slices = {name: _margin(item) for name, item in part.mapping().items()}
        else:
            slices = dict.fromkeys(part.texts())
    if "zero_tolerance" in found and found["zero_tolerance"].truth() and "margin" in found:
        raise found["margin"].wrong("zero tolerance leaves no margin", fix="leave one of the two out")
    return TaskPolicy(
        margin=_margin(found["margin"]) if "margin" in found else None,
        confidence=_confidence(found["confidence"]) if "confidence" in found else None,
        metric=found["metric"].text() if "metric" in found else "",
        any_drop_blocks=found["any_drop_blocks"].truth() if "any_drop_blocks" in found else None,
        zero_tolerance="zero_tolerance" in found and found["zero_tolerance"].truth(),
        slices=slices,
    )
