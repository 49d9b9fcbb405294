"""The terminal and a job's log: everything that evalkit says to a person leaves through here."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from evalkit.core.outside_text import in_log, json_text, without_commands
from evalkit.core.stream_encoding import json_for, write_document

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["command", "console", "emit", "emit_json", "say", "styled"]


def say(text: str = "", *, err: bool = False) -> None:
    """A line for a person, with nothing in it that a terminal or a job's service obeys."""
    import click

    click.echo(in_log(text), err=err)


def emit_json(text: str) -> None:
    """A JSON document on stdout, unchanged in value and safe to look at."""
    import click

    click.echo(json_for(sys.stdout, json_text(text)), nl=not text.endswith("\n"))


def emit(text: str) -> None:
    """A document on stdout, or a part of one: `outside_text` has a sink for each form."""
    write_document(without_commands(text))


def command(line: str) -> None:
    """A command to the service whose job this is, made of `workflow_data` and `workflow_property`."""
    import click

    click.echo(line)


def styled(*parts: str | tuple[str, str]) -> Text:
    """One text of several: plain ones, and (text, style) for styled ones. No text in it is markup."""
    from rich.text import Text

    return Text.assemble(*parts)


def console(*, err: bool = False, file: IO[str] | None = None, width: int | None = None) -> Console:
    """A console for results (stdout) or for progress and notes (stderr). rich honours NO_COLOR and no TTY.

    Text is shown as it is: square brackets are no markup, colons no emoji, and what a terminal would obey is written
    out. Without a terminal the width is fixed at 80 so that logs look the same everywhere.
    """
    from rich.console import Console
    from rich.segment import Segment

    class SafeConsole(Console):
        def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                shown = segment.text if segment.control else in_log(segment.text)
                yield segment if shown == segment.text else Segment(shown, segment.style)

    stream = file or (sys.stderr if err else sys.stdout)
    wide = width or (None if stream.isatty() else 80)
    plain: dict[str, Any] = {"color_system": None} if file is not None else {}
    return SafeConsole(file=stream, width=wide, highlight=False, markup=False, emoji=False, **plain)
