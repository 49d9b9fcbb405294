"""Where a model's files are: a folder, or a repository of the hub whose small files were fetched."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.core import UsageError
from evalkit.core.distribution import pip_install
from evalkit.data.huggingface import HubItem, failure, snapshot

__all__ = ["REPO", "SNAPSHOT", "ModelFiles", "asked_model", "read_json", "snapshot_of"]

REPO = re.compile(r"[A-Za-z0-9][\w.\-]*(/[A-Za-z0-9][\w.\-]*)?")
SNAPSHOT = re.compile(r"models--(?P<repo>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})$")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """`source` is what a library loads (a folder or a hub id, at `commit`); `folder` holds the small files."""

    name: str
    source: str
    folder: Path
    commit: str | None

    @property
    def is_local(self) -> bool:
        return self.source == str(self.folder)

    def refusal(self, error: BaseException) -> UsageError | None:
        """What the hub's failure behind `error` means, or None where there is none: of files that come later."""
        return None if self.is_local else failure(error, asked_model(self.source, self.commit or ""))

    def unreadable(self, what: str, error: Exception, fix: str) -> UsageError:
        """The error to raise where a library could not load `what`: the hub's refusal, or the first line of `error`."""
        if of_hub := self.refusal(error):
            return of_hub
        lines = str(error).strip().splitlines() or [""]
        return UsageError(f"{what} can't be loaded", found=f"{type(error).__name__}: {lines[0]}", fix=fix)


def asked_model(repo: str, revision: str) -> HubItem:
    """A model as it is asked of the hub, which a folder of that name would replace."""
    return HubItem("model", repo, revision, instead=f"a folder (there is none at {Path(repo).absolute()})")


def snapshot_of(asked: HubItem, patterns: Sequence[str], *, install: str = "local") -> tuple[Path, str | None]:
    """The folder of a hub repository's snapshot with the files that match, and its commit.

    Raises UsageError for what is not available, and where the package is missing, which the extra `install` brings.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise UsageError(
            f"{asked.what}s of the hub need the package huggingface_hub",
            found="it is not installed",
            fix=pip_install(install),
        )
    folder = snapshot(asked, patterns)
    commit = SNAPSHOT.search(folder.as_posix())
    return folder, commit["commit"] if commit else None


def read_json(file: Path, kind: type = dict) -> Any:
    """What a JSON file holds. Raises UsageError where that is no `kind`."""
    try:
        value = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file.name} can't be read", found=str(error), at=str(file)) from None
    if not isinstance(value, kind):
        word = "object" if kind is dict else kind.__name__
        raise UsageError(f"{file.name} holds no {word}", found=type(value).__name__, at=str(file))
    return value
