"""What docs/how-to/gates.md tells people to write into their CI, tried with a worse, an equal and a better model."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import evalkit
from evalkit.cli.commands.gate import command
from evalkit.comparing.baselines import write
from tests.comparing.sides import side

DOCS = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "gates.md"
BASELINE = [1.0] * 270 + [0.0] * 30
# What a candidate changed: samples lost and won of 300.
CANDIDATES = {
    "shown beyond": (60, 0),
    "shown, size unclear": (16, 6),
    "equal": (0, 0),
    "open": (8, 6),
    "better": (0, 25),
}
SHOWN_DROPS = ("shown beyond", "shown, size unclear")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Sequence[str]], int]:
    """The exit code of `evalkit gate run`, given as the documentation gives it, for one of the candidates."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "baseline.evalkit", {"quiz": side(BASELINE)})
    for name, (lost, won) in CANDIDATES.items():
        values = [0.0] * lost + BASELINE[lost : 300 - won] + [1.0] * won
        write(tmp_path / f"{name}.evalkit", {"quiz": side(values)})

    def code(candidate: str, arguments: Sequence[str]) -> int:
        kept, words = [], list(arguments)
        while words:
            word = words.pop(0)
            # The candidate already exists; the baseline of another commit is the file.
            if word in ("--model", "--baseline-ref"):
                words.pop(0)
            elif word != "suite.yaml":
                kept.append(word)
        done = CliRunner().invoke(command, ["run", f"{candidate}.evalkit", *kept])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code

    return code


def gate_arguments(script: str) -> list[str]:
    words = shlex.split(script)
    return words[words.index("gate") + 2 :]


def judged(code: int, red: bool, candidate: str) -> None:
    if candidate in SHOWN_DROPS:
        assert red, f"{candidate}: exit code {code} is let through"
    elif candidate == "better":
        assert not red, f"{candidate}: exit code {code} is blocked"


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_gitlab(exit_code: Callable[[str, Sequence[str]], int], candidate: str) -> None:
    (job,) = [yaml.safe_load(text)["gate"] for text in blocks("yaml") if "CI_DEFAULT_BRANCH" in text]
    (line,) = [line for line in job["script"] if "gate run" in line]
    code = exit_code(candidate, gate_arguments(line))
    red = code != 0 and code not in job["allow_failure"]["exit_codes"]
    judged(code, red, candidate)
    if candidate == "open":
        assert (code, red) == (4, False)


@pytest.mark.parametrize("candidate", CANDIDATES)
@pytest.mark.parametrize("more", [[], ["--inconclusive", "pass"]])
def test_github(exit_code: Callable[[str, Sequence[str]], int], candidate: str, more: list[str]) -> None:
    (text,) = [text for text in blocks("yaml") if "OWNER/evalkit@REF" in text]
    (step,) = [step for step in yaml.safe_load(text)["jobs"]["gate"]["steps"] if "evalkit" in step["uses"]]
    assert "continue-on-error" not in text
    code = exit_code(candidate, ["--baseline", step["with"]["baseline"], *step["with"]["args"].split("\n")[:-1], *more])
    judged(code, code != 0, candidate)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_jenkins(exit_code: Callable[[str, Sequence[str]], int], candidate: str) -> None:
    (text,) = blocks("groovy")
    (script,) = re.findall(r"script: '(evalkit [^']+)'", text)
    (unstable,) = re.findall(r"if \(code == (\d+)\) \{ unstable\(", text)
    assert "else if (code != 0) { error(" in text
    code = exit_code(candidate, gate_arguments(script))
    judged(code, code not in (0, int(unstable)), candidate)


@pytest.mark.parametrize("candidate", CANDIDATES)
@pytest.mark.parametrize("more", ["", ", allow_inconclusive=True"])
def test_pytest(exit_code: Callable[[str, Sequence[str]], int], tmp_path: Path, candidate: str, more: str) -> None:
    (text,) = [text for text in blocks("python") if "def test_upgrade" in text]
    names: dict[str, Any] = {}
    text = text.replace('"runs/candidate"', repr(f"{candidate}.evalkit")).replace('%"', f'%"{more}')
    exec(compile(text, str(DOCS), "exec"), names)
    try:
        names["test_upgrade"](evalkit.assert_no_regression)
        red = False
    except AssertionError:
        red = True
    judged(1 if red else 0, red, candidate)


@pytest.mark.parametrize("candidate", CANDIDATES)
@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--margin", "2%"],
        ["--inconclusive", "pass"],
        ["--degraded", "pass", "--inconclusive", "pass"],
        ["--mean-margin", "1%", "--inconclusive", "pass"],
        ["--common-samples", "--inconclusive", "pass"],
        ["--any-drop-blocks", "--inconclusive", "pass"],
    ],
)
def test_every_option_and_default(
    exit_code: Callable[[str, Sequence[str]], int], candidate: str, more: list[str]
) -> None:
    code = exit_code(candidate, more)
    judged(code, code != 0, candidate)
    if candidate in ("equal", "open") and not more:
        assert code in (0, 4)
