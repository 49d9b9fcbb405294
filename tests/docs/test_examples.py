"""The commands of tutorials and how-tos: those with an output are run and compared, all others fit the command line."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from evalkit.cli.group import cli
from tests.cli.console import evalkit
from tests.docs.pages import DOCS, ROOT, Block, blocks, commands, pages

GUIDES = pages("tutorials", "how-to")
RUN = [page for page in GUIDES if any(block.kind == "console" for block in blocks(page))]
CODE = re.compile(r"^exit code (\d+)$", re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.slow("runs the commands of some ten pages")
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_a_page_shows_what_its_commands_print(page: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the embedded model needs torch")
    for block in blocks(page):
        if block.name:
            path = tmp_path / block.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.kind == "console":
            for command, expected in steps(block):
                compare(command, expected, tmp_path)


def steps(block: Block) -> list[tuple[str, str]]:
    """(command, what the page shows of it) of a block."""
    parts = re.split(r"^\$ (.+)\n", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"an output without a command: {parts[0]!r}"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def compare(command: str, expected: str, folder: Path) -> None:
    code = CODE.search(expected)
    program, *words = shlex.split(command)
    if program == "python":
        asked = [sys.executable, *words]
        done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        found, printed = done.returncode, done.stdout + done.stderr
    else:
        assert program == "evalkit", command
        finished = evalkit(*words, cwd=folder)
        found, printed = finished.code, finished.out + finished.err
    assert found == int(code[1] if code else 0), (command, printed)
    assert fits(CODE.sub("", expected), printed), f"{command}\n--- the page:\n{expected}\n--- printed:\n{printed}"


def fits(expected: str, printed: str) -> bool:
    """Whether a text is what a page shows; `...` on a page is any text, and runs of blanks are one."""
    parts = [re.escape(" ".join(part.split())) for part in expected.split("...")]
    return re.fullmatch(r"\s*.*?\s*".join(parts), " ".join(printed.split()), re.DOTALL) is not None


@pytest.mark.parametrize(
    ("expected", "printed", "is_fit"),
    [
        ("acc  74.4%\n", "acc 74.4%\n", True),
        ("acc  74.4%\n", "acc 74.5%\n", False),
        ("...\nacc 1\n...\n", "task\nacc 1\nnext\n", True),
        ("...\nacc 1\n...\n", "task\nacc 2\nnext\n", False),
        ("acc ... 90\n", "acc 74.4% 64 – 82 90\n", True),
        ("acc 1\n", "acc 1\nand more\n", False),
    ],
)
def test_the_comparison(expected: str, printed: str, is_fit: bool) -> None:
    assert fits(expected, printed) is is_fit


@pytest.mark.parametrize("page", [*pages(""), ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_command_on_a_page_exists_and_takes_its_options(page: Path) -> None:
    wrong = []
    for block in blocks(page):
        if block.kind in ("", "sh", "bash", "console", "text", "yaml"):
            wrong += [f"{line}: {problem}" for line in commands(block.text) if (problem := problem_of(line))]
    assert not wrong, "\n".join(wrong)


def problem_of(line: str) -> str:
    """What click has against a command, or nothing; values are not looked at, and no file needs to be there."""
    words = shlex.split(line.replace("'", "'\"'\"'") if line.count("'") % 2 else line)[1:]
    context = click.Context(cli, info_name="evalkit")
    command: click.Command = cli
    try:
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            found = command.get_command(context, name)
            if found is None:
                return f"no command {name!r}"
            command, context = found, click.Context(found, context, info_name=name)
        command.make_parser(context).parse_args(words)
    except click.ClickException as error:
        return error.format_message()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("evalkit run mmlu --model tiny --limit 5", ""),
        ("evalkit gate plan base.evalkit --margin 2%", ""),
        ("evalkit run mmlu --modle tiny", "No such option"),
        ("evalkit gate forecast", "no command 'forecast'"),
        ("evalkit bake mmlu", "bake"),
    ],
)
def test_the_check_of_commands(line: str, problem: str) -> None:
    assert problem in problem_of(line)
    assert bool(problem_of(line)) is bool(problem)
