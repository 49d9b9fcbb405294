"""A judge's model that counts what it was asked, so that judging has its price told."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import Model, Reply, Request
from evalkit.models.wrapper import Wrapper


@dataclass(slots=True)
class Spent:
    """Requests, how many of them the cache answered, tokens of the others, and their cost in US dollars."""

    requests: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    """Of the completion's tokens, those that were thought."""
    cost: float | None = None

    def words(self) -> str:
        """`240 requests (12 from the cache), 81,000 prompt and 9,000 completion tokens, $0.42`."""
        kept = f" ({self.cached:,} from the cache)" if self.cached else ""
        tokens = f"{self.prompt_tokens:,} prompt and {self.completion_tokens:,} completion tokens"
        tokens += f" ({self.reasoning_tokens:,} of thought)" if self.reasoning_tokens else ""
        return f"{self.requests:,} requests{kept}, {tokens}" + ("" if self.cost is None else f", ${self.cost:.4g}")

    def facts(self) -> dict[str, object]:
        """The same for a manifest."""
        return {
            "requests": self.requests,
            "cached": self.cached,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            **({"reasoning_tokens": self.reasoning_tokens} if self.reasoning_tokens else {}),
            "cost": self.cost,
        }


class UsageMeter(Wrapper):
    """`model`, counting. Replies of the cache cost nothing."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.spent = Spent()

    async def answer(self, request: Request) -> Reply:
        reply = await self._model.answer(request)
        spent = self.spent
        spent.requests += 1
        if reply.source == "cache":
            spent.cached += 1
            return reply
        spent.prompt_tokens += reply.usage.prompt_tokens
        spent.completion_tokens += reply.usage.completion_tokens
        spent.reasoning_tokens += reply.usage.reasoning_tokens
        if reply.usage.cost is not None:
            spent.cost = (spent.cost or 0.0) + reply.usage.cost
        return reply
