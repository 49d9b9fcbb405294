"""Runs sent to MLflow: its tracking server, a database, or its local files."""

from __future__ import annotations

import time
from typing import Any

from evalkit.core import UsageError
from evalkit.core.distribution import pip_install
from evalkit.reporting.trackers.content import Content

_MOST_METRICS, _MOST_PARAMS = 1000, 100
_LONGEST_PARAM, _LONGEST_TAG = 6000, 5000


def send(content: Content, uri: str, experiment: str) -> str:
    """Write the run into the experiment, which is made where there is none; the id of MLflow's run.

    A run that was sent before is found by its tag and brought up to date, so that sending twice makes one run. `uri`
    is that of MLflow's store, its own default where empty. Raises UsageError where mlflow is not installed or refuses.
    """
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError:
        raise UsageError("mlflow is not installed", fix=pip_install("mlflow")) from None
    try:
        return _sent(MlflowClient(tracking_uri=uri or None), content, experiment)
    except ModuleNotFoundError as error:
        fix = "pip install mlflow (the client alone, mlflow-skinny, speaks to servers and files)"
        raise UsageError(f"this store of MLflow's needs {error.name}", found=uri, fix=fix) from None
    except MlflowException as error:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        fix = "--to mlflow:URI names the store; a database needs more than the client (pip install mlflow)"
        raise UsageError("MLflow refused the run", found=found, fix=fix) from None


def _sent(client: Any, content: Content, experiment: str) -> str:
    from mlflow.entities import Metric, Param, RunTag

    known = client.get_experiment_by_name(experiment)
    place = known.experiment_id if known else client.create_experiment(experiment)
    before = client.search_runs([place], f"tags.`evalkit.id` = '{content.id}'", max_results=1)
    started = int(1000 * (content.started if content.started is not None else time.time()))
    run = before[0] if before else client.create_run(place, start_time=started, run_name=content.name)
    run_id: str = run.info.run_id
    stamp = int(1000 * (content.ended if content.ended is not None else time.time()))
    metrics = [Metric(name, value, stamp, 0) for name, value in content.metrics.items()]
    # A value that stands there already is not written once more: a metric would gain a point, a param be refused.
    metrics = [one for one in metrics if run.data.metrics.get(one.key) != one.value]
    params = [Param(k, v[:_LONGEST_PARAM]) for k, v in content.params.items() if k not in run.data.params]
    tags = [RunTag(k, v[:_LONGEST_TAG]) for k, v in {**content.tags, "evalkit.id": content.id}.items()]
    client.log_batch(run_id, tags=tags)
    for start in range(0, len(metrics), _MOST_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + _MOST_METRICS])
    for start in range(0, len(params), _MOST_PARAMS):
        client.log_batch(run_id, params=params[start : start + _MOST_PARAMS])
    for file in content.files:
        client.log_artifact(run_id, str(file))
    client.set_terminated(run_id, "FINISHED" if content.finished else "FAILED", end_time=stamp)
    return run_id
