"""Whether Python of folders that are neither an installed package nor the project's may run in this process."""

from __future__ import annotations

__all__ = ["allow", "is_allowed"]


class _Leave:
    given = False


def allow(*, given: bool) -> None:
    """Gives that leave, or takes it back; the user says so for every run anew."""
    _Leave.given = given


def is_allowed() -> bool:
    return _Leave.given
