"""Opens `gguf/<file>`; imports neither llama.cpp nor torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalkit.core import Model, UsageError, digest_of
from evalkit.models.llamacpp.header import read_header
from evalkit.models.llamacpp.library import require
from evalkit.models.llamacpp.model import GgufFile, GgufModel
from evalkit.models.llamacpp.options import CHANGES_ANSWERS, GgufOptions
from evalkit.models.option_parsing import check_files_allow, variant_name

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
            f"{path.name} is not a model that continues text",
            found=f"architecture {header.architecture}",
            fix="hf/<the model's folder> runs encoder-decoder models, st/<folder> embedding models",
        )
    title = f"gguf/{path.stem}"
    require(title)
    check_files_allow(
        title,
        longest=header.max_length,
        max_length=parsed.max_length,
        template=header.template,
        chat=parsed.chat,
        system=parsed.system,
        looked=f"no tokenizer.chat_template in {path}",
    )
    named = variant_name(title, parsed, GgufOptions(), CHANGES_ANSWERS, _shown)
    return GgufModel(GgufFile(named, path, header), parsed)


def _shown(key: str, value: object) -> str:
    return digest_of(str(value))[:8] if key == "system" else str(value).lower()


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
