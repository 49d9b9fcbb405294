"""The Python functions that a task's YAML names, found and imported where the user's leave covers them.

Importing runs code. The installed package and the user's project are theirs already; any other folder is somebody
else's, and its code runs only where the user says so.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from evalkit.core import UsageError, digest_of
from evalkit.plugins import foreign_code
from evalkit.plugins.lm_eval.places import Place, installed
from evalkit.plugins.lm_eval.stand_ins import stand_ins
from evalkit.plugins.lm_eval.yaml_files import FunctionName
from evalkit.plugins.modules import guarded

__all__ = ["Functions", "named_in"]


@dataclass(slots=True)
class Functions:
    """The functions of one folder of tasks."""

    place: Place
    project: Path
    modules: list[ModuleType] = field(default_factory=list)
    """Those of files, as far as functions of them were resolved."""

    def resolved(self, value: Any) -> Any:
        """A value of the YAML with every name of a function in it replaced by the function."""
        if isinstance(value, FunctionName):
            return self.function(value)
        if isinstance(value, dict):
            return {key: self.resolved(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.resolved(one) for one in value]
        return value

    def function(self, name: FunctionName) -> Any:
        """What a name stands for: in `module.py` next to the YAML, else in a module that can be imported.

        Raises UsageError where its file lies outside of the folder, may not be run, fails, or has no such name.
        """
        module, _, attribute = name.text.strip().rpartition(".")
        at = f"{name.folder} ({name})"
        if not module:
            raise UsageError(
                "a function needs its module's name", found=str(name), fix="!function utils.process", at=at
            )
        path = (name.folder / f"{module.replace('.', '/')}.py").resolve()
        if path.is_file():
            made = self._of_file(path, at)
        elif _is_part_of_package(module):
            made = _imported(module, at)
        else:
            fix = "a module next to the YAML file"
            raise UsageError("there is no such module among the tasks", found=f"no {path}", fix=fix, at=at)
        for part in attribute.split("."):
            if not hasattr(made, part):
                raise UsageError(f"the module has no {part!r}", found=str(name), at=str(path))
            made = getattr(made, part)
        return made

    def _of_file(self, path: Path, at: str) -> ModuleType:
        root, package = self.place.root, installed()
        if package is not None and path.is_relative_to(package):
            root = package
        elif not path.is_relative_to(root):
            raise UsageError("a function lies outside of the folder of tasks", found=str(path), fix=f"in {root}", at=at)
        elif not foreign_code.is_allowed() and not path.is_relative_to(self.project.resolve()):
            wrong = "the task runs Python of a folder that is not yours so far"
            raise UsageError(wrong, found=str(path), fix="read it, then --allow-code", at=at)
        made = guarded(path, lambda: _module(path, root, is_package=root == package))
        self.modules.append(made)
        return made


def named_in(value: Any) -> Iterator[FunctionName]:
    """Every name of a function in a value of the YAML."""
    if isinstance(value, FunctionName):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from named_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from named_in(one)


def _is_part_of_package(module: str) -> bool:
    return module.partition(".")[0] == "lm_eval" and installed() is not None


def _imported(module: str, at: str) -> ModuleType:
    try:
        with stand_ins():
            return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"the module {module!r} cannot be imported", found=str(error), at=at) from None


def _may_evaluate(folder: Path) -> bool:
    """Whether a module of the folder might load metrics of `evaluate`, which takes seconds to import."""
    texts = (path.read_bytes() for path in folder.glob("*.py"))
    return any(b"evaluate" in text or b"lm_eval" in text for text in texts)


def _module(path: Path, root: Path, *, is_package: bool) -> ModuleType:
    """The module of a file, run once for each content, under the name that files next to it import it by."""
    parts = path.relative_to(root).with_suffix("").parts
    stamp = digest_of(path.read_text("utf-8", "surrogateescape"))
    name = ".".join(("lm_eval", "tasks", *parts)) if is_package else f"_evalkit_lm_eval_{digest_of(str(path))}"
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__evalkit_source__", stamp) == stamp:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    # Tasks import their neighbours by bare name, as scripts do.
    sys.path.insert(0, str(path.parent))
    try:
        with stand_ins() if _may_evaluate(path.parent) else nullcontext():
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    finally:
        sys.dont_write_bytecode = writes_none
        sys.path.remove(str(path.parent))
    module.__dict__["__evalkit_source__"] = stamp
    return module
