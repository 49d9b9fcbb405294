"""Asking the hub what a revision stands for, and fetching files of it, or finding them where they were put earlier."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import UsageError
from evalkit.data.huggingface.patience import HubBusyError, be_patient
from evalkit.data.huggingface.refusals import HubItem, first_line, network_errors, not_kept, refusal

__all__ = [
    "BEING_OFFLINE",
    "Found",
    "OutOfReachError",
    "as_found",
    "commit_of",
    "failure",
    "is_offline",
    "offline",
    "snapshot",
]

_log = logging.getLogger(__name__)
_PATIENCE_S = 30.0
_OFFLINE = "HF_HUB_OFFLINE"
BEING_OFFLINE = "the hub is not asked, being offline"


@dataclass(frozen=True, slots=True)
class Found:
    """The commit that a revision stands for now, and the id that the hub knows the repository by now."""

    commit: str
    id: str


class OutOfReachError(Exception):
    """The hub gave no answer, or was not to be asked; `str()` of it says which, `found` what was seen."""

    def __init__(self, why: str, found: str = "") -> None:
        super().__init__(why)
        self.found = found


def is_offline() -> bool:
    """Whether the hub must not be asked: within `offline`, or HF_HUB_OFFLINE is set."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


@contextlib.contextmanager
def offline(wanted: bool = True) -> Iterator[None]:
    """Keeps every library of this process from asking the hub, as HF_HUB_OFFLINE would; nothing where not `wanted`.

    Each of them reads that variable when it is imported: those that are get their setting changed.
    """
    if not wanted:
        yield
        return
    before = os.environ.get(_OFFLINE)
    os.environ[_OFFLINE] = "1"
    changed = []
    for name in ("huggingface_hub.constants", "datasets.config"):
        module = sys.modules.get(name)
        if module is not None:
            changed.append((module, getattr(module, _OFFLINE, False)))
            setattr(module, _OFFLINE, True)
    late = {name for name in ("huggingface_hub.constants", "datasets.config") if name not in sys.modules}
    try:
        yield
    finally:
        os.environ.pop(_OFFLINE) if before is None else os.environ.update({_OFFLINE: before})
        for module, value in changed:
            setattr(module, _OFFLINE, value)
        for name in late & sys.modules.keys():  # imported meanwhile, with what was in the environment
            setattr(sys.modules[name], _OFFLINE, before not in (None, "", "0"))


_UNREACHED: set[str] = set()
"""Ids whose snapshot was taken from this machine, since the hub was out of reach when it was asked last."""


def as_found(repo_id: str) -> contextlib.AbstractContextManager[None]:
    """For loading what `snapshot` found: keeps libraries from asking a hub that was out of reach a moment ago.

    They ask for every file, and wait for a minute in all before they look at what is there.
    """
    return offline(repo_id in _UNREACHED)


def commit_of(asked: HubItem) -> Found:
    """What the revision stands for now. OutOfReachError where the hub gives no answer; else UsageError: see `refusal`.

    A hub that answers 5xx gives none; one that answers 429 is waited for, and refuses at last.
    """
    from huggingface_hub import HfApi, errors

    if is_offline():
        raise OutOfReachError(BEING_OFFLINE)
    be_patient()
    api = HfApi()
    try:
        ask = api.dataset_info if asked.kind == "dataset" else api.model_info
        info = ask(asked.id, revision=asked.revision or None, timeout=_PATIENCE_S)
    except HubBusyError as error:
        raise _refused(error, asked) from None
    except errors.HfHubHTTPError as error:
        if error.response.status_code >= 500:
            raise OutOfReachError("the hub is in trouble", first_line(error)) from None
        raise _refused(error, asked) from None
    except errors.HFValidationError as error:
        raise _refused(error, asked) from None
    except network_errors() as error:
        raise OutOfReachError("the hub cannot be reached", f"{_endpoint()}: {first_line(error)}") from None
    except ValueError as error:  # a proxy's or hotel's page in the hub's place
        raise UsageError(
            "the server that answered is not a hub",
            found=f"{_endpoint()}: {first_line(error)}",
            fix="check HF_ENDPOINT",
        ) from None
    if info.id and info.id.lower() != asked.id.lower():
        _log.warning("%s is %s on the hub now; the old name still works", asked.id, info.id)
    return Found(str(info.sha), info.id or asked.id)


def failure(error: BaseException, asked: HubItem) -> UsageError | None:
    """What made a library fail to load what it fetched from the hub, or None where the hub is not to blame.

    Some libraries cut the chain of causes, or look for other files instead, so the hub is asked about access again.
    """
    return refusal(error, asked) or (None if is_offline() else _no_access(asked))


def _no_access(asked: HubItem) -> UsageError | None:
    from huggingface_hub import HfApi, errors

    try:
        HfApi().auth_check(asked.id, repo_type=asked.kind)
    except (errors.HfHubHTTPError, HubBusyError) as error:
        return refusal(error, asked)
    except Exception:  # noqa: BLE001 - a second failure must not hide the first
        return None
    return None


def snapshot(asked: HubItem, patterns: Sequence[str]) -> Path:
    """The folder of a snapshot in the hub's cache that holds the files which match, its last part being the commit.

    Where the hub is out of reach, or not to be asked, what was fetched earlier is taken, and a line says so.
    Raises UsageError for what is not available: see `refusal`.
    """
    try:
        commit_of(asked)
    except OutOfReachError as why:
        kept = _kept(asked, patterns)
        if kept is None:
            raise not_kept(asked, str(why), why.found) from None
        if not is_offline():
            _UNREACHED.add(asked.id)
            _log.warning("%s: %s (%s); using commit %s, fetched earlier", asked.id, why, why.found, kept.name)
        return kept
    _UNREACHED.discard(asked.id)
    from huggingface_hub import snapshot_download

    failures: tuple[type[Exception], ...] = (ValueError, *network_errors())
    try:
        return Path(snapshot_download(asked.id, revision=asked.revision or None, allow_patterns=list(patterns)))
    except failures as error:
        raise _refused(error, asked) from error


def _kept(asked: HubItem, patterns: Sequence[str]) -> Path | None:
    """The snapshot of an earlier download, where it has all the files that match."""
    from huggingface_hub import snapshot_download

    with contextlib.suppress(OSError, ValueError):
        return Path(
            snapshot_download(
                asked.id, revision=asked.revision or None, allow_patterns=list(patterns), local_files_only=True
            )
        )
    return None


def _refused(error: BaseException, asked: HubItem) -> UsageError:
    return refusal(error, asked) or UsageError(
        f"{asked.id} cannot be fetched from the hub",
        found=f"{type(error).__name__}: {first_line(error)}",
        fix=f"try later, or {asked.instead}",
    )


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)
