"""`evalkit list`: tasks, models and all other plugins, without running a line of any plugin."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterable, Sequence

import click

from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.core.terminal import say
from evalkit.plugins import KINDS, PluginEntry, index
from evalkit.plugins.families import family_of, rows_of

FOLDERS = {kind.folder: name for name, kind in KINDS.items()}
SHOWN = ("tasks", "models", "judges", "reports", "scorers", "metrics", "methods", "commands")


@click.command(
    "list", epilog=examples("evalkit list tasks math", "evalkit list models", "evalkit list tasks lm-eval/arc --names")
)
@click.argument("kind", required=False, metavar="[KIND]", type=click.Choice(SHOWN))
@click.argument("words", nargs=-1, metavar="[WORD…]")
@click.option("--tag", metavar="TAG", help="Show only entries with this tag.")
@click.option("--tasks-from", metavar="DIR", default="", help="List lm-eval/… tasks of this folder of YAML files.")
@click.option("--names", is_flag=True, help="Print names only, one per line.")
@json_option
def command(
    kind: str | None, words: tuple[str, ...], tag: str | None, tasks_from: str, names: bool, as_json: bool
) -> None:
    """List what you can use, including your own plugins.

    KIND is tasks, models, judges, reports, scorers, metrics, methods or commands; without it, evalkit lists every kind.
    Each WORD must occur in an entry's name, summary or tags. Files in folders of these names, in the current folder
    and in installed packages, are listed as well. `evalkit list tasks lm-eval/` lists the tasks of lm-eval.
    """
    problems: list[str] = []
    listed: dict[str, list[dict[str, object]]] = {}
    for shown in (kind,) if kind else SHOWN:
        entries = _family(words, tasks_from) if shown == "tasks" else []
        entries = entries or _entries(shown, problems)
        found = [e for e in entries if _matches(e, words) and (tag is None or tag in e[2])]
        if as_json:
            listed[shown] = [{"name": name, "summary": about, "tags": list(tags)} for name, about, tags in found]
        elif names:
            for name, _, _ in found:
                say(name)
        elif found or kind:
            _print(shown, found, len(entries))
    for problem in dict.fromkeys(problems):
        say(f"evalkit: {problem}", err=True)
    if as_json:
        print_json(kinds=listed, problems=list(dict.fromkeys(problems)))
    elif not names and (kind is None or kind == "tasks"):
        say("next: evalkit run TASK --model MODEL")


def _entries(shown: str, problems: list[str]) -> list[tuple[str, str, Sequence[str]]]:
    """(name, summary, tags) of every entry of a kind; what could not be read goes to `problems`."""
    kind = FOLDERS[shown]
    found = index(kind)
    problems += [entry.problem for entry in found if entry.problem]
    usable = [entry for entry in found if not entry.problem]
    if kind == "model":
        from evalkit import models

        return [(p.example, p.summary, ()) for p in models.providers() if not p.problem]
    if kind == "command":
        from evalkit.cli.group import COMMANDS, own_commands

        own = own_commands()
        taken = [entry for entry in usable if entry.name not in own]
        problems += [f"{e.path}: the command {e.name!r} already exists; rename it in META" for e in taken]
        return [*((name, summary, ()) for name, summary in COMMANDS.items()), *map(_row, own.values())]
    return [_row(entry) for entry in usable]


def _family(words: tuple[str, ...], folder: str) -> list[tuple[str, str, Sequence[str]]]:
    """The tasks of a family that a word begins with, which are too many to be among the others."""
    prefix = next((found for word in words if (found := family_of(word))), "")
    return list(rows_of(prefix, folder)) if prefix else []


def _row(entry: PluginEntry) -> tuple[str, str, Sequence[str]]:
    variants = f" ({len(entry.variants)} variants)" if entry.variants else ""
    origin = "" if entry.origin == "built-in" else f" [{entry.origin}]"
    return entry.name, entry.summary + variants + origin, entry.tags


def _matches(entry: tuple[str, str, Sequence[str]], words: Iterable[str]) -> bool:
    text = " ".join([entry[0], entry[1], *entry[2]]).lower()
    return all(word.lower() in text for word in words)


def _print(kind: str, rows: list[tuple[str, str, Sequence[str]]], total: int) -> None:
    """Names in one column, wrapped summaries in the next, within the terminal or 80 columns."""
    shown = f"{len(rows)} of {total}" if len(rows) != total else str(total)
    told = [_bold(f"{kind} ({shown})")]
    width = min(shutil.get_terminal_size((80, 24)).columns, 100)
    indent = min(28, max((len(name) for name, _, _ in rows), default=0) + 4)
    wrapper = textwrap.TextWrapper(max(20, width - indent), break_on_hyphens=False)
    for name, summary, tags in rows:
        text = summary + (f"  #{' #'.join(tags)}" if tags else "")
        lines = wrapper.wrap(text) or [""]
        start = f"  {name}".ljust(indent)
        if len(start) > indent:
            told.append(start)
            start = " " * indent
        told.append(start + lines[0])
        told += [" " * indent + line for line in lines[1:]]
    say("\n".join([*told, ""]))


def _bold(text: str) -> str:
    return text if "NO_COLOR" in os.environ else click.style(text, bold=True)
