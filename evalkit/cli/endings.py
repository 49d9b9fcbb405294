"""How a command is asked to end: Ctrl-C, and what schedulers, CI limits and closed terminals send in its place."""

from __future__ import annotations

import contextlib
import signal
from types import FrameType

__all__ = ["INTERRUPTED", "exit_code", "handle_like_ctrl_c"]

INTERRUPTED = 130
_received: list[int] = []


def handle_like_ctrl_c() -> None:
    """From now on SIGTERM and SIGHUP end this process as Ctrl-C does: finished samples are kept, the way on is said.

    A signal that is ignored (nohup, `trap ''`) stays ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Only the main thread may set handlers; evalkit used from another program's thread keeps that program's.
        with contextlib.suppress(ValueError):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _interrupt)


def exit_code(code: int) -> int:
    """The shell's 128 + n where signal n asked for the end, so that a scheduler sees its own."""
    return 128 + _received[0] if code == INTERRUPTED and _received else code


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    ctrl_c = signal.getsignal(signal.SIGINT)
    # asyncio puts its own handler there while a loop runs. In the background of a shell Ctrl-C is ignored.
    if callable(ctrl_c):
        ctrl_c(signal.SIGINT, frame)
    else:
        raise KeyboardInterrupt
