"""A task written in YAML: a user's own rows, a prompt template, and names of what evalkit has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

from evalkit.core import (
    Fewshot,
    FewshotOrder,
    Judge,
    Method,
    Metric,
    Row,
    Sample,
    Sampling,
    Scorer,
    Source,
    Subset,
    Task,
    UsageError,
)
from evalkit.core.spec import nearest, unknown
from evalkit.data import bundled, files, hub, texts
from evalkit.plugins.in_file import is_in_file
from evalkit.plugins.kinds import KINDS, Kind
from evalkit.plugins.meta import checked
from evalkit.plugins.named import methods, metrics, scorers
from evalkit.plugins.task_functions import metric_in_file, row_function, scorer_in_file
from evalkit.plugins.yaml_sample import GOLD_KEYS, Shape, in_contexts, prompt_of, shape_of
from evalkit.plugins.yaml_schema import NAMED, TEXT, TEXTS, TRUTH, Keys, either, items, mapping, one_of, said, whole
from evalkit.plugins.yaml_tree import Value, read_yaml
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.judging import judged_as

ORDERS: tuple[FewshotOrder, ...] = get_args(FewshotOrder)
_SOURCE_KEYS: Keys = {
    "hub": said(TEXT, "a data set of the hub: owner/name"),
    "config": TEXT,
    "split": TEXT,
    "revision": TEXT,
    "files": said(TEXT, "a path, which may have * in it"),
    "texts": said(TEXT, "text files, a row each"),
    "bundled": said(TEXT, "a toy set that ships with evalkit"),
}
_FEWSHOT_KEYS: Keys = {"k": whole(), "order": one_of(ORDERS), "spare": TRUTH}
_RECOMMENDED_KEYS: Keys = {
    **{name: {"type": "number", "minimum": 0} for name in ("temperature", "top_p", "min_p", "repetition_penalty")},
    **{name: whole() for name in ("top_k", "max_tokens", "thinking_tokens", "samples")},
}
_SOURCE = either(TEXT, mapping(_SOURCE_KEYS))
KEYS: Keys = {
    "name": said(TEXT, "the file's name by default"),
    "summary": said(TEXTS, "one line, as lists show it"),
    "tags": TEXTS,
    "version": said(whole(1), "raised where scores before and after cannot be compared"),
    "data": said(_SOURCE, "where the rows come from: a path, or one of hub, files, texts and bundled"),
    "examples": said(_SOURCE, "where few-shot examples come from"),
    "prompt": said(TEXT, "a template over a row's columns: {{ question }}"),
    "answer": said(TEXT, "a column, or a template"),
    "target": said(TEXT, "another word for answer"),
    "choices": said(either(TEXT, {"type": "array", "items": TEXT, "minItems": 2}), "a column, or templates"),
    "gold": said(either(TEXT, mapping(GOLD_KEYS)), "which choice is right: an index, a letter or its text"),
    "description": said(TEXT, "comes before all examples"),
    "delimiter": TEXT,
    "separator": TEXT,
    "answer_format": said(TEXT, "in which form to answer; it follows the question that is asked"),
    "gen_prefix": said(TEXT, "how the answer begins; a chat model continues it"),
    "method": said(NAMED, "how the model is asked; evalkit list methods"),
    "stop": said(TEXTS, "texts that end a reply"),
    "max_tokens": whole(1),
    "recommended": said(mapping(_RECOMMENDED_KEYS), "how its texts are drawn with --recommended"),
    "scorers": said(items(NAMED), "evalkit list scorers"),
    "metrics": said(items(NAMED), "evalkit list metrics"),
    "primary_metric": said(TEXT, "the metric that tables show and gates decide"),
    "fewshot": said(either(whole(), mapping(_FEWSHOT_KEYS, ("k",))), "how many examples, and in which order"),
    "id": said(TEXT, "a column or template that names a sample"),
    "groups": said(TEXTS, "columns or templates"),
    "cluster": said(TEXT, "a column or template; samples of one value are not independent"),
    "image": TEXT,
    "sample": said(TEXT, "a function of a file, ./my.py:row, that makes the columns of each row"),
}
SCHEMA = mapping(KEYS, ("data", "prompt"))
_NEED_CHOICES = {"choose", "choose_contexts", "written_choice"}
_WEIGH_CHOICES = {"choose", "written_choice"}

Said = Mapping[str, Value]
Made = TypeVar("Made", Scorer, Metric)
InPlace = TypeVar("InPlace")
LoadJudge = Callable[[str, Path | None], Judge]
"""(name or path with options, the folder that has the user's judges/) to the judge."""


def yaml_task(path: Path, options: Mapping[str, str], load_judge: LoadJudge) -> Task:
    """The task in a .yaml file, whose judges `load_judge` finds. Its data is not opened.

    Raises UsageError, with file and line, for malformed YAML, an unknown or missing key, a value of the wrong type,
    a malformed template, and a method, scorer or metric that does not exist.
    """
    keys = _keys(read_yaml(path))
    name = _name(keys, path)
    if options:
        option, fix = next(iter(options)), "change its file, or write it in Python: there parameters are options"
        raise UsageError(f"the task {name!r} is a YAML file and takes no options", found=f"{option}=…", fix=fix)
    shape, prompt = shape_of(keys), prompt_of(keys)
    method = _method(keys, prompt.delimiter)
    task_scorers = _scorers(keys, method.name, load_judge)
    task_metrics = _metrics(keys, task_scorers)
    return Task(
        name=name,
        data=(Subset(_source(keys["data"]), _source(keys["examples"]) if "examples" in keys else None),),
        sample=_sample(keys, shape),
        prompt=in_contexts(prompt) if method.name == "choose_contexts" else prompt,
        method=method,
        scorers=task_scorers,
        metrics=task_metrics,
        fewshot=_fewshot(keys),
        recommended=_recommended(keys),
        version=keys["version"].integer(least=1) if "version" in keys else 1,
        primary_metric=_primary_metric(keys, task_scorers, task_metrics),
    )


def _keys(document: Value) -> dict[str, Value]:
    keys = document.mapping(KEYS)
    if "target" in keys:
        if "answer" in keys:
            raise keys["target"].wrong("target and answer mean the same, and both are set", fix="keep one of them")
        keys["answer"] = keys.pop("target")
    for key in ("data", "prompt"):
        if key not in keys:
            raise UsageError(f"the task has no {key!r}", fix=f"{key}: …", at=document.at)
    if "gold" in keys and "choices" not in keys:
        raise keys["gold"].wrong("the task has no choices", fix="choices: …, or answer: …")
    if "choices" in keys and not keys.keys() & {"gold", "answer"}:
        raise keys["choices"].wrong("the right choice is missing", fix="gold: <column of index, letter or text>")
    return keys


def _name(keys: Said, path: Path) -> str:
    for key in ("tags", "summary"):
        if key in keys:
            keys[key].texts()
    named = keys.get("name")
    meta = checked({"name": named.text() if named else path.stem}, path.stem, named.at if named else str(path))
    if meta.problem:
        raise UsageError(meta.problem)
    return meta.name


# ---------------------------------------------------------------- data and examples


def _source(value: Value) -> Source:
    base = value.path.parent
    if not value.is_mapping():
        return files(value.text(), base=base)
    keys = value.mapping(_SOURCE_KEYS)
    kinds = [key for key in ("hub", "files", "texts", "bundled") if key in keys]
    if len(kinds) != 1:
        raise value.wrong("this must be a path, or have one of hub, files, texts and bundled")
    extra = next((keys[key] for key in ("config", "split", "revision") if key in keys and "hub" not in keys), None)
    if extra is not None:
        raise extra.wrong("only data from the hub has this")
    if "hub" not in keys:
        name = keys[kinds[0]].text()
        return bundled(name) if "bundled" in keys else (files if "files" in keys else texts)(name, base=base)
    if "split" not in keys:
        raise value.wrong("data from the hub needs a split", fix="split: test")
    found = {key: keys[key].text() for key in ("config", "revision") if key in keys}
    return hub(
        keys["hub"].text(),
        config=found.get("config"),
        split=keys["split"].text(),
        revision=found.get("revision"),
    )


def _fewshot(keys: Said) -> Fewshot:
    if "fewshot" not in keys:
        return Fewshot()
    value = keys["fewshot"]
    parts = value.mapping(_FEWSHOT_KEYS) if value.is_mapping() else {"k": value}
    if "k" not in parts:
        raise value.wrong("the number of examples is missing", fix="k: 5")
    k = parts["k"].integer()
    if k and not keys.keys() & {"answer", "gold"}:
        raise value.wrong("few-shot examples need an answer to show", fix="answer: <column or template>")
    spare = parts["spare"].truth() if "spare" in parts else False
    if "order" not in parts:
        return Fewshot(k, spare=spare)
    asked = parts["order"].text()
    order = next((order for order in ORDERS if order == asked), None)
    if order is None:
        raise parts["order"].wrong("unknown order", found=asked, fix="one of " + ", ".join(ORDERS))
    return Fewshot(k, order, spare)


def _recommended(keys: Said) -> Sampling:
    if "recommended" not in keys:
        return Sampling()
    found: dict[str, Any] = {}
    for name, value in keys["recommended"].mapping(_RECOMMENDED_KEYS).items():
        found[name] = value.number() if _RECOMMENDED_KEYS[name]["type"] == "number" else value.integer(least=0)
    return _in_place(keys["recommended"], lambda: Sampling(**found))


# ---------------------------------------------------------------- how it asks and what counts


def _method(keys: Said, delimiter: str) -> Method:
    project = _project(keys["data"].path, "method")
    name = "choose" if "choices" in keys else "generate"
    settings: dict[str, Value] = {}
    if "method" in keys:
        value = keys["method"]
        name, settings = _named(value)
        if name not in methods.names(project):
            raise _placed(unknown("method", name, methods.names(project)), value)
    types = methods.settings(name, project)
    for key in ("stop", "max_tokens"):
        if key in keys:
            if key not in types:
                raise keys[key].wrong(f"the method {name!r} writes no text, so this has no effect")
            if key in settings:
                raise keys[key].wrong("this is also set in method", fix="keep one of them")
            settings[key] = keys[key]
    offered = [key for key in types if key != "delimiter"]
    for key, value in settings.items():
        if key not in offered:
            raise _placed(unknown(f"setting of method {name!r}", key, offered), value)
    arguments = {key: _read(value, types[key]) for key, value in settings.items()}
    if "choices" not in keys and (name in _NEED_CHOICES or arguments.get("then") == "choose"):
        raise keys["method"].wrong("the task has no choices", fix="choices: <column, or list of templates>")
    if "delimiter" in types:
        arguments["delimiter"] = delimiter
    try:
        return methods.by_name(name, base=None, project=project, **arguments)
    except UsageError as error:
        raise _placed(error, keys.get("method") or next(iter(settings.values()), keys["prompt"])) from None


def _read(value: Value, wanted: Any) -> object:
    """A setting as a method's annotation has it. Texts are taken as they were written: `stop: yes` is the word."""
    kinds = get_args(wanted) if get_origin(wanted) is UnionType else (wanted,)
    if get_origin(wanted) is Literal:
        return _one_of(value, get_args(wanted))
    if bool in kinds:
        return value.truth()
    if int in kinds:
        return value.integer(least=1)
    if float in kinds:
        return value.number()
    return value.text() if str in kinds else value.texts()


def _one_of(value: Value, words: tuple[str, ...]) -> str:
    if value.text() not in words:
        raise value.wrong("unknown value", found=value.text(), fix="one of " + ", ".join(words))
    return value.text()


def _named(value: Value) -> tuple[str, dict[str, Value]]:
    """`name`, or `name: {setting: value}`."""
    if not value.is_mapping():
        return value.text(), {}
    found = value.mapping()
    if len(found) != 1:
        raise value.wrong("write one name with its settings", fix="name: {setting: value}, one to a list item")
    name, settings = next(iter(found.items()))
    return name, settings.mapping()


def _name_of(value: Value) -> str:
    """The name in `name`, or in `name: …`, whatever follows."""
    return next(iter(value.mapping()), "") if value.is_mapping() else value.text()


def _sample(keys: Said, shape: Shape) -> Callable[[Row], Sample]:
    """How a row becomes a sample: by the templates, after the user's function where there is one."""
    if "sample" not in keys:
        return shape.sample
    value = keys["sample"]
    if not is_in_file(value.text()):
        raise value.wrong("this must name a function in a file", found=value.text(), fix="sample: ./my.py:row")
    made = _in_place(value, partial(row_function, value.text(), value.path.parent))
    return lambda row: shape.sample(made(row))


def _scorers(keys: Said, method: str, load_judge: LoadJudge) -> tuple[Scorer, ...]:
    if "scorers" in keys:
        return tuple(_scorer(item, load_judge) for item in keys["scorers"].items())
    if method in _WEIGH_CHOICES or (method == "chain_of_thought" and "choices" in keys):
        return (scorers.by_name("accuracy"),)
    if method == "choose_contexts":
        return (scorers.by_name("context_accuracy"),)
    if method.startswith("rolling"):
        return (scorers.by_name("rolling"),)
    if not keys.keys() & {"answer", "gold"}:
        raise UsageError(
            "the task has no 'answer', so no reply can be right",
            fix="answer: <column or template>",
            at=keys["prompt"].at,
        )
    return (scorers.by_name("exact_match"),)


def _scorer(item: Value, load_judge: LoadJudge) -> Scorer:
    """A scorer by name, or `{judge: NAME}`: a judge of the packs, with options inline as in `brevity,words=3`."""
    if is_in_file(named := _name_of(item)):
        plain = {key: value.plain() for key, value in _named(item)[1].items()}
        return _in_place(item, partial(scorer_in_file, named, item.path.parent, plain))
    if not (item.is_mapping() and item.mapping().keys() == {"judge"}):
        make = partial(scorers.by_name, base=item.path.parent, project=_project(item.path, "scorer"))
        return _by_name(item, make)
    spec = item.mapping()["judge"].text()
    return judged_as(load_judge(spec, _project(item.path, "judge")), spec)


def _project(path: Path, kind: Kind) -> Path | None:
    """The folder whose judges/, scorers/, … a task file means: its own, or the one above its tasks/; None, which is
    the current folder, where that has none."""
    folder = path.resolve().parent
    found = folder.parent if folder.name == "tasks" else folder
    return found if (found / KINDS[kind].folder).is_dir() else None


def _metrics(keys: Said, task_scorers: tuple[Scorer, ...]) -> tuple[Metric, ...]:
    """Metrics by name: one that a scorer brings (with that scorer's settings), or else the mean of a score."""
    if "metrics" not in keys:
        return ()
    scores = {score for scorer in task_scorers for score in scorer.scores}
    brought = {metric.name: metric for scorer in task_scorers for metric in scorer.metrics}
    project = _project(keys["metrics"].path, "metric")
    names = metrics.names(project)
    made = []
    for item in keys["metrics"].items():
        if is_in_file(named := _name_of(item)):
            plain = {key: value.plain() for key, value in _named(item)[1].items()}
            ordered = tuple(score for scorer in task_scorers for score in scorer.scores)
            made.append(_in_place(item, partial(metric_in_file, named, item.path.parent, plain, ordered)))
        elif not item.is_mapping() and item.text() in brought:
            made.append(brought[item.text()])
        elif not item.is_mapping() and item.text() in scores:
            made.append(mean(item.text()))
        elif not item.is_mapping() and item.text() not in names:
            raise _no_metric(item, {*brought, *scores, *names}, project)
        else:
            made.append(_by_name(item, partial(metrics.by_name, project=project)))
    return tuple(made)


def _no_metric(item: Value, known: set[str], project: Path | None) -> UsageError:
    """The error for a name that is not a metric, which a scorer's may have been meant for."""
    name, offered = item.text(), scorers.names(project)
    close = nearest(name, [*known, *offered])
    if close in known or close not in offered:
        return _placed(unknown("metric", name, known), item)
    fix = f"the scorer {close!r} brings its metrics: write scorers: [{close}], without metrics"
    return item.wrong(f"no metric named {name!r}", fix=fix)


def _in_place(value: Value, make: Callable[[], InPlace]) -> InPlace:
    try:
        return make()
    except UsageError as error:
        raise _placed(error, value) from None


def _by_name(item: Value, make: Callable[..., Made]) -> Made:
    name, settings = _named(item)
    plain = {key: value.plain() for key, value in settings.items()}
    try:
        return make(name, **plain)
    except UsageError as error:
        raise _placed(error, item) from None


def _primary_metric(keys: Said, task_scorers: tuple[Scorer, ...], task_metrics: tuple[Metric, ...]) -> str:
    if "primary_metric" not in keys:
        return ""
    reported = task_metrics or tuple(metric for scorer in task_scorers for metric in scorer.metrics)
    names = [metric.name for metric in reported]
    primary_metric = keys["primary_metric"].text()
    if primary_metric not in names:
        raise _placed(unknown("metric of this task", primary_metric, names), keys["primary_metric"])
    return primary_metric


def _placed(error: UsageError, value: Value) -> UsageError:
    """An error of another part of evalkit, with the line of the task file that caused it."""
    return UsageError(error.wrong, found=error.found, fix=error.fix, at=error.at or value.at)
