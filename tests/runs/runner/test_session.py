"""A session that is taken up again does what is left, tries failures again, and refuses to mix measurements."""

import asyncio
from pathlib import Path

import pytest

from evalkit.core import Fewshot, Model, Task, UsageError
from evalkit.runs.runner import PreparedTask, Settings, Silent, begin, continued, execute, new_journal, prepare
from evalkit.runs.store import Journal, Run
from tests.runs.runner.scripted import Parrot, say_task


def prepared(task: Task, model: Model, settings: Settings | None = None, source: str = "src") -> PreparedTask:
    return prepare(task, task.name, source, model, settings or Settings(max_failures=1.0))


def start(folder: Path, model: Model, task: Task) -> Run:
    tasks = [prepared(task, model)]
    with new_journal(folder) as journal:
        plan = begin(folder, "id", model, tasks, {})
        return asyncio.run(execute(journal, plan, model, tasks, Silent()))


def go_on(folder: Path, model: Model, task: Task) -> Run:
    tasks = [prepared(task, model)]
    with Journal(folder) as journal:
        plan = continued(folder, model, tasks)
        return asyncio.run(execute(journal, plan, model, tasks, Silent()))


def test_what_failed_is_tried_again_and_nothing_else(tmp_path: Path) -> None:
    first = start(tmp_path, Parrot(fails=lambda text: text.startswith("1")), say_task(20))
    assert first.manifest.tasks[0].result is not None
    assert first.manifest.tasks[0].result.failed == 11
    healthy = Parrot()
    second = go_on(tmp_path, healthy, say_task(20))
    assert sorted(text.split()[0] for text in healthy.asked) == sorted(["1", *map(str, range(10, 20))])
    assert second.estimate("say").n == 20
    assert len({r.key for r in second.records()}) == len(list(second.records())) == 20


def test_a_finished_run_is_taken_up_without_asking_anything(tmp_path: Path) -> None:
    first = start(tmp_path, Parrot(), say_task(20))
    idle = Parrot()
    again = go_on(tmp_path, idle, say_task(20))
    assert idle.asked == []
    assert again.estimate("say") == first.estimate("say")


@pytest.mark.parametrize(
    ("task", "model", "source", "shown"),
    [
        (say_task(20), Parrot(name="other"), "src", "model weights: parrot then, other now"),
        (say_task(21), Parrot(), "src", "say: data: "),
        (say_task(20, version=2), Parrot(), "src", "say: version: 1 then, 2 now"),
        (say_task(20, fewshot=Fewshot(1)), Parrot(), "src", "say: few-shot: 0-shot then, 1-shot now"),
        (say_task(20), Parrot(), "changed", "say: source: src then, changed now"),
        (say_task(20, name="tell"), Parrot(), "src", "tell: task: – then, tell now"),
    ],
)
def test_another_measurement_is_refused_with_the_difference(
    tmp_path: Path, task: Task, model: Model, source: str, shown: str
) -> None:
    start(tmp_path, Parrot(), say_task(20))
    with pytest.raises(UsageError, match="would not measure the same thing") as caught:
        continued(tmp_path, model, [prepared(task, model, source=source)])
    assert shown in str(caught.value)


def test_every_attempt_has_a_seed_of_its_own_that_never_changes(tmp_path: Path) -> None:
    def seeds(settings: Settings) -> list[int]:
        return [work.attempt.seed for work in prepared(say_task(5), Parrot(), settings).work()]

    three = seeds(Settings(samples=3, temperature=1.0))
    assert len(set(three)) == 15
    assert three == seeds(Settings(samples=3, temperature=1.0))
    assert set(seeds(Settings())) <= set(three)
    assert not set(seeds(Settings(seed=2))) & set(three)
