"""The command line's reference, from click itself: a page for each command, with its options, defaults and examples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from evalkit.cli.group import COMMANDS, SECTIONS, cli
from tools.docs_site.tables import code, prose, sentence, table

__all__ = ["pages"]

_BLOCK = re.compile(r"^(Examples?|Exit codes?):\n((?:[ ]+.*\n?)+)", re.MULTILINE)


def pages() -> Iterator[tuple[str, str]]:
    """(path below docs/, Markdown) of the overview and of every command."""
    context = click.Context(cli, info_name="evalkit")
    parts = ["# Command line\n\nEvery command takes `--help`.\n"]
    for title, section in SECTIONS.items():
        rows = [(f"[`evalkit {name}`]({name}.md)", sentence(summary)) for name, summary in section.items()]
        parts.append(f"## {title}\n\n{table(('Command', 'Purpose'), rows)}")
    yield "reference/cli/index.md", "\n".join([*parts, "## Options\n", _options(cli, context)])
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield f"reference/cli/{name}.md", _page(command, click.Context(command, context, info_name=name))


def _page(command: click.Command, context: click.Context) -> str:
    parts = [f"# evalkit {context.info_name}\n", _body(command, context)]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                inner = click.Context(below, context, info_name=name)
                parts += [f"## evalkit {context.info_name} {name}\n", _body(below, inner)]
    return "\n".join(parts)


def _body(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    return "\n".join([f"```text\n{usage}\n```\n", _help(command), _options(command, context)])


def _help(command: click.Command) -> str:
    """The command's help: paragraphs as text, examples and exit codes as they are laid out."""
    texts = (inspect.cleandoc(text) for text in (command.help, command.epilog) if text)
    text = "\n\n".join(texts).replace("\f", "").replace("\b\n", "") + "\n"
    parts: list[str] = []
    end = 0
    for found in _BLOCK.finditer(text):
        parts += [_paragraphs(text[end : found.start()]), f"**{found[1]}**\n\n```text\n{_dedented(found[2])}\n```\n"]
        end = found.end()
    return "\n".join([*parts, _paragraphs(text[end:])])


def _paragraphs(text: str) -> str:
    return "".join(f"{_paragraph(part)}\n\n" for part in text.split("\n\n") if part.strip())


def _paragraph(text: str) -> str:
    laid_out = any(line.startswith("  ") for line in text.splitlines())
    return f"```text\n{text.strip()}\n```" if laid_out else prose(" ".join(text.split()))


def _dedented(text: str) -> str:
    lines = text.rstrip().splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[indent:] for line in lines)


def _options(command: click.Command, context: click.Context) -> str:
    found = [one for one in command.get_params(context) if isinstance(one, click.Option) and not one.hidden]
    rows = [(_names(one), sentence(_told(one)), _default(one)) for one in found]
    return table(("Option", "Does", "Default"), rows) if rows else ""


def _names(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else option.make_metavar(click.Context(click.Command("x")))
    return code(f"{names} {value}".strip())


def _told(option: click.Option) -> str:
    text = re.sub(r"\s*\[default: [^\]]*\]", "", option.help or "")
    return text + (" May be given several times." if option.multiple and "repeat" not in text.lower() else "")


def _default(option: click.Option) -> str:
    said = re.search(r"\[default: ([^\]]*)\]", option.help or "")
    if said:
        return prose(said[1])
    if option.required:
        return "required"
    value = option.default
    if option.is_flag:
        return "on" if value is True else "off"
    plain = value is not None and not callable(value) and "UNSET" not in repr(value).upper()
    return code(value) if plain and value not in ((), "") else "–"
