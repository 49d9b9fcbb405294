"""`variants.json` of a folder of runs: which of them is the full model, and what became of every variant asked for."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from evalkit.core import RunError, UsageError, claims

FILE = "variants.json"
LOCK = "variants.lock"
FORMAT = 1

_LONG_PATH = re.compile(r"(^[\w-]+/|=)[/~][^,]*/([^,/]+)")
"""An absolute path as a model's name or as an option's value."""

State = Literal["waiting", "finished", "unavailable", "failed"]


@dataclass(slots=True)
class Listed:
    """One variant: `name` as it was asked for, `spec` of the whole model, the `folder` of its run (next to this file).

    `unavailable`: this machine cannot run it; `failed`: it could not be measured. `problem` says why.
    """

    name: str
    spec: str
    folder: str
    state: State = "waiting"
    problem: str = ""


@dataclass(slots=True)
class VariantList:
    """The full model, its variants in the order asked for, the tasks, and the settings that all of them share."""

    full: Listed
    variants: list[Listed]
    tasks: list[str]
    settings: dict[str, Any] = field(default_factory=dict)
    project: str = ""
    format: int = FORMAT

    def shown(self) -> dict[str, str]:
        """What to call each of them, by its folder: the name, with a long path cut to its end where that tells them
        apart."""
        every = (self.full, *self.variants)
        short = [_LONG_PATH.sub(r"\1…/\2", one.name) for one in every]
        return {one.folder: cut if short.count(cut) == 1 else one.name for one, cut in zip(every, short, strict=True)}

    def write(self, folder: Path) -> None:
        """Replace the file in one step. Raises RunError where the disk refuses."""
        data = orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            claims.rewrite(folder / FILE, data)
        except OSError as error:
            raise RunError(f"cannot write {folder / FILE}: {error.strerror}") from None


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep other processes from writing the list of a folder. Raises UsageError where one does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as error:
        raise UsageError(f"cannot write into {folder}", found=error.strerror or "", fix="another --out") from None
    try:
        claims.lock(held, f"the check in {folder}")
        yield
    finally:
        os.close(held)


def read_list(folder: Path) -> VariantList | None:
    """The list of a folder; None where there is none. Raises UsageError where it is damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        raw = orjson.loads(path.read_bytes())
        if raw.get("format") != FORMAT:
            raise UsageError(f"{path} has format {raw.get('format')!r}", fix=f"this evalkit reads format {FORMAT}")
        full, variants = Listed(**raw.pop("full")), [Listed(**one) for one in raw.pop("variants")]
        return VariantList(full, variants, **raw)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is damaged", found=str(error)) from error
