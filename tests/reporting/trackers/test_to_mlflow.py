"""Runs in MLflow's own local stores, read back with its own client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit import plugins
from evalkit.reporting.trackers import content, to_mlflow
from evalkit.runs.store import Run
from evalkit.runs.store import manifest as manifests
from tests.cli.console import evalkit
from tests.reports.made import record, write_run

pytestmark = pytest.mark.slow("imports MLflow and fills its stores")

mlflow = pytest.importorskip("mlflow", reason="MLflow's own client is the oracle (pip install mlflow)")


@pytest.fixture(params=["file", "sqlite"])
def uri(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    # MLflow 3 keeps its file store for those who say so.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    if request.param == "sqlite":
        pytest.importorskip("sqlalchemy", reason="MLflow's database store needs sqlalchemy")
        return f"sqlite:///{tmp_path / 'mlflow.db'}"
    return (tmp_path / "mlruns").as_uri()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return write_run(tmp_path / "r", (record(n, right=n % 4 > 0) for n in range(40)), model="org/model")


def sent(uri: str, experiment: str = "evalkit") -> list[Any]:
    client = mlflow.MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name(experiment)
    assert place is not None
    return list(client.search_runs([place.experiment_id]))


def test_a_run_arrives_whole(run: Run, uri: str) -> None:
    done = evalkit("push", run.folder, "--to", f"mlflow:{uri}", "--experiment", "night", cwd=run.folder.parent)
    assert done.code == 0, done
    (found,) = sent(uri, "night")
    assert found.info.run_id in done.out
    assert found.info.status == "FINISHED"
    assert dict(found.data.metrics) == dict(content(run).metrics)
    assert dict(found.data.params) == dict(content(run).params)
    assert found.data.tags["evalkit.run"] == run.manifest.id
    client = mlflow.MlflowClient(tracking_uri=uri)
    kept = Path(client.download_artifacts(found.info.run_id, "manifest.json"))
    assert json.loads(kept.read_text()) == json.loads((run.folder / manifests.FILE).read_text())
    page = Path(client.download_artifacts(found.info.run_id, "report.html")).read_text(encoding="utf-8")
    assert page == "".join(plugins.load("report", "html,name=report")([run]))


def test_sent_again_it_is_one_run_brought_up_to_date(run: Run, uri: str) -> None:
    first = to_mlflow.send(content(run), uri, "evalkit")
    assert to_mlflow.send(content(run), uri, "evalkit") == first
    result = run.manifest.tasks[0].result
    assert result is not None
    result.cost = 0.5
    assert to_mlflow.send(content(run), uri, "evalkit") == first
    (found,) = sent(uri)
    assert found.data.metrics["t/cost"] == 0.5
    history = mlflow.MlflowClient(tracking_uri=uri).get_metric_history(first, "t/acc")
    assert [point.value for point in history] == [0.75]
    other = write_run(run.folder.parent / "other", [record(0), record(1)])
    assert to_mlflow.send(content(other), uri, "evalkit") != first
    assert len(sent(uri)) == 2


def test_a_run_with_thousands_of_metrics(run: Run, uri: str) -> None:
    result = run.manifest.tasks[0].result
    assert result is not None
    result.groups = {f"group {n}": result.metrics for n in range(1200)}
    to_mlflow.send(content(run), uri, "evalkit")
    (found,) = sent(uri)
    assert len(found.data.metrics) == len(content(run).metrics) > 1200


def test_what_mlflow_refuses_is_said(run: Run) -> None:
    done = evalkit("push", run.folder, "--to", "mlflow:nowhere://x", "--no-pages", cwd=run.folder.parent)
    assert done.code == 2
    assert "MLflow refused the run" in done.err
