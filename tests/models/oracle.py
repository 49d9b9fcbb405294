"""What the tests compare with: transformers used plainly, one request at a time, without padding or batching."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from evalkit.core import Model, ModelError, Reply, Request


def answers(model: Model, requests: Sequence[Request]) -> list[Reply]:
    """All replies, asked at the same time; the model is closed."""

    async def ask() -> list[Reply]:
        try:
            return list(await asyncio.gather(*(model.answer(request) for request in requests)))
        finally:
            await model.close()

    return asyncio.run(ask())


def outcomes(model: Model, requests: Sequence[Request]) -> list[Reply | BaseException]:
    """As `answers`, with the exception where there is no reply."""

    async def ask() -> list[Reply | BaseException]:
        try:
            return await asyncio.gather(*(model.answer(r) for r in requests), return_exceptions=True)
        finally:
            await model.close()

    return asyncio.run(ask())


def answer(model: Model, request: Request) -> Reply:
    return answers(model, [request])[0]


def failure(model: Model, request: Request) -> str:
    """The message of the ModelError that the request ends in."""
    outcome = outcomes(model, [request])[0]
    assert isinstance(outcome, ModelError), outcome
    return str(outcome)


class Plain:
    """A checkpoint loaded by transformers alone, in float32."""

    def __init__(self, folder: Path) -> None:
        import torch
        import transformers

        self.torch = torch
        config = transformers.AutoConfig.from_pretrained(folder)
        self.seq2seq = bool(config.is_encoder_decoder)
        auto = transformers.AutoModelForSeq2SeqLM if self.seq2seq else transformers.AutoModelForCausalLM
        self.model = auto.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def ids(self, text: str, special: bool = True) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def score(self, read: list[int], targets: list[int], source: list[int] | None = None) -> tuple[float, bool]:
        """(log-likelihood, is greedy) of `targets` at the last positions of `read`."""
        torch = self.torch
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

    def generate(self, prompt: str | list[int], max_tokens: int) -> tuple[str, int]:
        """model.generate's greedy text for one prompt, and its number of tokens."""
        torch = self.torch
        ids = torch.tensor([self.ids(prompt) if isinstance(prompt, str) else prompt])
        with torch.no_grad():
            written = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=max_tokens,
                do_sample=False,
                eos_token_id=1,
                pad_token_id=2,
            )[0]
        written = written[1:] if self.seq2seq else written[ids.shape[1] :]
        return self.tokenizer.decode(written, skip_special_tokens=True), len(written)
