"""Text from outside, made fit for where it goes: one function for each place that obeys some of what it is given.

Names of samples, groups, models and files, replies, and what servers say are written by strangers. A terminal obeys
escape sequences, a job's log obeys workflow commands, Markdown makes links and mentions, a spreadsheet computes. Every
such text passes the function of its sink; HTML is escaped by the templates (`reporting.pages`), which call `visible`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

__all__ = [
    "csv_cell",
    "in_log",
    "json_text",
    "markdown_code",
    "markdown_text",
    "one_line",
    "visible",
    "without_commands",
    "workflow_data",
    "workflow_property",
    "xml_text",
]

# Escape sequences of terminals (ECMA-48): CSI, OSC with its end, other strings, single ones.
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]*[0-Z\\^-~]"
)
# Controls but tab and newline; what turns or hides text (bidi, zero width, separators, tags); lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_COMMAND = re.compile(r"^(\s*)::|##(?=\w*\[)", re.MULTILINE)
"""Lines that GitHub Actions, Azure Pipelines and TeamCity take for commands."""
_OBEYING_LOGS = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "|", "%")
# What XML 1.0 has no place for.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKUP = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")  # an underscore inside a word is one
_LINKED = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=!)(?=\[)|(?<=[wW]{3})(?=\.)|(?<=GH-)(?=\d)")
"""Where a mention, a number of an issue, an address or an image is recognised by its first characters."""


def visible(text: str) -> str:
    """A text whose hidden characters are written out as ⟨U+202E⟩; escape sequences of terminals are left out."""
    plain = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", plain)


def one_line(text: str) -> str:
    """A visible text on one line: line breaks and tabs are written out, too."""
    return visible(text).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def in_log(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """A visible text for a terminal or a job's log; inside a job, no line of it is a command to the job's service."""
    return without_commands(visible(text), environment)


def without_commands(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """A text, no line of which is a command to the service whose job this is; outside of a job the text itself."""
    return _defused(text) if any(environment.get(name) for name in _OBEYING_LOGS) else text


def _defused(text: str) -> str:
    return _COMMAND.sub(lambda found: f"{found[1]}: :" if found[1] is not None else "# #", text)


def json_text(text: str) -> str:
    """JSON whose hidden characters are escaped: the same value, which a terminal can show."""
    escaped = _HIDDEN.sub(lambda found: _escaped(ord(found.group())), text)
    return re.sub(r"##(?=\w*\[)", r"\\u0023#", escaped)


def _escaped(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def workflow_data(text: str) -> str:
    """The message of a GitHub workflow command."""
    return _defused(visible(text)).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """A property of a GitHub workflow command, such as its title."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def markdown_code(text: str, *, in_table: bool = False) -> str:
    """Inline code, which cannot end itself, nor a table's cell where it is in one."""
    flat = one_line(text)
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    inner = f" {flat} " if flat.startswith("`") or flat.endswith("`") else flat
    # In a table a backslash before a bar belongs to the table; elsewhere it would be shown.
    inner = inner.replace("|", "\\|") if in_table else inner
    return f"{fence}{inner}{fence}" if flat else "` `"


def markdown_text(text: str) -> str:
    """A sentence in which nothing begins markup, a link, a mention or HTML."""
    flat = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An empty comment parts what would be recognised; a backslash would not keep GitHub from linking it.
    parted = _LINKED.sub("\0", flat)
    return _MARKUP.sub(r"\\\1", parted).replace("\0", "<!-- -->")


def csv_cell(value: object) -> object:
    """A value for a cell of CSV. Text that a spreadsheet could take for a formula begins with an apostrophe.

    Spreadsheets skip what comes before a sign: blanks, line breaks, quotes, marks that are not shown.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    shown = visible(value)
    first = re.sub(r"^(⟨U\+[0-9A-F]+⟩|[\s\"'\u3000])+", "", shown)
    risky = first.startswith(_FORMULA) or shown[:1] in ("\t", "\n", "'")
    return "'" + shown if risky else shown


def xml_text(text: str) -> str:
    """Visible text that XML 1.0 can hold; the writer escapes markup."""
    return _NOT_XML.sub("", visible(text))
