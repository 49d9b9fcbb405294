"""What pages said wrongly once, each as a test, and one pair of runs whose numbers every output must agree on."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalkit
from evalkit import plugins
from evalkit.comparing.sample_values import SampleValues
from evalkit.core import (
    Attempt,
    Capabilities,
    Identity,
    Message,
    Prompt,
    Record,
    Reply,
    Sample,
    Score,
    Task,
    Usage,
    UsageError,
)
from evalkit.core.formatting import change, money, p_value
from evalkit.prompting.methods import tool_loop
from evalkit.reporting.details import detail
from evalkit.reporting.leaderboard import board
from evalkit.runs.runner.collect import metrics_of
from evalkit.runs.store import Run
from evalkit.runs.store import manifest as manifests
from evalkit.stats import mean_interval
from tests.cli.console import evalkit as command
from tests.reports.made import record, write_run

CODE = "toy_humaneval"


def coded(number: int, *, right: bool) -> Record:
    """As humaneval's records are: the score is called `passed`, the metric `pass@1`."""
    one = record(number, task=CODE, right=right)
    return replace(one, scores=(Score("attempts", 1.0), Score("passed", float(right))))


def write_code_run(folder: Path, model: str, step: int, count: int = 60) -> Run:
    records = (coded(n, right=n % step > 0) for n in range(count))
    run = write_run(folder / model, records, task=CODE, model=model, metric="passed")
    result = run.manifest.tasks[0].result
    assert result is not None
    result.primary_metric, result.metrics = "pass@1", [replace(result.metrics[0], name="pass@1")]
    manifests.write(run.folder, run.manifest)
    return Run.open(run.folder)


@pytest.fixture(scope="module")
def code_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("code")
    return [write_code_run(folder, model, step) for model, step in (("a", 2), ("b", 5))]


# ---------------------------------------------------------------- 1 and 7: a metric's name is not a score's


def test_wins_are_counted_on_tasks_whose_metric_is_called_otherwise_than_its_score(code_runs: list[Run]) -> None:
    made = board(code_runs)
    right = np.array([[n % step > 0 for n in range(60)] for step in (2, 5)], dtype=float)
    expected = ((right[1] > right[0]) + 0.5 * (right[1] == right[0])).mean()
    assert made.win_rate(1, 0) == pytest.approx(expected)
    assert made.met(1, 0) == 60
    assert made.strengths[1] > made.strengths[0]
    assert [column.name for column in made.common] == [CODE]


def test_strengths_are_over_the_tasks_that_all_models_have_and_say_so(tmp_path: Path) -> None:
    """`new` has the easy task alone, where it ties with the best: it is no stronger than they for that."""
    runs = []
    for model, steps in (("best", {"easy": 50, "hard": 3}), ("good", {"easy": 40, "hard": 2}), ("new", {"easy": 50})):
        for task, step in steps.items():
            records = (record(n, task=task, right=n % step > 0) for n in range(100))
            runs.append(write_run(tmp_path / f"{model}-{task}", records, task=task, model=model))
    made = board(runs)
    strength = dict(zip(made.models, made.strengths, strict=True))
    assert strength["new"] == pytest.approx(strength["best"])
    assert [column.name for column in made.common] == ["easy"]
    assert "hard: no part of strengths, since new lacks it" in made.notes


def test_show_finds_the_wrong_samples_of_a_pass_at_k(code_runs: list[Run]) -> None:
    done = command("show", code_runs[0].folder, "--wrong", "--limit", "100", cwd=code_runs[0].folder)
    assert done.code == 0, done
    assert done.out.count("passed = 0") == 30
    assert "passed = 1" not in done.out


def test_nothing_wrong_is_no_mistake(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", (record(n) for n in range(3)))
    done = command("show", run.folder, "--wrong", cwd=tmp_path)
    assert (done.code, done.out.strip()) == (0, "no sample falls short of the best value of its primary metric")


def test_a_refusal_without_a_score_has_the_value_that_the_estimate_takes(tmp_path: Path) -> None:
    task = plugins.load("task", "toy_mmlu")
    assert isinstance(task, Task)
    values = SampleValues({"t": metrics_of(task)}, {"t": metrics_of(task)[0].name})
    refused = replace(record(1), scores=(), validity=type(record(1).validity)("refused"))
    assert values.of(refused) == 0.0
    assert refused.value(metrics_of(task)[0].name) is None


def shipped() -> list[str]:
    return sorted(entry.name for entry in plugins.index("task"))


NEEDS = {
    "arena_hard_v2": "folder={folder}",
    "contamination": "benchmark=piqa",
    "format_sensitivity": "task=piqa",
    "paraphrase": "files=rows.jsonl",
    "prompt_injection": "task=piqa",
    "rag": "data=rows.jsonl",
    "ruler": "tokenizer=any,kind=vt",
    "translation": "pair=de-en,test_set=wmt14",
}
"""An option without which a task cannot be."""


GROUPS = {"bbeh": "boolean_expressions", "reward_bench_2": "Math", "ruler": "vt", "xstest": "safe"}
"""A group that counts, for tasks whose headline is a mean over parts."""
COUNTS = {"arena_hard_v2": (1.0, 1.0), "bbq": (1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)}
"""What a sample brings to a headline that is made of sums."""


def loaded(name: str, folder: Path) -> object:
    needed = NEEDS.get(name, "").format(folder=folder)
    try:
        return plugins.load("task", f"{name},{needed}" if needed else name)
    except UsageError:
        if f"toy_{name}" not in shipped():
            raise
        return plugins.load("task", f"toy_{name}")  # the same task over its toy set, where it needs files


@pytest.mark.parametrize("name", shipped())
def test_every_metric_of_every_task_that_ships_is_mapped_to_its_records(name: str, tmp_path: Path) -> None:
    """A record with all the scores that a task's scorers declare has a value for what the task is known by."""
    (tmp_path / "question.jsonl").touch()
    task = loaded(name, tmp_path)
    if not isinstance(task, Task):
        pytest.skip("a suite: its members are tasks of their own")
    names = dict.fromkeys(score for scorer in task.scorers for score in scorer.scores)
    plain = record(1, task=name, group=GROUPS.get(name, "a"))
    made = replace(plain, scores=tuple(Score(one, 1.0, counts=COUNTS.get(name, ())) for one in names))
    values = SampleValues({name: metrics_of(task)}, {name: metrics_of(task)[0].name})
    of_all = metrics_of(task)[0].name in (
        "auroc",
        "f_score",
        "spearman",
    )  # what is of all samples together, and of no single one
    assert (values.of(made) is None) == of_all, metrics_of(task)[0].name


# ---------------------------------------------------------------- 2: what the judge cost


def test_the_judge_is_part_of_what_a_run_cost(tmp_path: Path, look: Any) -> None:
    records = (replace(record(n), cost=0.0025) for n in range(100))
    run = write_run(tmp_path / "r", records)
    run.manifest.model["judge"] = {"name": "judge-1", "requests": 100, "cost": 0.05}
    manifests.write(run.folder, run.manifest)
    done = command("report", run.folder, "-o", "r.html", cwd=tmp_path)
    assert done.code == 0, done
    text = look(tmp_path / "r.html", ready=False, java_script_enabled=False).page.inner_text("#total-1")
    assert "model $0.25, judge $0.05, together $0.3" in text
    assert "judge-1" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(9.9e-05, "0.0099 ¢"), (0.0042, "0.42 ¢"), (2e-8, "0.0000020 ¢"), (0.25, "$0.25"), (0, "$0.00")],
)
def test_small_sums_are_cents_without_an_exponent(value: float, shown: str) -> None:
    assert money(value) == shown


# ---------------------------------------------------------------- 3 and 4: one axis, one p


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks: on one B is much worse, on the other it differs by two samples."""
    folder = tmp_path_factory.mktemp("pair")
    for name, steps in (("a", {"big": 7, "small": 4}), ("b", {"big": 2, "small": 4})):
        folders = []
        for task, step in steps.items():
            extra = {8, 16} if (name, task) == ("b", "small") else set()
            records = [record(n, task=task, right=n % step > 0 or n in extra, group="xy"[n % 2]) for n in range(120)]
            folders.append(write_run(folder / f"{name}-{task}", records, task=task, model=f"model {name}"))
        first, second = folders
        first.manifest.tasks += second.manifest.tasks
        with (first.folder / "records.jsonl").open("ab") as out:
            out.write((second.folder / "records.jsonl").read_bytes())
        manifests.write(first.folder, first.manifest)
        first.folder.rename(folder / name)
    return folder


def widths(page: Any) -> dict[str, tuple[float, str]]:
    """The width in pixels of the bar of every row, and what the row says its interval is."""
    found = {}
    for row in page.locator("#differences tbody tr").all():
        bar = row.locator("svg .range").first.get_attribute("width")
        found[row.locator("th").inner_text()] = (float(bar), row.inner_text())
    return found


def test_bars_of_one_comparison_are_drawn_to_one_scale(pair: Path, look: Any) -> None:
    assert command("report", "--compare", "a", "b", "-o", "c.html", cwd=pair).code == 0
    page = look(pair / "c.html", ready=False, java_script_enabled=False).page
    scales = []
    for width, text in widths(page).values():
        low, high = map(float, re.search(r"([+-][\d.]+) … ([+-][\d.]+)", text).groups())
        scales.append(width / (high - low))
    assert max(scales) / min(scales) < 1.03
    marks = page.locator("#differences thead svg.ticks text").all_text_contents()
    assert len(marks) == 3
    assert marks[0].removeprefix("−") == marks[2].removeprefix("+")


def test_the_same_pair_has_the_same_numbers_everywhere(pair: Path, look: Any) -> None:
    """Page, terminal, JSON, Python, and the gate's Markdown and JSON, which decides by its own policy."""
    data = json.loads(command("compare", "a", "b", "--json", cwd=pair).out)
    said = {task["task"]: task["metrics"][0] for task in data["tasks"]}
    terminal = command("compare", "a", "b", cwd=pair).out
    compared = evalkit.compare(evalkit.load(pair / "a"), evalkit.load(pair / "b"))
    assert command("baseline", "save", "a", "base.evalkit", cwd=pair).code == 0
    done = command("gate", "run", "b", "--baseline", "base.evalkit", "--markdown", "g.md", "--json", "g.json", cwd=pair)
    assert done.code == 1, done
    markdown, gate = (pair / "g.md").read_text(), json.loads((pair / "g.json").read_text())
    assert command("report", "--compare", "a", "b", "-o", "c.html", cwd=pair).code == 0
    page = look(pair / "c.html", ready=False, java_script_enabled=False).page
    assert set(said) == {"big", "small"}
    for task, one in said.items():
        row = next(row for row in compared.rows if row.task == task)
        assert (row.difference, row.low, row.high, row.p, row.p_holm) == pytest.approx(
            (one["difference"], one["low"], one["high"], one["p"], one["p_holm"])
        )
        decided = next(each["verdict"] for each in gate["rows"] if each["task"] == task and not each["part"])
        assert (decided["difference"], decided["p_value"]) == pytest.approx((one["difference"], one["p"]))
        shown = (change(one["difference"], "proportion"), p_value(one["p"]))
        line = page.locator("#differences tbody tr", has_text=task).first.inner_text()
        for text in (line, *(part for part in terminal.splitlines() if part.startswith(f"{task} acc"))):
            assert all(number in text for number in shown), (shown, text)
        assert all(number.replace("<", "&lt;") in markdown for number in shown)
        assert one["sentence"] in page.inner_text("section[aria-labelledby=h-verdict]")
    verdict = data["verdict"][0]
    assert verdict == "B is worse at big; nothing is shown to be better."
    assert list(compared.verdict) == data["verdict"]
    assert verdict in terminal
    assert verdict == page.inner_text("#h-verdict")


# ---------------------------------------------------------------- 5: few clusters


def test_an_interval_over_few_clusters_is_no_narrower_than_over_as_many_samples() -> None:
    """F1 over ten paragraphs of eight questions whose means happen to agree: ± 2.8 once, where independent samples
    had ± 4.9."""
    values = np.tile([0.0, 0.2, 0.5, 0.6, 0.8, 1.0, 1.0, 1.0], 10)
    clusters = np.repeat(np.arange(10), 8)
    few, many = mean_interval(values, clusters, ends=(0.0, 1.0)), mean_interval(values, ends=(0.0, 1.0))
    assert few.high - few.low >= many.high - many.low
    assert "10 clusters" in few.how


# ---------------------------------------------------------------- 6: what was sent, and who said it


@dataclass
class Told:
    """A model that says what it was told to, and keeps what it was asked."""

    texts: list[str]
    capabilities: Capabilities
    asked: list[Prompt]
    identity: Identity = field(default_factory=lambda: Identity("told"))

    async def answer(self, request: Any) -> Reply:
        self.asked.append(request.prompt)
        return Reply(texts=(self.texts[len(self.asked) - 1],), finish=("stop",), usage=Usage(5, 2))

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("chats", [True, False])
def test_the_prompt_of_a_tool_task_is_the_one_that_was_sent(tmp_path: Path, chats: bool, look: Any) -> None:
    method = tool_loop(tools=("calculator",))
    capabilities = replace(Capabilities(), chats=chats)
    model = Told(["Thought: multiply\nAction: calculator\nAction Input: 6*7\n", "Final Answer: 42"], capabilities, [])
    attempt = Attempt(Sample("s0", "What is 6*7?", ("42",)), Prompt(question="What is 6*7?"))
    with ThreadPoolExecutor(1) as thread:  # playwright's loop runs in this one
        replies = thread.submit(asyncio.run, method.ask(attempt, model)).result()
    one = replace(record(0), prompt=attempt.prompt, replies=replies, sample=attempt.sample)
    run = write_run(tmp_path / "r", [one])
    (kept,) = run.records()
    first = [Message(role, content) for role, content in detail(kept)["messages"]]
    assert first == list(model.asked[0].as_messages())
    assert command("report", run.folder, "-o", "r.html", cwd=tmp_path).code == 0
    page = look(tmp_path / "r.html").page
    page.click(".item >> nth=0")
    page.wait_for_selector("#detail h3")
    told = page.locator("#detail .message.tool").all_inner_texts()
    assert len(told) == 1
    assert "Observation: 42" in told[0]
    assert all("Observation" not in text for text in page.locator("#detail .message.assistant").all_inner_texts())
    assert "calculator" in page.locator("#detail .message.user").first.inner_text()
    assert "as it was sent" in command("show", run.folder, "--sample", "s0", cwd=tmp_path).out
