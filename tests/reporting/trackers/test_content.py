"""What a run says to a tracker: every estimate under a name that a tracker takes, nothing that is not a number."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from evalkit.reporting.trackers import content
from evalkit.runs.store import SuiteEntry
from tests.cli.console import evalkit
from tests.reports.made import HOSTILE, record, write_run


def test_every_estimate_has_a_name(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", (record(n, right=n % 4 > 0) for n in range(40)), model="org/model")
    result = run.manifest.tasks[0].result
    assert result is not None
    (metric,) = result.metrics
    result.groups = {"sums": [metric]}
    result.cost = 0.25
    run.manifest.suites = [SuiteEntry("all", "tasks", result=metric)]
    run.manifest.finished = "2026-01-02T03:05:05+00:00"
    found = content(run)
    assert {name: found.metrics[f"t/acc{name}"] for name in ("", "_low", "_high", "_n")} == {
        "": metric.estimate.value,
        "_low": metric.estimate.low,
        "_high": metric.estimate.high,
        "_n": 40.0,
    }
    assert found.metrics["groups/t/sums/acc"] == found.metrics["suites/all"] == 0.75
    assert (found.metrics["t/samples"], found.metrics["t/failed"], found.metrics["t/cost"]) == (40.0, 0.0, 0.25)
    assert found.params["model"] == "org/model"
    assert found.params["signature/t"] == result.signature
    assert found.ended is not None and found.started is not None
    assert found.ended - found.started == 60.0


def test_names_are_plain_and_apart(tmp_path: Path) -> None:
    for number, text in enumerate(HOSTILE):
        run = write_run(tmp_path / str(number), [record(0), record(1)], task="t" + text, text=text)
        result = run.manifest.tasks[0].result
        assert result is not None
        (metric,) = result.metrics
        result.metrics = [
            metric,
            replace(metric, name="acc?", estimate=replace(metric.estimate, value=0.1)),
            replace(metric, name="acc!", estimate=replace(metric.estimate, value=0.2, low=math.nan, high=math.inf)),
        ]
        found = content(run)
        assert {0.1, 0.2} <= set(found.metrics.values())
        assert all(map(math.isfinite, found.metrics.values()))
        folders = {name[:place] for name in found.metrics for place, sign in enumerate(name) if sign == "/"}
        assert not folders & set(found.metrics)  # a name is a file or a folder, never both
        for name in (*found.metrics, *found.params):
            assert len(name) <= 250
            assert name.isascii()
            assert all(sign.isalnum() or sign in "_.-/ " for sign in name), name


def test_mistakes_are_said(tmp_path: Path) -> None:
    write_run(tmp_path / "r", [record(0)])
    done = evalkit("push", "r", "--to", "neptune", cwd=tmp_path)
    assert (done.code, "names a tracker" in done.err) == (2, True)
