"""A GGUF file whose weights are widened to float32 while it is loaded, by llama.cpp's own converter."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evalkit.core import UsageError
from evalkit.core.paths import cache_dir
from evalkit.models.llamacpp.library import complaint, library

__all__ = ["widened"]

_ALL_F32 = 0
"""llama.cpp's LLAMA_FTYPE_ALL_F32."""


@contextmanager
def widened(path: Path, *, wanted: bool) -> Iterator[Path]:
    """The path to load: the file itself, or where it is `wanted` a float32 copy, which is removed again.

    The copy takes four bytes a weight in the cache folder until the model is closed. Raises UsageError where it can't
    be made.
    """
    if not wanted:
        yield path
        return
    llama = library()
    params = llama.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = _ALL_F32, True
    base = cache_dir() / "gguf"
    base.mkdir(parents=True, exist_ok=True)
    # Mapped into memory, the copy stays readable after its name is gone.
    with tempfile.TemporaryDirectory(dir=base) as folder:
        copy = Path(folder) / path.name
        if llama.llama_model_quantize(str(path).encode(), str(copy).encode(), ctypes.byref(params)):
            raise UsageError(
                f"{path.name} can't be widened",
                found=complaint() or "llama.cpp does not say why",
                fix="leave widen=true out",
                at=str(path),
            )
        yield copy
