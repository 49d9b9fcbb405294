"""A report over many samples with prompts of one to two kilobytes: time, memory, size, and how Chromium opens it.

    python benchmarks/report_scale.py --samples 100000

Writes a run of that many samples (texts of a made-up vocabulary, which compress about as prose does), its report and a
comparison of two such runs, each in a process of its own; then opens the pages in Chromium (playwright) and measures
the time until the list stands, the frames while it scrolls from end to end, and the heap of the page.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalkit.core import Estimate, Prompt, Record, Reply, Sample, Score, Usage, Validity
from evalkit.runs.store import Journal, Manifest, MetricResult, TaskEntry, TaskResult
from evalkit.runs.store import manifest as manifests

_WRITE = """
import sys, resource, time
from pathlib import Path
from evalkit.cli.group import main
begun = time.perf_counter()
try:
    main()
except SystemExit as end:
    code = end.code
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
_SCROLL = """() => new Promise((done) => {
  const list = document.getElementById("list"), gaps = [], end = list.scrollHeight;
  let last = performance.now(), step = 0;
  const frame = (now) => {
    gaps.push(now - last); last = now;
    list.scrollTop = end * (step++ / 120);
    if (step <= 120) requestAnimationFrame(frame); else done(gaps.slice(1).sort((a, b) => a - b));
  };
  requestAnimationFrame(frame);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="write here and keep it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        for number, name in enumerate("ab"):
            if not (folder / name).exists():
                write_run(folder / name, given.samples, number)
        print(f"{given.samples:,} samples, journal {size(folder / 'a' / 'records.jsonl')}")
        one, two = folder / "one", folder / "two"
        for place in (one, two):
            shutil.rmtree(place, ignore_errors=True)
        measured("report", "report", folder / "a", "-o", one / "report.html")
        measured("comparison", "report", "--compare", folder / "a", folder / "b", "-o", two / "comparison.html")
        for place in (one, two):
            print(", ".join(f"{path.name} {size(path)}" for path in sorted(place.iterdir())))
            look(sorted(place.iterdir(), key=lambda path: len(path.name)))


def measured(what: str, *words: object) -> None:
    command = [sys.executable, "-c", _WRITE, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, kilobytes = done.stderr.split()[-2:]
    print(f"{what}: {float(seconds):.1f} s, {int(kilobytes) / 1024:.0f} MiB at most")


def look(pages: list[Path]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        for path in pages:
            opening = []
            for _ in range(3):
                page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                begun = time.perf_counter()
                page.goto(path.as_uri())
                page.wait_for_selector("html[data-ready]", timeout=120_000)
                opening.append(time.perf_counter() - begun)
                heap = page.evaluate("performance.memory.usedJSHeapSize")
                gaps = page.evaluate(_SCROLL)
                page.context.close()
            print(
                f"{path.name}: open {', '.join(f'{s:.2f}' for s in opening)} s; heap {heap / 2**20:.0f} MiB; frames: "
                f"median {gaps[len(gaps) // 2]:.0f} ms, 95 % {gaps[int(0.95 * len(gaps))]:.0f}, worst {gaps[-1]:.0f}"
            )
        browser.close()


def size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def samples(count: int, model: int) -> Iterator[Record]:
    draw = random.Random(7)
    sounds = ["ba", "co", "di", "fe", "gu", "ha", "li", "mo", "ne", "pi", "ra", "so", "tu", "ve", "wi", "za"]
    words = ["".join(draw.choices(sounds, k=draw.randint(1, 4))) for _ in range(20_000)]
    weights = [1.0 / (place + 2) for place in range(len(words))]
    own = random.Random(f"model {model}")
    for number in range(count):
        text = " ".join(draw.choices(words, weights, k=draw.randint(180, 360)))
        said = " ".join(own.choices(words, weights, k=40))
        right = own.random() < 0.6
        yield Record(
            "made",
            number,
            Sample(f"made/{number}", text, (said[:20],), groups=(f"group {number % 20}",)),
            prompt=Prompt(question=text + "\\nAnswer:"),
            replies=(Reply(texts=(said,), finish=("stop",), usage=Usage(300, 40), seconds=own.random()),),
            scores=(Score("acc", float(right), said[:20], "exact" if right else "other"),),
            prompt_digest=f"{number:016x}",
            sample_digest=f"{number:016x}",
        )


def write_run(folder: Path, count: int, model: int) -> None:
    folder.mkdir(parents=True)
    right = 0.0
    with Journal(folder) as journal:
        for record in samples(count, model):
            journal.append(record)
            right += record.scores[0].value
    share = right / count
    found = MetricResult("acc", Estimate(share, share - 0.003, share + 0.003, count, "t"), True, "share")
    result = TaskResult("acc", [found], samples=count, counts={Validity.OK.value: count}, signature="made|acc")
    entry = TaskEntry("made", "made", {"task": "made"}, [], count, result)
    created = f"2026-01-0{model + 1}T00:00:00+00:00"
    model_facts: dict[str, Any] = {"name": f"model-{model}", "digest": f"{model:016x}", "facts": {}}
    request = {"tasks": ["made"]}
    manifests.write(folder, Manifest(folder.name, "finished", created, model_facts, {}, request, {}, [entry]))


if __name__ == "__main__":
    main()
