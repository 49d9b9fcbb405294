"""The quickstart ends with pages, and says where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.console import evalkit

pytest.importorskip("torch")


@pytest.mark.slow("runs the quickstart")
def test_quickstart_ends_with_a_report_and_a_leaderboard(tmp_path: Path, look: Any) -> None:
    done = evalkit("quickstart", "-q", "--out", "first", cwd=tmp_path)
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert "report:      first/report.html" in lines
    assert "leaderboard: first/leaderboard.html" in lines
    report, board = look(tmp_path / "first" / "report.html"), look(tmp_path / "first" / "leaderboard.html")
    assert report.page.inner_text("#count") == "396 samples."
    assert board.page.locator("#board tbody tr").count() == 1
    assert report.quiet()
    assert board.quiet()
