"""One label of several for an answer, such as a grade or how far it refuses; a score a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evalkit.core import Judge, Model, Reply, Sample, Score, Validity, Verdict
from evalkit.judging.ask import Sampling, ask
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import Decide, answers_of, decided, judge_of, questions_of, reference_of, unjudged
from evalkit.judging.verdict_reader import read_label
from evalkit.scoring.extraction.reading import Reading

ToScores = Callable[[str], tuple[Score, ...]]
"""From the label that an answer was given to its scores."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What may be written and which label it means, the field of a reply's object, the label of an empty answer, and
    the scores of each label."""

    written: Mapping[str, str]
    field: str
    of_nothing: str
    scores: ToScores
    names: tuple[str, ...]
    lower_is_better: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Label(Decide):
    labels: Labels
    text: PromptText
    form: str
    max_tokens: int

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        answer = answers_of(replies)[-1]
        if not answer:
            return Verdict(self.labels.scores(self.labels.of_nothing), "there is no answer", Validity.NO_ANSWER)
        told = {"question": questions_of(sample, 1)[0], "target": reference_of(sample), "predicted_answer": answer}

        def read(reply: str, cut: bool) -> Reading[str]:
            return read_label(reply, self.labels.written, field=self.labels.field, cut=cut)

        sampling = Sampling(self.max_tokens)
        asked = await ask(model, self.text.render(told), read, form=self.form, schema=self._schema(), sampling=sampling)
        if asked.value is None:
            return unjudged(asked.problem, (asked,))
        return decided(self.labels.scores(asked.value), (asked,))

    def _schema(self) -> dict[str, object]:
        """The first way of writing each label, which is what a judge with a schema may say."""
        first = list({meant: written for written, meant in reversed(list(self.labels.written.items()))}.values())
        return {
            "type": "object",
            "properties": {self.labels.field: {"type": "string", "enum": sorted(first)}},
            "required": [self.labels.field],
            "additionalProperties": False,
        }


def labelled(
    name: str, labels: Labels, prompt: PromptText, form: str, *, max_tokens: int = 1024, version: int = 1
) -> Judge:
    """A judge that gives an answer one of the labels.

    `prompt` is filled with `question`, `target` and `predicted_answer`; `form` ends it, for a model that takes no
    schema. An empty reply has the label `of_nothing`, without asking. A verdict that cannot be read is unjudged.
    """
    settings = {"prompt": prompt.digest, "form": form}
    decide = _Label(labels, prompt, form, max_tokens)
    return judge_of(
        name,
        decide,
        scores=labels.names,
        settings=settings,
        version=version,
        lower_is_better=labels.lower_is_better,
    )
