"""A loop of thought, action and observation: the model calls Python functions by text until it knows the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from evalkit.core import AskModel, Attempt, Generate, Message, Method, Model, Prompt, Reply, Usage, UsageError
from evalkit.prompting.methods.tools import called, described, functions
from evalkit.scoring.extraction.replies import without_thought

_FINAL = re.compile(r"Final Answer:[ \t]*(.*)", re.DOTALL)
_NEXT = r"\n\s*(?:Thought|Action|Observation|Final Answer):"
_ACTION = re.compile(rf"Action:[ \t]*([^\n]+?)[ \t]*\n\s*Action Input:[ \t]*(.*?)(?={_NEXT}|\Z)", re.DOTALL)
_NO_STEP = "Error: no action was found. Write an Action and an Action Input, or a Final Answer."
_INTRODUCTION = """\
Answer the question at the end. These tools can be used:
{tools}

Write one step, in this form, and wait for what comes of it:
Thought: what to do next
Action: the name of one tool
Action Input: its input, as a JSON object, or as it is where the tool has one parameter

It will be shown as "Observation: …". Once the answer is known, write:
Thought: why it is known
Final Answer: the answer and nothing else

"""


@dataclass(frozen=True, slots=True)
class _ToolLoop(AskModel):
    known: Mapping[str, Callable[..., object]]
    introduction: str
    max_steps: int
    max_tokens: int
    temperature: float
    top_p: float

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        as_chat = bool(attempt.prompt.messages) or model.capabilities.chats
        prompt = _introduced(attempt.prompt, self.introduction, as_chat)
        replies: list[Reply] = []
        for _ in range(self.max_steps):
            request = Generate(
                prompt,
                max_tokens=self.max_tokens,
                stop=("Observation:",),
                temperature=self.temperature,
                top_p=self.top_p,
                seed=attempt.seed if self.temperature > 0 else 0,
                repeat=attempt.repeat,
            )
            reply = await model.answer(request)
            replies.append(reply if replies else replace(reply, sent=prompt.as_messages()))
            step = read_step(without_thought(reply)[0].text)
            if step.answer is not None:
                return (*replies, replace(reply, texts=(step.answer,), usage=Usage(), seconds=0.0))
            if step.tool in self.known:
                observed = await called(self.known[step.tool], step.input)
            elif step.tool:
                observed = f"Error: there is no tool {step.tool!r}, only {', '.join(self.known)}"
            else:
                observed = _NO_STEP
            told = f"Observation: {observed}"
            replies.append(Reply(texts=(told,), finish=("tool",), source=reply.source, role="tool"))
            prompt = _continued(prompt, reply.texts[0], observed, as_chat)
        ended = Reply(texts=("",), finish=("stop",), notes=("tool-loop-ended",), source=replies[-1].source)
        return (*replies, ended)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        targets = attempt.sample.targets
        return (Reply(texts=(targets[0] if targets else "",), finish=("stop",)),)


def tool_loop(
    *,
    tools: tuple[str | Callable[..., object], ...] = ("calculator",),
    max_steps: int = 8,
    max_tokens: int = 256,
    temperature: float = 0.0,
    top_p: float = 1.0,
) -> Method:
    """Let the model use `tools` for at most `max_steps` steps, by a text protocol that any writing model can follow.

    A tool is a Python function (the model sees its name, parameters and the first line of its docstring), or the name
    of a built-in one: "calculator". A step is a thought and a call. The model then sees the call's result, or what was
    wrong with it, and continues. The replies are the steps, the observations, and last the final answer, which scorers
    read; it is empty with the note "tool-loop-ended" if no step gave one.

    Source: Yao et al. 2022 (ReAct), https://arxiv.org/abs/2210.03629. Functions run in this process, unguarded: give
    none that a model must not call. Raises UsageError for limits below 1 and unknown tools.
    """
    if max_steps < 1 or max_tokens < 1:
        raise UsageError("max_steps and max_tokens must be at least 1", found=f"{max_steps}, {max_tokens}")
    known = functions(tools)
    introduction = _INTRODUCTION.format(tools="\n".join(f"- {described(function)}" for function in known.values()))

    way = _ToolLoop(known, introduction, max_steps, max_tokens, temperature, top_p)
    settings = {
        "sampling": "greedy" if temperature == 0.0 else f"t={temperature:g},top_p={top_p:g}",
        "tools": "+".join(known),
        "max_steps": str(max_steps),
        "max_tokens": str(max_tokens),
    }
    return Method("tool_loop", way, way.gold, frozenset({Generate}), settings)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the model comes to: a final answer, or a call, or (both empty) neither."""

    answer: str | None = None
    tool: str = ""
    input: str = ""


def read_step(text: str) -> Step:
    """The first thing of a step that counts: what a model writes after its call was made up without the result."""
    action, final = _ACTION.search(text), _FINAL.search(text)
    if action and (final is None or action.start() < final.start()):
        return Step(tool=action[1].strip("`*[]() "), input=action[2].strip().strip("`"))
    if final:
        return Step(answer=final[1].strip())
    return Step()


def _introduced(prompt: Prompt, introduction: str, as_chat: bool) -> Prompt:
    if not as_chat:
        return replace(prompt, preamble=introduction + prompt.preamble, question=prompt.question + "\n")
    return prompt.with_last_turn(lambda text: introduction + text)


def _continued(prompt: Prompt, step: str, observed: str, as_chat: bool) -> Prompt:
    if not as_chat:
        return replace(prompt, question=f"{prompt.question}{step.rstrip()}\nObservation: {observed}\n")
    turns = (Message("assistant", prompt.begun + step), Message("user", f"Observation: {observed}"))
    return Prompt(messages=(*(prompt.messages[:-1] if prompt.begun else prompt.messages), *turns))
