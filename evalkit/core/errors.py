"""The two errors that end a command: a mistake of the user's, and a run that cannot be trusted."""

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


class RunError(Exception):
    """A run that cannot be trusted or cannot go on (exit code 3); what is on disk is kept."""
