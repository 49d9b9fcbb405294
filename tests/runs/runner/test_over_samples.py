"""Several samples of a question: what they come to together in the manifest, on the page and on the terminal.

Oracle: the replies are known, so that every draw of k of them can be counted.
"""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

import evalkit
from evalkit.cli.group import cli as main
from evalkit.core import Capabilities, Generate, Reply, Request
from evalkit.runs.store import Run
from tests.runs.runner.scripted import Parrot, say_task

SAID = ("rrrr", "rrww", "rwvu", "wwww", "rwwr", "wrwr")
"""What the samples of a question say: the right answer, or one of three wrong ones."""


class Wavering(Parrot):
    def __init__(self) -> None:
        super().__init__()
        self.capabilities = Capabilities(window=4)

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        number = int(request.prompt.text.split()[0])
        said = SAID[number][request.repeat]
        return Reply(texts=(("left", "right")[number % 2] if said == "r" else said,), finish=("stop",))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("samples") / "r"
    return evalkit.run(say_task(len(SAID)), Wavering(), out=folder, cache=False, samples=4, temperature=1.0)


def voted(said: tuple[str, ...]) -> float:
    votes = Counter(said)
    return (votes["r"] == max(votes.values())) / sum(count == max(votes.values()) for count in votes.values())


def test_the_curves_are_the_mean_over_every_draw_of_k(run: Run) -> None:
    result = run.manifest.tasks[0].result
    assert result is not None and set(result.curves) == {"maj", "pass", "pass^"}
    ways = {"maj": voted, "pass": lambda said: "r" in said, "pass^": lambda said: set(said) == {"r"}}
    for kind, value in ways.items():
        for point, k in zip(result.curves[kind], (1, 2, 4), strict=True):
            draws = [list(itertools.combinations(said, k)) for said in SAID]
            expected = statistics.mean(statistics.mean(float(value(one)) for one in found) for found in draws)
            assert point.name == (f"{kind}{k}" if kind == "pass^" else f"{kind}@{k}")
            assert (point.estimate.value, point.estimate.n) == (pytest.approx(expected, abs=1e-12), len(SAID))
            assert point.estimate.low <= expected <= point.estimate.high


def test_the_spread_is_that_of_asking_all_questions_again(run: Run) -> None:
    result = run.manifest.tasks[0].result
    assert result is not None
    assert result.by_repeat == [statistics.mean(float(said[place] == "r") for said in SAID) for place in range(4)]


def test_page_terminal_and_a_second_scoring_say_the_same(run: Run, tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["show", str(run.folder)], catch_exceptions=False).output
    assert "maj@4" in shown and "pass^4" in shown
    assert "between samples: 16.7% to 66.7% (4 times all questions), standard deviation" in " ".join(shown.split())
    report = CliRunner().invoke(
        main, ["report", str(run.folder), "-o", str(tmp_path / "p.html")], catch_exceptions=False
    )
    assert report.exit_code == 0, report.output
    page = (tmp_path / "p.html").read_text()
    assert "Several samples of a question" in page and "maj@4" in page and "between samples" in page


def test_one_sample_has_no_curve(tmp_path: Path) -> None:
    result = evalkit.run(say_task(3), Parrot(), out=tmp_path / "r", cache=False).manifest.tasks[0].result
    assert result is not None and result.curves == {} and result.by_repeat == []
