"""`llamacpp/` through llama-cpp-python's own server with the embedded model as a GGUF file, against the local backend.

The file is in float32 and so are the server's kept keys and values: what differs is rounding.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from evalkit.core import Choose, Generate, Message, Perplexity, Prompt, Reply, Request
from evalkit.models import resolve
from evalkit.models.tiny import TINY
from tests.servers import needs, serving

INSTALL = "pip install 'llama-cpp-python[server]' compiles llama.cpp in 5 to 12 minutes"
QUESTIONS = (
    "Question: What is the capital of France?\nAnswer:",
    "The cat sat on the",
    "naïve café, 東京 🙂",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address; it is up in a few seconds."""
    needs(
        ("llama_cpp", "uvicorn", "fastapi", "sse_starlette", "starlette_context", "pydantic_settings", "gguf"),
        f"llama-cpp-python's server is the oracle and needs {{package}}: {INSTALL}",
    )
    from tools.write_gguf import write

    file = write(TINY, tmp_path_factory.mktemp("gguf") / "tiny-F32.gguf", "F32")
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(file), "--logits_all", "true"]
    command += ["--n_threads", "1", "--type_k", "0", "--type_v", "0"]
    # Its limiter of one request at a time would cut a stream off for the next request.
    command += ["--interrupt_requests", "false"]
    with serving(command, "/v1/models") as address:
        yield f"{address}/v1"


def ask(spec: str, requests: Sequence[Request], **options: str) -> list[Reply]:
    async def work() -> list[Reply]:
        model = resolve(spec, options)
        try:
            return await asyncio.gather(*map(model.answer, requests))
        finally:
            await model.close()

    return asyncio.run(work())


def test_texts_are_those_of_the_local_backend(address: str) -> None:
    """Greedy, plain and as a conversation through the file's template; whole and streamed."""
    requests: list[Request] = [Generate(Prompt(text), max_tokens=12, stop=("\n",)) for text in QUESTIONS]
    requests += [Generate(Prompt(messages=(Message("user", text),)), max_tokens=12, stop=()) for text in QUESTIONS]
    here = ask("tiny", requests)
    for options in ({}, {"stream": "on"}):
        there = ask("llamacpp/tiny", requests, base_url=address, **options)
        assert [reply.texts for reply in there] == [reply.texts for reply in here]
        if not options:  # streamed, it says nothing of tokens
            assert [reply.usage.prompt_tokens for reply in there] == [reply.usage.prompt_tokens for reply in here]
    assert all(reply.texts[0].strip() for reply in here)


def test_log_likelihoods_are_those_of_the_local_backend(address: str) -> None:
    requests: list[Request] = [Choose(Prompt(text), ("Paris", "a red apple", "é 🙂")) for text in QUESTIONS]
    requests.append(Choose(Prompt("Question: ends with white space \nAnswer: "), ("yes", "no"), delimiter=""))
    served = resolve("llamacpp/tiny", {"base_url": address})
    assert {Choose, Perplexity} <= served.capabilities.requests
    there, here = ask("llamacpp/tiny", requests, base_url=address), ask("tiny", requests)
    for one, other in zip(there, here, strict=True):
        assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=2e-4)
        assert one.greedy == other.greedy


def test_perplexity_is_that_of_the_local_backend_but_for_the_first_token(address: str) -> None:
    """The local backend has the begin token that a tokenizer adds stand after another one and scores it, too; this
    server adds one by itself and is told to put another ahead. It never says how likely a text's first token is."""
    requests = [Perplexity(text, tokens=True) for text in QUESTIONS]
    here = ask("tiny", requests)
    there = ask("llamacpp/tiny", requests, base_url=address, begin="<|bos|>")
    for local, served in zip(here, there, strict=True):
        assert served.token_loglikelihoods == pytest.approx(local.token_loglikelihoods[1:], abs=2e-4)
    bare = ask("llamacpp/tiny", requests, base_url=address)
    assert {reply.notes for reply in bare} == {("first-token-unscored",)}


def test_a_text_that_repeats_itself_is_not_penalized(address: str) -> None:
    """The server's own default would: what is asked for is the model's text."""
    request = [Generate(Prompt("The Whitlow Library ended in 18"), max_tokens=16, stop=())]
    penalized = {"extra": '{"repeat_penalty": 1.5}'}
    assert ask("llamacpp/tiny", request, base_url=address)[0].texts == ask("tiny", request)[0].texts
    assert ask("llamacpp/tiny", request, base_url=address, **penalized)[0].texts != ask("tiny", request)[0].texts


def test_in_process_and_served_answers_are_the_same(address: str, tmp_path: Path) -> None:
    from tools.write_gguf import write

    file = write(TINY, tmp_path / "tiny.gguf", "F32")
    requests = [Generate(Prompt(text), max_tokens=12, stop=("\n",)) for text in QUESTIONS]
    there, here = ask("llamacpp/tiny", requests, base_url=address), ask(f"gguf/{file}", requests)
    assert [reply.texts for reply in there] == [reply.texts for reply in here]
