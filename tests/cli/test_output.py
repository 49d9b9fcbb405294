"""Numbers as people read them, and replies that cannot write to the terminal."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from evalkit.cli.group import cli
from evalkit.core import Reply
from evalkit.core.formatting import bare, duration
from tests.reports.made import record, write_run


@pytest.mark.parametrize(
    ("value", "scale", "shown"),
    [
        (0.8555, "proportion", "85.5"),
        (1.0, "proportion", "100.0"),
        (3.65349, "number", "3.653"),
        (12345.6, "number", "1.235e+04"),
        (float("nan"), "proportion", "–"),
        (float("inf"), "number", "∞"),
    ],
)
def test_numbers(value: float, scale: str, shown: str) -> None:
    assert bare(value, scale) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1:01 min"), (3725, "1:02:05 h")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_runs_folder_stands_whole_in_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what `evalkit show` wants to be given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    folder = Path("runs/20261122-161222/tiny-dtype=bfloat16")
    write_run(folder, [record(1, right=True)], model="tiny,dtype=bfloat16,quant=nf4-double,compute_dtype=bfloat16")
    listed = CliRunner().invoke(cli, ["show"]).output.splitlines()
    assert str(folder) in listed
    assert max(map(len, listed)) <= 80
    short = Path("runs/20261122-161222")
    write_run(tmp_path / "other" / short, [record(1, right=True)], model="tiny[1]")
    monkeypatch.chdir(tmp_path / "other")
    listed = CliRunner().invoke(cli, ["show"]).output.splitlines()
    assert listed[1].split()[:2] == [str(short), "tiny[1]"]


def test_endings_that_nobody_knows_are_said_above_the_table(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [record(1), record(2)], text="unknown-finish:hiccup")
    shown = CliRunner().invoke(cli, ["show", str(tmp_path / "run")]).output
    assert "the replies of 1 sample ended with 'hiccup', which evalkit does not know" in " ".join(shown.split())
    assert shown.index("'hiccup'") < shown.index("95 % interval")
    write_run(tmp_path / "plain", [record(1)], text="truncated")
    assert "does not know" not in CliRunner().invoke(cli, ["show", str(tmp_path / "plain")]).output


def test_a_sample_is_shown_with_its_thought_and_with_what_was_cut(tmp_path: Path) -> None:
    reply = Reply(texts=("Lima",), finish=("stop",), reasoning=("Which one?",), cut=("\nQ: next",))
    write_run(tmp_path / "run", [replace(record(1, right=False), replies=(reply,))])
    shown = CliRunner().invoke(cli, ["show", str(tmp_path / "run"), "--wrong"]).output
    assert shown.index("Which one?") < shown.index("Lima") < shown.index("Q: next")
    assert "reasoning" in shown and "cut at a stop string" in shown
