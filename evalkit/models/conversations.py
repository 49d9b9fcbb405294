"""Conversations as a model is asked them: the user's system prompt, and models that have no system role."""

from __future__ import annotations

from dataclasses import replace

from evalkit.core import Message, Prompt
from evalkit.core.messages import Role

__all__ = ["alternating", "folded", "with_system"]


def with_system(prompt: Prompt, system: str) -> tuple[Message, ...]:
    """The conversation with the user's system prompt before any that it has."""
    messages = prompt.as_messages()
    if not system:
        return messages
    if messages and messages[0].role == "system":
        return (replace(messages[0], content=f"{system}\n\n{messages[0].content}"), *messages[1:])
    return (Message("system", system), *messages)


def folded(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation for a model that has no system role: its words go ahead of the first turn."""
    said = [message for message in messages if message.role == "system"]
    if not said:
        return messages
    first, *rest = [message for message in messages if message.role != "system"] or [Message("user", "")]
    text = "\n\n".join([message.content for message in said] + ([first.content] if first.content else []))
    return (replace(first, content=text), *rest)


def alternating(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation for a model that wants user and assistant in turn: without a system role, and turns of the same
    side made one."""
    found: list[Message] = []
    for message in folded(messages):
        side: Role = "assistant" if message.role == "assistant" else "user"
        if found and found[-1].role == side:
            text = "\n\n".join(part for part in (found[-1].content, message.content) if part)
            found[-1] = replace(found[-1], content=text, images=(*found[-1].images, *message.images))
        else:
            found.append(replace(message, role=side))
    return tuple(found)
