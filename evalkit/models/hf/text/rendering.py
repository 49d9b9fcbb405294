"""From a prompt to the text that a model reads: as it is, or through the model's chat template."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from evalkit.core import Message, ModelError, Prompt, Tool
from evalkit.models.conversations import folded, with_system
from evalkit.models.hf.options import ChatMode

__all__ = ["ChatRenderer", "Rendered"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text, and whether a chat template made it (no delimiter then comes before a choice)."""

    text: str
    templated: bool = False
    notes: tuple[str, ...] = ()


class ChatRenderer:
    """Renders prompts for one model."""

    def __init__(self, tokenizer: Any, chat: ChatMode, system: str) -> None:
        self._tokenizer = tokenizer
        self._chat = chat
        self._system = system
        self.folds = False
        """Whether the template turned out to have no system role."""

    def render(self, prompt: Prompt, tools: tuple[Tool, ...] = ()) -> Rendered:
        """The prompt as text; tools are the template's to show, so that even a plain prompt then goes through it.

        Raises ModelError where the template is missing or refuses the conversation.
        """
        if self._chat == "on" or ((prompt.messages or tools) and self._chat == "auto"):
            return Rendered(self._conversation(prompt, tools), templated=True)
        if prompt.messages:
            raise ModelError("a conversation needs the chat template, and it is off (chat=off)")
        # Text as it is has no place for a system prompt; the record says that it was left out.
        return Rendered(prompt.text, notes=("system-prompt-unused",) if self._system else ())

    def _conversation(self, prompt: Prompt, tools: tuple[Tool, ...]) -> str:
        if prompt.images:
            raise ModelError("the model reads only text: it can't be shown an image")
        if not self._tokenizer.chat_template:
            raise ModelError("the model has no chat template, so it can't be asked a conversation")
        messages = with_system(prompt, self._system)
        try:
            text = self._templated(messages, tools)
        except Exception as error:  # noqa: BLE001 - a template is code of the model's and may raise anything
            refusal: Exception = error
        else:
            if _tells(text, messages):
                return text
            refusal = ModelError("it leaves the system prompt out")
        if any(message.role == "system" for message in messages):
            # The template has no system role: its words go ahead of the first turn, as for servers.
            with suppress(Exception):
                text = self._templated(folded(messages), tools)
                self.folds = True
                return text
        raise ModelError(f"the chat template refused the conversation: {refusal}") from refusal

    def _templated(self, messages: tuple[Message, ...], tools: tuple[Tool, ...]) -> str:
        # A conversation that ends with the assistant's words asks for their continuation.
        goes_on = messages[-1].role == "assistant"
        text: str = self._tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in messages],
            tools=[_as_function(tool) for tool in tools] or None,
            tokenize=False,
            add_generation_prompt=not goes_on,
            continue_final_message=goes_on,
        )
        return text


def _tells(text: str, messages: tuple[Message, ...]) -> bool:
    """Whether a template wrote the system's words down, a line of them at least: some leave them out without a word."""
    said = [one.content for one in messages if one.role == "system" and one.content.strip()]
    return all(any(line.strip() in text for line in words.splitlines() if line.strip()) for words in said)


def _as_function(tool: Tool) -> dict[str, Any]:
    """A tool in the shape that chat templates know."""
    described = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", "function": described}
