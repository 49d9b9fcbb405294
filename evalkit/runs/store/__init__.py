"""Runs on disk: manifest, journal, preambles."""

from evalkit.runs.store.journal import Journal, read_records
from evalkit.runs.store.manifest import Manifest, MetricResult, Status, SuiteEntry, SuiteMember, TaskEntry, TaskResult
from evalkit.runs.store.older_names import name_today, scale_today
from evalkit.runs.store.run import Run, drift_told, folder_name, runs_under, toys_told

__all__ = [
    "Journal",
    "Manifest",
    "MetricResult",
    "Run",
    "Status",
    "SuiteEntry",
    "SuiteMember",
    "TaskEntry",
    "TaskResult",
    "drift_told",
    "folder_name",
    "name_today",
    "read_records",
    "runs_under",
    "scale_today",
    "toys_told",
]
