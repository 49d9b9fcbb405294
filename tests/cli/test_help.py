"""Every command's help: what it says, that its examples are commands which exist, that it fits 80 columns."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from evalkit.cli.group import COMMANDS, SECTIONS, cli
from tests.cli.console import evalkit
from tests.reports.made import record, write_run

WITHOUT_JSON = {
    "evalkit baseline save": "writes a file",
    "evalkit baseline update": "writes a file",
    "evalkit gate check": "prints no result",
    "evalkit init": "writes files",
    "evalkit judge annotate": "writes a page",
    "evalkit push": "sends a run elsewhere",
    "evalkit watch": "serves a page",
    "evalkit view": "serves a page",
    "evalkit report": "writes a document in the format that is asked for",
}
"""Commands that print no result, and why."""


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from leaves(found, f"{path} {name}")
        if path == "evalkit":
            return
    yield path, command


ALL = dict(leaves(cli, "evalkit"))


def examples_of(command: click.Command) -> list[str]:
    return [line.strip() for line in (command.epilog or "").splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("path", ALL)
def test_a_commands_help_ends_with_two_examples_that_click_accepts(path: str) -> None:
    found = examples_of(ALL[path])
    assert len(found) >= 2
    for example in found:
        # An example may be followed by what it does, and by a redirection.
        words = shlex.split(example.split("   ")[0].split(" > ")[0])
        assert words[0] == "evalkit" and example.startswith(path), example
        command: click.Command = cli
        while isinstance(command, click.Group) and len(words) > 1:
            words = words[1:]
            found_command = command.get_command(click.Context(command), words[0])
            assert found_command is not None, example
            command = found_command
        command.make_context(words[0], words[1:])


@pytest.mark.parametrize("path", ALL)
def test_every_option_says_what_it_does_in_a_sentence(path: str) -> None:
    command = ALL[path]
    assert (command.help or "").split("\n")[0].rstrip().endswith("."), path
    for parameter in command.params:
        if not isinstance(parameter, click.Option):
            continue
        said = parameter.help or ""
        assert said, (path, parameter.opts)
        sentence = said.split("  [")[0]
        assert sentence[0].isupper() and sentence.endswith("."), (path, parameter.opts, said)


def test_every_command_that_prints_a_result_prints_it_as_json_too() -> None:
    lacking = {
        path
        for path, command in ALL.items()
        if not isinstance(command, click.Group) and not any("--json" in one.opts for one in command.params)
    }
    assert lacking == set(WITHOUT_JSON)


def test_help_names_every_command_under_its_purpose_within_80_columns() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    places = [shown.index(f"\n{title}:") for title in SECTIONS]
    assert places == sorted(places)
    for name, summary in COMMANDS.items():
        assert f"  {name:<14}  {summary}" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("path", ALL)
def test_help_fits_80_columns(path: str) -> None:
    shown = CliRunner().invoke(cli, [*path.split()[1:], "--help"], terminal_width=80).output
    too_long = [line for line in shown.splitlines() if len(line) > 80 and not line.strip().startswith("evalkit ")]
    assert not too_long


def test_without_a_command_evalkit_names_the_next_step(tmp_path: Path) -> None:
    done = evalkit(cwd=tmp_path)
    assert done.code == 0 and not done.err
    assert "evalkit quickstart" in done.out and "evalkit init" in done.out and "evalkit --help" in done.out
    write_run(tmp_path / "runs/20260101-120000", [record(1)])
    done = evalkit(cwd=tmp_path)
    assert done.code == 0
    first = next(line for line in done.out.splitlines() if line.startswith("  "))
    assert f"evalkit show {Path('runs/20260101-120000')}" in first
    assert max(map(len, done.out.splitlines())) <= 80
