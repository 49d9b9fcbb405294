"""`hf/<file>.gguf`: a GGUF file that transformers loads, its quantized weights widened to floating point.

Next to `gguf/<file>`, which llama.cpp computes as they are, it tells what the quantization of the weights costs from
what llama.cpp's arithmetic costs. Configuration and tokenizer are taken out of the file once and kept in the cache
folder by the file's SHA-256 and transformers' version: a vocabulary of 262,144 takes minutes, and a copied or renamed
file must not take them again. Next to them lies a link to the file.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from evalkit.core import UnavailableError, UsageError, digest_of
from evalkit.core.distribution import installed
from evalkit.core.paths import cache_dir
from evalkit.core.terminal import say
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.weight_files import file_digest
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
    return replace(checkpoints.find(str(_folder_of(path, header.architecture))), name=f"hf/{path.name}")


def _folder_of(path: Path, architecture: str) -> Path:
    """The folder that stands for a file at this path: what was taken out of it, and a link to it."""
    status, reader = path.stat(), f"transformers-{installed('transformers')}"
    stamp = digest_of(str(path), str(status.st_size), str(status.st_mtime_ns), reader)
    folder = cache_dir() / "gguf" / f"{path.stem}-{stamp[:12]}"
    if not (folder / LINK).exists():
        taken = cache_dir() / "gguf" / "taken-out" / f"{file_digest(path)[:32]}-{reader}"
        if not taken.is_dir():
            say(f"taking the tokenizer out of {path.name}, once: minutes for a vocabulary of 262,144", err=True)
            with _whole(taken) as draft:
                _take_out(path, draft, architecture)
        with _whole(folder) as draft:
            shutil.copytree(taken, draft, dirs_exist_ok=True)
            (draft / LINK).symlink_to(path)
    return folder


@contextlib.contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder` when it is complete."""
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        yield draft
        shutil.rmtree(folder, ignore_errors=True)
        # Where another process was faster, its folder serves.
        with contextlib.suppress(OSError):
            draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _take_out(path: Path, draft: Path, architecture: str) -> None:
    import transformers

    try:
        for reader in (transformers.AutoConfig, transformers.AutoTokenizer):
            reader.from_pretrained(path.parent, gguf_file=path.name).save_pretrained(draft)
    except Exception as error:  # transformers raises errors of many kinds for what it does not know
        lines = str(error).strip().splitlines() or [""]
        raise UsageError(
            f"transformers can't read {path.name}",
            found=f"architecture {architecture}; {type(error).__name__}: {lines[0]}",
            fix=f"gguf/{path}, which llama.cpp runs",
        ) from error
