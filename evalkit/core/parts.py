"""What a task is made of: prompt format, method, scorers, metrics, judges."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from evalkit.core.data import Row, Sample, Subset
from evalkit.core.drawing import Sampling
from evalkit.core.models import Capabilities, Model
from evalkit.core.outcomes import Estimate, Record, Score, Validity
from evalkit.core.prompts import Prompt, Reply

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatRows = NDArray[np.float64]
    IntArray = NDArray[np.int64]
else:

    def __getattr__(name):
        """The types of arrays, for whoever wants them at run time: numpy takes longer to import than all of core."""
        if name not in ("FloatRows", "IntArray"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import numpy as np
        from numpy.typing import NDArray

        return NDArray[np.float64 if name == "FloatRows" else np.int64]


Ends: TypeAlias = "tuple[float | None, float | None]"
"""The least and the largest value that there can be; None where there is no such end."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one sample: the rendered prompt, and a seed that depends on (run seed, sample, repeat) alone."""

    sample: Sample
    prompt: Prompt
    repeat: int = 0
    seed: int = 0


class AskModel(Protocol):
    """The way of one attempt to a model and back, a class for each method; `runs.runner.attempt` calls it."""

    def __call__(self, attempt: Attempt, model: Model, /) -> Coroutine[Any, Any, tuple[Reply, ...]]:
        """The replies, one for every request that was made. Raises ModelError where a request fails."""
        ...


class GoldReplies(Protocol):
    """What a perfect model would reply to an attempt, so that a task can be checked without a model."""

    def __call__(self, attempt: Attempt, /) -> tuple[Reply, ...]: ...


class ScoreSample(Protocol):
    """From a sample and its replies to its scores, a class for each scorer; `runs.runner.attempt` calls it."""

    def __call__(self, sample: Sample, replies: tuple[Reply, ...], /) -> Coroutine[Any, Any, tuple[Score, ...]]:
        """The scores that `Scorer.scores` names. What it raises fails this sample, with the stage "score"."""
        ...


class GiveVerdict(Protocol):
    """A judge at work: a sample and the replies that are judged to a verdict."""

    def __call__(self, sample: Sample, replies: tuple[Reply, ...], /) -> Coroutine[Any, Any, Verdict]: ...


@dataclass(frozen=True, slots=True)
class Method:
    """How a task asks. The signature contains `settings`; `gold` makes the replies of a perfect model."""

    name: str
    ask: AskModel
    gold: GoldReplies
    needs: frozenset[type]
    settings: Mapping[str, str] = field(default_factory=dict)
    features: frozenset[str] = frozenset()
    """What else the model must be able to do (see `Capabilities.features`)."""
    adapt: Callable[[Task, Capabilities], Task] | None = None
    """Changes the task for a model that cannot be asked so; its signature then names the other method."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Turns a sample's replies into scores. `scores` names what it yields; `version` grows when its values change."""

    name: str
    score: ScoreSample
    scores: tuple[str, ...]
    metrics: tuple[Metric, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    ready: Callable[[bool], Scorer] | None = None
    """The scorer made ready for a run, called before a model is loaded; UsageError where it cannot work here. Told
    whether the user lets programs that a model wrote run without isolation."""
    judged_by: Callable[[Model], Scorer] | None = None
    """The scorer with the model that its judge asks; None where it asks none."""
    judge_optional: bool = False
    """Whether it scores without a judge, too, and `judged_by` is only for where one is given."""

    @property
    def needs_targets(self) -> bool:
        """Whether it compares with a sample's targets, so that a task without any cannot be scored by it."""
        return bool(getattr(self.score, "needs_targets", False))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided, or why it could not (`validity` UNJUDGED)."""

    scores: tuple[Score, ...] = ()
    reason: str = ""
    validity: Validity = Validity.OK
    replies: tuple[Reply, ...] = ()
    """What the judge's model said, so that a verdict can be looked at and its tokens counted."""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the verdict rests on, as JSON (see `Score.details`): a "transcript" of what the judge was asked and said."""
    inapplicable: frozenset[str] = frozenset()
    """The judge's scores that this sample cannot have, such as the faithfulness of an answer that claims nothing: they
    leave n and are no failure."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides over one, two or many answers to one sample: `over` says which.

    `verdict` gets the replies of several answers one answer after another, as many for each. A judge that asks a model
    has no model yet when it is loaded; `bound` returns the judge with its model.
    """

    name: str
    verdict: GiveVerdict
    version: int = 1
    over: Literal["answer", "pair", "list"] = "answer"
    scores: tuple[str, ...] = ()
    """The scores that a verdict has; the judge's name where empty."""
    scale: Literal["proportion", "number"] = "proportion"
    """Whether they are proportions from 0 to 1 or numbers of a scale of the judge's own."""
    settings: Mapping[str, str] = field(default_factory=dict)
    bound: Callable[[Model], Judge] | None = None
    lower_is_better: frozenset[str] = frozenset()
    """Those of its scores that a good answer has little of, such as claims that contradict the contexts."""
    ends: tuple[float, float] | None = None
    """The least and the largest value of its scores, such as (1, 10); those of the scale where left out."""


Jackknife = Literal["bounded", "leverage", "none"]
"""What leaving one sample out tells of a metric (`Metric.jackknife`)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Turns records into an estimate through small rows, so that a bootstrap never re-reads a record.

    observe: a record's sufficient statistics, `width` numbers, or None where the metric does not apply.
    estimate: (rows of shape (n, width), cluster numbers of shape (n,)) to an Estimate.
    ends: the least and the largest value that a sample can have; None on either side where there is none. Left out,
    they are 0 and 1 for a proportion and unknown for any other number.
    units: (rows, cluster numbers) to the values whose plain mean the metric is, and their cluster numbers; None where
    it is no such mean. A metric whose rows are its values (width 1) needs none.
    jackknife: what leaving one sample out tells of the value. "bounded": it moves the value little, so that a jackknife
    measures how sure it is. "leverage": so it does, but one outlier may move it by more than its ends suggest, as in a
    correlation. "none": the value jumps, as the best of several thresholds does, and a bootstrap measures it.
    weighed_by: the column of a row that says how much its sample weighs, such as a document's words; None where all
    weigh alike.
    """

    name: str
    observe: Callable[[Record], Sequence[float] | None]
    estimate: Callable[[FloatRows, IntArray], Estimate]
    width: int = 1
    higher_is_better: bool = True
    scale: Literal["proportion", "number"] = "proportion"
    counts_missing: bool = False
    """Whether it observes samples that have no reply, too; other metrics never see them."""
    ends: Ends | None = None
    units: Callable[[FloatRows, IntArray], tuple[FloatRows, IntArray]] | None = None
    jackknife: Jackknife = "bounded"
    weighed_by: int | None = None
    source: str = ""
    """The digest of the file that it comes from, where it is one of the user's: an edit makes another number."""

    def __post_init__(self) -> None:
        if self.ends is None:
            object.__setattr__(self, "ends", (0.0, 1.0) if self.scale == "proportion" else (None, None))


def input_text(sample: Sample) -> str:
    """The sample's input as it is."""
    return str(sample.input)


def right_answer(sample: Sample) -> str:
    """The first target, or else the first right choice; empty where the sample has neither."""
    if sample.targets:
        return sample.targets[0]
    return sample.choices[sample.gold[0]] if sample.gold and sample.choices else ""


def no_text(sample: Sample) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How a sample becomes a prompt: description + k × (question + delimiter + answer + separator) + question.

    By default the question is the sample's input and the answer of a few-shot example its first target or right choice.
    `answer_format` says in which form to answer; it follows the question that is asked, after a blank line.
    `gen_prefix` is how the answer begins: a chat model continues it as its own turn, and every few-shot answer begins
    so too.
    `example` gives the whole text of a worked example, with what ends it, where it has another form than that.
    """

    question: Callable[[Sample], str] = input_text
    answer: Callable[[Sample], str] = right_answer
    description: Callable[[Sample], str] = no_text
    delimiter: str = " "
    separator: str = "\n\n"
    answer_format: Callable[[Sample], str] = no_text
    gen_prefix: Callable[[Sample], str] = no_text
    example: Callable[[Sample], str] | None = None


FewshotOrder = Literal["first", "random", "seeded", "balanced", "lm-eval"]
"""How few-shot examples are picked (docs/how-to/own-task.md)."""


FewshotTurns = Literal["auto", "on", "off"]
"""Whether few-shot examples are turns of a conversation; auto: for chat models (docs/reference/protocols.md)."""

ChoiceForm = Literal["likelihood", "likelihood-letters", "letter", "reasoned"]
"""How multiple choice is asked (docs/reference/protocols.md)."""


@dataclass(frozen=True, slots=True)
class Fewshot:
    """How many few-shot examples come before the question, and how they are picked (see evalkit.prompting.fewshot).

    `spare`: in lm-eval order, one more example is drawn than is shown, as that harness does for a task without a test
    split and few-shot split. `exact`: no more than are shown are drawn, even from the rows that are asked; if the draw
    contains the row itself, another one replaces it. `fixed`: k is part of the task, and no run changes it.
    """

    k: int = 0
    order: FewshotOrder = "seeded"
    spare: bool = False
    exact: bool = False
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark: data, prompt, method, scorers. `version` grows when its numbers stop being comparable."""

    name: str
    data: tuple[Subset, ...]
    sample: Callable[[Row], Sample]
    prompt: PromptFormat
    method: Method
    scorers: tuple[Scorer, ...]
    metrics: tuple[Metric, ...] = ()
    fewshot: Fewshot = Fewshot()
    version: int = 1
    primary_metric: str = ""
    """The metric that stands for the task in a table; the first one where empty."""
    revision: str = ""
    """What its data sets on the hub are asked for, where a user says so; see `DataOptions`."""
    verified: bool = False
    """Whether it is one of evalkit's own, whose data were verified."""
    recommended: Sampling = field(default_factory=Sampling)
    """How its authors, or a model card, have its texts drawn; a run takes it with `--recommended`."""
    reordered: Callable[[Row, Sequence[int]], Sample] | None = None
    """A row's sample with its choices in another order, given by their numbers, where the prompt itself lists them."""
    toy: bool = False
    """Whether the rows are a toy set: small, made up, for trials. Every place that shows a score says so."""
