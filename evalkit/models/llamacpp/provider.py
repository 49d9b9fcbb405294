"""Opens `gguf/<file>`; imports neither llama.cpp nor torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalkit.core import Model, UsageError, digest_of
from evalkit.models.llamacpp.header import read_header
from evalkit.models.llamacpp.library import require
from evalkit.models.llamacpp.model import GgufFile, GgufModel
from evalkit.models.llamacpp.options import CHANGES_ANSWERS, GgufOptions

__all__ = ["gguf"]

_NO_DECODERS = ("t5", "t5encoder", "bert", "modern-bert", "nomic-bert", "jina-bert-v2", "clip", "whisper")
_SHOWN = 5


def gguf(name: str, options: Mapping[str, str]) -> Model:
    """The model of a GGUF file, run here by llama.cpp.

    Raises UsageError where there is no such file, where it holds no model that goes on with a text, and where
    llama-cpp-python is not installed.
    """
    parsed = GgufOptions.parse(options)
    path = _found(name)
    header = read_header(path)
    if header.architecture in _NO_DECODERS:
        raise UsageError(
            f"{path.name} is no model that goes on with a text",
            found=f"architecture {header.architecture}",
            fix="hf/<the model's folder> runs encoder-decoder models, st/<folder> embedding models",
        )
    title = f"gguf/{path.stem}"
    require(title)
    longest = header.max_length
    if parsed.max_length and longest and parsed.max_length > longest:
        raise UsageError(
            f"{title} reads at most {longest} tokens",
            found=f"max_length={parsed.max_length}",
            fix=f"max_length={longest} or less",
        )
    if header.template is None and (parsed.chat == "on" or parsed.system):
        wanted = "chat=on" if parsed.chat == "on" else "a system prompt"
        raise UsageError(
            f"{title} has no chat template, so {wanted} cannot be had",
            found="no tokenizer.chat_template in the file",
            fix="leave it out, or take an instruction-tuned model",
            at=str(path),
        )
    said = [title]
    plain = GgufOptions()
    for key in CHANGES_ANSWERS:
        value = getattr(parsed, key)
        if value != getattr(plain, key):
            said.append(f"{key}={digest_of(value)[:8] if key == 'system' else str(value).lower()}")
    return GgufModel(GgufFile(",".join(said), path, header), parsed)


def _found(name: str) -> Path:
    if not name:
        raise UsageError("no file is named", found="gguf/", fix="gguf/<file>.gguf")
    path = Path(name).expanduser()
    if path.is_dir():
        files = sorted(file.name for file in path.glob("*.gguf"))
        raise UsageError(
            f"{name} is a folder",
            found=f"GGUF files in it: {', '.join(files[:_SHOWN]) or 'none'}" + ", …" * (len(files) > _SHOWN),
            fix=f"gguf/{path / files[0]}" if files else "name a .gguf file; hf/<folder> runs a folder of safetensors",
        )
    if not path.is_file():
        raise UsageError(
            f"no file {name!r}",
            found=f"looked for {path.absolute()}",
            fix="gguf/<file>.gguf; download one, or make one of a folder: python -m tools.write_gguf",
        )
    return path.resolve()
