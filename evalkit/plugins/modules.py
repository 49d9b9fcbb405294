"""A plugin's file as a separate module, and its errors as messages with file and line."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from evalkit.core import UsageError, digest_of
from evalkit.plugins.meta import source_file

Result = TypeVar("Result")

_DIGEST = "__evalkit_source__"


def module_of(path: Path, digest: str) -> ModuleType:
    """The module of a plugin, executed unless it was with the same source. A folder becomes a package.

    The name is private to the path, so a plugin called `json.py` hides nothing; it is in `sys.modules` before the
    code runs, because dataclasses, pickling and relative imports look it up there.
    """
    name = f"_evalkit_plugin_{digest_of(str(path.resolve()))}"
    known = sys.modules.get(name)
    if known is not None and getattr(known, _DIGEST, None) == digest:
        return known
    file = source_file(path)
    parts = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=parts)
    if spec is None or spec.loader is None:
        raise UsageError("the file cannot be loaded as Python", found=str(file))
    module = importlib.util.module_from_spec(spec)
    _forget(name)
    sys.modules[name] = module
    # A .pyc is trusted by size and second, so one written here would hide an edit made right after.
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except BaseException:
        _forget(name)
        raise
    finally:
        sys.dont_write_bytecode = writes_none
    setattr(module, _DIGEST, digest)
    return module


def _forget(name: str) -> None:
    """Drop a module and the submodules of a folder plugin, which would otherwise outlive an edit."""
    for known in [key for key in sys.modules if key == name or key.startswith(name + ".")]:
        del sys.modules[known]


def guarded(path: Path, call: Callable[[], Result]) -> Result:
    """The result of running a plugin's code; whatever it raises becomes a UsageError with file and line."""
    try:
        return call()
    except UsageError:
        raise
    # A plugin is somebody's code: it may raise anything, and may try to end the process.
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
            fix=_hint(error),
            at=_place(path, error),
        ) from error


def _hint(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"install what provides the module {error.name!r}, in the environment that evalkit runs in"
    return ""


def _place(path: Path, error: BaseException) -> str:
    """The innermost line of the plugin's own files, which is where its author can change something."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 1}"
    own = str(path)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(own)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(source_file(path))
