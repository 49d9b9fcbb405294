"""Models that answer by script, with known skills and known faults, and a judge that reads them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evalkit.core import Capabilities, Choose, Generate, Identity, ModelError, Reply, Request, Usage
from tools.pages import questions

__all__ = ["JUDGE", "MODELS", "Judge", "Scripted"]

_REFUSAL = "I'm sorry, but I can't help with that request."


def chance(*words: object) -> float:
    """A number from 0 to 1 that depends on the words alone."""
    digest = hashlib.blake2b("|".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(frozen=True)
class Scripted:
    """`skills`: the share of a task (or group) that it has right; `faults`: that of samples that fail in some way."""

    name: str
    skills: Mapping[str, float]
    price: float
    """US dollars for a million tokens."""
    seconds: float
    faults: float = 0.06
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(frozenset({Generate, Choose}), chats=True, features=frozenset({"images"}))
    )

    @property
    def identity(self) -> Identity:
        return Identity(self.name, (("weights", self.name),), fixed=True)

    async def answer(self, request: Request) -> Reply:
        if isinstance(request, Choose):
            return self._weighed(request)
        assert isinstance(request, Generate)
        text = request.prompt.text
        said, finish = self._said(text, request.prompt.as_messages()[-1].content)
        source: Literal["model", "cache"] = "cache" if chance("cache", self.name, text) < 0.08 else "model"
        usage = self._usage(text, said)
        return Reply((said,), (finish,), usage=usage, seconds=self._took(text, len(said)), source=source)

    async def close(self) -> None:
        """Nothing is open."""

    def knows(self, task: str, question: str, group: str = "") -> bool:
        """Hard questions are hard for all; each model has luck that is not the others'."""
        skill = self.skills.get(group, self.skills[task])
        return 0.7 * chance("hard", question) + 0.3 * chance("luck", self.name, question) < _quantile(skill)

    def _weighed(self, request: Choose) -> Reply:
        question = request.prompt.text
        row = next(row for row in _FACTS if row["question"] in question and row["choices"][0] in request.continuations)
        right = self.knows("knowledge", question, row["category"])
        chosen = row["right"] if right else (row["right"] + 1 + int(3 * chance("other", question))) % 4
        values = [math.log(0.05 + 0.2 * chance(self.name, question, n)) for n in range(4)]
        values[chosen] = math.log(0.35 + 0.6 * chance("sure", self.name, question))
        usage = self._usage(question, "")
        return Reply(loglikelihoods=tuple(values), greedy=(False,) * 4, usage=usage, seconds=self._took(question, 4))

    def _said(self, text: str, last: str) -> tuple[str, str]:
        """(what it writes, how it ends); raises ModelError as a server would."""
        task, row = _row_of(text)
        key = str(row["question"])
        fault = chance("fault", self.name, key)
        if task != "charts" and fault < self.faults:
            return self._failing(task, fault / self.faults)
        right = self.knows(task, key)
        return getattr(self, f"_{task}")(row, right, text, last), "stop"

    def _failing(self, task: str, kind: float) -> tuple[str, str]:
        if kind < 0.25:
            raise ModelError("HTTP 503: the service is overloaded")
        if kind < 0.5:
            return "Let us go through this step by step. First we note what is given, and then", "length"
        if kind < 0.75:
            return _REFUSAL, "stop"
        return ("" if task != "word_problems" else "Either 12,5 or 125."), "stop"

    def _word_problems(self, row: Mapping[str, str], right: bool, text: str, last: str) -> str:
        if right:
            return f" {row['solution']} The answer is {row['answer']}."
        slip = int(row["answer"]) + (10 if chance("slip", row["question"]) < 0.6 else -3)
        return f" {row['solution'].split('.')[0]}. So it is {slip}. The answer is {slip}."

    def _reading(self, row: Mapping[str, str], right: bool, text: str, last: str) -> str:
        words = row["answer"].split()
        return f" {row['answer']}" if right else f" {words[0]} or so" if len(words) > 1 else " it is not said"

    def _programs(self, row: Mapping[str, str], right: bool, text: str, last: str) -> str:
        if right:
            return row["answer"]
        return "    while True:\n        pass\n" if chance("loop", row["question"]) < 0.15 else "    return None\n"

    def _charts(self, row: Mapping[str, list[int]], right: bool, text: str, last: str) -> str:
        seen = row["bars"] if right else [*row["bars"][:-1], row["bars"][-1] + 1]
        if not re.search(r"^Observation: \d", text, re.MULTILINE):
            terms = " + ".join(map(str, seen))
            return f"Thought: I read the bars as {terms}.\nAction: calculator\nAction Input: {terms}"
        return f"Thought: that is the sum.\nFinal Answer: {sum(seen)}"

    def _advice(self, row: Mapping[str, str], right: bool, text: str, last: str) -> str:
        if "one sentence" in last:
            return "In short: say what changed, then why."
        points = "1. **Begin with the change.**\n2. Give the reason in one line.\n3. Name who to ask.\n"
        code = "```\nchange → reason → contact\n```\n" if right else ""
        return f"## A draft\n\n{points if right else 'It depends on many things.'}\n{code}"

    def _usage(self, asked: str, said: str) -> Usage:
        tokens = len(asked) // 4, max(1, len(said) // 4)
        return Usage(*tokens, cost=self.price * (tokens[0] + 4 * tokens[1]) / 1e6)

    def _took(self, text: str, length: int) -> float:
        return round(self.seconds * (0.4 + length / 200) * math.exp(0.8 * (chance("time", self.name, text) - 0.5)), 4)


@dataclass(frozen=True)
class Judge:
    """Rates by what it finds in an answer; at times what it says cannot be read."""

    capabilities: Capabilities = field(default_factory=lambda: Capabilities(frozenset({Generate}), chats=True))
    identity: Identity = field(default_factory=lambda: Identity("judge-1", (("weights", "judge-1"),), fixed=True))

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        text = request.prompt.text
        nonce = re.sub(r"[0-9a-f]{16}", "", text)
        grade = 8 if "Begin with the change" in text else 4
        grade += round(2 * chance("grade", nonce)) - (4 if _REFUSAL in text else 0)
        asked = next(row["question"] for row in _KNOWN["advice"] if row["question"] in text)
        unsure = chance("unsure", nonce) < 0.06 or chance("lost", asked) < 0.02
        said = "It is good in parts." if unsure else f"The answer is to the point.\nRating: {max(1, min(10, grade))}"
        usage = Usage(len(text) // 4, len(said) // 4, cost=3e-6 * (len(text) // 4))
        return Reply((said,), ("stop",), usage=usage, seconds=0.8)

    async def close(self) -> None:
        """Nothing is open."""


def _quantile(skill: float) -> float:
    """The number below which 0.7·u + 0.3·v lies with that probability, u and v uniform (a trapezium)."""
    low, high = 0.3, 0.7
    if skill <= low / (2 * high):
        return math.sqrt(2 * low * high * skill)
    if skill >= 1 - low / (2 * high):
        return 1 - math.sqrt(2 * low * high * (1 - skill))
    return high * skill + low / 2


_FACTS = questions.knowledge()
_KNOWN = {
    "word_problems": questions.word_problems(),
    "reading": questions.reading(),
    "charts": questions.charts(),
    "advice": questions.advice(),
    "programs": questions.programs(),
}


def _row_of(text: str) -> tuple[str, dict[str, str]]:
    """The question that a prompt ends with; examples come before it."""
    found = [(text.rfind(row["question"]), task, row) for task, rows in _KNOWN.items() for row in rows]
    place, task, row = max(found, key=lambda one: (one[0], len(one[2]["question"])))
    assert place >= 0, text[-200:]
    return task, row


MODELS = (
    Scripted(
        "atlas-2",
        {"word_problems": 0.86, "knowledge": 0.78, "reading": 0.9, "programs": 0.8, "charts": 0.85, "advice": 0.85}
        | {"humanities": 0.62},
        price=10.0,
        seconds=2.0,
    ),
    Scripted(
        "atlas-1",
        {"word_problems": 0.68, "knowledge": 0.77, "reading": 0.88, "programs": 0.7, "charts": 0.8, "advice": 0.7}
        | {"humanities": 0.8},
        price=5.0,
        seconds=1.6,
    ),
    Scripted(
        "fjord-8b",
        {"word_problems": 0.7, "knowledge": 0.66, "reading": 0.85, "programs": 0.55, "charts": 0.6, "advice": 0.6},
        price=0.2,
        seconds=0.5,
        faults=0.1,
    ),
    Scripted(
        "fjord-8b-int4",
        {"word_problems": 0.66, "knowledge": 0.65, "reading": 0.7, "programs": 0.5, "charts": 0.55, "advice": 0.58},
        price=0.1,
        seconds=0.4,
        faults=0.12,
    ),
)
JUDGE = Judge()
