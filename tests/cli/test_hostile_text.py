"""Every command over runs in which each text that a stranger can choose is hostile: nothing of it is obeyed."""

from __future__ import annotations

import csv
import os
import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evalkit.cli import group
from evalkit.core.errors import UsageError
from tests.hostile import CORPUS
from tests.reports.made import record, write_run

OBEYED = re.compile(
    "[\x00-\x08\x0b-\x0d\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\ud800-\udfff]"
)
ESCAPES = re.compile(r"\x1b(?!\[[0-9;]*m)")
"""What rich writes itself are colours alone."""
TEXTS = tuple(text for text in CORPUS if text.strip() and len(text) < 1000)
COMMANDS: dict[str, tuple[str, ...]] = {
    "show": ("show", "one"),
    "show all": ("show",),
    "show a sample": ("show", "one", "--sample", "{sample}"),
    "show the wrong ones": ("show", "one", "--wrong"),
    "show the manifest": ("show", "one", "--manifest"),
    "show a sample that is not there": ("show", "one", "--sample", "{text}"),
    "compare": ("compare", "one", "two"),
    "compare as json": ("compare", "one", "two", "--json"),
    "explain": ("compare", "one", "two", "--explain", "{sample}"),
    "baseline": ("baseline", "save", "one", "-o", "b.evalkit"),
    "baseline show": ("baseline", "show", "b.evalkit"),
    "gate": ("gate", "run", "two", "--baseline", "one", "--margin", "2%", "--markdown", "g.md", "--junit", "g.xml"),
    "gate json": ("gate", "run", "two", "--baseline", "one", "--margin", "2%", "--json", "-"),
    "gate github": ("gate", "run", "two", "--baseline", "one", "--margin", "2%", "--github"),
    "gate plan": ("gate", "plan", "one", "--margin", "2%"),
    "history": ("history", "."),
    "history json": ("history", ".", "--json"),
    "leaderboard": ("leaderboard", "."),
    "report markdown": ("report", "one", "two", "--as", "markdown"),
    "report scores_csv": ("report", "one", "two", "--as", "scores_csv", "-o", "s.csv"),
    "report samples_csv": ("report", "one", "two", "--as", "samples_csv", "-o", "t.csv"),
    "an unknown task": ("run", "{text}", "--model", "tiny"),
    "an unknown model": ("run", "toy_mmlu", "--model", "{text}"),
    "an unknown run": ("report", "{text}"),
    "an unknown option": ("run", "toy_mmlu", "--model", "tiny,{text}=1"),
    "check": ("check", "{text}"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    for place, text in enumerate(TEXTS):
        for name, right in (("one", 1), ("two", 0)):
            records = [record(n, right=n % 2 == right, text=text, task=f"t{text}") for n in range(12)]
            write_run(root / str(place) / name, records, task=f"t{text}", model=f"m{name}{text}", text=text)
    return root


def said(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str, str]:
    """One call of the command line in this process: its exit code and what it printed."""

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(sys, "argv", ["evalkit", *arguments])
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit) as caught:
        group.main()
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_shows_and_does_not_obey(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "cache"))
    for place, text in enumerate(TEXTS):
        if re.search("[\x00\ud800]", text) and any("{text}" in one for one in COMMANDS[command]):
            continue  # no argument of a program can hold it
        here = tmp_path / str(place)
        shutil.copytree(folder / str(place), here)
        monkeypatch.chdir(here)
        arguments = [one.replace("{text}", text).replace("{sample}", f"s1{text}") for one in COMMANDS[command]]
        if command == "baseline show":
            said(["baseline", "save", "one", "-o", "b.evalkit"], capsys, monkeypatch)
        code, out, err = said(arguments, capsys, monkeypatch)
        assert code in range(5) and "Traceback" not in err and "unexpected" not in err, (text, err)
        for printed in (out, err):
            assert not OBEYED.search(printed) and not ESCAPES.search(printed), (text, printed)
            commands = [line for line in printed.splitlines() if line.strip().startswith("::")]
            assert command.startswith("gate") or not commands, (text, commands)
            assert all(re.match(r"::(error|warning|notice) title=evalkit[^:]*::[^\n]*$", line) for line in commands), (
                commands
            )
            assert not re.search(r"##\w*\[", printed), (text, printed)
        look_at_files(here, text)


def look_at_files(here: Path, text: str) -> None:
    for path in here.glob("*.*"):
        if path.suffix == ".md":
            whole = path.read_text(encoding="utf-8")
            assert not OBEYED.search(whole)
            outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", whole)
            assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(|@\w|https?://|<(img|script)", outside), (text, outside)
        if path.suffix == ".csv":
            for row in csv.reader(path.read_text(encoding="utf-8").splitlines()):
                assert not any(re.match(r"[\s\"\u3000]*[=+@＝＋＠]", cell) for cell in row), (text, row)
        if path.suffix == ".xml":
            ElementTree.fromstring(path.read_text(encoding="utf-8"))


def test_an_error_is_one_sink_for_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of what no command above meets: a server's words, a key of a file."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for text in CORPUS:

        def fails(text: str = text, **_: object) -> None:
            raise UsageError(f"it says {text}", found=text, fix=text, at=f"{text}:1")

        monkeypatch.setattr(group.cli, "main", fails)
        code, out, err = said([], capsys, monkeypatch)
        assert code == 2 and not out and not OBEYED.search(err) and "\x1b" not in err
        assert not any(line.strip().startswith("::") for line in err.splitlines())


def test_nothing_is_printed_past_the_sinks() -> None:
    """print, click.echo and consoles that are made elsewhere would be ways around them."""
    root = Path(group.__file__).parents[1]
    found = []
    for path in root.rglob("*.py"):
        if (path.name == "terminal.py" and path.parent.name == "core") or "inside" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"(?<![\w.])print\(|click\.s?echo\(|[^a-z]Console\(|sys\.std(out|err)\.write", line):
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()}")
    assert not found, "\n".join(found)
