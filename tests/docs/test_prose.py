"""docs/style.md holds for pages, help texts and public docstrings, as far as a program can check it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import evalkit
from evalkit import core
from evalkit.cli.group import cli
from evalkit.plugins.named import Named, methods, metrics, scorers
from evalkit.plugins.origin import function_of, origin
from tests.docs.pages import ROOT
from tests.docs.prose import MOST_WORDS, problems

TEXTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "tasks", "judges", "reports", "benchmarks")
"""Pages, and folders whose pages are read. A new folder of pages is one more name here."""


def pages() -> list[Path]:
    found = [ROOT / name for name in TEXTS]
    return sorted(page for path in found for page in (path.rglob("*.md") if path.is_dir() else [path]))


def test_pages_follow_the_style_page() -> None:
    wrong = [
        f"{page.relative_to(ROOT)}: {problem}"
        for page in pages()
        for problem in problems(page.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


def test_help_texts_follow_it() -> None:
    context = click.Context(cli, info_name="evalkit")
    wrong = [f"{where}: {problem}" for where, text in helps(cli, context) for problem in problems(text, markdown=False)]
    assert not wrong, "\n".join(wrong)


def helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """(command or option, its help), of a command and of all below it."""
    yield context.command_path, (command.help or "").replace("\b", "")
    for option in command.params:
        if isinstance(option, click.Option):
            yield f"{context.command_path} {option.opts[0]}", option.help or ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from helps(found, click.Context(found, context, info_name=name))


def test_docstrings_of_public_names_follow_it() -> None:
    found = [
        (f"{module.__name__}.{name}", getattr(module, name)) for module in (evalkit, core) for name in module.__all__
    ]
    kinds: tuple[Named, ...] = (scorers, metrics, methods)
    found += [
        (f"{kind.kind} {name}", function_of(origin(kind.kind, name))[0]) for kind in kinds for name in kind.names()
    ]
    wrong = [
        f"{name}: {problem}"
        for name, value in found
        for problem in problems(inspect.getdoc(value) or "", markdown=False)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What was spent stands on stderr.", "stands"),
        ("| a | the answer beside it |", "beside"),
        ("Each gets a draw of its own.", "of its own"),
        ("An option that there is not is an error.", "that there is"),
        (" ".join(["word"] * (MOST_WORDS + 1)) + ".", f"{MOST_WORDS + 1} words"),
        ("* One; two; three.", "2 semicolons"),
    ],
)
def test_the_check_finds(text: str, said: str) -> None:
    assert [problem for problem in problems(text) if said in problem]


@pytest.mark.parametrize(
    "text",
    [
        "```\nwhat stands beside it\n```",
        "`stands` is code, and so is a stand-in.",
        'Text does not "stand".',
        "evalkit stops. evalkit says why: nothing is lost.",
        " ".join(["word"] * MOST_WORDS) + ". " + " ".join(["word"] * MOST_WORDS) + ".",
    ],
)
def test_the_check_lets_through(text: str) -> None:
    assert not list(problems(text))
