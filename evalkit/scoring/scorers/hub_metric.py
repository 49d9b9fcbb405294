"""Any metric of Hugging Face `evaluate`, by its name on the hub or by the path of its script."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity, digest_of
from evalkit.core.distribution import pip_install
from evalkit.scoring.extraction import as_number, final_answer
from evalkit.scoring.extraction.choices import read_choice
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.whole import whole

Kind = Literal["text", "class", "number"]


@dataclass(frozen=True, slots=True)
class _Evaluate(ScoreSample):
    module: _Module
    label: str
    per: Literal["corpus", "sample"]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        kind = await asyncio.to_thread(self.module.kind)
        said, reason, validity = _said(kind, sample, replies)
        if self.per == "corpus":
            return (Score("answered", float(validity is not Validity.NO_ANSWER), said, reason, validity),)
        if said is None:
            return (Score(self.label, 0.0, None, reason, validity),)
        value = await asyncio.to_thread(self.module.compute, [(said, sample)])
        return (Score(self.label, value, said, reason, validity),)


def evaluate(
    *,
    metric: str,
    result: str,
    name: str = "",
    per: Literal["corpus", "sample"] = "corpus",
    arguments: dict[str, object] | None = None,
    lower_is_better: bool = False,
    base: Path | None = None,
) -> Scorer:
    """A metric of Hugging Face's `evaluate`: what it returns under `result`, called `name` or like it.

    `metric` is a script (`./my_metric.py`, relative to `base` or the current folder), which needs no network, or a name
    on the hub. The metric's features decide what it gets: texts, numbers, or class numbers if it takes whole numbers
    (the place of the choice that was chosen or named, -1 for none). References are all targets if it takes lists of
    them, else the first one. `arguments` go to every `compute`.

    - `per="corpus"`: one value over all samples, whose interval is a jackknife over 20 random groups, so that the
      metric is computed 21 times; each sample's score is `answered`. Answers stay in memory.
    - `per="sample"`: a value each, and their mean. Not what a corpus metric such as BLEU is.

    A metric's script is code, and runs. Scoring raises UsageError where it cannot be loaded.
    """
    module = _Module(_place(metric, base), metric, result, dict(arguments or {}))
    label = name or result
    settings = {"metric": metric, "result": result, "per": per, "arguments": repr(dict(arguments or {}))}
    if (path := Path(module.path)).is_file():
        settings |= {"metric": path.name, "file": digest_of(path.read_text("utf-8", "replace"))}

    if per == "sample":
        return Scorer(
            "evaluate",
            _Evaluate(module, label, per),
            (label,),
            (mean(label, scale="number", higher_is_better=not lower_is_better),),
            settings,
        )
    over_all = whole(label, "answered", module.compute, higher_is_better=not lower_is_better)
    return Scorer("evaluate", _Evaluate(module, label, per), ("answered",), (over_all, mean("answered")), settings)


def _said(kind: Kind, sample: Sample, replies: tuple[Reply, ...]) -> tuple[str | None, str, Validity]:
    """(what is handed to the metric, as text, or None where nothing can be; why; validity)."""
    if replies and replies[-1].loglikelihoods:
        values = replies[-1].loglikelihoods
        number = max(range(len(values)), key=values.__getitem__)
        return (str(number) if kind == "class" else sample.choices[number]), "", Validity.OK
    answer = final_answer(replies)
    if kind == "text":
        return answer.text, answer.reason, answer.validity
    if kind == "class" and sample.choices:
        chosen = read_choice(answer.text, sample.choices) if answer.text else None
        if chosen is not None:
            return str(chosen), answer.reason, answer.validity
        return "-1", answer.reason or "names no choice", Validity.NO_ANSWER
    value = as_number(answer.text)
    if value is None:
        return ("-1" if kind == "class" else None), answer.reason or "no number", Validity.NO_ANSWER
    return (str(int(value)) if kind == "class" else repr(value)), answer.reason, answer.validity


@dataclass(slots=True)
class _Features:
    """What a metric is given: the kind of both columns, and whether a reference is a list."""

    kind: Kind
    lists: bool


class _Module:
    """The metric, loaded when it is first needed; one thread at a time uses it, since it keeps what it is given."""

    def __init__(self, path: str, metric: str, result: str, arguments: dict[str, object]) -> None:
        self.path = path
        self._metric, self._result, self._arguments = metric, result, arguments
        self._lock = threading.Lock()
        self._loaded: tuple[Any, _Features] | None = None

    def kind(self) -> Kind:
        return self._load()[1].kind

    def compute(self, pairs: list[tuple[str, Sample]]) -> float:
        module, features = self._load()
        predictions = [_typed(said, features.kind) for said, _ in pairs]
        references = [_reference(sample, features) for _, sample in pairs]
        with self._lock:
            found = module.compute(predictions=predictions, references=references, **self._arguments)
        if self._result not in found:
            raise UsageError(
                f"the metric {self._metric!r} returns no {self._result!r}", found=", ".join(found), fix="result: …"
            )
        value = found[self._result]
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return float(value)

    def _load(self) -> tuple[Any, _Features]:
        with self._lock:
            if self._loaded is None:
                module = self._opened()
                self._loaded = module, _features(module, self._metric)
            return self._loaded

    def _opened(self) -> Any:
        try:
            import evaluate as library
        except ImportError as error:
            fix = pip_install("local")
            raise UsageError("the package `evaluate` is not installed", found=str(error), fix=fix) from None
        try:
            return library.load(self.path, keep_in_memory=True)
        # Loading runs the metric's own code, which may raise anything.
        except Exception as error:
            found = f"{type(error).__name__}: {error}".partition("\n")[0]
            fix = "the path of its script, and the packages it needs; without a network only a path works"
            raise UsageError(f"the metric {self._metric!r} cannot be loaded", found=found[:200], fix=fix) from error


def _place(metric: str, base: Path | None) -> str:
    path = (base or Path()) / metric
    if path.is_file() or (path / f"{path.name}.py").is_file():
        return str(path.resolve())
    if metric.endswith(".py") or metric.startswith((".", "/")):
        raise UsageError(f"metric script {metric!r} does not exist", found=f"looked in {(base or Path()).resolve()}")
    return metric


def _features(module: Any, metric: str) -> _Features:
    """Of several forms that a metric offers, the one that takes lists of references."""
    offered = module.features if isinstance(module.features, list) else [module.features]
    if not all(set(form) == {"predictions", "references"} for form in offered):
        found = ", ".join(offered[0])
        raise UsageError(f"the metric {metric!r} takes something else than predictions and references", found=found)
    form = next((form for form in offered if _leaf(form["references"])[1]), offered[0])
    return _Features(_leaf(form["predictions"])[0], _leaf(form["references"])[1])


def _leaf(feature: Any) -> tuple[Kind, bool]:
    """(kind of a feature's values, whether they are in a list)."""
    inner = getattr(feature, "feature", None)
    if inner is None and isinstance(feature, list):
        inner = feature[0]
    if inner is not None:
        return _leaf(inner)[0], True
    kind = str(getattr(feature, "dtype", "string"))
    return ("class" if kind.startswith(("int", "uint", "bool")) else "number" if "float" in kind else "text"), False


def _typed(text: str, kind: Kind) -> str | int | float:
    return text if kind == "text" else int(text) if kind == "class" else float(text)


def _reference(sample: Sample, features: _Features) -> Any:
    if features.kind == "class" and sample.gold:
        return [sample.gold[0]] if features.lists else sample.gold[0]
    if not sample.targets:
        raise ValueError("the sample has no targets")
    if features.kind == "text":
        return list(sample.targets) if features.lists else sample.targets[0]
    values = [as_number(target) for target in sample.targets]
    if None in values:
        raise ValueError(f"a target is not a number: {sample.targets}")
    numbers = [int(value) if features.kind == "class" else value for value in values if value is not None]
    return numbers if features.lists else numbers[0]
