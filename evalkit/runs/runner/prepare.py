"""From a task to the work it means: data found, few-shot settings applied, samples and prompts in order."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from evalkit.core import (
    Attempt,
    BadRow,
    Choose,
    Failure,
    Fewshot,
    Generate,
    Model,
    OpenedSource,
    Prompt,
    Row,
    Sample,
    Task,
    UsageError,
    digest_of,
)
from evalkit.core import Subset as DataSubset
from evalkit.prompting.choice_forms import in_choice_form, with_choices_shuffled
from evalkit.prompting.drawing import drawn_as
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream, sample_seed
from evalkit.runs.runner.drawing import departures, drawing_of
from evalkit.runs.runner.identity_words import identity_words
from evalkit.runs.runner.settings import Settings
from evalkit.runs.store.older_names import is_shipped
from evalkit.runs.store.subset_file import Subset

_log = logging.getLogger(__name__)
_WARNINGS = 3

# Room for four billion rows in each of two billion subsets, so that an index orders rows of all of them.
_ROWS_PER_SUBSET = 1 << 32


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt to be made; or, with `failure`, one that cannot be, and why."""

    index: int
    attempt: Attempt
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    subset: DataSubset
    opened: OpenedSource
    quota: int | None


@dataclass(frozen=True, slots=True)
class PreparedTask:
    """A task whose data was found. `identity` is what a resumed run must share with the run it continues."""

    name: str
    spec: str
    task: Task
    fewshot: Fewshot
    settings: Settings
    parts: tuple[_Part, ...]
    total: int | None
    identity: dict[str, str]
    subset: Subset | None = None
    samples: int = 1
    """How many times each sample is asked."""
    chats: bool = False
    turns: bool = False
    """Whether the model reads conversations, and whether few-shot examples are turns of one."""
    chosen: frozenset[str] | None = None
    """The ids of the samples that are asked; None for all."""

    @property
    def facts(self) -> list[dict[str, str]]:
        return [{**part.opened.facts, "digest": part.opened.digest} for part in self.parts]

    @property
    def toy(self) -> bool:
        """Whether a toy set is asked: the task says so, or its rows are some that ship."""
        return self.task.toy or is_shipped(self.facts)

    def of(self, chosen: frozenset[str]) -> PreparedTask:
        """The task with these samples alone; the limit says how many they are."""
        total = len(chosen) * self.samples
        return replace(self, chosen=chosen, total=total, identity={**self.identity, "limit": f"{len(chosen)} chosen"})

    def work(self) -> Iterator[Work]:
        """Every attempt, in the order of the data. Raises UsageError where not even the first row can be asked."""
        seen: set[int] = set()
        chosen = self.chosen if self.subset is None else self.subset.asked
        for number, part in enumerate(self.parts):
            renderer = PromptRenderer(
                task=self.task.name,
                format=self.task.prompt,
                fewshot=self.fewshot,
                subset=part.subset,
                to_sample=self.task.sample,
                options=self.settings.data,
                seed=self.settings.seed,
                stream=lm_eval_stream(),
                rows_digest=part.opened.digest,
                chats=self.chats,
                turns=self.turns,
            )
            for row_number, row in enumerate(islice(part.opened.rows(), part.quota)):
                index = number * _ROWS_PER_SUBSET + row_number
                yield from self._attempts(index, row, part.subset, renderer, seen, chosen)

    def _attempts(
        self,
        index: int,
        row: Row | BadRow,
        subset: DataSubset,
        renderer: PromptRenderer,
        seen: set[int],
        chosen: frozenset[str] | None,
    ) -> Iterator[Work]:
        try:
            if isinstance(row, BadRow):
                raise UnusableRowError(Failure("data", "BadRow", f"{row.origin}: {row.problem}"))
            sample = self._told_apart(self._sample(row, subset, first=index == 0), row, index, seen)
            if chosen is not None and sample.id not in chosen:
                return
            prompt = renderer.render(sample)
        except UnusableRowError as bad:
            if not self._is_asked(row.id) or (chosen is not None and row.id not in chosen):
                return
            broken = Attempt(Sample(row.id, "", groups=subset.groups), Prompt())
            for repeat in range(self.samples):
                yield Work(index, replace(broken, repeat=repeat), bad.failure)
            return
        if not self._is_asked(sample.cluster or sample.id):
            return
        for repeat in range(self.samples):
            seed = sample_seed(self.settings.seed, self.task.name, sample.id, str(repeat))
            asked = self._in_its_order(sample, row, seed) if self.settings.shuffle_choices else sample
            shown = prompt if asked.input == sample.input else renderer.render(asked)
            yield Work(index, Attempt(asked, shown, repeat, seed))

    def _in_its_order(self, sample: Sample, row: Row, seed: int) -> Sample:
        again = self.task.reordered
        return with_choices_shuffled(sample, seed, None if again is None else lambda order: again(row, order))

    def _is_asked(self, key: str) -> bool:
        """Whether the proportion of samples that the settings ask for holds this one (or its cluster)."""
        proportion = self.settings.proportion
        return proportion >= 1.0 or int(digest_of("share", str(self.settings.seed), key), 16) < proportion * 2.0**64

    def _told_apart(self, sample: Sample, row: Row, index: int, seen: set[int]) -> Sample:
        """The sample under an id that no other has, since it is a record's key.

        A source's own ids are unique already; only several sources, or ids of the task's making, must be remembered.
        """
        if len(self.parts) == 1 and sample.id == row.id:
            return sample
        if hash(sample.id) in seen:
            sample = replace(sample, id=f"{sample.id}#{index}")
        seen.add(hash(sample.id))
        return sample

    def _sample(self, row: Row, subset: DataSubset, *, first: bool) -> Sample:
        """The row as a sample. A mistake in the first row is the task's; in a later one it is the row's."""
        try:
            sample = self.task.sample(row)
        except UsageError as error:
            if first:
                raise
            raise UnusableRowError(Failure("data", "UsageError", str(error))) from error
        except Exception as error:
            if first:
                raise UsageError(
                    f"task {self.name!r} cannot make a sample of a row",
                    found=f"{type(error).__name__}: {error}; columns: {', '.join(map(str, row.values))}",
                    at=row.origin,
                ) from error
            raise UnusableRowError(Failure("data", type(error).__name__, f"{row.origin}: {error}")) from error
        if subset.groups and not sample.groups:
            sample = replace(sample, groups=subset.groups)
        return sample


class UnusableRowError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def prepare(task: Task, spec: str, source_digest: str, model: Model, settings: Settings) -> PreparedTask:
    """Find the task's data and fix what is asked; raises UsageError where data or the model do not fit."""
    if settings.choice_form is not None or settings.shuffle_choices:
        task = in_choice_form(task, settings.choice_form, model.capabilities, shuffled=settings.shuffle_choices)
    elif task.method.adapt is not None:
        task = task.method.adapt(task, model.capabilities)
    drawing = drawing_of(task, model, settings)
    task = replace(task, method=drawn_as(task.method, drawing))
    samples = drawing.samples or 1
    _refuse_unfit(task, model)
    task = made_ready(task, settings)
    fewshot = replace(
        task.fewshot,
        k=task.fewshot.k if settings.num_fewshot is None or task.fewshot.fixed else settings.num_fewshot,
        order=settings.fewshot_order or task.fewshot.order,
    )
    data = replace(settings.data, revision=task.revision, verified=task.verified)
    settings = replace(settings, data=data)
    opened = [subset.rows.open(data) for subset in task.data]
    _tell_of(task, opened)
    quotas = _quotas([source.count for source in opened], settings.limit)
    parts = tuple(_Part(*part) for part in zip(task.data, opened, quotas, strict=True))
    parts = tuple(part for part in parts if part.quota != 0)
    counts = [_least(part.opened.count, part.quota) for part in parts]
    if counts and sum(count or 0 for count in counts) == 0 and None not in counts:
        raise UsageError(
            f"task {task.name!r} has no data", found="0 rows", at=next(iter(parts[0].opened.facts.values()), "")
        )
    total = None if None in counts or settings.proportion < 1.0 else sum(count or 0 for count in counts) * samples
    turns = _as_turns(task, model, settings)
    identity = identity_words(
        task,
        spec,
        source_digest,
        model,
        fewshot,
        settings,
        [source.digest for source in opened],
        turns=turns,
        samples=samples,
    )
    if departs := departures(task, drawing):
        identity["departs"] = departs
    chats = model.capabilities.chats
    prepared = PreparedTask(
        task.name, spec, task, fewshot, settings, parts, total, identity, samples=samples, chats=chats, turns=turns
    )
    # A wrong column or too few examples show on the first sample: before a run folder is made or a model is loaded.
    first = next(prepared.work(), None)
    if first is not None:
        _check_answered(task, first.attempt.sample)
        _check_first(task, first.attempt.prompt, model)
    return prepared


def _refuse_unfit(task: Task, model: Model) -> None:
    """Raises UsageError for a model that cannot answer what the task asks."""
    missing = task.method.needs - model.capabilities.requests
    if missing:
        names = ", ".join(sorted(kind.__name__ for kind in missing))
        raise UsageError(
            f"task {task.name!r} needs {names}, which {model.identity.name} cannot answer",
            fix="a model of another kind: evalkit list models",
        )
    lacking = ", ".join(sorted(task.method.features - model.capabilities.features))
    if lacking:
        raise UsageError(
            f"task {task.name!r} needs a model with {lacking}, which {model.identity.name} lacks",
            fix="another model, or the task without the option that needs it",
        )


def _as_turns(task: Task, model: Model, settings: Settings) -> bool:
    """Whether the description and the few-shot examples are turns of a conversation: what a text's likelihood or its
    tokens are asked of has none."""
    if not task.method.needs & {Generate, Choose}:
        return False
    return settings.fewshot_turns == "on" or (settings.fewshot_turns == "auto" and model.capabilities.chats)


def _check_answered(task: Task, sample: Sample) -> None:
    """Raises UsageError where a scorer compares with answers and the first sample has none."""
    wanting = next((scorer.name for scorer in task.scorers if scorer.needs_targets), "")
    if wanting and not sample.targets:
        raise UsageError(
            f"task {task.name!r}: the scorer {wanting!r} needs an answer, and sample {sample.id} has none",
            fix="answer: <column or template> in a YAML task; Sample(…, targets=(…,)) in Python",
        )


def _check_first(task: Task, prompt: Prompt, model: Model) -> None:
    """Raises UsageError where the model cannot be shown what the task's first prompt holds."""
    features, name = model.capabilities.features, model.identity.name
    if prompt.images and "images" not in features:
        raise UsageError(
            f"task {task.name!r} shows images, and {name} reads only text",
            fix="a model behind an API that takes images: openai/…, anthropic/…, google/…",
        )
    if prompt.begun and Generate in task.method.needs and "prefill" not in features:
        raise UsageError(
            f"task {task.name!r} begins the assistant's answer (gen_prefix), and {name} does not continue one",
            found=f"{prompt.begun!r:.60}",
            fix="a local model, or a server that does: docs/reference/protocols.md",
        )


def _tell_of(task: Task, opened: list[OpenedSource]) -> None:
    """Say, once each, what of the data is not as it was verified; the manifest keeps it with the source's facts."""
    if task.revision and not any("hub" in source.facts for source in opened):
        raise UsageError(
            f"task {task.name!r} has no data on the hub", found=f"revision={task.revision}", fix="leave revision= out"
        )
    told = list(dict.fromkeys(source.facts["warning"] for source in opened if "warning" in source.facts))
    for text in told[:_WARNINGS]:
        _log.warning("%s: %s", task.name, text)
    if len(told) > _WARNINGS:
        _log.warning("%s: … and %d more of these, all in manifest.json", task.name, len(told) - _WARNINGS)


def made_ready(task: Task, settings: Settings) -> Task:
    """The task with every scorer made ready; raises UsageError where one cannot work on this machine, and where two
    give scores of one name: metrics find scores by their names, so one of the two would be reported as the other."""
    givers: dict[str, str] = {}
    for scorer in task.scorers:
        for name in scorer.scores:
            if name in givers:
                raise UsageError(
                    f"two scorers of task {task.name!r} give a score named {name!r}",
                    found=f"{givers[name]} and {scorer.name}",
                    fix="leave one of the two out of the task's scorers and judges",
                )
            givers[name] = scorer.name
    unsafe = settings.unsafe_code == "subprocess"
    return replace(task, scorers=tuple(s.ready(unsafe) if s.ready else s for s in task.scorers))


def _least(count: int | None, quota: int | None) -> int | None:
    known = [value for value in (count, quota) if value is not None]
    return None if count is None else min(known)


def _quotas(counts: list[int | None], limit: int | None) -> list[int | None]:
    """How many rows to take of each subset: a limit is spread evenly, what a small one lacks goes to the others."""
    if limit is None:
        return [None] * len(counts)
    quotas = [0] * len(counts)
    left = limit
    while left > 0:
        open_ = [i for i, count in enumerate(counts) if count is None or quotas[i] < count]
        if not open_:
            break
        each = max(1, left // len(open_))
        for i in open_[: max(1, left // each)]:
            count = counts[i]
            take = min(each, left, each if count is None else count - quotas[i])
            quotas[i] += take
            left -= take
    return list(quotas)
