"""What is in a checkpoint's weight files: their digest, computed once, and the type of their numbers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from evalkit.core import digest_of
from evalkit.core.paths import cache_dir

__all__ = ["file_digest", "files_size", "stored_dtype", "weight_digest", "weight_files"]

_CHUNK = 1 << 22
_PATTERNS = ("*.safetensors", "*.bin", "model.gguf")
_SAFETENSORS_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that transformers would load from a folder: safetensors, else the older *.bin, else a GGUF file that
    the folder stands for (`gguf_files`); sorted by name."""
    return tuple(next((found for pattern in _PATTERNS if (found := sorted(folder.glob(pattern)))), ()))


def files_size(folder: Path) -> int:
    """Bytes of the weights in a folder; 0 where they are not there yet."""
    return sum(file.stat().st_size for file in weight_files(folder))


def weight_digest(files: Sequence[Path]) -> str:
    """64 hex digits: the SHA-256 over every file's name and SHA-256.

    A file's digest is remembered in the cache folder by path, size and modification time.
    """
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name} {file_digest(file)}\n".encode())
    return whole.hexdigest()


def file_digest(file: Path) -> str:
    """The file's SHA-256, 64 hex digits, remembered as `weight_digest` says."""
    file = file.resolve()
    status = file.stat()
    stamp = digest_of(str(file), str(status.st_size), str(status.st_mtime_ns))
    note = cache_dir() / "weights" / stamp
    with contextlib.suppress(OSError):
        text = note.read_text("ascii")
        if len(text) == 64:
            return text
    digest = _sha256(file)
    # A note that can't be written only costs the time to compute it again.
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        draft = note.with_name(f"{stamp}.{os.getpid()}")
        draft.write_text(digest, "ascii")
        draft.replace(note)
    return digest


def _sha256(file: Path) -> str:
    hasher = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def stored_dtype(files: Sequence[Path]) -> str | None:
    """The type of the first floating-point tensor of safetensors files ("float32", …), read from the header."""
    for file in files:
        if file.suffix != ".safetensors":
            continue
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            with file.open("rb") as stream:
                header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            for name, tensor in header.items():
                if name != "__metadata__" and tensor.get("dtype") in _SAFETENSORS_DTYPES:
                    return _SAFETENSORS_DTYPES[tensor["dtype"]]
    return None
