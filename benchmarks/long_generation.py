"""Memory and time of one long text: what a token costs a process beyond its keys and values, with a budget of thought.

    python benchmarks/long_generation.py [tokens …]

A small Llama with random weights writes, at temperature 1, as many tokens as it may. Four words in a row close its
thought, which it does not meet by chance. Every length has a process to itself. Keys and values are computed from the
configuration, so that what is left is what evalkit keeps.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAYERS, HEADS, WIDTH, VOCABULARY = 2, 2, 64, 2000
LENGTHS = (1024, 8192, 32768)


def save(folder: Path) -> Path:
    """A random Llama of 40,960 positions that has no end token, with a tokenizer of words and marks of thought."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<think>", "</think>", "<unk>", *(f"w{number}" for number in range(VOCABULARY - 3))]
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", additional_special_tokens=["<think>", "</think>"]
    )
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=128,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=40960,
        bos_token_id=None,
        eos_token_id=None,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def measure(folder: str, tokens: int) -> dict[str, float]:
    """Peak resident megabytes over those of a text of 16 tokens, and seconds, of one text."""
    import resource

    from evalkit.core import Generate, Prompt
    from evalkit.models import resolve

    model = resolve(f"hf/{folder},reasoning_tags=<think>…w1 w2 w3 w4")
    prompt = Prompt("w1 w2 w3 <think>")

    async def write(limit: int) -> tuple[int, int, float]:
        asked = Generate(prompt, max_tokens=64, thinking_tokens=limit, stop=(), temperature=1.0)
        begun = time.perf_counter()
        usage = (await model.answer(asked)).usage
        return usage.completion_tokens, usage.reasoning_tokens, time.perf_counter() - begun

    async def both() -> dict[str, float]:
        await write(16)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        written, thought, seconds = await write(tokens - 64)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        await model.close()
        return {"written": written, "thought": thought, "seconds": seconds, "megabytes": after - before}

    return asyncio.run(both())


def main() -> None:
    lengths = [int(word) for word in sys.argv[1:]] or list(LENGTHS)
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder))
        for tokens in lengths:
            command = [sys.executable, __file__, "--one", folder, str(tokens)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            cells = 2 * LAYERS * WIDTH * 4 * tokens / 2**20
            print(
                f"{tokens:>6,} tokens: {found['written']:,} written, {found['thought']:,} thought, "
                f"{found['written'] / found['seconds']:,.0f} tokens/s, {found['megabytes']:.0f} MB more, "
                f"of which {cells:.0f} MB keys and values",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
