"""Self-consistency: several sampled texts, of which the answer that most of them give is scored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from evalkit.core import AskModel, Attempt, Method, Model, Reply, Sample, Usage, UsageError
from evalkit.prompting.methods.generating import generate
from evalkit.scoring.extraction import Pick, matched
from evalkit.scoring.extraction.replies import without_thought


@dataclass(frozen=True, slots=True)
class _SelfConsistency(AskModel):
    """`drawn` writes the texts; `answer_of` reads the answer of one, None where it has none."""

    drawn: Method
    answer_of: Callable[[str], str | None]

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        (reply,) = await self.drawn.ask(attempt, model)
        return reply, _elected(reply, majority([self.answer_of(one.text) for one in without_thought(reply)]))

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        (reply,) = self.drawn.gold(attempt)
        return reply, _elected(reply, 0)


def self_consistency(
    *,
    n: int = 8,
    temperature: float = 0.7,
    top_p: float = 1.0,
    max_tokens: int = 256,
    stop: tuple[str, ...] = ("\n\n",),
    pattern: str = r"-?\d[\d,]*(?:\.\d+)?",
    pick: Pick = "last",
    read: Callable[[str], str | None] | None = None,
    gold: Callable[[Sample], str] | None = None,
) -> Method:
    """Sample `n` texts, read an answer from each, and pass on the first text with the commonest answer.

    The method returns two replies: all n texts as they came, and the text of the majority, which scorers read. An
    answer is what `read` makes of a text without its reasoning, or else the last (or first) match of `pattern`, by
    default a number. Texts without an answer have no vote; if no text has one, the first is passed on. Of equally
    common answers, the one that came first wins.

    Source: Wang et al. 2022, https://arxiv.org/abs/2203.11171, unweighted vote. lm-evaluation-harness' `majority_vote`
    lets texts without an answer vote, too, so that they can outvote every answer.

    Raises UsageError for fewer than two texts, a temperature of 0, or a pattern that is not a regular expression.
    """
    if n < 2 or temperature <= 0:
        raise UsageError(
            "self-consistency votes over several sampled texts",
            found=f"n={n}, temperature={temperature:g}",
            fix="n of 2 or more and a temperature above 0",
        )
    if read is not None and not callable(read):
        raise UsageError("`read` is a function", found=repr(read), fix="give `pattern` instead")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            "`pattern` is not a regular expression", found=repr(pattern), fix=f"correct it: {error}"
        ) from None

    def answer_of(text: str) -> str | None:
        return read(text) if read else matched(compiled, text, pick)

    drawn = generate(max_tokens=max_tokens, stop=stop, temperature=temperature, top_p=top_p, n=n, gold=gold)

    way = _SelfConsistency(drawn, answer_of)
    settings = {**drawn.settings, "vote": "majority"}
    if read is None:
        settings["pattern"] = f"{pick} {pattern!r}"
    return Method("self_consistency", way, way.gold, drawn.needs, settings)


def majority(answers: list[str | None]) -> int:
    """The index of the first text whose answer is the commonest; the earliest of equally common ones, 0 without any."""
    counts = Counter(answer for answer in answers if answer is not None)
    return answers.index(counts.most_common(1)[0][0]) if counts else 0


def _elected(reply: Reply, index: int) -> Reply:
    """One text of the reply as a separate reply, which cost nothing more."""
    return replace(reply.part(slice(index, index + 1)), usage=Usage(), seconds=0.0)
