"""The ranking judge: n answers put in order, in one list that is shuffled by the question."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.core import Judge, Model, Reply, Sample, Score, UsageError, Verdict
from evalkit.judging.ask import Sampling, ask
from evalkit.judging.fencing import conversation, fenced, nonce
from evalkit.judging.json_objects import ending_object
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import Decide, answers_of, decided, judge_of, questions_of, reference_of, unjudged
from evalkit.scoring.extraction.reading import Reading

MOST = len(string.ascii_uppercase)


@dataclass(frozen=True, slots=True)
class _Rank(Decide):
    prompt: PromptText
    turns: int
    seed: int
    max_tokens: int

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        texts = answers_of(replies)
        answers = [texts[start : start + self.turns] for start in range(0, len(texts), self.turns)]
        if not 2 <= len(answers) <= MOST or len(texts) % self.turns:
            raise ValueError(f"{len(texts)} replies of {self.turns} turns are no list of 2 to {MOST} answers")
        order = list(range(len(answers)))
        random.Random(f"{self.seed} {sample.id}").shuffle(order)
        letters = string.ascii_uppercase[: len(answers)]

        def read(reply: str, cut: bool) -> Reading[tuple[str, ...]]:
            return read_order(reply, letters, cut=cut)

        text = _text(self.prompt, sample, [answers[place] for place in order], letters)
        form = f"Explain in a few sentences, then end with one line: `Ranking: {' > '.join(letters)}`, best first."
        asked = await ask(model, text, read, form=form, schema=_schema(letters), sampling=Sampling(self.max_tokens))
        if asked.value is None:
            return unjudged(asked.problem, (asked,))
        ranks = {order[letters.index(letter)]: place for place, letter in enumerate(asked.value, 1)}
        scores = tuple(Score(f"rank_{place + 1}", float(ranks[place])) for place in range(len(answers)))
        return decided(scores, (asked,))


def ranking(name: str, prompt: PromptText, *, turns: int = 1, seed: int = 1, max_tokens: int = 2048) -> Judge:
    """A judge over n answers of `turns` replies each. Scores: `rank_1`, …, `rank_n`, where 1 is the best.

    The list's order depends on (seed, sample) alone. A reply that does not name every answer exactly once is unjudged.
    """
    settings = {"prompt": prompt.digest, "seed": str(seed)}
    return judge_of(
        name,
        _Rank(prompt, turns, seed, max_tokens),
        scores=("rank_1", "rank_2"),
        over="list",
        settings=settings,
        scale="number",
    )


def read_order(text: str, letters: str, *, cut: bool = False) -> Reading[tuple[str, ...]]:
    """The letters in the order that a reply ends with: a list in its object, or `B > A > C` on its last line."""
    found, _ = ending_object(text)
    if found is not None:
        listed = found.get("ranking")
        said = tuple(str(item) for item in listed) if isinstance(listed, list) else ()
    elif cut:
        return Reading(problem="the reply was cut at its token limit")
    else:
        lines = [line.strip(" *_`[].") for line in text.splitlines() if line.strip()]
        last = lines[-1] if lines else ""
        head, _, tail = last.rpartition(":")
        if head.strip(" *_").casefold() not in ("", "ranking", "final ranking", "verdict"):
            return Reading(problem="its last line is not a ranking")
        said = tuple(part.strip(" *_`[]") for part in tail.split(">"))
    if sorted(said) != sorted(letters):
        return Reading(problem=f"it does not name each of {', '.join(letters)} exactly once")
    return Reading(said)


def pairs_of(ranks: Sequence[float]) -> list[tuple[int, int, float]]:
    """(i, j, 1 where i is above j, 0 below, 0.5 level) for every pair of a ranking, for Bradley–Terry."""
    return [
        (i, j, 0.5 if ranks[i] == ranks[j] else float(ranks[i] < ranks[j]))
        for i in range(len(ranks))
        for j in range(i + 1, len(ranks))
    ]


def _text(prompt: PromptText, sample: Sample, answers: list[tuple[str, ...]], letters: str) -> str:
    if not answers[0]:
        raise UsageError("an answer without a turn")
    questions = questions_of(sample, len(answers[0]))
    reference = reference_of(sample, turns=len(answers[0]))
    mark = nonce(sample.id, *questions, reference, *(part for one in answers for part in ("answer", *one)))
    shown = [
        conversation(questions, one, f"answer {letter}", mark)
        if len(one) > 1
        else fenced(one[0], f"answer {letter}", mark)
        for letter, one in zip(letters, answers, strict=True)
    ]
    return prompt.render(
        {
            "question": "\n".join(fenced(question, "question", mark) for question in questions),
            "answers": shown,
            "reference": fenced(reference, "reference", mark) if reference else "",
            "nonce": mark,
        }
    )


def _schema(letters: str) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "ranking": {"type": "array", "items": {"type": "string", "enum": list(letters)}},
        },
        "required": ["reasoning", "ranking"],
        "additionalProperties": False,
    }
