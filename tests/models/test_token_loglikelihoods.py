"""The log-likelihood of every token, and Min-K% of it, against a plain computation by transformers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Perplexity, Reply, Sample
from evalkit.models import resolve
from evalkit.scoring.scorers import min_k

torch = pytest.importorskip("torch")
TEXTS = [
    "Question: Which planet is the largest?\nAnswer: Jupiter is the largest planet.",
    "She sells sea shells by the sea shore.",
    "naïve café, Straße, 東京 🙂",
    "a",
]


def plainly(folder: Path, text: str) -> list[float]:
    """One forward pass over the begin token and the text as it is tokenised (with a begin token of its own, as the
    rolling log-likelihood has it); each of the text's tokens from what stands before it."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = [tokenizer.bos_token_id, *tokenizer(text)["input_ids"]]
    assert ids[0] == ids[1]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [float(logits[place + 1, token]) for place, token in enumerate(ids[2:])]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_equal_one_plain_pass(make_model: Callable[..., Path], family: str) -> None:
    folder = make_model(family, max_length=128)

    async def ask() -> list[Reply]:
        model = resolve(f"hf/{folder}")
        requests = [Perplexity(text, tokens=True) for text in TEXTS] + [Perplexity(TEXTS[0])]
        replies = await asyncio.gather(*(model.answer(request) for request in requests))
        await model.close()
        return replies

    *replies, without = asyncio.run(ask())
    for text, reply in zip(TEXTS, replies, strict=True):
        expected = plainly(folder, text)
        assert reply.token_loglikelihoods == pytest.approx(expected, abs=1e-4)
        assert len(reply.token_loglikelihoods) == reply.usage.prompt_tokens - 1
        scores = {s.name: s.value for s in asyncio.run(min_k(proportion=0.3).score(Sample("1", text), (reply,)))}
        lowest = sorted(expected)[: max(1, int(len(expected) * 0.3))]
        assert scores["min_k"] == pytest.approx(sum(lowest) / len(lowest), abs=1e-4)
        assert scores["token_loglikelihood"] == pytest.approx(sum(expected) / len(expected), abs=1e-4)
    assert without.token_loglikelihoods == ()
    assert without.loglikelihoods == pytest.approx(replies[0].loglikelihoods, abs=1e-5)


def test_a_text_of_several_windows_has_a_value_for_each_token_once(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=32)
    text = " ".join(TEXTS[:2])

    async def ask() -> Reply:
        model = resolve(f"hf/{folder}")
        reply = await model.answer(Perplexity(text, tokens=True))
        await model.close()
        return reply

    reply = asyncio.run(ask())
    assert len(reply.token_loglikelihoods) == reply.usage.prompt_tokens - 1 > 32
    begin = plainly(folder, text[:40])[:8]
    assert reply.token_loglikelihoods[:8] == pytest.approx(begin, abs=1e-4)


def test_a_local_model_refuses_a_schema_and_tools() -> None:
    from evalkit.core import Embed, Generate, ModelError, Prompt, Tool

    for request in (Generate(Prompt("x"), schema="{}"), Generate(Prompt("x"), tools=(Tool("f"),)), Embed(("x",))):
        with pytest.raises(ModelError):
            asyncio.run(resolve("tiny").answer(request))


@pytest.mark.parametrize(
    ("count", "proportion", "taken"), [(10, 0.2, 2), (10, 0.29, 2), (3, 0.2, 1), (1, 1.0, 1), (7, 1.0, 7)]
)
def test_how_many_tokens_min_k_takes(count: int, proportion: float, taken: int) -> None:
    values = tuple(-float(number) for number in range(count))
    reply = Reply(loglikelihoods=(sum(values),), token_loglikelihoods=values)
    score = asyncio.run(min_k(proportion=proportion).score(Sample("1", "x"), (reply,)))[0]
    assert score.value == pytest.approx(sum(sorted(values)[:taken]) / taken)
    assert score.reason == f"{taken} of {count} tokens"


def test_min_k_needs_a_value_for_each_token() -> None:
    with pytest.raises(ValueError, match="token_likelihoods"):
        asyncio.run(min_k().score(Sample("1", "x"), (Reply(loglikelihoods=(-1.0,)),)))
