"""The forms for programs, against pandas, the manifest and lm-evaluation-harness itself; and the history page."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evalkit import run
from evalkit.runs.store import Run
from evalkit.runs.store import manifest as manifests
from tests.cli.console import evalkit
from tests.reports.conftest import violations
from tests.reports.made import HOSTILE, hostile_run, record, write_run

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The embedded model on two toy sets."""
    folder = tmp_path_factory.mktemp("real") / "r"
    return run(["toy_mmlu", "toy_wikitext"], "tiny", out=folder, cache=False, limit=60)


def test_scores_as_csv_and_json_are_the_manifest(real: Run, tmp_path: Path) -> None:
    for suffix in ("csv", "json"):
        assert evalkit("report", real.folder, "-o", f"s.{suffix}", cwd=tmp_path).code == 0
    frame = pd.read_csv(tmp_path / "s.csv", keep_default_na=False, float_precision="round_trip")
    whole = json.loads((tmp_path / "s.json").read_text())["runs"][0]["manifest"]
    assert whole == json.loads((real.folder / "manifest.json").read_text())
    for entry in whole["tasks"]:
        for metric in entry["result"]["metrics"]:
            (line,) = frame[
                (frame.task == entry["name"]) & (frame.metric == metric["name"]) & (frame.group == "")
            ].itertuples()
            assert (line.value, line.low, line.high, line.n) == tuple(
                metric["estimate"][k] for k in ("value", "low", "high", "n")
            )


def test_samples_as_csv_have_the_mean_of_the_manifest(real: Run, tmp_path: Path) -> None:
    assert evalkit("report", real.folder, "--as", "samples_csv", "-o", "x.csv", cwd=tmp_path).code == 0
    frame = pd.read_csv(tmp_path / "x.csv")
    acc = frame[(frame.task == "toy_mmlu") & (frame.score == "acc")]
    assert acc.value.astype(float).mean() == pytest.approx(real.estimate("toy_mmlu", "acc").value)
    assert set(frame["sample"]) == {one.sample.id for one in real.records()}


def test_a_spreadsheet_runs_nothing(tmp_path: Path) -> None:
    made = [record(n, text=text) for n, text in enumerate(["=HYPERLINK(1)", "+1", "@x", "-2+3", *HOSTILE]) if not n % 2]
    write_run(tmp_path / "h", made, model="=m", text="\t=x")
    for name in ("scores_csv", "samples_csv"):
        assert evalkit("report", "h", "--as", name, "-o", "x.csv", cwd=tmp_path).code == 0
        text = (tmp_path / "x.csv").read_text(encoding="utf-8")
        assert "\x1b" not in text
        for row in list(csv.reader(text.splitlines()))[1:]:
            assert not any(one[:1] in "=+@\t" for one in row if one)


def test_lm_eval_makes_its_table_of_our_results(
    real: Run, tmp_path: Path, ask_lm_eval: Callable[[str, object], Any]
) -> None:
    assert evalkit("report", real.folder, "--as", "lm_eval", "-o", "out", cwd=tmp_path).code == 0
    results = json.loads(next((tmp_path / "out").glob("results_*.json")).read_text())
    table = ask_lm_eval("from lm_eval.utils import make_table\nfound = make_table(asked)", results)
    error = ask_lm_eval(
        "from lm_eval.api.metrics import mean_stderr\nfound = mean_stderr(asked)",
        [one.value("acc") for one in real.records("toy_mmlu")],
    )
    acc = real.estimate("toy_mmlu", "acc").value
    assert results["results"]["toy_mmlu"]["acc_stderr,none"] == pytest.approx(error, rel=1e-12)
    line = next(line for line in table.splitlines() if "|acc " in line)
    assert f"{acc:.4f}" in line
    assert f"{error:.4f}" in line
    assert f"{real.estimate('toy_wikitext').value:.4f}" in table


def series(folder: Path) -> None:
    """Twelve runs of 200 samples whose proportion right falls after the eighth."""
    for number in range(12):
        proportion = 80 if number < 8 else 40
        records = (record(n, right=n * 37 % 100 < proportion) for n in range(200))
        made = write_run(folder / f"r{number:02d}", records)
        made.manifest.created = f"2026-01-{number + 1:02d}T00:00:00+00:00"
        manifests.write(made.folder, made.manifest)


def test_the_history_page_shows_what_history_says(tmp_path: Path, look: Any, axe: str) -> None:
    series(tmp_path / "runs")
    found = json.loads(evalkit("history", "runs", "--json", cwd=tmp_path).out)["series"][0]
    assert evalkit("history", "runs", "--html", "h.html", cwd=tmp_path).code == 0
    opened = look(tmp_path / "h.html")
    assert [change["place"] for change in found["change_points"]] == [8]
    text = opened.page.inner_text("main")
    assert "acc fell from 80.0% to 40.0% on 2026-01-09 (p <0.001)" in text
    assert opened.page.locator("svg circle").count() == 12
    assert opened.page.locator("svg .step").count() == 1
    assert opened.quiet()
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)):
        opened = look(tmp_path / "h.html", color_scheme=scheme, viewport={"width": width, "height": 844})
        opened.page.click("summary")
        assert violations(opened, axe) == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_in_a_history(tmp_path: Path, look: Any) -> None:
    hostile_run(tmp_path / "runs" / "h")
    assert evalkit("history", "runs", "--html", "h.html", cwd=tmp_path).code == 0
    opened = look(tmp_path / "h.html")
    assert opened.page.evaluate("window.pwned") is None
    assert "\u202e" not in opened.page.text_content("main")
    assert opened.quiet()
