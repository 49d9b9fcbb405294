"""Log-likelihoods equal a plain forward pass over one request at a time, for every family."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Model, Perplexity, Prompt, Reply, Request
from evalkit.models import resolve

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FAMILIES = ("llama", "gpt2", "qwen2", "gemma", "gemma2", "mistral", "gpt_neox", "phi", "opt", "bloom")
CONTEXTS = (
    "The quick brown fox",
    "Question: Which planet is the largest?\nAnswer:",
    "She sells sea shells by the sea shore; the shells she sells",
    "In the beginning there was a small town, and in ",
    "東京 🙂",
    "",
)
ENDINGS = ("dog", " Jupiter is the largest planet.", "A", "B", "é")


def answers(model: Model, requests: list[Request]) -> list[Reply]:
    """All replies, asked at the same time; the model is closed."""

    async def ask() -> list[Reply]:
        try:
            return list(await asyncio.gather(*(model.answer(request) for request in requests)))
        finally:
            await model.close()

    return asyncio.run(ask())


class Plain:
    """The oracle: transformers alone, one sequence a pass, no padding, full logits."""

    def __init__(self, folder: Path) -> None:
        config = transformers.AutoConfig.from_pretrained(folder)
        self.seq2seq = bool(config.is_encoder_decoder)
        auto = transformers.AutoModelForSeq2SeqLM if self.seq2seq else transformers.AutoModelForCausalLM
        self.model = auto.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def ids(self, text: str, special: bool = True) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def score(self, read: list[int], targets: list[int], source: list[int] | None = None) -> tuple[float, bool]:
        """Of the last len(targets) positions of `read`."""
        with torch.no_grad():
            if source is None:
                logits = self.model(input_ids=torch.tensor([read])).logits[0]
            else:
                logits = self.model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([read])).logits[0]
        logprobs = torch.log_softmax(logits[-len(targets) :], -1)
        total = sum(float(logprobs[i, target]) for i, target in enumerate(targets))
        return total, logprobs.argmax(-1).tolist() == targets

    def continuation(self, context: str, ending: str) -> tuple[float, bool]:
        stem = context.rstrip()
        ending = context[len(stem) :] + ending
        if self.seq2seq:
            source = self.ids(stem) if stem else [0]
            targets = self.ids(ending, special=False)
            return self.score([2, *targets[:-1]], targets, source)
        if not stem:
            before, targets = [0], self.ids(ending, special=False)
        else:
            before = self.ids(stem)
            targets = self.ids(stem + ending)[len(before) :]
        return self.score((before + targets)[:-1], targets)

    def rolling(self, text: str, length: int) -> float:
        ids = self.ids(text)
        total, done = 0.0, 0
        while done < len(ids):
            end = min(done + length, len(ids))
            read = [0, *ids[: end - 1]] if done == 0 else ids[max(0, end - length - 1) : end - 1]
            total += self.score(read, ids[done:end])[0]
            done = end
        return total


def compare(replies: list[Reply], folder: Path) -> float:
    """The largest difference from the oracle over CONTEXTS × ENDINGS; greedy flags must be equal."""
    plain, worst = Plain(folder), 0.0
    for context, reply in zip(CONTEXTS, replies, strict=True):
        for ending, value, greedy in zip(ENDINGS, reply.loglikelihoods, reply.greedy, strict=True):
            expected, best = plain.continuation(context, " " + ending)
            worst = max(worst, abs(expected - value))
            assert greedy == best, (context, ending)
    return worst


@pytest.mark.parametrize("family", [*FAMILIES, "t5"])
def test_choices_score_as_in_a_plain_forward_pass(
    family: str, make_model: Callable[..., Path], record_property: Callable[[str, Any], None]
) -> None:
    folder = make_model(family, max_length=128)
    replies = answers(resolve(f"hf/{folder}"), [Choose(Prompt(text), ENDINGS) for text in CONTEXTS])
    worst = compare(replies, folder)
    record_property("max_abs_difference", worst)
    print(f"choose {family}: {worst:.2e}")
    assert worst <= 1e-4


TEXT = " ".join(CONTEXTS) * 3


@pytest.mark.parametrize("family", FAMILIES)
def test_rolling_loglikelihood_is_the_sum_over_disjoint_windows(family: str, make_model: Callable[..., Path]) -> None:
    folder = make_model(family, max_length=32)
    length = 2048 if family == "bloom" else 32
    texts = [TEXT, "short", TEXT[:100]]
    replies = answers(resolve(f"hf/{folder}"), [Perplexity(text) for text in texts])
    plain = Plain(folder)
    for text, reply in zip(texts, replies, strict=True):
        expected = plain.rolling(text, length)
        print(f"perplexity {family}: {abs(reply.loglikelihoods[0] - expected):.2e} of {expected:.1f}")
        assert reply.loglikelihoods[0] == pytest.approx(expected, abs=1e-4 * max(1, len(text) / 50))
