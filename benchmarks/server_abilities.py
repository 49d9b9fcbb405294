"""What a server can do, asked ability by ability: a row of the table in docs/reference/servers.md.

    python benchmarks/server_abilities.py vllm/smol,base_url=http://127.0.0.1:8000/v1
    python benchmarks/server_abilities.py openai/gpt-4o-mini --refusals

Every ability is asked by evalkit as a run would, and what came back is held to what was asked for. `--refusals` asks
for what servers refuse (too many log-probabilities, a limit beyond the context, a prompt that is too long, a model that
is not there) and prints what evalkit made of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable

from evalkit.core import (
    Choose,
    Embed,
    Generate,
    Message,
    Model,
    ModelError,
    Perplexity,
    Prompt,
    Reply,
    RunError,
    Tool,
    UsageError,
)
from evalkit.models import resolve

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = Tool(
    "weather", "The weather of a city", json.dumps({"type": "object", "properties": {"city": {"type": "string"}}})
)
TALK = (Message("system", "Answer in one word."), Message("user", "What is the capital of France?"))
Check = Callable[[Model], Awaitable[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="PROVIDER/NAME,option=value")
    parser.add_argument("--refusals", action="store_true")
    given = parser.parse_args()
    for name in given.models:
        print(name)
        for ability, check in (REFUSALS if given.refusals else ABILITIES).items():
            print(f"  {ability:28s} {asyncio.run(_checked(name, check))}", flush=True)


async def _checked(name: str, check: Check) -> str:
    model: Model | None = None
    try:
        model = resolve(name)
        said = await asyncio.wait_for(check(model), 300)
        refused = getattr(model, "facts", {}).get("not taken by the server", "")
        return said + (f"; not taken: {refused}" if refused else "")
    except (ModelError, RunError, UsageError, TimeoutError) as problem:
        return f"no: {' '.join(str(problem).split())[:200]}"
    finally:
        if model is not None:
            await model.close()


async def _generates(model: Model, prompt: Prompt, **fields: object) -> Reply:
    return await model.answer(Generate(prompt, **{"max_tokens": 24, "stop": (), **fields}))  # type: ignore[arg-type]


def _said(reply: Reply, held: bool, more: str = "") -> str:
    notes = f" [{' '.join(reply.notes)}]" if reply.notes else ""
    return f"{'yes' if held else 'no'}: {reply.texts[0][:40]!r} {reply.finish[0]}{more}{notes}"


async def _text(model: Model) -> str:
    if model.capabilities.chats:
        return "no: it only chats"
    reply = await _generates(model, Prompt("The capital of France is"))
    return _said(reply, bool(reply.texts[0]), f", {reply.usage.prompt_tokens}+{reply.usage.completion_tokens} tokens")


async def _chat(model: Model) -> str:
    reply = await _generates(model, Prompt(messages=TALK[1:]))
    return _said(reply, bool(reply.texts[0]), f", {reply.usage.prompt_tokens}+{reply.usage.completion_tokens} tokens")


async def _system(model: Model) -> str:
    plain = await _generates(model, Prompt(messages=TALK[1:]))
    told = await _generates(model, Prompt(messages=TALK))
    return _said(told, told.usage.prompt_tokens != plain.usage.prompt_tokens)


async def _stop(model: Model) -> str:
    reply = await _generates(model, Prompt(messages=(Message("user", "Count: one two three"),)), stop=(" ",))
    return _said(reply, " " not in reply.texts[0])


async def _several(model: Model) -> str:
    reply = await _generates(model, Prompt(messages=TALK[1:]), n=3, temperature=1.0)
    return _said(reply, len(reply.texts) == 3, f", {len(set(reply.texts))} of 3 differ")


async def _seed(model: Model) -> str:
    asked = [await _generates(model, Prompt(messages=TALK[1:]), temperature=1.0, seed=5) for _ in range(2)]
    return _said(asked[0], asked[0].texts == asked[1].texts)


async def _logprobs(model: Model) -> str:
    reply = await _generates(model, Prompt(messages=TALK[1:]), top_logprobs=5)
    places = reply.top_logprobs
    return _said(reply, bool(places), f", {len(places)} places of {len(places[0]) if places else 0}")


async def _schema(model: Model) -> str:
    asked = Prompt(messages=(Message("user", "The capital of France, as JSON with the field city."),))
    reply = await _generates(model, asked, schema=json.dumps(SCHEMA), max_tokens=48)
    try:
        held = json.loads(reply.texts[0]).keys() == {"city"}
    except (ValueError, AttributeError):
        held = False
    return _said(reply, held)


async def _tools(model: Model) -> str:
    asked = Prompt(messages=(Message("user", "Call the tool for the weather of Paris."),))
    reply = await _generates(model, asked, tools=(TOOL,), max_tokens=64)
    return _said(reply, bool(reply.calls), f", calls {reply.calls}")


async def _choices(model: Model) -> str:
    if Choose not in model.capabilities.requests:
        return f"no: {getattr(model, 'facts', {}).get('no log-probabilities', 'it only chats')}"
    reply = await model.answer(Choose(Prompt("The capital of France is"), ("Paris", "Berlin")))
    return f"yes: {', '.join(f'{value:.3f}' for value in reply.loglikelihoods)} {' '.join(reply.notes)}"


async def _perplexity(model: Model) -> str:
    if Perplexity not in model.capabilities.requests:
        return "no"
    reply = await model.answer(Perplexity("The quick brown fox jumps over the lazy dog.", tokens=True))
    return f"yes: {reply.loglikelihoods[0]:.3f} over {len(reply.token_loglikelihoods)} tokens {' '.join(reply.notes)}"


async def _served(model: Model) -> str:
    reply = await _generates(model, Prompt(messages=TALK[1:]))
    return f"{'yes' if reply.served else 'no'}: {reply.served}"


async def _embeds(model: Model) -> str:
    reply = await model.answer(Embed(("one", "two")))
    return f"yes: {reply.vectors.dimension if reply.vectors else 0} dimensions"


async def _many_logprobs(model: Model) -> str:
    reply = await _generates(model, Prompt(messages=TALK[1:]), top_logprobs=50)
    return _said(reply, True, f", {len(reply.top_logprobs[0]) if reply.top_logprobs else 0} a place")


async def _long_limit(model: Model) -> str:
    return _said(await _generates(model, Prompt(messages=TALK[1:]), max_tokens=10_000_000, stop=("\n",)), True)


async def _long_prompt(model: Model) -> str:
    return _said(await _generates(model, Prompt(messages=(Message("user", "word " * 200_000),))), True)


async def _turns(model: Model) -> str:
    turns = (*TALK, Message("user", "And of Spain?"))
    return _said(await _generates(model, Prompt(messages=turns)), True)


async def _greedy_several(model: Model) -> str:
    reply = await _generates(model, Prompt(messages=TALK[1:]), n=2, temperature=0.0)
    return _said(reply, len(reply.texts) == 2)


async def _half_pair(model: Model) -> str:
    return _said(await _generates(model, Prompt(messages=(Message("user", "Say \ud83d and \x00."),))), True)


async def _other_model(model: Model) -> str:
    provider = model.identity.name.partition("/")[0]
    facts = dict(model.identity.facts)
    other = resolve(f"{provider}/no-such-model", {"base_url": facts["base_url"], "api": "chat"})
    try:
        return _said(await _generates(other, Prompt(messages=TALK[1:])), True)
    finally:
        await other.close()


ABILITIES: dict[str, Check] = {
    "plain text": _text,
    "conversation": _chat,
    "system role": _system,
    "stop strings": _stop,
    "several texts": _several,
    "seed": _seed,
    "log-probabilities of a text": _logprobs,
    "choices by likelihood": _choices,
    "perplexity": _perplexity,
    "JSON schema": _schema,
    "tool calls": _tools,
    "embeddings": _embeds,
    "name of what served": _served,
}
REFUSALS: dict[str, Check] = {
    "50 log-probabilities a place": _many_logprobs,
    "limit beyond the context": _long_limit,
    "prompt beyond the context": _long_prompt,
    "two user turns in a row": _turns,
    "several texts, greedy": _greedy_several,
    "half a surrogate pair": _half_pair,
    "a model that is not there": _other_model,
}

if __name__ == "__main__":
    main()
