"""`hf/<file>.gguf`: a GGUF file that transformers loads, its quantized weights widened to floating point.

Next to `gguf/<file>`, which llama.cpp computes as they are, it tells what the quantization of the weights costs from
what llama.cpp's arithmetic costs. Configuration and tokenizer are taken out of the file once and kept in the cache
folder, next to a link to the file.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import replace
from pathlib import Path

from evalkit.core import UnavailableError, UsageError, digest_of
from evalkit.core.paths import cache_dir
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.llamacpp.header import read_header

__all__ = ["LINK", "find"]

LINK = "model.gguf"
"""The name of the link in the folder that stands for the file."""


def find(name: str) -> Checkpoint:
    """The checkpoint of a GGUF file. Raises UsageError where there is none that transformers can read."""
    path = Path(name).expanduser()
    if not path.is_file():
        raise UsageError(f"no file {name!r}", found=f"looked for {path.absolute()}", fix="hf/<file>.gguf")
    path = path.resolve()
    header = read_header(path)
    missing = [package for package in ("torch", "transformers", "gguf") if importlib.util.find_spec(package) is None]
    if missing:
        raise UnavailableError(
            f"transformers reads {path.name} with the help of {' and '.join(missing)}, which is not installed",
            fix=f"pip install {' '.join(missing)}, or gguf/{name}",
        )
    status = path.stat()
    stamp = digest_of(str(path), str(status.st_size), str(status.st_mtime_ns))
    folder = cache_dir() / "gguf" / f"{path.stem}-{stamp[:12]}"
    if not (folder / LINK).exists():
        _take_out(path, folder, header.architecture)
    return replace(checkpoints.find(str(folder)), name=f"hf/{path.name}")


def _take_out(path: Path, folder: Path, architecture: str) -> None:
    import transformers

    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        for reader in (transformers.AutoConfig, transformers.AutoTokenizer):
            reader.from_pretrained(path.parent, gguf_file=path.name).save_pretrained(draft)
        (draft / LINK).symlink_to(path)
        shutil.rmtree(folder, ignore_errors=True)
        draft.replace(folder)
    except Exception as error:  # transformers raises errors of many kinds for what it does not know
        lines = str(error).strip().splitlines() or [""]
        raise UsageError(
            f"transformers can't read {path.name}",
            found=f"architecture {architecture}; {type(error).__name__}: {lines[0]}",
            fix=f"gguf/{path}, which llama.cpp runs",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
