"""Judges' models that answer from a function of the prompt, in process: for tests of judging alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from evalkit.core import Capabilities, Choose, Generate, Identity, ModelError, Reply, Request, Sample, Usage

_ANSWER = re.compile(
    r"<<answer( [A-Z])?(?: turn (\d+))? ([0-9a-f]{16})>>\n(.*?)\n<<end answer(?: [A-Z])?(?: turn \d+)? \3>>", re.DOTALL
)


class Scripted:
    """A model whose replies are `says(prompt text, seed)`; a ModelError that it gives is raised."""

    def __init__(
        self,
        says: Callable[[str, int], str | ModelError],
        *,
        name: str = "scripted",
        chats: bool = True,
        features: frozenset[str] = frozenset(),
        weighs: Callable[[str, tuple[str, ...]], tuple[float, ...]] | None = None,
    ) -> None:
        self.identity = Identity(name, (("weights", name),))
        requests = {Generate, Choose} if weighs else {Generate}
        self.capabilities = Capabilities(frozenset(requests), chats=chats, features=features)
        self.asked: list[Request] = []
        self._says, self._weighs = says, weighs

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        await asyncio.sleep(0)
        if isinstance(request, Choose):
            assert self._weighs is not None
            values = self._weighs(request.prompt.text, request.continuations)
            return Reply(loglikelihoods=values, greedy=(False,) * len(values))
        assert isinstance(request, Generate)
        said = self._says(request.prompt.text, request.seed)
        if isinstance(said, ModelError):
            raise said
        return Reply((said,), ("stop",), usage=Usage(len(request.prompt.text) // 4, len(said) // 4))

    async def close(self) -> None: ...


def shown(prompt: str) -> dict[str, str]:
    """The fenced answers of a prompt by their letter ("" where there is one), the turns joined."""
    found: dict[str, str] = {}
    for letter, _, _, text in _ANSWER.findall(prompt):
        key = letter.strip()
        found[key] = f"{found[key]}\n{text}" if key in found else text
    return found


def replies(*texts: str) -> tuple[Reply, ...]:
    return tuple(Reply((text,), ("stop",)) for text in texts)


QUESTION = Sample("q1", "What is the capital of Peru?", targets=("Lima",))
