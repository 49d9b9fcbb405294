"""A report of any size is written in the same memory: measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reports.made import large_run

SCRIPT = """
import resource, sys
from evalkit import Run, plugins
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.writelines(plugins.load("report", "html")([Run.open(sys.argv[1])]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(folder: Path, samples: int) -> int:
    """kB of resident memory at most."""
    run = large_run(folder / str(samples), samples)
    command = [sys.executable, "-c", SCRIPT, str(run.folder), str(folder / f"{samples}.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow("writes the report of a large run")
def test_thirty_times_the_samples_take_no_more_than_a_few_megabytes_more(tmp_path: Path) -> None:
    small, large = peak(tmp_path, 1_000), peak(tmp_path, 30_000)
    records = (tmp_path / "30000" / "records.jsonl").stat().st_size
    assert large - small < 6_000
    assert records > 15_000_000
