"""What a failed request to the hub means, as a sentence for whoever asked: what was wrong, found, would work."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evalkit.core import UsageError
from evalkit.data.huggingface.patience import HubBusyError

__all__ = ["HubItem", "first_line", "network_errors", "refusal"]

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class HubItem:
    """What is asked of the hub. `what` names it in sentences; `instead` says what works without the hub."""

    kind: Literal["model", "dataset"]
    id: str
    revision: str = ""
    what: str = "model"
    instead: str = "name a folder that holds it"

    @property
    def page(self) -> str:
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/{'datasets/' if self.kind == 'dataset' else ''}{self.id}"

    @property
    def download(self) -> str:
        """The command that puts it into the cache of this machine."""
        kind = " --repo-type dataset" if self.kind == "dataset" else ""
        return f"hf download {self.id}{kind}" + (f" --revision {self.revision}" if self.revision else "")


def refusal(error: BaseException, asked: HubItem) -> UsageError | None:
    """The sentence for a failure of the hub, or None where `error`, or what led to it, is none.

    Libraries wrap what the hub said in errors of their own, so the causes are looked at, innermost last.
    """
    for one in _causes(error):
        if found := _of_hub(one, asked):
            return found
    for one in _causes(error):
        if isinstance(one, network_errors()) and _is_of_network(one):
            return _of_network(one, asked)
    return None


def _of_hub(error: BaseException, asked: HubItem) -> UsageError | None:
    from huggingface_hub import errors

    if isinstance(error, HubBusyError):
        return _busy(error, asked)
    if isinstance(error, errors.GatedRepoError):
        return _gated(asked)
    if isinstance(error, errors.RevisionNotFoundError):
        return _no_revision(asked)
    if isinstance(error, errors.RepositoryNotFoundError):
        return _not_found(asked)
    if isinstance(error, errors.HFValidationError):
        return UsageError(
            f"{asked.id!r} is not a {asked.what}'s id", found=first_line(error), fix="write it as owner/name"
        )
    status = getattr(getattr(error, "response", None), "status_code", 0)
    # A file that is not there is for the library that looked for it to judge: it often looks for several.
    if not isinstance(error, errors.HfHubHTTPError) or isinstance(error, errors.EntryNotFoundError) or not status:
        return None
    if status == 401:
        return UsageError(
            "the hub does not accept the token that it was sent",
            found=first_line(error),
            fix="log in again (hf auth login, or another HF_TOKEN), or unset HF_TOKEN for what is public",
        )
    if status >= 500:
        return UsageError(
            f"the hub has a problem and does not serve {asked.id}",
            found=first_line(error),
            fix=f"try later, or {asked.instead}",
        )
    return UsageError(
        f"the hub refuses to give {asked.id}", found=first_line(error), fix=f"see {asked.page}, or {asked.instead}"
    )


def _busy(error: HubBusyError, asked: HubItem) -> UsageError:
    said = "does not say how long" if error.wanted_s is None else f"asks for {error.wanted_s:,.0f} s"
    return UsageError(
        f"the hub refuses further requests for now (429), so {asked.id} is not available",
        found=f"waited {error.waited_s:,.0f} s; it {said}",
        fix=f"try later, log in for a higher limit (hf auth login, or HF_TOKEN), or {asked.instead}",
    )


def _gated(asked: HubItem) -> UsageError:
    sent = "the token that was sent has no access" if _token() else "no token was sent"
    return UsageError(
        f"{asked.id} is gated: its owner asks for terms to be accepted first",
        found=sent,
        fix=f"accept them on {asked.page} and log in (hf auth login, or HF_TOKEN), or {asked.instead}",
    )


def _no_revision(asked: HubItem) -> UsageError:
    there = _revisions(asked)
    close = difflib.get_close_matches(asked.revision, there, n=1)
    listed = ", ".join(there[:_SHOWN]) + ", …" * (len(there) > _SHOWN)
    return UsageError(
        f"{asked.id} has no revision {asked.revision!r} on the hub",
        found=f"branches and tags: {listed}" if there else "",
        fix=f"did you mean {close[0]!r}?" if close else "name a branch, tag or commit of it",
    )


def _revisions(asked: HubItem) -> list[str]:
    from huggingface_hub import HfApi

    # What there is helps; that it can't be listed is not a second error.
    with contextlib.suppress(Exception):
        found = HfApi().list_repo_refs(asked.id, repo_type=asked.kind)
        return [ref.name for ref in (*found.branches, *found.tags)]
    return []


def _not_found(asked: HubItem) -> UsageError:
    seen = "that the token which was sent may see" if _token() else "that is seen without a token, and none was sent"
    return UsageError(
        f"{asked.id} is not on the hub",
        found=f"no {asked.what} of that id {seen}",
        fix=f"check the spelling; for a private one log in (hf auth login, or HF_TOKEN); or {asked.instead}",
    )


def _of_network(error: BaseException, asked: HubItem) -> UsageError:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return not_kept(asked, "the hub is not asked, being offline")
    return UsageError(
        f"{asked.id} is not available: the connection to the hub failed or broke off",
        found=f"{constants.ENDPOINT}: {type(error).__name__}: {first_line(error)}",
        fix=f"check the network and try again (files that are complete are kept), or {asked.instead}",
    )


def not_kept(asked: HubItem, why: str, found: str = "") -> UsageError:
    """The sentence for what is neither on this machine nor to be asked for; `found` is what was seen of the hub."""
    revision = f" at revision {asked.revision!r}" if asked.revision else ""
    return UsageError(
        f"{asked.id} is not available: {why}",
        found=(found and f"{found}; ") + f"no complete earlier download of it{revision} on this machine",
        fix=f"fetch it once with a network: {asked.download}; or {asked.instead}",
    )


def _is_of_network(error: BaseException) -> bool:
    # An OSError of a disk, such as a missing file or a full disk, is none of the network.
    return isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.split(".")[0] in _CLIENTS


_CLIENTS = frozenset({"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp"})


def network_errors() -> tuple[type[Exception], ...]:
    """What a request that fails raises, whichever HTTP library carries it."""
    from huggingface_hub import errors

    # The hub's client has changed its HTTP library twice; its own module knows the base error of the present one.
    http_error: type[Exception] = getattr(errors, "HTTPError", OSError)
    return (OSError, http_error)


def first_line(error: BaseException) -> str:
    """The first line of an error's text, 300 characters at most."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


def _token() -> bool:
    from huggingface_hub import get_token

    return bool(get_token())


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__
