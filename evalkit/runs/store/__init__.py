"""Runs on disk (manifest, journal, preambles) and the response cache."""

from evalkit.models.cache_file import CacheSize, SqliteCache
from evalkit.runs.store.journal import Journal, read_records
from evalkit.runs.store.manifest import Manifest, MetricResult, Status, SuiteEntry, SuiteMember, TaskEntry, TaskResult
from evalkit.runs.store.run import Run, folder_name, new_id, runs_under

__all__ = [
    "CacheSize",
    "Journal",
    "Manifest",
    "MetricResult",
    "Run",
    "SqliteCache",
    "Status",
    "SuiteEntry",
    "SuiteMember",
    "TaskEntry",
    "TaskResult",
    "folder_name",
    "new_id",
    "read_records",
    "runs_under",
]
