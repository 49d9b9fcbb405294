"""What a person sees while a slow model judges: how far it is, what it decided so far, and how long the rest takes."""

from __future__ import annotations

import pytest

from evalkit.cli.rendering.judging_progress import JudgingProgress
from evalkit.core import Validity
from evalkit.judging.session import Judged


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("evalkit.cli.rendering.progress.time.monotonic", lambda: now[0])
    return now


def verdict(key: str, win: float | None = None, *, probe: str = "", **scores: float) -> Judged:
    found = {"win": win} if win is not None else scores
    validity = Validity.OK if found else Validity.UNJUDGED
    models = ("ant", "bee") if not scores else ("ant",)
    return Judged(key=key, models=models, judge="j", validity=validity, scores=found, probe=probe)


def test_a_line_comes_before_the_first_verdict_and_says_what_was_decided(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = JudgingProgress(20, now=lambda: clock[0])
    clock[0] += 31.0
    shown.tick(310)
    assert capsys.readouterr().err == "evalkit: judged 0 of 20; 10 tokens/s\n"
    for number, win in enumerate((1.0, 1.0, 0.0, 0.5, None)):
        clock[0] += 20.0
        shown.advance(verdict(str(number), win))
    shown.advance(verdict("probe", 1.0, probe="longer"))
    assert shown.words().startswith("judged 6 of 20, 1 unjudged: ant 2, bee 1, tie 1; ")
    assert shown.words().endswith(" left") and "3:44 min left" in shown.words()
    assert len(capsys.readouterr().err.splitlines()) == 2, "a line every thirty seconds"


def test_single_answers_have_a_mean(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    shown = JudgingProgress(2, now=lambda: clock[0])
    shown.advance(verdict("1", rating=0.5), asked=False)
    shown.advance(verdict("2", rating=1.0), asked=False)
    assert shown.words() == "judged 2 of 2: mean score 0.75"
    assert capsys.readouterr().err == "evalkit: judged 2 of 2: mean score 0.75\n"


def test_the_line_of_a_terminal_fits_80_columns(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown = JudgingProgress(300, now=lambda: clock[0])
    for number in range(300):
        clock[0] += 1.0
        shown.advance(verdict(str(number), float(number % 2)))
        assert len(shown.words()) <= 79
    shown.close()
    written = capsys.readouterr().err
    assert "judged 300 of 300: bee 150, ant 150" in written or "judged 300 of 300: ant 150, bee 150" in written
