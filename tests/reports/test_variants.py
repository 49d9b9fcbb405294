"""The page of variants: numbers as the check has them, plots of points with intervals, hostile names, any runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit import Run
from evalkit.comparing.gates import open_run
from evalkit.comparing.variant_file import Listed, VariantList
from evalkit.comparing.variants import compare_variants
from evalkit.core import Reply
from evalkit.runs.store import manifest
from reports import variants
from tests.cli.console import evalkit
from tests.reports.conftest import violations
from tests.reports.made import HOSTILE, record, write_run

N = 60
BAD = HOSTILE[0] + HOSTILE[3]


def run(folder: Path, lost: int, *, nats: float = 0.0, measured: dict[str, Any] | None = None, model: str = "m") -> Run:
    """A run whose first `lost` samples are wrong; each weighs two choices that lie 1 + `nats` apart."""
    records = [
        replace(
            one := record(number, right=number >= lost),
            sample=replace(one.sample, choices=("x", "y"), gold=(0,)),
            replies=(Reply(loglikelihoods=(-1.0, -2.0 - nats), seconds=0.01),),
        )
        for number in range(N)
    ]
    made = write_run(folder, records, model=model)
    if measured:
        made.manifest.model["measured"] = measured
        manifest.write(folder, made.manifest)
    return made


def cost(weights: float, speed: float) -> dict[str, Any]:
    speeds = [speed, 1.2 * speed, 0.8 * speed]
    return {
        "weights": weights,
        "resident": 5e8,
        "load_seconds": 2.5,
        "written": speeds,
        "read": [10 * s for s in speeds],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A check of three variants: one that lost eleven samples, one with a hostile name, one that could not run."""
    folder = tmp_path_factory.mktemp("variants")
    run(folder / "m", 6, measured=cost(4e9, 20))
    run(folder / "m-nf4", 17, nats=0.5, measured=cost(1.1e9, 35))
    run(folder / "bad", 7, nats=0.1, measured=cost(2e9, 30))
    listed = [
        Listed("quant=nf4", "m,quant=nf4", "m-nf4", "finished"),
        Listed(BAD, "m,bad", "bad", "finished"),
        Listed("quant=fp8", "m,quant=fp8", "m-fp8", "unavailable", f"it needs a GPU {BAD}"),
    ]
    VariantList(Listed("m", "m", "m", "finished"), listed, ["t"]).write(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    done = evalkit("report", "bad", "m-nf4", "m", "--as", "variants,policy=default", "-o", "variants.html", cwd=folder)
    assert done.code == 0, done
    return folder / "variants.html"


def test_the_numbers_are_those_of_the_comparison(folder: Path, page: Path, look: Any) -> None:
    opened = look(page, ready=False, java_script_enabled=False).page
    full, other = (open_run(Run.open(folder / name)) for name in ("m", "m-nf4"))
    (found,) = compare_variants(full, [("quant=nf4", other)])
    difference = found.overall.difference
    assert difference is not None
    row = opened.inner_text("#overall tbody tr >> nth=0")
    assert f"{100 * difference.value:+.1f}" in row
    assert f"{100 * difference.low:+.1f} … {100 * difference.high:+.1f}" in row
    assert f"{100 * 11 / N:.1f}%" in row
    costs = opened.inner_text("#costs tbody tr >> nth=0").split()
    assert " ".join(costs) == "m the full model 4 GB 500 MB 2.5 s 20 16 – 24 200 160 – 240"
    assert opened.inner_text("h3 >> nth=0").startswith("quant=nf4: FAIL")


def test_every_plot_has_a_point_for_each_and_its_interval_stands_where_the_numbers_are(page: Path, look: Any) -> None:
    opened = look(page)
    assert opened.page.locator(".plots svg").count() == 3
    names = "s => [...document.querySelectorAll(s)].map(e => e.textContent)"
    titles = opened.page.evaluate(names, ".plots figure:first-child circle title")
    assert [title.split(":")[0] for title in titles[:2]] == ["m", "quant=nf4"]
    assert "1.1 GB" in titles[1]
    first = "[...document.querySelectorAll('.plots figure:first-child circle')]"
    full, nf4, bad = opened.page.evaluate(first + ".map(e => [e.cx.baseVal.value, e.cy.baseVal.value])")
    # Less quality lies lower, fewer bytes lie further left.
    assert full[1] < bad[1] < nf4[1]
    assert nf4[0] < bad[0] < full[0]
    assert opened.quiet()


def test_hostile_names_are_shown_and_never_run(page: Path, look: Any) -> None:
    opened = look(page)
    assert opened.page.evaluate("window.pwned") is None
    assert BAD in opened.page.inner_text("#overall tbody tr >> nth=1")
    assert "quant=fp8 has no result here: it needs a GPU" in opened.page.inner_text(".notice")
    assert opened.page.locator("main img, main script").count() == 0
    assert opened.quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_accessible(page: Path, look: Any, axe: str, scheme: str, width: int) -> None:
    opened = look(page, color_scheme=scheme, viewport={"width": width, "height": 844})
    assert violations(opened, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_runs_of_no_check_are_held_against_the_first_or_the_one_named(tmp_path: Path, look: Any) -> None:
    run(tmp_path / "a", 6, model="full")
    run(tmp_path / "b", 9, model="other")
    assert evalkit("report", "a", "b", "--as", "variants", "-o", "one.html", cwd=tmp_path).code == 0
    assert evalkit("report", "a", "b", "--as", "variants,full=other", "-o", "two.html", cwd=tmp_path).code == 0
    changes = [look(tmp_path / name).page.inner_text("#overall tbody td >> nth=0") for name in ("one.html", "two.html")]
    assert changes == ["-5.0", "+5.0"]
    # Two of one name are told apart by their folders.
    run(tmp_path / "c", 30, model="other")
    assert evalkit("report", "a", "b", "c", "--as", "variants", "-o", "three.html", cwd=tmp_path).code == 0
    rows = look(tmp_path / "three.html").page.locator("#overall tbody th").all_inner_texts()
    assert [row.split("\n")[0].strip() for row in rows] == ["1. other (b)", "2. other (c)"]
    # Where nothing was measured while they ran, there is no table of dashes, and no plot is drawn.
    page = look(tmp_path / "one.html").page
    assert page.locator("#costs").count() == 0
    assert "no loss seen (± " in page.inner_text(".told")
    assert page.locator(".plots").count() == 0


def test_mistakes_are_said(tmp_path: Path) -> None:
    run(tmp_path / "a", 6)
    done = evalkit("report", "a", "--as", "variants", "-o", "x.html", cwd=tmp_path)
    assert done.code == 2
    assert "two runs or more" in done.err
    run(tmp_path / "b", 6, model="other")
    done = evalkit("report", "a", "b", "--as", "variants,full=nosuch", "-o", "x.html", cwd=tmp_path)
    assert done.code == 2
    assert "no run is of 'nosuch'" in done.err


def test_a_slow_variant_has_digits_that_tell_it_from_another() -> None:
    assert [variants.pace(n) for n in (2.1, 17.86, 94.94, 1234.6)] == ["2.1", "17.9", "94.9", "1,235"]
    assert (variants.rate(2.1), variants.rate(float("nan"))) == ("2.1/s", "–")
