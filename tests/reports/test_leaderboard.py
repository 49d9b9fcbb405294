"""The leaderboard: numbers against numpy, the page's own ranking against Python's, weights, links, downloads, site."""

from __future__ import annotations

import csv
import json
import random
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import norm

from evalkit.reporting.leaderboard import as_object, board
from evalkit.reporting.leaderboard.sentences import verdict
from evalkit.reporting.leaderboard.strengths import scatter_of_wins, strengths_of
from evalkit.reporting.ranking import rank
from evalkit.runs.store import Run, SuiteEntry, SuiteMember
from evalkit.runs.store import manifest as manifests
from evalkit.stats.paired import paired_interval
from evalkit.stats.tournaments.strength import bradley_terry
from tests.cli.console import evalkit
from tests.reports.conftest import violations
from tests.reports.made import HOSTILE, record, write_run

SHARES = {"strong": 0.9, "good": 0.72, "fair": 0.68, "weak": 0.3}
N = 150


def made(folder: Path) -> list[Run]:
    """Four models on two tasks; `weak` lacks the second. One question is as hard for all of them."""
    runs = []
    for model, proportion in SHARES.items():
        for task in ("one", "two")[: 1 if model == "weak" else 2]:
            draw = random.Random(task)
            hard = [draw.random() for _ in range(N)]
            own = random.Random(model + task)
            records = (record(n, task=task, right=0.6 * hard[n] + 0.4 * own.random() < proportion) for n in range(N))
            runs.append(write_run(folder / f"{model}-{task}", records, task=task, model=model))
    return runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("board")
    made(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    done = evalkit("leaderboard", folder, cwd=folder)
    assert done.code == 0, done
    return folder / "leaderboard.html"


def values(run: Run) -> np.ndarray:
    return np.array([found.value("acc") for found in run.records()])


def test_differences_are_paired_and_wins_counted(folder: Path) -> None:
    runs = {path.name: Run.open(path) for path in folder.iterdir() if path.is_dir()}
    found = board(list(runs.values()))
    assert found.models == ["fair", "good", "strong", "weak"]
    one = next(column for column in found.columns if column.name == "one")
    change = values(runs["good-one"]) - values(runs["fair-one"])
    assert one.difference[1, 0] == pytest.approx(change.mean())
    # A z test by this error says what the comparison of two runs says, where that says anything.
    clear = values(runs["strong-one"]) - values(runs["fair-one"])
    p = paired_interval(values(runs["fair-one"]), values(runs["strong-one"]), strict=True).p_value
    assert 2 * norm.sf(abs(clear.mean()) / one.error[2, 0]) == pytest.approx(p)
    near = paired_interval(values(runs["fair-one"]), values(runs["good-one"]), strict=True, ends=(0.0, 1.0))
    assert near.p_value > 0.2 and one.error[1, 0] == pytest.approx((near.high - near.low) / 2 / norm.ppf(0.975))
    assert one.error[1, 0] > change.std(ddof=1) / N**0.5
    assert one.wins[1, 0] == (change > 0).sum() + (change == 0).sum() / 2
    assert one.wins[1, 0] + one.wins[0, 1] == one.paired[0, 1] == N
    backwards = paired_interval(values(runs["good-one"]), values(runs["fair-one"]), strict=True, ends=(0.0, 1.0))
    assert (one.low[0, 1], one.high[0, 1]) == pytest.approx((backwards.low, backwards.high))
    assert (one.low[1, 0], one.high[1, 0]) == pytest.approx((-backwards.high, -backwards.low))
    assert one.error[1, 0] < np.hypot(values(runs["good-one"]).std(), values(runs["fair-one"]).std()) / N**0.5
    two = next(column for column in found.columns if column.name == "two")
    expected = np.mean([column.wins[2, 0] / N for column in (one, two)])
    assert found.win_rate(2, 0) == pytest.approx(expected)
    # Every model has a rank: on the one task that all of them have.
    assert [place.model for place in found.ranks] == [2, 1, 0, 3]
    assert [column.name for column in found.core] == ["one"]
    assert found.basis.left_out == {1: "weak lacks it"}
    assert (
        verdict(found)[-1] == "Ranked by the mean of 1 task that all 4 models have: one. Left out: two (weak lacks it)."
    )


def test_the_newest_result_counts(tmp_path: Path) -> None:
    old = write_run(tmp_path / "old", (record(n, right=False) for n in range(9)))
    new = write_run(tmp_path / "new", (record(n) for n in range(9)))
    new.manifest.created = "2027-01-01T00:00:00+00:00"
    found = board([new, old])
    assert found.columns[0].cells[0].estimate.value == 1.0
    assert found.notes == ["t, m: the newest of 2 results"]


def test_all_forms_say_the_same(folder: Path) -> None:
    for suffix in ("md", "csv", "json"):
        assert evalkit("leaderboard", folder, "-o", f"b.{suffix}", cwd=folder).code == 0
    whole = json.loads((folder / "b.json").read_text())
    rows = list(csv.DictReader((folder / "b.csv").read_text().splitlines()))
    text = (folder / "b.md").read_text()
    assert len(rows) == 7
    for row in rows:
        task = next(task for task in whole["tasks"] if task["task"] == row["task"])
        model = next(number for number, one in enumerate(whole["models"]) if one["model"] == row["model"])
        assert float(row["value"]) == task["cells"][model]["value"]
        assert f"{100 * float(row['value']):.1f}%" in text


def ranks_shown(page: Any) -> dict[str, tuple[str, str]]:
    script = """[...document.querySelectorAll('#board tbody tr')].map(row =>
        ['th', '.rank', '.tie'].map(part => row.querySelector(part).textContent))"""
    return {name: (place, tie) for name, place, tie in page.evaluate(script)}


def test_the_page_ranks_as_python_does_and_again_with_other_weights(folder: Path, page: Path, look: Any) -> None:
    plain = look(page, ready=False, java_script_enabled=False)
    live = look(page)
    before = ranks_shown(live.page)
    static = {
        row.locator("th").inner_text(): (row.locator(".rank").inner_text(), row.locator(".tie").inner_text())
        for row in plain.page.locator("#board tbody tr").all()
    }
    assert before == static
    live.page.check("input[value='all']")
    live.page.click("summary")
    live.page.fill("[data-weight='0']", "3.5")
    live.page.fill("[data-weight='1']", "0.5")
    found = board([Run.open(path) for path in folder.iterdir() if path.is_dir()])
    weights = np.array([3.5, 0.5])
    difference = sum(w * c.difference for w, c in zip(weights, found.columns, strict=True)) / 4
    error = np.sqrt(sum((w * c.error) ** 2 for w, c in zip(weights, found.columns, strict=True))) / 4
    means = [
        sum(
            w * (c.cells[m].estimate.value if c.cells[m] else np.nan)
            for w, c in zip(weights, found.columns, strict=True)
        )
        / 4
        for m in range(4)
    ]
    expected = {
        found.models[r.model]: (str(r.low) if r.low == r.high else f"{r.low}–{r.high}", "ABCD"[r.group])
        for r in rank(means, difference, error)
    }
    assert ranks_shown(live.page) == expected | {"weak": ("–", "")}
    assert "weights=0" in live.page.evaluate("decodeURIComponent(location.hash)")
    assert "As you chose, over 2 tasks: strong is ahead" in live.page.inner_text("#status")
    drawn = live.page.locator("svg.figure g.model:not([hidden])")
    assert drawn.count() == 3  # the drawing follows
    assert "strong: " in str(drawn.nth(0).locator("title").text_content())
    again = look(page, live.page.evaluate("location.hash"))
    assert ranks_shown(again.page) == ranks_shown(live.page)
    live.page.uncheck("input[data-column='1']")
    assert ranks_shown(live.page)["weak"][0] != "–"  # the one task that counts now, it has
    assert live.page.locator("td[data-column='1']:visible").count() == 0
    assert live.quiet()


def test_the_page_corrects_for_many_pairs_as_python_does(tmp_path: Path, look: Any) -> None:
    runs = []
    for model in range(8):
        draw = random.Random(model)
        records = (record(n, right=draw.random() < 0.5 + 0.03 * model) for n in range(200))
        runs.append(write_run(tmp_path / "runs" / str(model), records, model=f"m{model}"))
    column = board(runs).columns[0]
    means = [cell.estimate.value for cell in column.cells if cell]
    corrected = {found.model: (found.low, found.high) for found in rank(means, column.difference, column.error)}
    z = np.abs(column.difference) / np.where(column.error > 0, column.error, np.inf)
    told = np.where(z > 1.96, np.sign(column.difference), 0)
    alone = {m: (1 + (told[m] < 0).sum(), 8 - (told[m] > 0).sum()) for m in range(8)}
    assert corrected != alone  # or this test would not see a page that leaves the correction out
    assert evalkit("leaderboard", "runs", cwd=tmp_path).code == 0
    shown = ranks_shown(look(tmp_path / "runs" / "leaderboard.html").page)
    expected = {f"m{m}": str(low) if low == high else f"{low}–{high}" for m, (low, high) in corrected.items()}
    assert {name: place for name, (place, _) in shown.items()} == expected


def test_a_cell_opens_and_downloads_hold_what_is_shown(page: Path, look: Any) -> None:
    opened = look(page, accept_downloads=True)
    opened.page.click("button.cell >> nth=0")
    assert "strong on one" in opened.page.inner_text("dialog h2")
    assert "strong-one" in opened.page.inner_text("dialog")
    opened.page.keyboard.press("Escape")
    with opened.page.expect_download() as waiting:
        opened.page.click("#csv")
    rows = list(csv.reader(Path(waiting.value.path()).read_text().splitlines()))
    assert [row[2] for row in rows[1:]] == ["strong", "good", "fair", "weak"]
    with opened.page.expect_download() as waiting:
        opened.page.click("#json")
    whole = json.loads(Path(waiting.value.path()).read_text())
    assert [one["model"] for one in whole["ranking"]] == ["strong", "good", "fair", "weak"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_accessible(page: Path, look: Any, axe: str, scheme: str, width: int) -> None:
    opened = look(page, color_scheme=scheme, viewport={"width": width, "height": 844})
    opened.page.click("summary")
    assert violations(opened, axe) == []
    opened.page.click("button.cell >> nth=0")
    assert violations(opened, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_site_has_a_page_for_every_model(folder: Path, tmp_path: Path, look: Any) -> None:
    done = evalkit("leaderboard", folder, "--site", tmp_path / "site", cwd=folder)
    assert done.code == 0, done
    opened = look(tmp_path / "site" / "index.html")
    opened.page.click("tbody tr >> nth=0 >> a")
    opened.page.wait_for_selector("html[data-ready] #scores")
    assert opened.page.inner_text("h1") == "strong"
    assert opened.page.inner_text("#count") == "300 samples."


def test_hostile_names_are_shown_and_never_run(tmp_path: Path, look: Any) -> None:
    for number, text in enumerate(HOSTILE):
        write_run(
            tmp_path / "runs" / str(number),
            [record(0), record(1)],
            task="t" + text,
            model=f"m{number}{text}",
            text=text,
        )
    done = evalkit("leaderboard", "runs", cwd=tmp_path)
    assert done.code == 0, done
    assert "\x1b" not in done.out
    assert "<script" not in done.out
    opened = look(tmp_path / "runs" / "leaderboard.html")
    for place in range(0, len(HOSTILE), 5):
        opened.page.locator("button.cell").nth(place).click()
        opened.page.click("dialog button")
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("main img, main style, main script, a[href^=javascript]").count() == 0
    assert opened.quiet()


def test_mistakes_are_said(tmp_path: Path) -> None:
    assert "does not exist" in evalkit("leaderboard", "nowhere", cwd=tmp_path).err
    (tmp_path / "empty").mkdir()
    done = evalkit("leaderboard", "empty", cwd=tmp_path)
    assert done.code == 2
    assert "no matching finished run" in done.err


def test_on_paper_the_values_stay(page: Path, look: Any) -> None:
    opened = look(page)
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#board button.cell:visible").count() == 7
    assert opened.page.locator("button:not(.cell):visible").count() == 0


def test_memory_is_a_price(tmp_path: Path, look: Any) -> None:
    """The weights' bytes that a run computed with; a run out of the cache says nothing, and another run of it may."""
    sizes = {"small": 2.1e9, "large": 16.1e9, "api": None}
    for model, size in sizes.items():
        for task in ("one", "two"):
            records = (record(n, task=task, right=n % 5 > (model == "small")) for n in range(50))
            run = write_run(tmp_path / "runs" / f"{model}-{task}", records, task=task, model=model)
            if size and task == "one":
                run.manifest.model["computed"] = {"weight bytes": str(int(size))}
                manifests.write(run.folder, run.manifest)
    assert evalkit("leaderboard", "runs", "-o", "b.json", cwd=tmp_path).code == 0
    whole = json.loads((tmp_path / "b.json").read_text())
    assert {one["model"]: one["weight_bytes"] for one in whole["models"]} == sizes
    assert evalkit("leaderboard", "runs", cwd=tmp_path).code == 0
    opened = look(tmp_path / "runs" / "leaderboard.html")
    chart = opened.page.locator("svg.scatter").last
    words = str(chart.get_attribute("aria-label"))
    assert "average against memory of the weights" in words
    assert "large 80.0% at 16.1 GB" in words
    assert "small 60.0% at 2.1 GB" in words
    assert "api" not in words
    assert chart.locator("circle.best").count() == 2  # neither beats the other in both


def test_recorded_peaks_are_the_price_and_weights_where_there_are_none(tmp_path: Path, look: Any) -> None:
    """The largest peak of a model's runs; one below the weights' bytes held only a part of them, and does not count."""
    weights = {"weight bytes": "2000000000"}
    told: dict[str, list[dict[str, Any]]] = {
        "here": [{"memory": {"resident": 4_000_000_000}}, {"memory": {"resident": 5_000_000_000}}],
        "card": [{"memory": {"resident": 9_000_000_000, "device": 3_000_000_000}}, {}],
        "older": [{"computed": weights}, {}],
        "spread": [{"computed": weights, "memory": {"resident": 9_000_000_000, "device": 1_000_000_000}}, {}],
        "mixed": [{"computed": weights}, {"computed": weights, "memory": {"resident": 6_000_000_000}}],
        "recorded": [{"computed": weights}, {"memory": {"resident": 1_500_000_000}}],
        "broken": [{"memory": "much"}, {"memory": {"resident": "more", "device": None}}],
        "api": [{}, {}],
    }
    for model, parts in told.items():
        for task, said in zip(("one", "two"), parts, strict=True):
            records = (record(n, task=task, right=n % 5 > 0) for n in range(20))
            run = write_run(tmp_path / "runs" / f"{model}-{task}", records, task=task, model=model)
            run.manifest.model |= said
            manifests.write(run.folder, run.manifest)
    assert evalkit("leaderboard", "runs", "-o", "b.json", cwd=tmp_path).code == 0
    whole = json.loads((tmp_path / "b.json").read_text())
    assert {one["model"]: (one["memory_bytes"], one["memory_of"]) for one in whole["models"]} == {
        "here": (5e9, "process"),
        "card": (3e9, "gpu"),
        "older": (2e9, "weights"),
        "spread": (2e9, "weights"),
        "mixed": (6e9, "process"),
        "recorded": (1.5e9, "process"),
        "broken": (None, None),
        "api": (None, None),
    }
    assert evalkit("leaderboard", "runs", cwd=tmp_path).code == 0
    opened = look(tmp_path / "runs" / "leaderboard.html")
    chart = opened.page.locator("svg.scatter").last
    words = str(chart.get_attribute("aria-label"))
    assert words.startswith("average against memory: ")
    for phrase in ("here 80.0% at 5 GB of the process at its peak", "older 80.0% at 2 GB of the weights"):
        assert phrase in words
    assert "api" not in words
    assert chart.locator("circle title").first.text_content() == "card: 80.0%, 3 GB of the GPU at its peak"
    caption = opened.page.locator("figcaption").last.inner_text()
    assert caption == (
        "average against memory (of the process at its peak: here, mixed, recorded; of the GPU at its peak: card; "
        "of the weights: older, spread)"
    )
    first, last = (opened.page.locator("figure").nth(n).bounding_box() for n in (0, -1))
    assert first["y"] == last["y"], "a long caption must not push its chart below the others"
    assert opened.quiet()


def test_peaks_of_one_kind_are_named_on_the_axis(tmp_path: Path, look: Any) -> None:
    for model, size in (("small", 2_100_000_000), ("large", 16_100_000_000)):
        run = write_run(tmp_path / "runs" / model, (record(n) for n in range(20)), model=model)
        run.manifest.model["memory"] = {"resident": size}
        manifests.write(run.folder, run.manifest)
    assert evalkit("leaderboard", "runs", cwd=tmp_path).code == 0
    opened = look(tmp_path / "runs" / "leaderboard.html", viewport={"width": 390, "height": 844})
    words = str(opened.page.locator("svg.scatter").last.get_attribute("aria-label"))
    assert words.startswith("average against memory of the process at its peak: large 100.0% at 16.1 GB, small")
    assert opened.page.locator("figcaption").last.inner_text() == "average against memory of the process at its peak"
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_suites_are_groups_with_the_means_of_their_tasks(tmp_path: Path, look: Any, axe: str) -> None:
    for model, proportion in (("a", 3), ("b", 4)):
        folder = tmp_path / "runs" / model
        records = [record(n, task=task, right=n % proportion > 0) for task in ("one", "two") for n in range(60)]
        run = write_run(folder, records, task="one", model=model)
        first = run.manifest.tasks[0]
        run.manifest.tasks.append(replace(first, name="two"))
        members = [SuiteMember("one", ["acc"], 1.0, "reading"), SuiteMember("two", ["acc"], 1.0, "sums")]
        assert first.result is not None
        run.manifest.suites = [SuiteEntry("both", "tasks", members, first.result.metrics[0])]
        manifests.write(folder, run.manifest)
    assert evalkit("leaderboard", "runs", cwd=tmp_path).code == 0
    opened = look(tmp_path / "runs" / "leaderboard.html")
    heads = [head.inner_text() for head in opened.page.locator("#board thead th").all()]
    assert [head.split() for head in heads[4:7]] == [["both"], ["both", "reading"], ["both", "sums"]]
    row = opened.page.locator("#board tbody tr:has-text('b') >> nth=0")
    assert [row.locator("td.n").nth(n).inner_text() for n in range(3)] == ["75.0%"] * 3
    assert violations(opened, axe) == []
    assert opened.quiet()


@pytest.mark.parametrize("count", [3, 5, 10])
def test_equal_models_on_few_clusters_are_seldom_told_apart(count: int) -> None:
    """Nominally 5 %; a z test on the cluster-robust error told 47, 27 and 14 % apart."""
    from evalkit.reporting.leaderboard.column import _paired, error_of

    rng, told = np.random.default_rng(count), 0
    clusters = np.repeat(np.arange(count), 20)
    for _ in range(400):
        chances = rng.beta(2.1, 0.9, size=(2, count))[:, clusters]
        before, after = (rng.random((2, len(clusters))) < chances).astype(float)
        error = error_of(_paired(before, after, clusters, (0.0, 1.0)))
        told += 2 * norm.sf(abs((after - before).mean()) / error) < 0.05
    # 5 % of 400 draws are 20, with a standard deviation of 4.4.
    assert told <= 33


# ---------------------------------------------------------------- strengths


def tables(values: np.ndarray) -> np.ndarray:
    return (values[:, None] > values[None]).sum(-1) + 0.5 * (values[:, None] == values[None]).sum(-1)


def test_strengths_are_as_sure_as_a_bootstrap_over_clusters_says() -> None:
    """The oracle draws clusters again within each task and fits every table with the engine of `judge rank`."""
    rng, size = np.random.default_rng(7), 4
    parts = []
    for count, level in ((60, 0.0), (40, 0.6)):
        hard = np.repeat(rng.normal(level, 1.0, count), 5)  # a sample is as hard for all models, and so is its cluster
        skill = np.array([0.0, 0.4, 0.8, 1.6])
        chances = 1.0 / (1.0 + np.exp(hard - skill[:, None]))
        parts.append(((rng.random(chances.shape) < chances).astype(float), np.repeat(np.arange(count), 5)))
    scatter = [scatter_of_wins(values, clusters) for values, clusters in parts]
    theta, errors = strengths_of([tables(values) for values, _ in parts], scatter, size)
    drawn = []
    for _ in range(600):
        table = np.zeros((size, size))
        for values, clusters in parts:
            picked = rng.integers(0, clusters.max() + 1, clusters.max() + 1)
            table += tables(values.reshape(size, -1, 5)[:, picked].reshape(size, -1))
        drawn.append(table)
    fitted = bradley_terry(np.array(drawn), prior=1.0)
    assert theta == pytest.approx(fitted.mean(0), abs=0.02)
    assert errors == pytest.approx(fitted.std(0), rel=0.12)
    single = [scatter_of_wins(values, np.arange(values.shape[1])) for values, _ in parts]
    alone = strengths_of([tables(values) for values, _ in parts], single, size)[1]
    assert errors != pytest.approx(alone, rel=0.05)  # or this test would not see clusters that are left out


def test_strengths_and_wins_of_the_page_follow_the_columns(tmp_path: Path, look: Any) -> None:
    runs = []
    for number, model in enumerate("abc"):
        for task in ("one", "two"):
            draw = random.Random(f"{model}{task}")
            records = (record(n, task=task, right=draw.random() < 0.4 + 0.2 * number) for n in range(80))
            runs.append(write_run(tmp_path / "runs" / f"{model}{task}", records, task=task, model=model))
    made = board(runs)
    assert evalkit("leaderboard", "runs", cwd=tmp_path).code == 0
    opened = look(tmp_path / "runs" / "leaderboard.html")

    def shown() -> list[str]:
        return sorted(" ".join(text.split()) for text in opened.page.locator("[data-strength]").all_inner_texts())

    def expected(theta: list[float], errors: list[float]) -> list[str]:
        pairs = zip(theta, errors, strict=True)
        return sorted(f"{'+' if t >= 0 else '−'}{abs(t):.2f} ± {1.959964 * e:.2f}" for t, e in pairs)

    assert shown() == expected(made.strengths, made.strength_errors)
    opened.page.click("summary")
    opened.page.uncheck("input[data-column='0']")
    two = made.columns[1]
    assert shown() == expected(*strengths_of([two.wins], [two.scatter], 3))
    rate = two.wins[2, 0] / two.paired[2, 0]
    assert opened.page.inner_text("[data-pair='2 0']") == f"{100 * rate:.1f}%"
    assert opened.page.inner_text("#over") == "two"
    assert opened.quiet()


# ---------------------------------------------------------------- the ranking, its pairs and files


def test_where_no_task_is_common_the_models_with_the_fewest_go(tmp_path: Path) -> None:
    runs = []
    for model, tasks in {"a": ("x", "y"), "b": ("x", "y"), "odd": ("z",)}.items():
        for task in tasks:
            records = (record(n, task=task, right=n % (3 if model == "a" else 2) > 0) for n in range(40))
            runs.append(write_run(tmp_path / f"{model}{task}", records, task=task, model=model))
    made = board(runs)
    assert [column.name for column in made.core] == ["x", "y"]
    assert made.basis.unranked == {2: "no task is common to it and the others"}
    assert "Left out: z (a and b lack it); odd (no task is common to it and the others)." in verdict(made)[-1]
    assert [rank.model for rank in made.ranks] == [0, 1]


def test_who_cannot_be_told_apart_is_said_in_words(folder: Path) -> None:
    made = board([Run.open(path) for path in folder.iterdir() if path.is_dir()])
    first, second, _ = verdict(made)
    assert first.startswith("strong is ahead of every other model (")
    assert second == "good and fair cannot be told apart."


def test_one_model_is_not_ranked_and_nothing_is_empty(tmp_path: Path, look: Any, axe: str) -> None:
    write_run(tmp_path / "runs" / "a", (record(n, right=n % 3 > 0) for n in range(30)), model="only")
    assert evalkit("leaderboard", "runs", cwd=tmp_path).code == 0
    opened = look(tmp_path / "runs" / "leaderboard.html")
    words = opened.page.inner_text("main")
    assert "only is the only model: 66.7% on average over 1 task. There is nothing to rank." in words
    assert opened.page.locator("svg.figure, svg.scatter, .matrix, #svg, .rank:visible").count() == 0
    assert "rank" not in opened.page.inner_text("#board")
    assert violations(opened, axe) == []
    assert opened.quiet()


def test_a_pair_opens_with_its_intervals(folder: Path, page: Path, look: Any) -> None:
    opened = look(page)
    opened.page.click("button[data-pair='1 0']")
    words = opened.page.inner_text("dialog")
    fair, good = (values(Run.open(folder / f"{model}-one")) for model in ("fair", "good"))
    whole = paired_interval(fair, good, strict=True, ends=(0.0, 1.0))
    assert "good less fair" in words and "The two cannot be told apart" in words
    assert f"{100 * whole.value:+.1f}" in words and f"{100 * whole.low:+.1f} to {100 * whole.high:+.1f}" in words
    assert "evalkit compare" in words
    opened.page.click("dialog >> text=Close")
    opened.page.click("button[data-pair='2 3']")
    assert "strong is better: " in opened.page.inner_text("dialog")


def test_weights_by_samples_and_back(folder: Path, page: Path, look: Any) -> None:
    opened = look(page)
    opened.page.click("#by-n")
    weights = [opened.page.input_value(f"[data-weight='{n}']") for n in (0, 1)]
    assert weights == [str(N), str(N)]
    assert "weights=" in opened.page.url
    opened.page.click("#equal")
    assert "#" not in opened.page.url
    assert opened.page.inner_text("#status") == ""
    assert opened.quiet()


@pytest.mark.parametrize("kind", ["markdown", "svg", "png"])
def test_files_of_the_page(page: Path, look: Any, kind: str) -> None:
    opened = look(page, accept_downloads=True)
    with opened.page.expect_download() as waiting:
        opened.page.click(f"#{kind}")
    saved = Path(waiting.value.path()).read_bytes()
    if kind == "markdown":
        assert saved.decode().splitlines()[2].startswith("| 1 | A | strong |")
    elif kind == "svg":
        root = ElementTree.fromstring(saved)
        texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
        assert [text for text in texts if text in SHARES] == ["strong", "good", "fair", "weak"]
        assert b"rgb(" in saved and b"class" in saved
    else:
        width, height = struct.unpack(">II", saved[16:24])
        assert saved[:8] == b"\x89PNG\r\n\x1a\n" and (width, height) == (1520, 2 * (40 + 4 * 28 + 8))
        pixels = zlib.decompress(b"".join(_idat(saved)))
        assert len(set(pixels[:: max(1, len(pixels) // 5000)])) > 3  # something is drawn
    assert opened.quiet()


def _idat(png: bytes) -> Iterator[bytes]:
    place = 8
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        if kind == b"IDAT":
            yield png[place + 8 : place + 8 + size]
        place += 12 + size


def test_a_drawing_is_written_and_a_png_is_of_the_page(folder: Path) -> None:
    done = evalkit("leaderboard", folder, "-o", "b.svg", cwd=folder)
    assert done.code == 0, done
    root = ElementTree.fromstring((folder / "b.svg").read_bytes())
    assert "strong 8" in root.attrib["aria-label"] or "strong 9" in root.attrib["aria-label"]
    done = evalkit("leaderboard", folder, "-o", "b.png", cwd=folder)
    assert done.code == 2 and "the page itself saves a PNG" in done.err


def test_the_judge_is_in_the_cost(tmp_path: Path) -> None:
    runs = []
    for model, judge in (("a", 0.6), ("b", None), ("c", "unknown")):
        records = (replace(record(n), cost=0.001) for n in range(30))
        run = write_run(tmp_path / model, records, model=model)
        if judge is not None:
            run.manifest.model["judge"] = {"name": "j", "cost": judge if judge != "unknown" else None}
            run.manifest.tasks[0].identity["judge"] = "j@1"
        manifests.write(run.folder, run.manifest)
        runs.append(Run.open(run.folder))
    costs = [one["cost_per_sample"] for one in as_object(board(runs))["models"]]
    assert costs == pytest.approx([0.001 + 0.6 / 30, 0.001, 0.001])
    assert [one["model_cost_per_sample"] for one in as_object(board(runs))["models"]] == pytest.approx([0.001] * 3)


def test_the_object_has_the_keys_that_the_docs_list(folder: Path) -> None:
    made = as_object(board([Run.open(path) for path in folder.iterdir() if path.is_dir()]))
    docs = (Path(__file__).parents[2] / "docs" / "how-to" / "reports.md").read_text()
    for name, found in (("", made), ("models", made["models"][0]), ("tasks", made["tasks"][0])):
        listed = re.search(rf"^\| `{name}` \|(.*)\|$" if name else r"^\| the object \|(.*)\|$", docs, re.MULTILINE)
        assert listed, name
        assert re.findall(r"`(\w+)`", listed[1]) == list(found), name


def test_a_task_of_six_samples_that_weighs_like_one_of_two_hundred_is_named(tmp_path: Path) -> None:
    runs = []
    for model in ("a", "b"):
        for task, count in (("long", 200), ("short", 6), ("middle", 40)):
            records = (record(n, task=task, right=n % (2 + (model == "a")) > 0) for n in range(count))
            runs.append(write_run(tmp_path / f"{model}{task}", records, task=task, model=model))
    told = "short rests on 6 samples and weighs as much as every other task (one has 200)"
    assert board(runs).notes == [told]
