"""Few-shot examples and rendering: from a sample to the prompt that is put before a model.

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

from evalkit.core import BadRow, DataOptions, Fewshot, Prompt, PromptFormat, Row, Sample, Subset, UsageError, digest_of

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
    _pool: list[Sample] | None = None
    _shown: dict[str, str] = field(default_factory=dict)

    def render(self, sample: Sample) -> Prompt:
        """The prompt of one sample; raises UsageError where the pool has too few examples."""
        if not isinstance(sample.input, str):
            return Prompt(messages=sample.input)
        examples = "".join(self._show(example) for example in self._draw(sample))
        return Prompt(self.format.question(sample), self.format.description(sample) + examples)

    def _show(self, example: Sample) -> str:
        shown = self._shown.get(example.id)
        if shown is None:
            form = self.format
            shown = form.question(example) + form.delimiter + form.answer(example) + form.separator
            self._shown[example.id] = shown
        return shown

    def _draw(self, sample: Sample) -> Sequence[Sample]:
        k = self.fewshot.k
        if k == 0:
            return ()
        pool = self._examples(k)
        if self.fewshot.order == "first":
            return [e for e in pool[: k + 1] if e.id != sample.id or not self._pool_is_asked()][:k]
        if self.fewshot.order == "lm-eval":
            drawn = self.stream.sample(pool, k + 1 if self._pool_is_asked() or self.fewshot.spare else k)
            return [e for e in drawn if not self._pool_is_asked() or e.id != sample.id][:k]
        own = {"random": (), "seeded": (sample.id,), "balanced": (sample.id,)}[self.fewshot.order]
        rng = random.Random(sample_seed(self.seed, self.task, *own))
        if self.fewshot.order == "balanced":
            offered = [e for e in pool if not self._pool_is_asked() or e.id != sample.id]
            return balanced(offered, k, self.format.answer, rng)
        drawn = rng.sample(pool, min(k + 1, len(pool)))
        return [e for e in drawn if not self._pool_is_asked() or e.id != sample.id][:k]

    def _pool_is_asked(self) -> bool:
        """Whether examples come from the very rows that are asked, so that a sample must be kept out of its own."""
        return self.subset.examples is None or self.subset.examples == self.subset.rows

    def _examples(self, k: int) -> list[Sample]:
        if self._pool is None:
            source = self.subset.examples or self.subset.rows
            rows = source.open(self.options).rows()
            self._pool = [self.to_sample(row) for row in rows if not isinstance(row, BadRow)]
        one_more = self._pool_is_asked() or (self.fewshot.spare and self.fewshot.order == "lm-eval")
        needed = k + 1 if one_more else k
        if len(self._pool) < needed:
            raise UsageError(
                f"task {self.task!r} cannot show {k} examples",
                found=f"{len(self._pool)} rows to draw them from",
                fix=f"--num-fewshot {max(0, len(self._pool) - (needed - k))} or fewer",
            )
        return self._pool


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
