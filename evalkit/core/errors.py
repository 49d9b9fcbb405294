"""The errors that end a command: a mistake of the user's, what this machine lacks, a run that cannot be trusted."""

from __future__ import annotations


class UsageError(Exception):
    """A mistake of the user's: what was wrong, what was found, what would work.

    The command line prints it without a traceback and exits with code 2.
    """

    def __init__(self, wrong: str, *, found: str = "", fix: str = "", at: str = "") -> None:
        self.wrong, self.found, self.fix, self.at = wrong, found, fix, at
        parts = [f"{at}: {wrong}" if at else wrong]
        if found:
            parts.append(f"  found: {found}")
        if fix:
            parts.append(f"  try:   {fix}")
        super().__init__("\n".join(parts))


class UnavailableError(UsageError):
    """What was asked is right, but not possible on this machine: a package, a device or a kernel is not there.

    Where several models are asked for, the others go on; `wrong` is the one sentence that says so.
    """


class RunError(Exception):
    """A run that cannot be trusted or cannot go on (exit code 3); what is on disk is kept."""
