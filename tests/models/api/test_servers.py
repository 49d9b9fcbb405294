"""Through real servers with the embedded model: what they answer is what the local backend answers on its weights."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from evalkit.core import Choose, Generate, Message, Model, ModelError, Perplexity, Prompt, Reply, Request, UsageError
from evalkit.models import resolve
from evalkit.models.tiny import TINY
from tests import servers

pytestmark = pytest.mark.slow("starts servers with models behind them")

QUESTIONS = (
    "Question: What is the capital of France?\nAnswer:",
    "Question: What color is the sky?\nAnswer:",
    "The cat sat on the",
    "naïve café, 東京 🙂",
)


def ask(model: Model, requests: Sequence[Request]) -> list[Reply]:
    async def work() -> list[Reply]:
        try:
            return await asyncio.gather(*map(model.answer, requests))
        finally:
            await model.close()

    return asyncio.run(work())


@pytest.fixture(scope="module")
def transformers_serve() -> Iterator[str]:
    """The address of `transformers serve`, which takes a few seconds to come up."""
    with servers.transformers_serve() as address:
        yield f"{address}/v1"


@contextlib.contextmanager
def echo_server(*arguments: str) -> Iterator[str]:
    pytest.importorskip("torch")
    with servers.announced([sys.executable, str(servers.ECHO), str(TINY), *arguments]) as address:
        yield f"{address}/v1"


@pytest.fixture(scope="module")
def echoing() -> Iterator[str]:
    with echo_server() as address:
        yield address


def test_transformers_serve_writes_what_the_local_backend_writes(transformers_serve: str) -> None:
    """Greedy, as plain text and as a conversation; that server leaves a stop string in the text, so it is cut here."""
    requests: list[Request] = [Generate(Prompt(text), max_tokens=12, stop=("\n",)) for text in QUESTIONS]
    requests += [Generate(Prompt(messages=(Message("user", text),)), max_tokens=12, stop=()) for text in QUESTIONS]
    served = resolve(f"openai/{TINY}", {"base_url": transformers_serve, "concurrency": "2"})
    assert not served.capabilities.chats
    there = ask(served, requests)
    here = ask(resolve("tiny"), requests)
    assert [reply.texts for reply in there] == [reply.texts for reply in here]
    assert [reply.usage.prompt_tokens for reply in there] == [reply.usage.prompt_tokens for reply in here]
    assert any(reply.texts[0].strip() for reply in there)


def test_transformers_serve_streams_what_it_writes_whole(transformers_serve: str) -> None:
    requests: list[Request] = [Generate(Prompt(text), max_tokens=12, stop=("\n",)) for text in QUESTIONS]
    requests += [Generate(Prompt(messages=(Message("user", text),)), max_tokens=12, stop=()) for text in QUESTIONS]
    options = {"base_url": transformers_serve, "concurrency": "2"}
    streaming = resolve(f"openai/{TINY}", {**options, "stream": "on"})
    pieces, whole = ask(streaming, requests), ask(resolve(f"openai/{TINY}", options), requests)
    assert [reply.texts for reply in pieces] == [reply.texts for reply in whole]
    assert "first token" in streaming.facts  # type: ignore[attr-defined]


def test_transformers_serve_ignores_echo_and_that_is_found_out(transformers_serve: str) -> None:
    served = resolve(f"openai/{TINY}", {"base_url": transformers_serve})
    assert Choose not in served.capabilities.requests
    assert "ignores echo and logprobs" in served.facts["no log-probabilities"]  # type: ignore[attr-defined]


def test_log_likelihoods_through_a_server_are_those_of_the_local_backend(echoing: str) -> None:
    endings = ("Paris", "London", "a blue thing", "東京")
    requests: list[Request] = [Choose(Prompt(text), endings) for text in QUESTIONS[:3]]
    requests.append(Choose(Prompt("Question: ends with white space \nAnswer: "), ("yes", "no"), delimiter=""))
    requests.append(Choose(Prompt("東京"), ("東京都", " und so weiter")))
    requests.append(Choose(Prompt(), ("Paris", "a blue thing")))
    served = resolve("vllm/tiny", {"base_url": echoing})
    assert {Choose, Perplexity} <= served.capabilities.requests
    for one, other in zip(ask(served, requests), ask(resolve("tiny"), requests), strict=True):
        assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=2e-4)
        assert one.greedy == other.greedy
        assert one.notes == ()


def test_perplexity_through_a_server_is_that_of_the_local_backend(echoing: str) -> None:
    """The local backend, like lm-evaluation-harness, has the begin token that a tokenizer adds stand after another
    one and scores it, too; a server does so where it is told to put one ahead."""
    texts = ("The cat sat on the mat, and the dog ran away.", QUESTIONS[3])
    requests = [Perplexity(text, tokens=True) for text in texts]
    here = ask(resolve("tiny"), requests)
    begun = ask(resolve("vllm/tiny", {"base_url": echoing, "begin": "<|bos|>"}), requests)
    for local, served in zip(here, begun, strict=True):
        assert served.token_loglikelihoods == pytest.approx(local.token_loglikelihoods, abs=2e-4)
        assert served.loglikelihoods == pytest.approx(local.loglikelihoods, abs=5e-4)
        assert served.notes == ()


def test_windows_and_strides_through_a_server_are_those_of_the_local_backend() -> None:
    """The server reads and writes 34 tokens at most, so a window is one that a local model of 32 reads; with a stride,
    which has no token of context of its own, of 33. The texts are several windows long."""
    long = "The cat sat on the mat, and the dog ran away over the green hill. " * 6
    texts = (long, "<|bos|>" + long, QUESTIONS[3], "short", "")
    with echo_server("--most", "34") as address:
        options = {"base_url": address, "tokenizer": str(TINY), "max_length": "34"}
        for stride, length in ((None, "32"), (7, "33")):
            requests = [Perplexity(text, tokens=True, stride=stride) for text in texts]
            here = ask(resolve("tiny", {"max_length": length}), requests)
            there = ask(resolve("vllm/tiny", options), requests)
            for local, served in zip(here, there, strict=True):
                assert served.token_loglikelihoods == pytest.approx(local.token_loglikelihoods, abs=2e-4)
                assert served.loglikelihoods == pytest.approx(local.loglikelihoods, rel=1e-5, abs=5e-4)
            assert len(here[0].token_loglikelihoods) > 90
        assert "stride" in resolve("vllm/tiny", options).capabilities.features
        # Without windows the server's own words say that it is too long.
        with pytest.raises(ModelError, match="maximum context length is 34"):
            ask(resolve("vllm/tiny", {"base_url": address}), [Perplexity(long)])


def test_windows_need_to_know_how_much_the_server_reads() -> None:
    with pytest.raises(UsageError, match="how many tokens the server reads"):
        resolve("vllm/tiny", {"base_url": "http://localhost:8000/v1", "tokenizer": str(TINY)})


def test_a_server_that_ignores_echo_gives_no_log_likelihoods() -> None:
    with echo_server("--ignore") as address:
        served = resolve("llamacpp/tiny", {"base_url": address})
        assert served.capabilities.requests == {Generate} | (served.capabilities.requests - {Choose, Perplexity})
        assert Choose not in served.capabilities.requests
        assert "ignores echo" in served.facts["no log-probabilities"]  # type: ignore[attr-defined]


def test_a_run_through_a_server_has_the_scores_of_a_local_one(echoing: str, tmp_path: Path) -> None:
    """Multiple choice and perplexity: the same rows, the same values, row by row."""
    import evalkit

    tasks = ["toy_mmlu", "toy_wikitext"]
    local = evalkit.run(tasks, "tiny", limit=12, out=tmp_path / "local", cache=False)
    asked = f"vllm/tiny,base_url={echoing},begin=<|bos|>"
    served = evalkit.run(tasks, asked, limit=12, out=tmp_path / "served", cache=False)
    for name in tasks:
        ours = {record.sample.id: record for record in local.records(name)}
        assert len(ours) == 12 or "wikitext" in name
        for record in served.records(name):
            for one, other in zip(record.replies, ours[record.sample.id].replies, strict=True):
                assert one.loglikelihoods == pytest.approx(other.loglikelihoods, rel=1e-5, abs=5e-4)
