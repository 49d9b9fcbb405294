"""Write a Llama model's folder, or the embedded model, as a GGUF file: `python -m tools.write_gguf`.

It is for small models and for tests: of the architectures Llama alone (and Mistral, which has its layout), of the
tokenizers BPE, over bytes as Llama 3's or over pieces as Llama 2's. For everything else there is llama.cpp's
convert_hf_to_gguf.py.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

import click
import numpy as np
from numpy.typing import NDArray

from evalkit.core import UsageError
from evalkit.models.tiny import TINY

__all__ = ["TYPES", "write"]

TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_0")

Array = NDArray[np.float32]

_FILE_TYPES = {"F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7, "Q4_0": 2}
_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_PATTERNS = {_GPT2: "gpt-2", _LLAMA3: "llama-bpe", _LLAMA3.replace("{1,3}", ""): "qwen2"}
"""How a tokenizer splits a text into words, and llama.cpp's name for it."""


def write(folder: Path, target: Path, kind: str = "F16") -> Path:
    """Write the model in `folder` (config.json, tokenizer.json, *.safetensors) to `target`; returns `target`.

    `kind` is one of `TYPES`; norms stay F32, and so does a quantized file's tensor whose rows are no multiple of 32.
    Raises UsageError where the model is none that this writes.
    """
    missing = [name for name in ("gguf", "safetensors") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError("writing a GGUF file needs more packages", fix=f"pip install {' '.join(missing)}")
    from gguf import GGUFWriter

    config = _json(folder / "config.json")
    _check(folder, config)
    draft = target.with_name(f"{target.name}.part")
    # The arguments' order is the package's: path, architecture.
    writer = GGUFWriter(draft, "llama")
    try:
        writer.add_name(folder.name)
        writer.add_file_type(_FILE_TYPES[kind])
        writer.add_quantization_version(2)
        _add_shape(writer, config)
        _add_tokenizer(writer, folder, config)
        for name, values in _tensors(folder, config):
            _add_tensor(writer, name, values, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
    return draft.replace(target)


def _check(folder: Path, config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    unlike = [key for key in ("attention_bias", "mlp_bias", "sliding_window") if config.get(key)]
    if kind not in ("llama", "mistral") or unlike:
        raise UsageError(
            f"{folder} is no plain Llama model, and this writes no other",
            found=f"model_type {kind}" + "".join(f", {key}={config[key]}" for key in unlike),
            fix="llama.cpp's convert_hf_to_gguf.py",
        )
    if _rope(config).get("rope_type", "default") != "default":
        raise UsageError(
            f"{folder} scales its positions, which this does not write",
            found=f"rope_type {_rope(config)['rope_type']}",
            fix="llama.cpp's convert_hf_to_gguf.py",
        )


def _rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return config.get("rope_parameters") or config.get("rope_scaling") or {}


def _heads(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Heads, heads of keys and values, and the width of one."""
    heads = int(config["num_attention_heads"])
    return (
        heads,
        int(config.get("num_key_value_heads") or heads),
        int(config.get("head_dim") or config["hidden_size"] // heads),
    )


def _add_shape(writer: Any, config: Mapping[str, Any]) -> None:
    heads, kv_heads, width = _heads(config)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(float(_rope(config).get("rope_theta") or config.get("rope_theta") or 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def _add_tokenizer(writer: Any, folder: Path, config: Mapping[str, Any]) -> None:
    from gguf import TokenType

    saved = _json(folder / "tokenizer.json")
    model = saved.get("model") or {}
    pieces = bool(model.get("byte_fallback"))
    if model.get("type") != "BPE" or saved.get("normalizer"):
        raise UsageError(
            f"the tokenizer of {folder} is no BPE over bytes or pieces, and this writes no other",
            found=f"model {model.get('type')}",
            fix="llama.cpp's convert_hf_to_gguf.py",
        )
    tokens = {number: token for token, number in model["vocab"].items()}
    types = dict.fromkeys(tokens, TokenType.NORMAL)
    for added in saved.get("added_tokens", ()):
        tokens[added["id"]] = added["content"]
        types[added["id"]] = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    size = range(int(config["vocab_size"]))
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    if pieces:
        _add_pieces(writer, tokens, types, merges, size)
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_pre(folder, saved.get("pre_tokenizer") or {}))
        writer.add_token_merges(merges)
    # Embeddings may be more than tokens, their number being rounded up.
    writer.add_token_list([tokens.get(number, f"[PAD{number}]") for number in size])
    writer.add_token_types([types.get(number, TokenType.UNUSED) for number in size])
    _add_special(writer, folder, {token: number for number, token in tokens.items()}, saved)


def _add_pieces(
    writer: Any, tokens: Mapping[int, str], types: dict[int, Any], merges: Sequence[str], size: range
) -> None:
    """SentencePiece's form, as Llama 2 has it: the pieces that are merged first have the highest scores."""
    from gguf import TokenType

    ranks = {merge.replace(" ", ""): place for place, merge in reversed(list(enumerate(merges)))}
    for number, token in tokens.items():
        if types[number] == TokenType.NORMAL and _BYTE.fullmatch(token):
            types[number] = TokenType.BYTE
        elif token == "<unk>":
            types[number] = TokenType.UNKNOWN
    writer.add_tokenizer_model("llama")
    writer.add_token_scores([-float(ranks.get(tokens.get(number, ""), len(merges))) for number in size])
    writer.add_add_space_prefix(True)


def _add_special(writer: Any, folder: Path, ids: Mapping[str, int], saved: Mapping[str, Any]) -> None:
    settings = _json(folder / "tokenizer_config.json")
    added: dict[str, int] = {}
    for name, add in (
        ("bos", writer.add_bos_token_id),
        ("eos", writer.add_eos_token_id),
        ("pad", writer.add_pad_token_id),
    ):
        token = settings.get(f"{name}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str) and token in ids:
            added[name] = ids[token]
            add(ids[token])
    around = _around(saved.get("post_processor") or {})
    writer.add_add_bos_token("bos" in added and around[0] == [added["bos"]])
    writer.add_add_eos_token("eos" in added and around[1] == [added["eos"]])
    template = settings.get("chat_template")
    file = folder / "chat_template.jinja"
    if file.is_file():
        template = file.read_text("utf-8")
    if isinstance(template, str):
        writer.add_chat_template(template)


def _around(processor: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer puts before and behind a text."""
    for part in processor.get("processors", [processor]):
        single = part.get("single") or []
        texts = [number for number, piece in enumerate(single) if "Sequence" in piece]
        if texts:
            known = part["special_tokens"]
            ids = [known[piece["SpecialToken"]["id"]]["ids"] if "SpecialToken" in piece else [] for piece in single]
            return list(chain(*ids[: texts[0]])), list(chain(*ids[texts[0] + 1 :]))
    return [], []


def _pre(folder: Path, splitter: Mapping[str, Any]) -> str:
    """llama.cpp's name for how the tokenizer splits a text into words."""
    parts = splitter.get("pretokenizers", [splitter])
    patterns = [part["pattern"].get("Regex", "") for part in parts if part.get("type") == "Split"]
    byte_level = [part for part in parts if part.get("type") == "ByteLevel"]
    if len(byte_level) == 1 and len(parts) == len(patterns) + 1 and not byte_level[0].get("add_prefix_space"):
        if not patterns and byte_level[0].get("use_regex", True):
            return "gpt-2"
        if len(patterns) == 1 and patterns[0] in _PATTERNS and not byte_level[0].get("use_regex", True):
            return _PATTERNS[patterns[0]]
    raise UsageError(
        f"the tokenizer of {folder} splits texts in a way that this does not know by llama.cpp's name",
        found=", ".join(str(part.get("type")) for part in parts),
        fix="llama.cpp's convert_hf_to_gguf.py",
    )


def _tensors(folder: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """llama.cpp's name and the values of every tensor."""
    from safetensors.numpy import load_file

    heads, kv_heads, _ = _heads(config)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UsageError(f"{folder} has no weights", found="no *.safetensors", fix="model.save_pretrained(folder)")
    for file in files:
        try:
            tensors = load_file(file)
        except TypeError:
            tensors = _through_torch(file)
        for name, values in tensors.items():
            if name == "lm_head.weight" and config.get("tie_word_embeddings"):
                continue
            wanted = cast("Array", values.astype(np.float32))
            if name.endswith("q_proj.weight"):
                wanted = _interleaved(wanted, heads)
            elif name.endswith("k_proj.weight"):
                wanted = _interleaved(wanted, kv_heads)
            yield _renamed(name), wanted


def _through_torch(file: Path) -> dict[str, Any]:
    """numpy knows no bfloat16."""
    from safetensors.torch import load_file

    return {name: values.float().numpy() for name, values in load_file(file).items()}


def _interleaved(values: Array, heads: int) -> Array:
    """Rows in the order in which llama.cpp turns positions: pairs beside each other instead of half a head apart."""
    rows, columns = values.shape
    return values.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _renamed(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    if stem in _OUTER:
        return f"{_OUTER[stem]}.{ending}"
    parts = stem.split(".", 3)
    if parts[:2] == ["model", "layers"] and parts[3] in _LAYER:
        return f"blk.{parts[2]}.{_LAYER[parts[3]]}.{ending}"
    raise UsageError(f"no Llama model has a tensor {name!r}", fix="llama.cpp's convert_hf_to_gguf.py")


def _add_tensor(writer: Any, name: str, values: Array, kind: str) -> None:
    from gguf import GGMLQuantizationType, quants

    values = np.ascontiguousarray(values)
    if values.ndim == 1 or kind == "F32" or (kind.startswith("Q") and values.shape[-1] % 32):
        writer.add_tensor(name, values)
    elif kind == "F16":
        writer.add_tensor(name, values.astype(np.float16))
    else:
        number = GGMLQuantizationType[kind]
        writer.add_tensor(name, quants.quantize(values, number), raw_dtype=number)


def _json(file: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file.name} can't be read", found=str(error), at=str(file)) from None
    return value


@click.command()
@click.argument("model")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--type", "kind", type=click.Choice(TYPES, case_sensitive=False), default="F16", show_default=True)
def command(model: str, target: Path, kind: str) -> None:
    """Write MODEL (tiny, or a folder that transformers saved) as the GGUF file TARGET."""
    folder = TINY if model == "tiny" else Path(model).expanduser()
    try:
        write(folder, target, kind)
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{target}: {target.stat().st_size:,} bytes of {kind}")
    click.echo(f"next: evalkit run toy_mmlu --model gguf/{target}")


if __name__ == "__main__":
    command()
