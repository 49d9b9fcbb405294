"""lm-evaluation-harness's output with --log_samples: `samples_<task>_<time>.jsonl` next to `results_<time>.json`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import mul
from pathlib import Path
from typing import Any

import orjson

from evalkit.core import Metric, Prompt, Record, Reply, Sample, Score, UsageError, digest_of
from evalkit.plugins.named import metrics
from evalkit.runs.foreign.run import ForeignRun, entry_of, manifest_of, mean_of
from evalkit.runs.store.manifest import SuiteEntry, SuiteMember

_SAMPLES = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.\-:]+)\.jsonl")
# What a line holds besides its metrics.
_OWN = frozenset(
    [
        "doc_id",
        "doc",
        "target",
        "arguments",
        "resps",
        "filtered_resps",
        "filter",
        "metrics",
        "doc_hash",
        "prompt_hash",
        "target_hash",
    ]
)
# Metrics over whole corpora, whose values in the log are (log-likelihood, units).
_RATIOS = {"word_perplexity": "words", "byte_perplexity": "bytes", "bits_per_byte": "bytes"}


def open_log(path: Path) -> ForeignRun | None:
    """The run whose samples lie at `path` (the output folder, or one of its files); None where there are none."""
    files = _newest(_sample_files(path))
    if not files:
        return None
    about = _results(files)
    tasks = [_Task(name, file, about) for name, file in files.items()]
    for task in tasks:
        task.scan()
    entries = [entry_of(task.name, task.facts(), task.primary_metric, task.count) for task in tasks]
    manifest = manifest_of(
        model=str(about.get("model_name") or path.name),
        created=str(about.get("time", "")),
        version=str(about.get("lm_eval_version", "")),
        tasks=entries,
        run_id=path.name,
    )
    manifest.suites = list(_groups(about, {task.name: task for task in tasks}))
    sources = {task.name: task.records for task in tasks}
    return ForeignRun(path, manifest, "lm-eval", sources, {task.name: task.metrics for task in tasks})


def _groups(about: Mapping[str, Any], tasks: Mapping[str, _Task]) -> Iterator[SuiteEntry]:
    """The groups that the results file has numbers of, each over its tasks in the log."""
    below = about.get("group_subtasks") or {}
    for name, values in (about.get("groups") or {}).items():
        members = [tasks[one] for one in dict.fromkeys(_leaves(name, below, ())) if one in tasks]
        keys = [key.removesuffix(",none") for key in values if "," in key and "_stderr" not in key]
        shared = [key for key in keys if members and all(key in (m.name for m in one.metrics) for one in members)]
        if shared:
            by_size = _is_by_size(about, values, shared[0], [one.name for one in members])
            parts = [SuiteMember(one.name, [shared[0]]) for one in members]
            yield SuiteEntry(str(name), "samples" if by_size else "tasks", parts, metrics=shared)


def _is_by_size(about: Mapping[str, Any], values: Mapping[str, Any], metric: str, names: list[str]) -> bool:
    """Whether a group weighs tasks by their size, as lm-eval does unless told otherwise. Its log does not say so: the
    plain mean of its tasks is what tells."""
    key = metric if "," in metric else f"{metric},none"
    results, told = about.get("results") or {}, values[key]
    found = [(results.get(name) or {}).get(key) for name in names]
    numbers = [float(one) for one in (*found, told) if isinstance(one, int | float)]
    if len(numbers) <= len(found):
        return True
    sizes = [((about.get("n-samples") or {}).get(name) or {}).get("effective") or 0 for name in names]
    plain = sum(numbers[:-1]) / len(found)
    by_size = sum(map(mul, numbers[:-1], sizes)) / sum(sizes) if all(sizes) else plain
    return bool(abs(by_size - numbers[-1]) <= abs(plain - numbers[-1]))


def _leaves(name: str, below: Mapping[str, Any], seen: tuple[str, ...]) -> Iterator[str]:
    if name in seen:
        return
    for one in below.get(name) or ():
        yield from _leaves(one, below, (*seen, name)) if below.get(one) else (one,)


def _sample_files(path: Path) -> list[Path]:
    if path.is_file():
        if _SAMPLES.fullmatch(path.name):
            return [path]
        time = re.fullmatch(r"results_(.+)\.json", path.name)
        return sorted(path.parent.glob(f"samples_*_{time.group(1)}.jsonl")) if time else []
    if not path.is_dir():
        return []
    here = [file for file in path.glob("samples_*.jsonl") if _SAMPLES.fullmatch(file.name)]
    below = [file for file in path.glob("*/samples_*.jsonl") if _SAMPLES.fullmatch(file.name)]
    models = {file.parent for file in below}
    if not here and len(models) > 1:
        names = ", ".join(sorted(str(folder) for folder in models))
        raise UsageError(f"{path} holds lm-eval logs of several models", found=names, fix="name one of the folders")
    return here or below


def _newest(files: list[Path]) -> dict[str, Path]:
    """The latest log of every task, by task."""
    found: dict[str, tuple[str, Path]] = {}
    for file in files:
        match = _SAMPLES.fullmatch(file.name)
        if match and match["time"] >= found.get(match["task"], ("", file))[0]:
            found[match["task"]] = (match["time"], file)
    return {task: file for task, (_, file) in sorted(found.items())}


def _results(files: Mapping[str, Path]) -> dict[str, Any]:
    """The aggregated results of the same time, where they were kept."""
    file = next(iter(files.values()))
    match = _SAMPLES.fullmatch(file.name)
    time = match["time"] if match else ""
    results = file.with_name(f"results_{time}.json")
    found: dict[str, Any] = {"time": time}
    if results.is_file():
        try:
            found |= orjson.loads(results.read_bytes())
        except ValueError as error:
            raise UsageError("this is not a results file of lm-eval", found=str(error), at=str(results)) from None
    return found


@dataclass(slots=True)
class _Task:
    """One task's file. `scan` reads it once for what must be known beforehand; `records` streams it."""

    name: str
    file: Path
    about: Mapping[str, Any]
    count: int = 0
    primary_metric: str = ""
    metrics: list[Metric] = field(default_factory=list)
    own_ids: bool = True
    filters: list[str] = field(default_factory=list)
    more: dict[int, list[tuple[str, float]]] = field(default_factory=dict)

    def scan(self) -> None:
        """Find metrics, filters and ids. lm-eval writes a task's samples once for each of its filters."""
        ids: set[str] = set()
        values: dict[str, list[float]] = {}
        ratios: dict[str, None] = {}
        for line in self._lines():
            name = str(line.get("filter", "none"))
            if name not in self.filters:
                self.filters.append(name)
            first = name == self.filters[0]
            if first:
                self.count += 1
                own = line["doc"].get("id") if isinstance(line.get("doc"), dict) else None
                self.own_ids = self.own_ids and isinstance(own, str | int) and str(own) not in ids
                ids.add(str(own))
            for metric, value in _measured(line):
                if isinstance(value, float):
                    key = self._key(metric, name)
                    values.setdefault(key, []).append(value)
                    if not first:
                        self.more.setdefault(int(line["doc_id"]), []).append((key, value))
                elif metric in _RATIOS and first:
                    ratios[metric] = None
        better = self.about.get("higher_is_better", {}).get(self.name, {})
        self.metrics = [
            mean_of(key, found, higher_is_better=bool(better.get(key.partition(",")[0], True)))
            for key, found in values.items()
        ]
        self.metrics += [metrics.by_name(name) for name in ratios]
        self.primary_metric = self.metrics[0].name if self.metrics else ""

    def _key(self, metric: str, chain: str) -> str:
        """What a metric is called: with its filter's name, as lm-eval's results have it, unless that is none."""
        return metric if chain == "none" else f"{metric},{chain}"

    def facts(self) -> dict[str, str]:
        """What the results file says of how the task was asked."""
        config = self.about.get("configs", {}).get(self.name, {})
        settings = self.about.get("config", {})
        facts = {
            "version": str(self.about.get("versions", {}).get(self.name, "–")),
            "few-shot": f"{self.about.get('n-shot', {}).get(self.name, '?')}-shot",
            "method": str(config.get("output_type", "–")),
            "method settings": _plain(config.get("generation_kwargs")),
            "scorers": _plain([metric.get("metric") for metric in config.get("metric_list") or []]),
            "limit": str(settings.get("limit") or "–"),
            "seed": str(settings.get("random_seed", "–")),
            "model": str(self.about.get("model_name") or self.file.parent.name),
            **_chat(self.about),
        }
        return facts if config else {"model": facts["model"]}

    def records(self) -> Iterator[Record]:
        templated = bool(self.about.get("chat_template"))
        for line in self._lines():
            if str(line.get("filter", "none")) == self.filters[0]:
                yield self._record(line, templated)

    def _record(self, line: Mapping[str, Any], templated: bool) -> Record:
        number = int(line["doc_id"])
        own = str(line["doc"]["id"]) if self.own_ids else str(number)
        asked = _arguments(line)
        prompt = str(asked[0][0]) if asked else ""
        choices, gold = _choices(line, asked)
        chain = str(line.get("filter", "none"))
        found = [(self._key(name, chain), value) for name, value in _measured(line)]
        scores = [Score(name, value) for name, value in found if isinstance(value, float)]
        scores += [Score(name, value) for name, value in self.more.get(number, ())]
        for name, value in _measured(line):
            if name in _RATIOS and isinstance(value, tuple):
                scores += _ratio_scores(name, value, {score.name for score in scores})
        rendered = digest_of(prompt)
        targets = tuple(choices[place] for place in gold) or (str(line.get("target", "")),)
        return Record(
            task=self.name,
            index=number,
            sample=Sample(own, prompt, targets=targets, choices=choices, gold=gold, data=_doc(line)),
            prompt=Prompt(prompt),
            replies=_replies(line, asked),
            scores=tuple(scores),
            # With a chat template the log holds the rendered prompt alone: the task's own can't be told from it.
            prompt_digest="" if templated else rendered,
            sample_digest=digest_of(str(line.get("doc_hash") or _plain(line.get("doc"))), str(line.get("target", ""))),
        )

    def _lines(self) -> Iterator[dict[str, Any]]:
        with self.file.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                try:
                    line = orjson.loads(raw)
                    if not {"doc_id", "resps"} <= set(line):
                        raise ValueError("no doc_id and resps")
                except (ValueError, TypeError) as error:
                    raise UsageError(
                        "this is not a line that lm-eval logs", found=str(error), at=f"{self.file}:{number}"
                    ) from None
                yield line


def _doc(line: Mapping[str, Any]) -> dict[str, Any]:
    """The row as its task had it."""
    return dict(line["doc"]) if isinstance(line.get("doc"), dict) else {}


def _chat(about: Mapping[str, Any]) -> dict[str, str]:
    """How the model was talked to, where the results file says it: in its chat template or as plain text, with which
    system instruction, and whether examples were turns of the conversation."""
    if "chat_template" not in about and "chat_template_sha" not in about:
        return {}
    chats = bool(about.get("chat_template") or about.get("chat_template_sha"))
    return {
        "chat": "yes" if chats else "no",
        "chat template": str(about.get("chat_template_sha") or "–"),
        "system instruction": str(about.get("system_instruction_sha") or about.get("system_instruction") or "–"),
        "examples as turns": ("yes" if about.get("fewshot_as_multiturn") else "no") if chats else "–",
    }


def _measured(line: Mapping[str, Any]) -> Iterator[tuple[str, float | tuple[float, ...]]]:
    """The metrics of a line: a number, or the numbers that a metric over the corpus sums. Others are left out."""
    names = line.get("metrics") or [key for key in line if key not in _OWN]
    for name in names:
        value = line.get(name)
        if isinstance(value, bool | int | float) and math.isfinite(value):
            yield name, float(value)
        elif isinstance(value, list) and value and all(isinstance(part, int | float) for part in value):
            yield name, tuple(float(part) for part in value)


def _ratio_scores(name: str, value: tuple[float, ...], known: set[str]) -> list[Score]:
    pairs = zip(("loglikelihood", _RATIOS[name]), value, strict=False)
    return [Score(key, part) for key, part in pairs if key not in known]


def _arguments(line: Mapping[str, Any]) -> list[list[Any]]:
    """The requests' arguments in order; older versions log lists, newer ones mappings."""
    raw = line.get("arguments") or []
    if isinstance(raw, dict):
        requests = [raw[key] for key in sorted(raw, key=_place)]
        return [[request[key] for key in sorted(request, key=_place)] for request in requests]
    return [list(request) for request in raw]


def _place(key: str) -> int:
    digits = re.search(r"(\d+)$", key)
    return int(digits.group(1)) if digits else 0


def _choices(line: Mapping[str, Any], asked: list[list[Any]]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Continuations without the delimiter before them, and the right one where the target is its number."""
    pairs = [request for request in asked if len(request) == 2 and isinstance(request[1], str)]
    choices = tuple(str(request[1]).removeprefix(" ") for request in pairs if request[0] == pairs[0][0])
    target = str(line.get("target", ""))
    if len(choices) > 1 and target.isdecimal() and int(target) < len(choices):
        return choices, (int(target),)
    return choices, ()


def _replies(line: Mapping[str, Any], asked: list[list[Any]]) -> tuple[Reply, ...]:
    """One reply a context: what was written, or the log-likelihoods of all that was weighed after it.

    A request to write has its settings as the second argument, one to weigh a continuation has a text there, and a
    rolling log-likelihood has no second one.
    """
    answers = [found for found in line["resps"] if found]
    if not answers:
        return ()
    if asked and len(asked[0]) > 1 and isinstance(asked[0][1], dict):
        texts = tuple(str(text) for found in answers for text in found)
        return (Reply(texts=texts, finish=("stop",) * len(texts)),)
    contexts = [str(request[0]) if len(request) > 1 else "" for request in asked] or [""] * len(answers)
    made: dict[str, list[tuple[float, bool]]] = {}
    for context, found in zip(contexts, answers, strict=False):
        made.setdefault(context, []).append(_weighed(found[0]))
    return tuple(
        Reply(loglikelihoods=tuple(value for value, _ in values), greedy=tuple(greedy for _, greedy in values))
        for values in made.values()
    )


def _weighed(answer: Any) -> tuple[float, bool]:
    """A log-likelihood and whether the continuation is the greedy one; the log has both as texts."""
    if isinstance(answer, list):
        return float(answer[0]), len(answer) > 1 and str(answer[1]) == "True"
    return float(answer), False


def _plain(value: Any) -> str:
    return "" if value in (None, [], {}) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
