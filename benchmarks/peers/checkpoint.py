"""Makes the model that both harnesses are measured on: a Llama from a config, nothing downloaded.

    python -m peers.checkpoint --size ref --out FOLDER

The reference size is trained for a few hundred steps on made-up text, so that its answers end at varied lengths. The
large sizes keep random weights: what they compute takes the same time.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from peers.writing import lesson

BOS, EOS = "<|bos|>", "<|eos|>"
TOKENS = 8192
POSITIONS = 4096


@dataclass(frozen=True)
class Size:
    """The shape of a Llama. `vocabulary` counts rows of the embedding; the tokenizer uses the first 8,192."""

    hidden: int
    layers: int
    heads: int
    groups: int
    inner: int
    vocabulary: int = TOKENS
    tied: bool = True
    steps: int = 0

    @property
    def is_trained(self) -> bool:
        return self.steps > 0


SIZES = {
    "ref": Size(256, 6, 4, 2, 768, tied=False, steps=400),
    "1b": Size(2048, 16, 32, 8, 8192, vocabulary=128256),
    "8b": Size(4096, 32, 32, 8, 14336, vocabulary=128256, tied=False),
}


def size_of(text: str) -> Size:
    """A named size, or `hidden,layers` with a vocabulary behind it, if any: 64 values a head, two heads a group.

    Raises ValueError.
    """
    if text in SIZES:
        return SIZES[text]
    try:
        hidden, layers, *rest = (int(part) for part in text.split(","))
        (vocabulary,) = rest or (TOKENS,)
    except ValueError:
        raise ValueError(
            f"size is one of {', '.join(SIZES)}, or hidden,layers such as 512,8 or 256,2,128256; found {text!r}"
        ) from None
    if hidden < 128 or hidden % 128 or layers < 1 or vocabulary < TOKENS:
        raise ValueError(f"hidden is a multiple of 128, layers at least 1, vocabulary {TOKENS}; found {text!r}")
    return Size(hidden, layers, hidden // 64, hidden // 128, hidden * 11 // 4, vocabulary, tied=vocabulary == TOKENS)


def train_tokenizer(seed: int = 2) -> Any:
    """A byte-level BPE of 8,192 tokens that puts BOS before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    rng = Random(seed)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS,
        special_tokens=[BOS, EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((lesson(rng) for _ in range(6000)), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return tokenizer


def build(size: Size, dtype: str, device: str) -> Any:
    """The model with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.groups,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=size.tied,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    torch.manual_seed(3)
    torch.set_default_dtype(getattr(torch, dtype))
    with torch.device(device), torch.no_grad():
        model: Any = LlamaForCausalLM(config)
        # A token that the tokenizer does not know must not be written: its logit is 0, below the largest of 8,192.
        model.get_output_embeddings().weight[TOKENS:] = 0.0
    torch.set_default_dtype(torch.float32)
    return model


def train(model: Any, tokenizer: Any, steps: int) -> None:
    """Some minutes of next-token prediction, most rows short, some as long as the prompts that are measured."""
    import torch

    torch.set_num_threads(1)  # the same weights whatever the machine
    rng = Random(4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 20, (steps - step) / (0.4 * steps))
    )
    model.train()
    begun, waiting = time.perf_counter(), list[int]()
    for step in range(steps):
        length = (128, 128, 256, 768)[step % 4]
        while len(waiting) < 1536 + 1:
            waiting += [*tokenizer.encode(lesson(rng)).ids, 1]
        batch = torch.tensor(waiting[:1536]).view(-1, length)
        waiting = waiting[1536:]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=batch, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step} loss {loss.item():.3f} after {time.perf_counter() - begun:.0f} s", flush=True)
    model.eval()


def make(size: Size, folder: Path, *, dtype: str, device: str) -> None:
    """Write the checkpoint and its tokenizer into the folder."""
    from transformers import GenerationConfig

    tokenizer = train_tokenizer()
    if size.is_trained:
        model = build(size, "float32", "cpu")
        train(model, tokenizer, size.steps)
    else:
        model = build(size, dtype, device)
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=1, pad_token_id=1, do_sample=False)
    model.save_pretrained(folder)
    save_tokenizer(folder, tokenizer)


def save_tokenizer(folder: Path, tokenizer: Any = None, *, positions: int = POSITIONS) -> None:
    """Write the tokenizer (a new one, trained anew, where none is given) as transformers reads it."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer or train_tokenizer(),
        bos_token=BOS,
        eos_token=EOS,
        pad_token=EOS,
        model_max_length=positions,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="ref", type=size_of)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    make(given.size, given.out, dtype=given.dtype, device=given.device)


if __name__ == "__main__":
    main()
