"""The pairwise judge: which of two answers is better, asked in both orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.core import Judge, Model, Reply, Sample, Score, UsageError, Verdict
from evalkit.judging.ask import JudgeReply, Read, Sampling, ask
from evalkit.judging.fencing import conversation, fenced, nonce
from evalkit.judging.logprob_grades import weigh
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import Decide, answers_of, decided, judge_of, questions_of, reference_of, unjudged
from evalkit.judging.verdict_reader import read_label
from evalkit.scoring.extraction.reading import Reading

SCORES = ("win", "consistent", "first_position")
_LABELS: Mapping[str, str] = {"A": "1", "B": "0", "C": "0.5", "tie": "0.5"}
_ARENA: Mapping[str, str] = {"A>>B": "1!", "A>B": "1", "A=B": "0.5", "B>A": "0", "B>>A": "0!"}


@dataclass(frozen=True, slots=True)
class Scale:
    """The labels of a pairwise verdict, what each says of the answer shown first, and the words that ask for it."""

    labels: Mapping[str, str]
    words: str

    def value(self, label: str) -> float:
        """1 where the answer shown first is better, 0 where the other is, 0.5 for a tie."""
        return float(label.rstrip("!"))

    def name(self, meant: str) -> str:
        """The label in the judge's own letters; what is none comes back as it is."""
        return max((label for label, value in self.labels.items() if value == meant), key=len, default=meant)


THREE = Scale(
    _LABELS,
    "Explain in a few sentences, then end with one line and nothing after it:\n"
    "`Verdict: A` if answer A is better, `Verdict: B` if answer B is, `Verdict: tie` if neither is.",
)
TWO = Scale(
    {"A": "1", "B": "0"},
    "Explain in a few sentences, then end with one line and nothing after it: `Verdict: A` or `Verdict: B`.",
)
FIVE = Scale(
    _ARENA,
    "Explain in a few sentences, then end with one line and nothing after it: `Verdict:` and one of\n"
    "A>>B (A is much better), A>B (slightly), A=B (as good), B>A (B is slightly better), B>>A (much).",
)
SCALES: Mapping[str, Scale] = {"three": THREE, "two": TWO, "five": FIVE}


@dataclass(frozen=True, slots=True)
class _Compare(Decide):
    prompt: PromptText
    scale: Scale
    orders: Literal["both", "first"]
    soft: bool
    last_turn: bool
    max_tokens: int
    temperature: float

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        if not replies or len(replies) % 2:
            raise ValueError(f"a pair has as many replies for each answer, not {len(replies)} in all")
        half = len(replies) // 2
        one, two = answers_of(replies[:half]), answers_of(replies[half:])
        asked = [_in_order("AB", await self._order(model, sample, one, two), self.scale)]
        if self.orders == "both":
            asked.append(_in_order("BA", await self._order(model, sample, two, one), self.scale))
        missing = [f"{place} order: {order.problem}" for place, order in zip(("first", "second"), asked, strict=False)
                   if order.value is None]  # fmt: skip
        if missing:
            return unjudged("; ".join(missing), asked)
        labels = [order.value or "" for order in asked]
        notes = tuple(dict.fromkeys(order.note for order in asked if order.note))
        return decided(_scores(labels, self.scale, self.soft, notes), asked)

    async def _order(self, model: Model, sample: Sample, a: tuple[str, ...], b: tuple[str, ...]) -> JudgeReply[str]:
        text = _text(self.prompt, sample, a, b, self.last_turn)

        def read(reply: str, cut: bool) -> Reading[str]:
            return read_label(reply, self.scale.labels, cut=cut)

        if self.soft:
            return await _leaning(model, text, self.scale, read)

        sampling = Sampling(self.max_tokens, self.temperature)
        return await ask(model, text, read, form=self.scale.words, schema=_schema(self.scale), sampling=sampling)


def pairwise(
    name: str,
    prompt: PromptText,
    *,
    scale: Scale = THREE,
    orders: Literal["both", "first"] = "both",
    soft: bool = False,
    last_turn: bool = False,
    max_tokens: int = 1024,
    temperature: float = 0.0,
    version: int = 1,
) -> Judge:
    """A judge over two answers. Its scores are of the first one:

    `win`, 1, 0.5 or 0, with the value of each order among its counts; `consistent`, whether both orders agree;
    `first_position`, the proportion of decided orders in which the answer shown first won. Verdicts that disagree are a
    tie (Zheng et al. 2023, arXiv 2306.05685); where one order is unjudged the pair is. On the five-step scale a strong
    preference counts as three wins of its order (`strong` among the win's flags), as Arena-Hard weighs them.

    `soft` reads P(A) / (P(A) + P(B)) from the verdict token of a model that gives log-likelihoods; `win` is then the
    mean over the orders, and `consistent` says whether both lean to the same answer.
    """
    if soft and scale is not TWO:
        raise UsageError("a soft preference is one between A and B", fix="scale=two")

    decide = _Compare(prompt, scale, orders, soft, last_turn, max_tokens, temperature)
    settings = {"prompt": prompt.digest, "orders": orders, "labels": "/".join(scale.labels)}
    if soft:
        settings["soft"] = "yes"
    if temperature:
        settings["temperature"] = f"{temperature:g}"
    return judge_of(name, decide, scores=SCORES, over="pair", settings=settings, version=version)


def _text(prompt: PromptText, sample: Sample, a: tuple[str, ...], b: tuple[str, ...], last_turn: bool) -> str:
    questions = questions_of(sample, len(a))
    reference = reference_of(sample, turns=len(a))
    mark = nonce(sample.id, *questions, reference, "A", *a, "B", *b)
    return prompt.render(
        {
            "question": "\n".join(fenced(question, "question", mark) for question in questions),
            "answer_a": conversation(questions, a, "answer A", mark) if len(a) > 1 else fenced(a[0], "answer A", mark),
            "answer_b": conversation(questions, b, "answer B", mark) if len(b) > 1 else fenced(b[0], "answer B", mark),
            "reference": fenced(reference, "reference", mark) if reference else "",
            "turns": len(a),
            "last_turn": last_turn,
            "nonce": mark,
        }
    )


async def _leaning(model: Model, text: str, scale: Scale, read: Read[str]) -> JudgeReply[str]:
    """P(A) / (P(A) + P(B)) as the text of a number."""

    def letter(reply: str, cut: bool) -> Reading[str]:
        found = read(reply, cut)
        return found if found.value is None else Reading(scale.name(found.value))

    asked = await weigh(model, text, "Verdict", ("A", "B"), letter, fix="soft=no")
    value = None if asked.value is None else repr(asked.value[0])
    return asked.about(value)


def _in_order(order: str, asked: JudgeReply[str], scale: Scale) -> JudgeReply[str]:
    named = (replace(call, order=order, verdict=scale.name(call.verdict)) for call in asked.calls)
    return replace(asked, calls=tuple(named))


def _scores(labels: list[str], scale: Scale, soft: bool, notes: tuple[str, ...]) -> tuple[Score, ...]:
    """The scores of one order, or of two of which the second showed the answers the other way round."""
    shown = [scale.value(label) for label in labels]
    mine = [shown[0], *(1.0 - value for value in shown[1:])]
    decided = [value for value in shown if value != 0.5]
    agree = len({_side(value) for value in mine}) == 1
    win = sum(mine) / len(mine) if soft or agree else 0.5
    flags = tuple(f"strong_{place}" for place, label in enumerate(labels) if label.endswith("!"))
    scores = [Score("win", win, answer=" ".join(labels), counts=tuple(mine), flags=(*flags, *notes))]
    if len(mine) > 1:
        scores.append(Score("consistent", float(agree)))
    if decided:
        scores.append(Score("first_position", sum(value > 0.5 for value in decided) / len(decided)))
    return tuple(scores)


def _side(value: float) -> int:
    return (value > 0.5) - (value < 0.5)


def _schema(scale: Scale) -> dict[str, object]:
    labels = [label for label in scale.labels if label != "C"]
    return {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, "verdict": {"type": "string", "enum": labels}},
        "required": ["reasoning", "verdict"],
        "additionalProperties": False,
    }
