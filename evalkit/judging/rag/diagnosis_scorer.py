"""The scorer that says of each sample whether it failed, why, and where its evidence stood; no judge is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.judging.rag.diagnosis import CAUSES, diagnose, place_of
from evalkit.judging.rag.records import RagRecord, gold_ranks, of_sample
from evalkit.judging.rag.retrieval_scores import where_applicable
from evalkit.judging.rag.support.detector import SUPPORTED, overall, supports
from evalkit.scoring.extraction import final_answer, squad_normalise
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.token_f1 import overlap

_PLACES = ("absent", "first", "middle", "last")


@dataclass(frozen=True, slots=True)
class _Diagnosis(ScoreSample):
    right_from: float

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        record = of_sample(sample, replies)
        if not record.reference_answers:
            return ()
        answer = final_answer(replies)
        right = is_right(answer.text, record.reference_answers, self.right_from)
        gold = gold_ranks(record)
        positions = evidence_by_text(record) if gold is None else gold
        found = await asyncio.to_thread(supports, answer.text, record.contexts, record.question)
        weakest = overall(found)[1]
        faithful = None if weakest is None else weakest >= SUPPORTED
        why = diagnose(positions, record.depth, failed=not right, faithful=faithful)
        place = place_of(min(positions), record.depth) if positions else "absent"
        reason = f"evidence at {', '.join(map(str, positions)) or 'no rank'} of {record.depth}"
        return (
            Score("correct", float(right), answer.text, reason, answer.validity, details=why.json()),
            *(Score(f"failed_{cause}", float(why.cause == cause), validity=answer.validity) for cause in CAUSES),
            Score(f"correct_gold_{place}", float(right), validity=answer.validity),
        )


def rag_diagnosis(*, right_from: float = 0.5) -> Scorer:
    """Whether an answer is right, and what a wrong one is put down to (`rag.diagnosis`).

    `correct`: the answer contains a reference answer, or its token F1 with one is `right_from` or more (both in
    SQuAD's normal form). `failed_retrieval`, `failed_ordering` and `failed_generation` say why it is not.
    `correct_gold_first`, `…_middle`, `…_last` and `…_absent` are `correct` of the samples whose best-ranked evidence
    was there. Evidence is the contexts that contain a reference, if the sample names references, else those that
    contain a reference answer. An answer is faithful if the lexical detector supports each of its sentences. Samples
    without a reference answer have none of these scores.
    """
    if not 0.0 < right_from <= 1.0:
        raise UsageError("right_from is a token F1 above 0 and up to 1", found=f"{right_from:g}")
    causes = tuple(f"failed_{cause}" for cause in CAUSES)
    places = tuple(f"correct_gold_{place}" for place in _PLACES)
    names = ("correct", *causes, *places)

    metrics = tuple(
        where_applicable(mean(name, higher_is_better=not name.startswith("failed")), (name,)) for name in names
    )
    return Scorer("rag_diagnosis", _Diagnosis(right_from), names, metrics, {"right_from": f"{right_from:g}"})


def is_right(answer: str, references: Sequence[str], right_from: float) -> bool:
    """Whether an answer contains a reference answer word by word, or shares enough words with one."""
    said = squad_normalise(answer).split()
    for reference in references:
        wanted = squad_normalise(reference).split()
        if _contains(said, wanted) or (said and overlap(said, wanted)[0] >= right_from):
            return True
    return False


def evidence_by_text(record: RagRecord) -> tuple[int, ...]:
    """The ranks of the contexts that contain a reference answer word by word."""
    wanted = [squad_normalise(reference).split() for reference in record.reference_answers]
    return tuple(
        context.rank
        for context in record.contexts
        if any(_contains(squad_normalise(context.text).split(), words) for words in wanted)
    )


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return bool(wanted) and any(
        list(words[start : start + len(wanted)]) == list(wanted) for start in range(len(words) - len(wanted) + 1)
    )
