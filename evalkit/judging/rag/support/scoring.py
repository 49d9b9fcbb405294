"""The scorers that need no judge: support by the lexical detector, and whether an answer abstains where it should."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from evalkit.core import Embed, Metric, Model, Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.judging.rag.formulas import cosine
from evalkit.judging.rag.records import RagRecord, of_sample
from evalkit.judging.rag.retrieval_scores import where_applicable
from evalkit.judging.rag.segments import statements
from evalkit.judging.rag.support.detector import Similarity, Support, abstains, overall, plain, supports
from evalkit.judging.rag.support.windows import read_contexts
from evalkit.judging.rag.support.wording import tokens
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean

_SCORES = ("support", "weakest_support", "contradicted", "unsupported")


@dataclass(frozen=True, slots=True)
class _SentenceSupport(ScoreSample):
    embedder: str
    held: list[Model] = field(default_factory=list, compare=False)

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        record = of_sample(sample, replies)
        answer = final_answer(replies) if replies else None
        similarity = await _similarity(self.held, self.embedder, record) if self.embedder else None
        found = await asyncio.to_thread(supports, record.answer or "", record.contexts, record.question, similarity)
        validity = answer.validity if answer is not None else Validity.OK
        return support_scores(found, _SCORES, validity)


def sentence_support(*, embedder: str = "") -> Scorer:
    """How far the contexts support an answer, sentence by sentence, by rules that need no model (`support.detector`).

    `support` is the mean over sentences that claim something, `weakest_support` their minimum, `contradicted` and
    `unsupported` the proportions of sentences called so (all 0 to 1). An answer that claims nothing ("The documents do
    not say.") has none of these: not applicable. `sentences` counts those that claim; its details hold every sentence
    with its evidence. With an `embedder` (a model that embeds) paraphrases gain coverage by the cosine of sentence
    and window.
    """
    settings = {"embedder": embedder} if embedder else {}
    return Scorer("sentence_support", _SentenceSupport(embedder), _SCORES, support_metrics(_SCORES), settings)


def support_scores(
    found: Sequence[Support], names: tuple[str, ...], validity: Validity = Validity.OK
) -> tuple[Score, ...]:
    """`sentences` with the details, and the four named scores where a sentence claims something. The flag `not_latin`
    is of an answer in another script, of which English rules see little."""
    claiming = [one for one in found if one.support is not None]
    mean_value, weakest = overall(found)
    details = {"sentences": [one.json() for one in found]}
    reason = "" if claiming else "no sentence claims anything"
    flags: tuple[str, ...] = ("contexts_cut",) if any(one.cut for one in found) else ()
    flags += ("not_latin",) if _is_foreign("".join(one.text for one in claiming)) else ()
    count = Score("sentences", float(len(claiming)), reason=reason, validity=validity, flags=flags, details=details)
    if mean_value is None or weakest is None:
        return (count,)
    worst = min(claiming, key=lambda one: one.support or 0.0)
    against = [sum(one.label == label for one in claiming) / len(claiming) for label in ("contradicted", "unsupported")]
    why = f"{worst.label}: {worst.text}" if worst.label != "supported" else ""
    values = (mean_value, weakest, *against)
    return (count, *(Score(n, value, reason=why, validity=validity) for n, value in zip(names, values, strict=True)))


def _is_foreign(text: str) -> bool:
    """Whether most letters are of a script that English is not written in: rules then see numbers and equal words."""
    letters = [c for c in text if c.isalpha()]
    return sum(c > "\u024f" for c in letters) * 2 > len(letters)


def support_metrics(names: tuple[str, ...]) -> tuple[Metric, ...]:
    """The means of the four scores over answers that claim something; of the last two less is better."""
    better = (True, True, False, False)
    return tuple(
        where_applicable(mean(name, higher_is_better=higher), (name,))
        for name, higher in zip(names, better, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Abstention(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answerable = sample.data.get("answerable")
        if answerable is None:
            return ()
        answer = final_answer(replies)
        said = statements(answer.text)
        silent = not any(c.isalnum() for c in answer.text)
        refuses = bool(said) and all(abstains(text) or not _claims(text) for text in said)
        right = not silent and refuses is not bool(answerable)
        reason = "no answer" if silent else "it abstains" if refuses else "it answers"
        validity = Validity.NO_ANSWER if silent and answer.validity is Validity.OK else answer.validity
        return tuple(
            Score(name, float(right), answer.text, reason, validity)
            for name in ("abstention", "answers" if answerable else "abstains")
        )


def abstention() -> Scorer:
    """Whether an answer says that the contexts hold none, and should: by rule, in English.

    `sample.data["answerable"]` says whether they do; samples without it have no such score. `abstention` is 1 where an
    answer abstains and should, or does not and should not; `abstains` is that of unanswerable samples alone, and
    `answers` that of answerable ones.
    """
    names = ("abstention", "abstains", "answers")

    return Scorer("abstention", _Abstention(), names, tuple(where_applicable(mean(name), (name,)) for name in names))


def _claims(text: str) -> bool:
    return any(token.content or token.number is not None for token in tokens(text))


async def _similarity(held: list[Model], embedder: str, record: RagRecord) -> Similarity:
    """The cosines of the answer's sentences with the windows of the contexts."""
    if not held:
        from evalkit import models

        model = models.resolve(embedder)
        if Embed not in model.capabilities.requests:
            raise UsageError(f"{embedder} is not an embedding model", fix="embedder=st/<repo or path>")
        held.append(model)
    said = [plain(text) for text in statements(record.answer or "") if not abstains(text)]
    windows = list(dict.fromkeys(window.text for window in read_contexts(record.contexts).windows))
    if not said or not windows:
        return {}
    replies = await asyncio.gather(*(held[0].answer(Embed((text,))) for text in (*said, *windows)))
    vectors = [reply.vectors.array()[0].tolist() for reply in replies if reply.vectors is not None]
    near = {}
    for one, vector in zip(said, vectors, strict=False):
        for text, other in zip(windows, vectors[len(said) :], strict=True):
            near[(one, text)] = max(0.0, cosine(vector, other))
    return near
