"""Few-shot examples and rendering: from a sample to the prompt that is put before a model.

The row that is asked is never among its own examples, whichever source they come from: it is known by what it asks. Of
a pool that has too few others, fewer examples are shown.

Orders: `first` shows the first examples there are; `random` draws once for all samples, by (task, seed); `seeded`
draws for each sample, by (task, seed, sample id); `balanced` does so, too, and takes as many examples of every answer
as it can. So a prompt never depends on the order of samples, on --limit, or on how work is spread. `lm-eval` order
reproduces that harness's stream instead: seed 1234 for every leaf task (our subsets) and `random.sample` per document,
in order, which is why prompts are rendered in the data's order.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from evalkit.core import (
    BadRow,
    DataOptions,
    Fewshot,
    Message,
    Prompt,
    PromptFormat,
    Row,
    Sample,
    Subset,
    UsageError,
    digest_of,
)

LM_EVAL_SEED = 1234


def sample_seed(seed: int, *parts: str) -> int:
    """A 63-bit seed that depends on the run's seed and the given names only."""
    return int(digest_of(str(seed), *parts), 16) >> 1


@dataclass(slots=True)
class PromptRenderer:
    """Renders the samples of one subset. The few-shot pool is read once, when the first example is needed."""

    task: str
    format: PromptFormat
    fewshot: Fewshot
    subset: Subset
    to_sample: Callable[[Row], Sample]
    options: DataOptions
    seed: int
    stream: random.Random
    rows_digest: str = ""
    """The digest of the rows that are asked, where they are open already."""
    chats: bool = False
    """Whether the model reads conversations: the beginning of its answer is then a turn of its."""
    turns: bool = False
    """Whether few-shot examples are turns, and the description is the system's."""
    _pool: list[Sample] | None = None
    _shown: dict[str, str] = field(default_factory=dict)
    _same_rows: bool | None = None
    # By the identity of the pool's samples, which live as long as the renderer.
    _contents: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _last: tuple[Sample, tuple[str, ...]] | None = None

    def render(self, sample: Sample) -> Prompt:
        """The prompt of one sample; raises UsageError where the pool has too few examples."""
        prefix = self.format.gen_prefix(sample)
        begun = (Message("assistant", prefix),) if prefix else ()
        if not isinstance(sample.input, str):
            return Prompt(messages=(*sample.input, *begun))
        question, description = self._question(sample), self.format.description(sample)
        examples = self._draw(sample)
        if self.turns and (examples or description):
            system = (Message("system", description),) if description else ()
            shown = [turn for example in examples for turn in self._as_turns(example)]
            return Prompt(messages=(*system, *shown, Message("user", question), *begun))
        preamble = description + "".join(self._show(example) for example in examples)
        if self.chats and begun:
            return Prompt(messages=(Message("user", preamble + question), *begun))
        return Prompt(question + self._delimiter(question, prefix) + prefix, preamble)

    def _question(self, sample: Sample) -> str:
        """The question that is asked, with the form in which to answer it."""
        question, wanted = self.format.question(sample), self.format.answer_format(sample)
        return f"{question}\n\n{wanted}" if wanted else question

    def _delimiter(self, question: str, prefix: str) -> str:
        """What separates a question from the beginning of its answer, unless one of them brings white space."""
        return self.format.delimiter if prefix and question and not _meet_in_space(question, prefix) else ""

    def _show(self, example: Sample) -> str:
        shown = self._shown.get(example.id)
        if shown is None:
            if self.format.example is not None:
                shown = self._shown[example.id] = self.format.example(example)
                return shown
            question, answer, prefix = self._example(example)
            delimiter = self._delimiter(question, prefix) if prefix else self.format.delimiter
            shown = self._shown[example.id] = question + delimiter + answer + self.format.separator
        return shown

    def _as_turns(self, example: Sample) -> tuple[Message, Message]:
        question, answer, _ = self._example(example)
        return Message("user", question), Message("assistant", answer)

    def _example(self, example: Sample) -> tuple[str, str, str]:
        """The question of an example, its answer from its beginning on, and that beginning."""
        form = self.format
        prefix, answer = form.gen_prefix(example), form.answer(example)
        if prefix and answer:
            answer = prefix + ("" if _meet_in_space(prefix, answer) else " ") + answer
        return form.question(example), answer or prefix, prefix

    def _draw(self, sample: Sample) -> Sequence[Sample]:
        k = self.fewshot.k
        if k == 0:
            return ()
        pool = self._examples(k)
        order = self.fewshot.order
        if order == "first":
            return list(islice((e for e in pool if not self._is_asked(e, sample)), k))
        if order == "lm-eval":
            drawn = self.stream.sample(pool, k + 1 if self._draws_one_more() else k)
            # What must be put in for a row that is asked is drawn apart: the stream stays that harness's.
            return self._kept(drawn, sample, random.Random(sample_seed(self.seed, self.task, sample.id)))
        own = {"random": (), "seeded": (sample.id,), "balanced": (sample.id,)}[order]
        rng = random.Random(sample_seed(self.seed, self.task, *own))
        if order == "balanced":
            offered = [e for e in pool if not self._is_asked(e, sample)]
            return balanced(offered, k, self.format.answer, rng)
        return self._kept(rng.sample(pool, min(k + 1, len(pool))), sample, rng)

    def _draws_one_more(self) -> bool:
        return not self.fewshot.exact and (self.fewshot.spare or self._pool_is_asked())

    def _kept(self, drawn: Sequence[Sample], sample: Sample, rng: random.Random) -> Sequence[Sample]:
        """The first k of the drawn that are not the row that is asked; where they are too few, others of the pool."""
        k = self.fewshot.k
        kept = [e for e in drawn if not self._is_asked(e, sample)]
        if len(kept) < k:
            taken = {id(e) for e in drawn}
            left = [e for e in self._examples(k) if id(e) not in taken and not self._is_asked(e, sample)]
            kept += rng.sample(left, min(k - len(kept), len(left)))
        return kept[:k]

    def _is_asked(self, example: Sample, sample: Sample) -> bool:
        """Whether an example is the row that is asked: by its id where both come from the same rows, and by what it
        says wherever they come from (another spelling of a path, a row that stands twice, a split that overlaps)."""
        if example.id == sample.id and self._pool_is_asked():
            return True
        known = self._contents.get(id(example))
        if known is None:
            known = self._contents.setdefault(id(example), self._content(example))
        return known == self._content_asked(sample)

    def _content_asked(self, sample: Sample) -> tuple[str, ...]:
        if self._last is None or self._last[0] is not sample:
            self._last = (sample, self._content(sample))
        return self._last[1]

    def _content(self, sample: Sample) -> tuple[str, ...]:
        """What a sample asks; where that is nothing by itself, what it would show as an example."""
        asked = sample.input if isinstance(sample.input, str) else ""
        if asked.strip():
            return (" ".join(asked.split()), *(" ".join(choice.split()) for choice in sample.choices))
        return (self.format.question(sample), self.format.answer(sample))

    def _pool_is_asked(self) -> bool:
        """Whether examples come from the very rows that are asked: the same source, or another of the same content."""
        if self._same_rows is None:
            examples, rows = self.subset.examples, self.subset.rows
            self._same_rows = (
                examples is None
                or examples == rows
                or examples.open(self.options).digest == (self.rows_digest or rows.open(self.options).digest)
            )
        return self._same_rows

    def _examples(self, k: int) -> list[Sample]:
        if self._pool is None:
            source = self.subset.examples or self.subset.rows
            rows = source.open(self.options).rows()
            to_sample = self.subset.example or self.to_sample
            self._pool = [to_sample(row) for row in rows if not isinstance(row, BadRow)]
        one_more = self._pool_is_asked() or (self.fewshot.spare and self.fewshot.order == "lm-eval")
        needed = k + 1 if one_more else k
        if len(self._pool) < needed:
            raise UsageError(
                f"task {self.task!r} cannot show {k} examples",
                found=f"{len(self._pool)} rows to draw them from",
                fix=f"--num-fewshot {max(0, len(self._pool) - (needed - k))} or fewer",
            )
        return self._pool


def _meet_in_space(before: str, after: str) -> bool:
    return before[-1:].isspace() or after[:1].isspace()


def balanced(pool: Sequence[Sample], k: int, answer: Callable[[Sample], str], rng: random.Random) -> Sequence[Sample]:
    """k of the pool, in a random order, with as many of each answer as there are, or one more of some.

    Answers are gone through in a random order, one example of each at a time, until there are enough.
    """
    by_answer: dict[str, list[Sample]] = {}
    for example in pool:
        by_answer.setdefault(answer(example), []).append(example)
    queues = list(by_answer.values())
    rng.shuffle(queues)
    drawn: list[Sample] = []
    while len(drawn) < k and queues:
        for queue in list(queues):
            if len(drawn) == k:
                break
            drawn.append(queue.pop(rng.randrange(len(queue))))
            if not queue:
                queues.remove(queue)
    rng.shuffle(drawn)
    return drawn


def lm_eval_stream() -> random.Random:
    """The stream that `lm-eval` order draws from; lm-evaluation-harness 0.4.13 seeds one for every leaf task."""
    return random.Random(LM_EVAL_SEED)
