"""The strided log-likelihood of a text against the loop of transformers' guide to perplexity, run here."""

from __future__ import annotations

import asyncio
import math

import pytest

from evalkit import models
from evalkit.core import Perplexity
from evalkit.models.hf.text.encode import rolling_rows, strided_rows
from evalkit.models.tiny import TINY

torch = pytest.importorskip("torch", reason="a local model needs torch")
transformers = pytest.importorskip("transformers")

TEXT = (
    "The red cat sat on the mat. " * 3
    + "Then a dog came by and the cat ran up a tree, where it stayed until night. " * 4
)


def guide(text: str, length: int, stride: int) -> tuple[float, int]:
    """(Σ log-likelihood, tokens), as https://huggingface.co/docs/transformers/perplexity computes it.

    The text begins with the tokenizer's BOS (or else EOS), which the guide's model reads and does not predict.
    """
    tokenizer = transformers.AutoTokenizer.from_pretrained(TINY)
    model = transformers.AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32).eval()
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    ids = tokenizer(text).input_ids
    ids = torch.tensor([ids if ids[:1] == [first] else [first, *ids]])
    total, count, before = 0.0, 0, 0
    for begin in range(0, ids.shape[1], stride):
        end = min(begin + length, ids.shape[1])
        window, labels = ids[:, begin:end], ids[:, begin:end].clone()
        labels[:, : -(end - before)] = -100
        with torch.no_grad():
            loss = model(window, labels=labels).loss
        predicted = int((labels[:, 1:] != -100).sum())
        total -= float(loss) * predicted
        count += predicted
        before = end
        if end == ids.shape[1]:
            break
    return total, count


@pytest.mark.parametrize(("length", "stride"), [(32, 1), (32, 16), (32, 31), (64, 10), (128, 64), (1000, 16)])
def test_equals_the_guide(length: int, stride: int) -> None:
    model = models.resolve(f"tiny,max_length={length}" if length < 1000 else "tiny")

    async def ask() -> tuple[float, int]:
        try:
            reply = await model.answer(Perplexity(TEXT, stride=stride))
            return reply.loglikelihoods[0], reply.usage.prompt_tokens
        finally:
            await model.close()

    value, count = asyncio.run(ask())
    expected, tokens = guide(TEXT, length, stride)
    assert count == tokens
    assert value == pytest.approx(expected, rel=1e-5)


def test_more_context_predicts_better() -> None:
    model = models.resolve("tiny,max_length=32")

    async def ask() -> list[float]:
        try:
            asked = [Perplexity(TEXT), Perplexity(TEXT, stride=16), Perplexity(TEXT, stride=2)]
            return [reply.loglikelihoods[0] for reply in await asyncio.gather(*map(model.answer, asked))]
        finally:
            await model.close()

    disjoint, half, most = asyncio.run(ask())
    assert disjoint < half < most


def test_windows_of_a_text() -> None:
    rows = strided_rows(tuple(range(1, 10)), prefix_id=0, length=4, stride=2)
    assert [(row.ids, row.targets) for row in rows] == [
        ((0, 1, 2), (1, 2, 3)),
        ((2, 3, 4), (4, 5)),
        ((4, 5, 6), (6, 7)),
        ((6, 7, 8), (8, 9)),
    ]
    # Where the text brings its own first token there is no other before it.
    assert strided_rows((0, 1, 2), 0, 4, 2)[0].targets == (1, 2)
    every = [target for row in strided_rows(tuple(range(1, 100)), 0, 10, 3) for target in row.targets]
    assert every == list(range(1, 100))
    assert math.ceil(99 / 10) == len(rolling_rows(tuple(range(1, 100)), 0, 10))
