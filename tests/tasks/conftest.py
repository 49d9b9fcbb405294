"""What the tests of built-in tasks share: loading one by its spec, its samples, and its prompts as they are sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import BadRow, DataOptions, FewshotOrder, Reply, Row, Sample, Score, Scorer, Subset, Task
from evalkit.plugins import load
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check


@dataclass(frozen=True)
class Loaded:
    """A task with the data it may look at."""

    task: Task
    options: DataOptions

    def rows(self, subset: Subset) -> list[Row]:
        return [row for row in subset.rows.open(self.options).rows() if not isinstance(row, BadRow)]

    def samples(self, subset: int | None = None) -> list[Sample]:
        chosen = self.task.data if subset is None else (self.task.data[subset],)
        return [self.task.sample(row) for part in chosen for row in self.rows(part)]

    def problems(self) -> list[tuple[str, str]]:
        """What `evalkit check` finds wrong with the gold answers of all samples."""
        settings = Settings(data=self.options)
        return asyncio.run(check(prepare(self.task, self.task.name, "", GoldModel(), settings))).problems

    def prompts(self, subset: int = 0, *, shots: int = 0, order: FewshotOrder | None = None) -> Iterator[str]:
        part = self.task.data[subset]
        fewshot = replace(self.task.fewshot, k=shots, order=order or self.task.fewshot.order)
        renderer = PromptRenderer(
            self.task.name,
            self.task.prompt,
            fewshot,
            part,
            self.task.sample,
            self.options,
            seed=1,
            stream=lm_eval_stream(),
        )
        return (renderer.render(self.task.sample(row)).text for row in self.rows(part))


Load = Callable[[str], Loaded]


@pytest.fixture
def built_in() -> Load:
    """Load a built-in task with no data but what ships."""
    return lambda spec: Loaded(_task(spec), DataOptions(offline=True))


@pytest.fixture
def on_real_rows(hub_mirror: Path) -> Load:
    """Load a built-in task over the mirror of real rows."""
    return lambda spec: Loaded(_task(spec), DataOptions(mirror=hub_mirror, offline=True))


@pytest.fixture
def over(tmp_path: Path) -> Callable[[str, Mapping[str, Sequence[Mapping[str, Any]]]], Loaded]:
    """Load a built-in task over rows of the test's own: `{"owner/name/config/split": rows}`."""

    def load_over(spec: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Loaded:
        for name, values in rows.items():
            path = tmp_path / "hub" / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in values), encoding="utf-8")
        return Loaded(_task(spec), DataOptions(mirror=tmp_path / "hub", offline=True))

    return load_over


def _task(spec: str) -> Task:
    task = load("task", spec)
    assert isinstance(task, Task)
    return task


@pytest.fixture(scope="session")
def lm_eval_tasks() -> Path:
    """The task definitions of an installed lm-evaluation-harness, to compare with; nothing of it is imported."""
    spec = find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("lm-eval is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "tasks"


@pytest.fixture
def scored_by() -> Callable[[Scorer, Sample, str], Score]:
    """The first score that a scorer gives a written reply."""

    def score(scorer: Scorer, sample: Sample, text: str) -> Score:
        return asyncio.run(scorer.score(sample, (Reply(texts=(text,), finish=("stop",)),)))[0]

    return score
