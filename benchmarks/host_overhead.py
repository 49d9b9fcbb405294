"""What evalkit itself costs: CPU time and memory per sample, with a model that answers at once.

    python benchmarks/host_overhead.py --samples 1000000

Reads rows from a JSONL file, renders prompts, scores by exact match, writes every record to the journal and estimates
with intervals. Prints the resident memory above the baseline (taken after imports, before the first sample) and the
CPU time per sample. The design's bound is 300 MB above the baseline for a million samples.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import orjson

import evalkit
from evalkit.core import (
    Capabilities,
    Generate,
    Identity,
    PromptFormat,
    Record,
    Reply,
    Request,
    Row,
    Sample,
    Subset,
    Task,
    Usage,
)
from evalkit.data import files
from evalkit.prompting.methods import generate
from evalkit.runs.runner import PreparedTask
from evalkit.scoring.scorers import exact_match

_MB = 1e6


class Instant:
    """Answers every question with the number it holds, without waiting."""

    identity = Identity("instant")
    capabilities = Capabilities(window=4096)

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        word = request.prompt.question.rsplit(" ", 2)[-2]
        return Reply((word,), ("stop",), usage=Usage(12, 1), rendered_digest="0123456789abcdef")

    async def close(self) -> None: ...


class Watch:
    """Takes the resident memory as the run goes on: at its beginning and at its highest."""

    def __init__(self) -> None:
        self.baseline = self.peak = 0
        self._seen = 0

    def start(self, task: PreparedTask, model: str, done: int) -> None:
        self.baseline = self.peak = resident()

    def advance(self, record: Record) -> None:
        self._seen += 1
        if self._seen % 10_000 == 0:
            self.peak = max(self.peak, resident())

    def tick(self, tokens: int) -> None: ...

    def finish(self, task: PreparedTask) -> None:
        self.peak = max(self.peak, resident())


def resident() -> int:
    """This process's resident memory in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def counting_task(path: Path) -> Task:
    """Repeat a number: a short question, one target, exact match."""
    return Task(
        name="counting",
        data=(Subset(files(str(path))),),
        sample=lambda row: _sample(row),
        prompt=PromptFormat(),
        method=generate(max_tokens=8, stop=("\n",)),
        scorers=(exact_match(),),
    )


def _sample(row: Row) -> Sample:
    return Sample(row.id, row.values["question"], targets=(row.values["answer"],))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100_000)
    count = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["EVALKIT_CACHE"] = str(folder / "cache")
        with (folder / "rows.jsonl").open("wb") as out:
            for number in range(count):
                row = {"question": f"Repeat the number {number} please", "answer": str(number)}
                out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        watch = Watch()
        cpu, wall = time.process_time(), time.perf_counter()
        run = evalkit.run(
            counting_task(folder / "rows.jsonl"), Instant(), out=folder / "run", cache=False, progress=watch
        )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert run.estimate("counting").value == 1.0
        growth = watch.peak - watch.baseline
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - watch.baseline
        print(f"python {sys.version.split()[0]}, {os.cpu_count()} processors, {count:,} samples")
        print(f"CPU           {cpu / count * 1e3:8.4f} ms per sample ({wall:.1f} s wall in all)")
        print(f"memory        {growth / _MB:8.1f} MB above the baseline of {watch.baseline / _MB:.0f} MB while running")
        print(f"with results  {after / _MB:8.1f} MB above it at the highest ({after / count:.0f} bytes per sample)")


if __name__ == "__main__":
    main()
