"""Generated texts equal transformers' own, one prompt at a time, and end where they were told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Generate, Model, Prompt, Reply, Request
from evalkit.models import resolve

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FAMILIES = ("llama", "gpt2", "qwen2", "gemma", "gemma2", "mistral", "gpt_neox", "phi", "opt", "bloom", "t5")
PROMPTS = (
    "The quick brown fox",
    "Question: Which planet is the largest?\nAnswer:",
    "She sells sea shells by the sea shore; the shells she sells are surely",
    "A",
)


def answers(model: Model, requests: list[Request]) -> list[Reply]:
    """All replies, asked at the same time; the model is closed."""

    async def ask() -> list[Reply]:
        try:
            return list(await asyncio.gather(*(model.answer(request) for request in requests)))
        finally:
            await model.close()

    return asyncio.run(ask())


def by_transformers(folder: Path, prompt: str, max_tokens: int) -> tuple[str, int]:
    """model.generate's greedy text for one prompt, and its number of tokens."""
    config = transformers.AutoConfig.from_pretrained(folder)
    auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    model = auto.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        written = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=max_tokens,
            do_sample=False,
            eos_token_id=1,
            pad_token_id=2,
        )[0]
    written = written[1:] if config.is_encoder_decoder else written[ids.shape[1] :]
    return tokenizer.decode(written, skip_special_tokens=True), len(written)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_texts_are_those_of_generate_one_by_one(
    family: str, make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_model(family, max_length=128)
    replies = answers(
        resolve(f"hf/{folder}"),
        [Generate(Prompt(prompt), max_tokens=5 + 8 * i, stop=()) for i, prompt in enumerate(PROMPTS)],
    )
    for i, (prompt, reply) in enumerate(zip(PROMPTS, replies, strict=True)):
        text, count = by_transformers(folder, prompt, 5 + 8 * i)
        assert reply.texts == (text,)
        assert reply.usage.completion_tokens == count
    assert "without a key-value cache" not in caplog.text
