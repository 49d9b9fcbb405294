"""A model whose replies are a pure function of the request, and a task to ask it: for tests of the runner alone."""

import asyncio
from collections.abc import Callable

from evalkit.core import (
    Capabilities,
    Fewshot,
    Generate,
    Identity,
    ModelError,
    Perplexity,
    PromptFormat,
    Reply,
    Request,
    Row,
    Sample,
    Subset,
    Task,
    digest_of,
)
from evalkit.data import rows
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import exact_match


class Parrot:
    """Answers a generation with the last word of the question; what `fails` says fails."""

    def __init__(
        self, fails: Callable[[str], bool] = lambda text: False, name: str = "parrot", window: int = 16
    ) -> None:
        self.identity = Identity(name, (("weights", name),))
        self.capabilities = Capabilities(window=window)
        self.asked: list[str] = []
        self._fails = fails

    async def answer(self, request: Request) -> Reply:
        if isinstance(request, Perplexity):
            return Reply(loglikelihoods=(-float(len(request.text)),), greedy=(False,))
        text = request.prompt.text
        self.asked.append(text)
        await asyncio.sleep(0)
        if self._fails(text):
            raise ModelError(f"no answer to {text!r}")
        if isinstance(request, Generate):
            return Reply(texts=(text.split()[-1],) * request.n, finish=("stop",) * request.n)
        values = tuple(-int(digest_of(text, c)[:4], 16) / 1000 for c in request.continuations)
        return Reply(loglikelihoods=values, greedy=(False,) * len(values))

    async def close(self) -> None: ...


class Skilled(Parrot):
    """Says what it is asked where the question is easy enough for it, with a little luck of its own."""

    def __init__(self, name: str, skill: float) -> None:
        super().__init__(name=name)
        self._skill = skill

    async def answer(self, request: Request) -> Reply:
        found = await super().answer(request)
        question = request.prompt.text
        difficulty, luck = (int(digest_of(who, question)[:8], 16) / 16**8 for who in ("", self.identity.name))
        right = difficulty + 0.5 * (luck - 0.5) < self._skill
        return found if right else Reply(texts=("nothing",), finish=("stop",))


def to_sample(row: Row) -> Sample:
    return Sample(
        id=row.id,
        input=row.values["question"],
        targets=(row.values["answer"],),
        groups=(row.values["answer"],),
        cluster=row.values.get("cluster", ""),
    )


FORMAT = PromptFormat(question=lambda s: f"{s.input}")


def say_task(count: int = 20, name: str = "say", **changes: object) -> Task:
    """Say the last word: half of the samples want "left", half "right", every fifth asks for the wrong one."""
    values = []
    for number in range(count):
        word = ("left", "right")[number % 2]
        asked = "wrong" if number % 5 == 4 else word
        values.append({"question": f"{number} say {asked}", "answer": word})
    parts: dict[str, object] = {
        "name": name,
        "data": (Subset(rows(values, name=name)),),
        "sample": to_sample,
        "prompt": FORMAT,
        "method": generate(max_tokens=4, stop=("\n",)),
        "scorers": (exact_match(),),
        "fewshot": Fewshot(),
    }
    return Task(**(parts | changes))  # type: ignore[arg-type]
