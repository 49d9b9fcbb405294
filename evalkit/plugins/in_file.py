"""What `./my.py:name` names: a function, class or object in a file of the user's, without a pack around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evalkit.core import UsageError
from evalkit.core.spec import IN_FILE, nearest
from evalkit.plugins.modules import guarded, module_of
from evalkit.plugins.origin import source_digest

__all__ = ["InFile", "find_in_file", "is_in_file"]


@dataclass(frozen=True, slots=True)
class InFile:
    """`made` is what the name stands for in the file, `digest` the file's, `at` its place for messages."""

    made: object
    name: str
    path: Path
    digest: str

    @property
    def at(self) -> str:
        code = getattr(self.made, "__code__", None)
        return f"{self.path}:{code.co_firstlineno}" if code is not None else str(self.path)

    @property
    def title(self) -> str:
        """How it is called in names: without the folder, which differs from machine to machine."""
        return f"{self.path.name}:{self.name}"


def is_in_file(text: object) -> bool:
    """Whether a name is one in a file (`./my.py:polite`) and not that of a plugin."""
    return isinstance(text, str) and IN_FILE.fullmatch(text) is not None


def find_in_file(text: str, base: Path, *, what: str) -> InFile:
    """The object of that name; the file is executed, once for each content. `base`: what a relative path starts from.

    Raises UsageError for a file that is not there or fails, and for a name that it does not have.
    """
    match = IN_FILE.fullmatch(text)
    assert match is not None
    path = (base / Path(match["path"]).expanduser()).resolve()
    if not path.is_file():
        raise UsageError(f"there is no {what} {text!r}", found=f"no file {path}", fix="FILE.py:NAME")
    digest = source_digest(path)
    module = guarded(path, partial(module_of, path, digest))
    name = match["name"]
    if not hasattr(module, name):
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        names = sorted(key for key in own if not key.startswith("_"))
        close = nearest(name, names)
        fix = f"did you mean {close!r}?" if close else f"the file has {', '.join(names) or 'no function or class'}"
        raise UsageError(f"the file has no {name!r}", found=str(path), fix=fix)
    return InFile(getattr(module, name), name, path, digest)
