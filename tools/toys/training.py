"""Training of the embedded model: a small Llama, a fixed seed, minutes on two cores."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from tools.toys import prompts
from tools.toys.corpus import documents, text_of
from tools.toys.initial import initialize
from tools.toys.muon import Muon
from tools.toys.tokenizer import MAX_LENGTH

THETA = 10_000.0

CHUNK = 512
"""Documents that are tokenized at once."""

LOOK_AHEAD = 24
"""Documents among which one is sought that fits into what is left of a row."""

Encoded = tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.float32]]]
"""Token ids of a document and the weights of their losses."""


@dataclass(frozen=True)
class Recipe:
    """How the model is trained; `tokens` of a step are cut into rows of one of the `lengths`.

    One thread, so that the result does not depend on how many processors there are.
    """

    seed: int = 20250
    steps: int = 1800
    tokens: int = 2048
    lengths: tuple[int, ...] = (256, 256, 256, 512, 256, 256, 256, 1024)
    rate: float = 3e-3
    matrix_rate: float = 0.006
    warmup: int = 30
    cooldown: float = 0.6
    threads: int = 1


def model_config(vocabulary: int) -> LlamaConfig:
    """A Llama of just under a million parameters."""
    special = {token: index for index, token in enumerate(prompts.SPECIAL_TOKENS)}
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        bos_token_id=special[prompts.BOS],
        eos_token_id=special[prompts.EOS],
        pad_token_id=special[prompts.PAD],
        initializer_range=0.02,
    )


class TokenStream:
    """The corpus as token ids and loss weights, in rows of whole documents."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self._tokenizer = tokenizer
        self._documents = documents(seed)
        self._waiting: list[Encoded] = []

    def take(self, rows: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next rows, (rows, length), and their weights; what is left of a row is padding of weight 0."""
        ids, weights = np.zeros((rows, length), np.int64), np.zeros((rows, length), np.float32)
        for row in range(rows):
            filled = 0
            while filled < length:
                document = self._next_within(length - filled, length if filled == 0 else 0)
                if document is None:
                    break
                end = filled + len(document[0])
                ids[row, filled:end], weights[row, filled:end] = document
                filled = end
        return torch.from_numpy(ids), torch.from_numpy(weights)

    def _next_within(self, room: int, cut: int) -> Encoded | None:
        """The first of the next documents that fits into the room; where `cut`, the first one cut to that length."""
        if len(self._waiting) < LOOK_AHEAD:
            self._refill()
        for index in range(LOOK_AHEAD):
            if len(self._waiting[index][0]) <= room:
                return self._waiting.pop(index)
        if cut:
            ids, weights = self._waiting.pop(0)
            return ids[:cut], weights[:cut]
        return None

    def _refill(self) -> None:
        chunk = [next(self._documents) for _ in range(CHUNK)]
        encoded = self._tokenizer.encode_batch([text_of(d) for d in chunk], add_special_tokens=False)
        for document, encoding in zip(chunk, encoded, strict=True):
            ends = np.cumsum([len(text) for text, _ in document])
            starts = np.array([start for start, _ in encoding.offsets])
            piece = np.searchsorted(ends, starts, side="right")
            weights = np.array([weight for _, weight in document], np.float32)[piece]
            self._waiting.append((np.array(encoding.ids, np.int64), weights))


def rate_factor(recipe: Recipe, step: int) -> float:
    """What the learning rates are multiplied with: a linear warm-up, a plateau, a linear way down to nothing."""
    rising = (step + 1) / recipe.warmup
    falling = (recipe.steps - step) / (recipe.cooldown * recipe.steps)
    return min(1.0, rising, falling)


def make_optimizers(model: torch.nn.Module, recipe: Recipe) -> list[Any]:
    """Muon for the matrices inside the network, Adam for the embeddings and the vectors."""
    named = list(model.named_parameters())
    inner = [p for name, p in named if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in named if p.ndim != 2 or "embed" in name]
    adam = torch.optim.AdamW(rest, lr=recipe.rate, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.0)
    return [Muon(inner, lr=recipe.matrix_rate), adam]


def weighted_loss(model: Any, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of each next token, weighted. `ids` and `weights` are (rows, length).

    Matrix products are in bfloat16, which is several times as fast on newer processors; the weights stay float32.
    """
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    each = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
    flat = weights[:, 1:].flatten()
    return (each * flat).sum() / flat.sum()


def train_model(tokenizer: Tokenizer, recipe: Recipe) -> Any:
    """Train from scratch; prints the loss and the time now and then."""
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    model: Any = LlamaForCausalLM(model_config(tokenizer.get_vocab_size())).float().train()
    initialize(model, THETA)
    optimizers = make_optimizers(model, recipe)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    rates = [group["lr"] for group in groups]
    stream = TokenStream(tokenizer, recipe.seed)
    began, shown = time.perf_counter(), 0.0
    for step in range(recipe.steps):
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * rate_factor(recipe, step)
        length = recipe.lengths[step % len(recipe.lengths)]
        ids, weights = stream.take(recipe.tokens // length, length)
        loss = weighted_loss(model, ids, weights)
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        shown = loss.item() if step == 0 else 0.95 * shown + 0.05 * loss.item()
        if step % 50 == 0 or step == recipe.steps - 1:
            print(f"step {step} loss {shown:.4f} after {time.perf_counter() - began:.0f} s", flush=True)
    return model.eval()


def save_model(model: Any, folder: Path) -> None:
    """Write weights, configuration and generation defaults (greedy)."""
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
        do_sample=False,
        max_new_tokens=64,
    )
    model.save_pretrained(folder)
