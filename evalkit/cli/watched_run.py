"""`--watch`: a run's progress with a page next to it, and how a server is run until Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.core.terminal import say

if TYPE_CHECKING:
    from evalkit.core import Record
    from evalkit.reporting.serving.beside import Beside
    from evalkit.reporting.serving.server import Site
    from evalkit.runs.runner import PreparedTask, Progress


class WithPage:
    """A progress that opens the page when the first task begins: a mistake in the words has no page."""

    def __init__(self, inner: Progress, folder: Path) -> None:
        self._inner, self._folder = inner, folder
        self._beside: Beside | None = None
        watch = getattr(inner, "watch", None)
        if watch is not None:
            self.watch: Callable[[Any], None] = watch

    def start(self, task: PreparedTask, model: str, done: int) -> None:
        if self._beside is None:
            from evalkit.reporting.serving.beside import Beside

            self._beside = Beside(self._folder)
            say(f"watch: {self._beside.address}", err=True)
        self._inner.start(task, model, done)

    def advance(self, record: Record) -> None:
        self._inner.advance(record)

    def tick(self, tokens: int) -> None:
        self._inner.tick(tokens)

    def finish(self, task: PreparedTask) -> None:
        self._inner.finish(task)

    def close(self) -> None:
        if self._beside is not None:
            self._beside.close()


@contextlib.contextmanager
def with_page(progress: Progress, folder: Path | None) -> Iterator[Progress]:
    """The progress with a page of the run in `folder`, or as it is where no folder is named."""
    if folder is None:
        yield progress
        return
    watched = WithPage(progress, folder)
    try:
        yield watched
    finally:
        watched.close()


def serve_until_ctrl_c(site: Site, port: int, said: str, *, opened: bool) -> None:
    """Serve a site and say where, until Ctrl-C, which is the way to end it."""
    from evalkit.reporting.serving.server import LocalServer, address_of, listening, new_token

    token = new_token()
    found = listening(port)
    address = address_of(found, token)
    server = LocalServer(site, found, token)
    try:
        say(f"{said}: {address}")
        say("Only this machine can open it. Ctrl-C ends the page and no run.", err=True)
        if opened:
            import webbrowser

            webbrowser.open(address)
        server.serve_forever()
    except KeyboardInterrupt:
        say("closed", err=True)
    finally:
        server.server_close()
