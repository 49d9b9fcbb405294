"""An answer read by named readers, in turn, and compared with the targets."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.readers import Reader, equal, read_by
from evalkit.scoring.extraction.readers import first_of as chain_of
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _ReadAnswer(ScoreSample):
    name: str
    chain: tuple[Reader, ...]
    ignore_case: bool
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        return (self._score(sample, replies),)

    def _score(self, sample: Sample, replies: tuple[Reply, ...]) -> Score:
        answer = final_answer(replies, strip="none")
        if not answer.text:
            return Score(self.name, 0.0, None, answer.reason, answer.validity)
        read, reader = read_by(self.chain, sample, answer.text)
        if read.value is None:
            return Score(self.name, 0.0, None, read.problem, answer.validity_with(read))
        right = any(self._equal(reader, read.value, target) for target in sample.targets)
        reason = answer.reason or (f"read by {reader.name}" if len(self.chain) > 1 else "")
        return Score(self.name, float(right), read.value, reason, answer.validity)

    def _equal(self, reader: Reader, said: str, target: str) -> bool:
        if self.ignore_case:
            said, target = said.casefold(), target.casefold()
        return equal(reader.kind, said, target)


def read_answer(
    *,
    first_of: tuple[str, ...],
    name: str = "read_answer",
    ignore_case: bool = False,
) -> Scorer:
    """Whether the answer that the first of several readers finds is one of the targets; the score is `name`, 0 or 1.

    The readers are, by name: `letter`, `choice` (a letter or a text of the sample's choices), `label`, `number`,
    `boxed`, `answer is TEXT`, `json FIELD`; and those of other projects: `answer is (X)`, `Answer: X` and
    `last letter` (MMLU-Pro's three steps), `last (X)`, `last number` and `#### number` (lm-evaluation-harness). The
    first that reads something decides, and so does one that finds what it cannot read: then the sample is UNREADABLE.
    Without an answer it is NO_ANSWER. Letters are compared without brackets and case, numbers by value, texts as they
    are (or without case).

    Raises UsageError for an unknown reader; scoring raises ValueError without targets.
    """
    if isinstance(first_of, str):
        raise UsageError("`first_of` is a list of readers", found=repr(first_of), fix=f"first_of: [{first_of}]")
    scoring = _ReadAnswer(name, chain_of(*first_of), ignore_case)
    settings = {"first_of": " | ".join(first_of)} | ({"ignore_case": "yes"} if ignore_case else {})
    return Scorer("read_answer", scoring, (name,), (mean(name),), settings)
