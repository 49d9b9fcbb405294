"""A budget of thought on vLLM's engine: what vLLM is asked for once the thought was closed for it.

Oracle: a stand-in for vLLM's process that writes a known chain of tokens, whatever it is asked, from any of them on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("transformers")

from evalkit.core import Generate, Prompt
from evalkit.models.hf.generation.stream import Stream
from evalkit.models.replies.detokenize import Detokenizer
from evalkit.models.replies.local_text import TextReader
from evalkit.models.replies.markers import Markers, Tags
from evalkit.models.replies.thought_budget import ROOM_TO_CLOSE, ThoughtBudget
from evalkit.models.vllm.engine import Engine
from tests.models.scripted import byte_level, chunk_ids

CHUNKS = ("<think>", "Hm", " so", " then", "</think>", "\n", "Li", "ma", "\nQ", ": next")
THINK = Markers((Tags("<think>", "</think>"),), own=True)


class Process:
    """Writes two tokens at a time, as vLLM may."""

    def __init__(self, chain: Sequence[int]) -> None:
        self.following = dict(pairwise(chain))
        self.asked: list[tuple[tuple[int, ...], dict[str, Any], bool]] = []

    async def written(
        self, ids: tuple[int, ...], params: dict[str, Any], *, schema: Any, stepwise: bool
    ) -> AsyncIterator[Any]:
        self.asked.append((ids, params, stepwise))
        last, left = ids[-1], params["max_tokens"]
        while left > 0 and last in self.following:
            found = []
            for _ in range(min(2, left)):
                if last in self.following:
                    last = self.following[last]
                    found.append(last)
            left -= len(found)
            yield SimpleNamespace(outputs=[SimpleNamespace(token_ids=found, finish_reason=None)])


@pytest.mark.parametrize(("budget", "thought", "times"), [(2, "Hm", 2), (3, "Hm so", 2), (64, "Hm so then", 1)])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_vllm_goes_on_behind_the_mark(budget: int, thought: str, times: int, temperature: float) -> None:
    tokenizer = byte_level(CHUNKS, special=("<think>", "</think>"))
    prompt = tuple(tokenizer("Capital of Peru?")["input_ids"])
    process = Process([prompt[-1], *chunk_ids(tokenizer, CHUNKS)])
    engine = object.__new__(Engine)
    engine._process = process  # type: ignore[assignment]
    text = TextReader(Detokenizer(tokenizer), THINK).begun("Capital of Peru?", prompt, ("\nQ",))
    stream = Stream(
        ids=prompt,
        limit=4 + budget + ROOM_TO_CLOSE,
        text=text,
        eos_ids=frozenset((tokenizer.eos_token_id,)),
        temperature=temperature,
        seed=(1 << 64) - 1,
        budget=ThoughtBudget(text, budget, 4),
    )
    asyncio.run(engine._follow(stream, Generate(Prompt("Capital of Peru?"), stop=("\nQ",))))
    answer = stream.result()
    assert (answer.text, answer.thought, answer.finish) == ("Lima", thought, "stop")
    assert len(process.asked) == times and all(stepwise for _, _, stepwise in process.asked)
    if times == 2:
        ids, params, _ = process.asked[1]
        written = ids[len(prompt) :]
        assert ids[: len(prompt)] == prompt and tokenizer.decode(written).endswith(f"{thought}\n</think>\n\n")
        assert params["max_tokens"] == stream.limit - len(written)
    if temperature:
        assert all(0 <= params["seed"] < 1 << 63 for _, params, _ in process.asked)
        assert len({params["seed"] for _, params, _ in process.asked}) == times
