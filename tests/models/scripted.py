"""Models that write what a test says: a Llama whose next token is a function of its last one, and its tokenizers.

A chunk of the script is one token, so that marks and characters are cut into tokens wherever a test wants; chunks of
one script differ from each other. Nothing here is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_CHAT_MARKS = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")


def byte_level(chunks: Sequence[str | bytes], special: Sequence[str] = ()) -> Any:
    """A tokenizer in the form of Llama 3's: bytes as letters; every chunk, which may be a part of a character, is a
    token. Those in `special` are special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = _letters()
    vocabulary = {"<s>": 0, "</s>": 1}
    for token in (*_CHAT_MARKS, *special, *sorted(letters.values())):
        vocabulary.setdefault(token, len(vocabulary))
    # llama.cpp takes no tokenizer without merges; nobody writes this one.
    vocabulary["qq"] = len(vocabulary)
    for chunk in chunks:
        if chunk not in special:
            data = chunk.encode() if isinstance(chunk, str) else chunk
            vocabulary.setdefault("".join(letters[byte] for byte in data), len(vocabulary))
    made = Tokenizer(models.BPE(vocabulary, [("q", "q")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=[*_CHAT_MARKS, *special],
        clean_up_tokenization_spaces=False,
    )


def _letters() -> dict[int, str]:
    """How byte-level tokenizers write the bytes: printable ones as themselves, the others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + n) for n, byte in enumerate(others)}}


def sentence_pieces(words: Sequence[str], special: Sequence[str] = ()) -> Any:
    """A tokenizer in the form of Llama 2's: ▁ for a blank and put before a text, a byte for what has no piece."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "<s>", "</s>", *special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    pieces += [chr(code) for code in range(33, 127)]
    merges: list[tuple[str, str]] = []

    def merge(left: str, right: str) -> None:
        if (left, right) not in merges:
            merges.append((left, right))
            pieces.append(left + right)

    for word in words:
        for place in range(1, len(word)):
            merge(word[:place], word[place])
        merge("▁", word)
    # Runs of blanks last, so that the one ahead of a word is the word's.
    merge("▁", "▁")
    merge("▁▁", "▁")
    vocabulary = {piece: place for place, piece in enumerate(dict.fromkeys(pieces))}
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=list(special),
        clean_up_tokenization_spaces=False,
    )


def chunk_ids(tokenizer: Any, chunks: Sequence[str | bytes]) -> list[int]:
    """The ids of chunks that `byte_level` was made with."""
    letters, vocabulary = _letters(), tokenizer.get_vocab()
    return [
        vocabulary[chunk]
        if isinstance(chunk, str) and chunk in vocabulary
        else vocabulary["".join(letters[byte] for byte in (chunk.encode() if isinstance(chunk, str) else chunk))]
        for chunk in chunks
    ]


def save(folder: Path, tokenizer: Any, after: int, ids: Sequence[int], template: str = "", length: int = 512) -> Path:
    """Save a model of `length` positions that writes `ids` and ends, once the token `after` was read."""
    import torch
    import transformers

    # Matrices this small are computed faster by one thread.
    torch.set_num_threads(1)
    chain = [after, *ids, tokenizer.eos_token_id]
    assert len(set(chain)) == len(chain), "a token says what follows it, so none may come twice"
    size = len(tokenizer)
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=-(-size // 32) * 32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=length,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if "norm" in name else 0.0)
        model.model.embed_tokens.weight[:, :size] = torch.eye(size)
        for token, following in pairwise(chain):
            model.lm_head.weight[following, token] = 1.0
    model.save_pretrained(folder)
    if template:
        tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder
