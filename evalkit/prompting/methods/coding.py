"""A program that the model writes: continued as text by a base model, in a code block by a chat model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from evalkit.core import AskModel, Attempt, Capabilities, Method, Model, PromptFormat, Reply, Sample, Task
from evalkit.prompting.methods.generating import generate

CHAT = "chat"
"""The note on a reply that came from a chat model: its code is in a block somewhere."""


@dataclass(frozen=True, slots=True)
class _WriteInChat(AskModel):
    """`asked` writes the texts; `plain` knows what a perfect model would write without a chat."""

    asked: Method
    plain: Method

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        replies = await self.asked.ask(attempt, model)
        return tuple(replace(reply, notes=(*reply.notes, CHAT)) for reply in replies)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        replies = self.plain.gold(attempt)
        fenced = tuple(f"Here it is:\n```python\n{text}\n```\n" for text in replies[0].texts)
        return (replace(replies[0], texts=fenced, notes=(CHAT,)),)


def write_code(
    *,
    max_tokens: int = 1024,
    stop: tuple[str, ...] = (),
    temperature: float = 0.0,
    top_p: float = 0.95,
    n: int = 1,
    gold: Callable[[Sample], str] | None = None,
    chat_question: Callable[[Sample], str] | None = None,
    chat: bool | None = None,
    chat_max_tokens: int | None = None,
) -> Method:
    """Let the model write code: `generate`, without the stops where prompts pass through a chat template.

    Stops such as "\\ndef" end what a base model goes on writing; in a chat reply they would cut the code block itself.
    `chat_question` words the question for chat models. `chat` True or False says what the model is taken for, whatever
    it says of itself; `chat_max_tokens` leaves it room for prose. The seeds, n and sampling are those of `generate`.
    """
    plain = generate(
        max_tokens=max_tokens, stop=stop, temperature=temperature, top_p=top_p if temperature else 1.0, n=n, gold=gold
    )

    def as_chat(task: Task, capabilities: Capabilities) -> Task:
        if chat is False or not (chat or capabilities.chats):
            return task
        asked = generate(
            max_tokens=chat_max_tokens or max_tokens,
            stop=(),
            temperature=temperature,
            top_p=top_p if temperature else 1.0,
            n=n,
        )

        way = _WriteInChat(asked, plain)
        # Generating from the task's own prompt to another: examples stay as they are.
        prompt: PromptFormat = replace(task.prompt, question=chat_question) if chat_question else task.prompt
        return replace(task, prompt=prompt, method=replace(asked, name="generate-chat", ask=way, gold=way.gold))

    return replace(plain, adapt=as_chat)
