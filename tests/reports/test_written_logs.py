"""A run written as another harness's log, and read back."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import evalkit
from evalkit import Run
from evalkit.comparing import pair_tasks
from evalkit.comparing.gates.opening import open_any, open_run
from evalkit.comparing.pairing import values_of
from evalkit.runs.foreign import open_log
from evalkit.runs.foreign.scored import scored
from evalkit.runs.written_report import write_report

TASKS = ("toy_mmlu", "toy_squad", "toy_wikitext")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return evalkit.run(TASKS, "tiny", limit=6, out=out, cache=False)


@pytest.mark.parametrize("form", ["lm_eval", "inspect"])
def test_a_written_log_read_back_has_the_same_scores_of_every_sample(run: Run, form: str, tmp_path: Path) -> None:
    write_report([run], tmp_path / form, form)
    back = open_log(tmp_path / form)
    assert back is not None
    assert set(back.tasks) == set(TASKS)
    for task in TASKS:
        ours = {r.sample.id: {s.name: s.value for s in r.scores} for r in run.records(task)}
        theirs = {r.sample.id: {s.name: s.value for s in r.scores} for r in back.records(task)}
        assert ours.keys() == theirs.keys()
        for sample, values in theirs.items():
            assert values
            assert values == {name: pytest.approx(ours[sample][name], rel=1e-12) for name in values}


def test_the_estimates_of_a_log_of_lm_evals_are_those_of_the_run(run: Run, tmp_path: Path) -> None:
    files = write_report([run], tmp_path, "lm_eval")
    results = json.loads(files[0].read_text())
    log = open_log(tmp_path)
    assert log is not None
    for entry in scored(log).manifest.tasks:
        assert entry.result is not None
        for metric in entry.result.metrics:
            known = next((m for m in run.manifest.task(entry.name).result.metrics if m.name == metric.name), None)
            if known is None:
                continue  # acc_bytes is a score and no metric of the task
            assert metric.estimate.value == pytest.approx(known.estimate.value, rel=1e-12)
            assert results["results"][entry.name][f"{metric.name},none"] == known.estimate.value
    assert {m.name for m in log.metrics["toy_wikitext"]} == {"word_perplexity", "byte_perplexity", "bits_per_byte"}


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a group of lm-eval's YAML: two metrics, a group within, and a task with two filters."""
    folder = tmp_path_factory.mktemp("tasks")
    rows = [{"q": f"What is {n}?", "options": ["one", "two"], "gold": n % 2, "a": str(n)} for n in range(5)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    base = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {folder}/rows.jsonl}}}}\ntest_split: test\n"
    chosen = base + "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: options\ndoc_to_target: gold\n"
    chains = "[{name: strict, filter: [{function: take_first}]}, {name: loose, filter: [{function: lowercase}]}]"
    listed = "[{metric: acc}, {metric: acc_norm}]"
    files = {
        "one": f"task: one\n{chosen}",
        "two": f"task: two\n{chosen}process_docs: null\ntarget_delimiter: ''\n",
        "three": f"task: three\n{chosen}description: Choose.\n",
        "inner": f"group: inner\ntask: [two, three]\naggregate_metric_list: {listed}\n",
        "outer": f"group: outer\ntask: [one, inner]\naggregate_metric_list: {listed}\n",
        "said": f"task: said\n{base}doc_to_text: q\ndoc_to_target: a\nfilter_list: {chains}\n",
    }
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    out = tmp_path_factory.mktemp("runs") / "grouped"
    return evalkit.run(["lm-eval/outer", "lm-eval/said"], "tiny", tasks_from=folder, out=out, cache=False)


def test_groups_and_filters_read_back_are_those_of_the_run(grouped: Run, tmp_path: Path) -> None:
    files = write_report([grouped], tmp_path, "lm_eval")
    results = json.loads(files[0].read_text())
    assert results["groups"].keys() == {"inner", "outer"}
    assert results["groups"]["outer"].keys() == {"alias", "acc,none", "acc_norm,none"}
    assert {"exact_match,strict", "exact_match,loose"} <= results["results"]["said"].keys()
    log = open_log(tmp_path)
    assert log is not None

    def told(run: Any) -> dict[str, list[float]]:
        return {
            suite.name.removeprefix("lm-eval/"): [one.estimate.value for one in (suite.result, *suite.also) if one]
            for suite in run.manifest.suites
        }

    assert told(scored(log)) == {name: pytest.approx(values) for name, values in told(grouped).items()}


@pytest.mark.parametrize("form", ["lm_eval", "inspect"])
def test_a_written_log_compares_equal_to_the_run(grouped: Run, form: str, tmp_path: Path) -> None:
    write_report([grouped], tmp_path, form)
    ours, theirs = open_run(grouped).sides, open_any(tmp_path).sides
    for one, other in ((ours, theirs), (theirs, ours)):
        pairs, *alone = pair_tasks(one, other)
        assert (len(pairs), alone) == (4, [[], []])
        for pair in pairs:
            assert len(pair.ids) == 5
            shared = set(pair.baseline.columns) & set(pair.candidate.columns)
            assert shared
            for name in shared:
                values = values_of(pair, name)
                assert list(values.baseline) == list(values.candidate)


def test_lm_evals_own_code_reads_the_log(grouped: Run, tmp_path: Path, lm_eval: Path) -> None:
    """Its tables of tasks and groups, and the names by which its card finds the files of samples."""
    write_report([grouped], tmp_path / "model", "lm_eval")
    code = (
        "import glob, json, sys; from lm_eval import utils as u\n"
        "files = glob.glob(sys.argv[1] + '/*')\n"
        "whole = json.load(open(u.get_latest_filename(u.get_results_filenames(files))))\n"
        "samples = {u.get_file_task_name(f.rpartition('/')[2]): f for f in u.get_sample_results_filenames(files)}\n"
        "lines = {name: [json.loads(line)['filter'] for line in open(f)] for name, f in samples.items()}\n"
        "print(json.dumps([u.make_table(whole), u.make_table(whole, 'groups'), lines]))"
    )
    done = subprocess.run([lm_eval, "-c", code, tmp_path / "model"], check=True, capture_output=True, text=True)
    tasks, groups, lines = json.loads(done.stdout.splitlines()[-1])
    entry = grouped.manifest.task("lm-eval/one")
    assert entry.result is not None
    assert f"{entry.result.metrics[0].estimate.value:.4f}" in tasks
    assert all(name in tasks for name in ("one", "- inner", "- two", "said", "strict", "loose"))
    assert all(name in groups for name in ("outer", "- inner", "acc_norm"))
    assert lines == {"said": ["strict"] * 5 + ["loose"] * 5, **{name: ["none"] * 5 for name in ("one", "two", "three")}}


def test_inspects_own_reader_opens_the_logs(run: Run, tmp_path: Path) -> None:
    python = os.environ.get("EVALKIT_TEST_INSPECT")
    if not python:
        pytest.skip("set EVALKIT_TEST_INSPECT to a Python that has inspect-ai")
    files = write_report([run], tmp_path, "inspect")
    code = (
        "import json, sys; from inspect_ai.log import read_eval_log as read\n"
        "logs = [read(path) for path in sys.argv[1:]]\n"
        "print(json.dumps([[l.status, l.eval.task, len(l.samples), l.samples[0].scores is not None] for l in logs]))"
    )
    done = subprocess.run([python, "-c", code, *map(str, files)], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [["success", task, 6, True] for task in TASKS]


def test_the_hub_reads_the_model_index(run: Run, tmp_path: Path) -> None:
    cards = pytest.importorskip("huggingface_hub.repocard_data")
    (path,) = write_report([run], tmp_path / "card.md", "hub")
    _, front, _ = path.read_text(encoding="utf-8").split("---\n")
    name, found = cards.model_index_to_eval_results(yaml.safe_load(front)["model-index"])
    assert name == "tiny"
    acc = next(one for one in found if (one.dataset_name, one.metric_name) == ("toy_mmlu", "acc"))
    assert acc.metric_value == run.estimate("toy_mmlu", "acc").value
