"""The page of scores over time: what changed comes first, with its date and the comparison of its two runs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from evalkit.runs.store import manifest
from tests.cli.console import evalkit
from tests.reports.conftest import violations
from tests.reports.made import HOSTILE, record, write_run

LEVELS = {"falls": (0.9, 0.55), "rises": (0.4, 0.8), "stays": (0.7, 0.7)}
N = 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten runs of three tasks; one falls and one rises from the sixth run on. One model has a hostile name."""
    folder = tmp_path_factory.mktemp("history")
    for number in range(10):
        for task, (before, after) in LEVELS.items():
            draw = random.Random(f"{task}{number}")
            level = before if number < 5 else after
            records = (record(n, task=task, right=draw.random() < level) for n in range(N))
            model = f"m{HOSTILE[0]}" if task == "rises" else "m"
            run = write_run(folder / "runs" / f"{task}-{number}", records, task=task, model=model)
            run.manifest.created = f"2026-03-{number + 1 + (task == 'falls'):02d}T10:00:00+00:00"
            found = run.manifest.tasks[0].result
            assert found is not None
            manifest.write(run.folder, run.manifest)
    done = evalkit("history", "runs", "--html", "history.html", cwd=folder)
    assert done.code == 0, done
    return folder


def test_what_changed_comes_first_with_its_date_and_leads_to_the_comparison(folder: Path, look: Any) -> None:
    opened = look(folder / "history.html")
    assert opened.page.inner_text(".told") == "2 of 3 scores changed."
    said = opened.page.locator(".sentences li").all_inner_texts()
    # The latest change first: the one that fell did so a day later.
    assert ["falls · m: acc fell from" in said[0], "on 2026-03-07 (p " in said[0]] == [True, True]
    assert ["rises · m" in said[1], "acc rose from" in said[1], "on 2026-03-06 (p " in said[1]] == [True, True, True]
    heads = opened.page.locator("section h2").all_inner_texts()
    assert [head.split(" ")[0] for head in heads] == ["falls", "rises", "Without"]
    assert "evalkit compare runs/falls-4 runs/falls-5" in opened.page.inner_text("section >> nth=0")
    assert opened.page.evaluate("window.pwned") is None
    assert opened.quiet()
    opened.page.click(".sentences a >> nth=0")
    opened.page.wait_for_selector("html[data-ready]")
    assert "history-change-1.html" in opened.page.url
    assert "falls" in opened.page.inner_text("main")
    assert sorted(path.name for path in folder.glob("history*.html")) == [
        "history-change-1.html",
        "history-change-2.html",
        "history.html",
    ]


def test_without_a_file_name_the_command_stands_in_for_the_link(folder: Path, tmp_path: Path, look: Any) -> None:
    from evalkit import Run, plugins

    runs = [Run.open(path) for path in sorted((folder / "runs").iterdir())]
    page = tmp_path / "page.html"
    page.write_text("".join(plugins.load("report", "history")(runs)), encoding="utf-8")
    opened = look(page)
    assert opened.page.locator(".sentences li").count() == 2
    assert opened.page.locator(".sentences a").count() == 0
    assert "evalkit compare" in opened.page.inner_text("section >> nth=0")


def test_where_nothing_changed_it_says_so(folder: Path, look: Any) -> None:
    done = evalkit("history", "runs", "--task", "stays", "--html", "stays.html", cwd=folder)
    assert done.code == 0, done
    opened = look(folder / "stays.html")
    assert opened.page.inner_text(".told") == "No score changed."
    assert opened.page.locator("svg.series").first.is_visible()
    assert not list(folder.glob("stays-change*"))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_accessible(folder: Path, look: Any, axe: str, width: int, scheme: str) -> None:
    opened = look(folder / "history.html", color_scheme=scheme, viewport={"width": width, "height": 844})
    opened.page.click("summary >> nth=0")
    assert violations(opened, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
