"""llama-cpp-python: whether it is here, imported when it is needed, and what llama.cpp last complained of."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import logging
from collections import deque
from functools import lru_cache
from typing import Any

from evalkit.core import UnavailableError
from evalkit.core.distribution import pip_install

__all__ = ["INSTALL", "complaint", "is_installed", "library", "require", "version"]

INSTALL = pip_install("gguf")
_BUILDS = "it compiles llama.cpp, 5 to 12 minutes of processor time once; for a GPU: CMAKE_ARGS=-DGGML_CUDA=on"
_WARNING, _ERROR = 3, 4

_log = logging.getLogger(__name__)
_complaints: deque[str] = deque(maxlen=4)
_callbacks: list[Any] = []


def is_installed() -> bool:
    return importlib.util.find_spec("llama_cpp") is not None


def version() -> str:
    """llama-cpp-python's version, which holds the version of llama.cpp that it was built with; "" without it."""
    try:
        return importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return ""


def require(what: str) -> None:
    """Raises UnavailableError where llama-cpp-python is missing."""
    if not is_installed():
        raise UnavailableError(f"{what} needs llama-cpp-python, which is not installed", fix=f"{INSTALL}   ({_BUILDS})")


@lru_cache(1)
def library() -> Any:
    """The module of llama.cpp's functions, its messages in evalkit's log instead of on the terminal."""
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [""]
        raise UnavailableError(
            "llama-cpp-python is installed but can't be loaded",
            found=f"{type(error).__name__}: {lines[0]}",
            fix="pip install --force-reinstall --no-binary llama-cpp-python llama-cpp-python",
        ) from error

    def note(level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").strip()
        if level in (_ERROR, _WARNING) and line:
            _complaints.append(line)
        if line:
            _log.debug("%s", line)

    # llama.cpp goes on calling it, so it must not be collected.
    _callbacks.append(llama_cpp.llama_log_callback(note))
    llama_cpp.llama_log_set(_callbacks[-1], ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


def complaint() -> str:
    """The last that llama.cpp complained of, and forget it; "" for nothing."""
    last = _complaints[-1] if _complaints else ""
    _complaints.clear()
    return last
