"""A real log of lm-evaluation-harness against evalkit's run of the same rows, prompts and model: nothing flips.

Needs a Python that has lm-eval: EVALKIT_TEST_LM_EVAL, or the environment that benchmarks/local_speed.py makes.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evalkit import run
from evalkit.comparing import pair_tasks
from evalkit.comparing.gates import open_any
from evalkit.comparing.gates.assess import difference, flips
from evalkit.comparing.transcript import parting
from evalkit.data.toy import toy_path
from evalkit.models.tiny import TINY
from evalkit.runs.foreign import open_log
from evalkit.runs.foreign.scored import scored
from tests.cli.console import evalkit

pytest.importorskip("torch")

LETTERS = "ABCD"
OURS = """\
data: quiz.jsonl
examples: shown.jsonl
description: "The following are multiple choice questions (with answers).\\n\\n"
prompt: |
  {{ question }}
  {% for choice in choices %}{{ "ABCD"[loop.index0] }}. {{ choice }}
  {% endfor %}Answer:
choices: [A, B, C, D]
gold: answer
fewshot: {k: 5, order: first}
"""
PAGES = """\
data: pages.jsonl
method: perplexity
prompt: "{{ text }}"
metrics: [bits_per_byte, word_perplexity]
"""


@pytest.fixture(scope="module")
def project(lm_eval: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows, both harnesses' tasks over them, lm-eval's log and evalkit's run."""
    folder = tmp_path_factory.mktemp("both")
    for stem, name in (("quiz", "multiple_choice"), ("shown", "multiple_choice_dev"), ("pages", "perplexity")):
        rows = [json.loads(line) for line in toy_path(name).read_text().splitlines()]
        (folder / f"{stem}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "quiz.yaml").write_text(OURS)
    (folder / "pages.yaml").write_text(PAGES)
    theirs = folder / "theirs"
    theirs.mkdir()
    for task in (_quiz(folder), _pages(folder)):
        (theirs / f"{task['task']}.yaml").write_text(json.dumps(task))
    command = [
        lm_eval,
        Path(__file__).with_name("run_lm_eval.py"),
        TINY,
        theirs,
        folder / "log",
        "their_quiz",
        "their_pages",
    ]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    run(["./quiz.yaml", "./pages.yaml"], "tiny", out=folder / "run", project=folder, cache=False)
    return folder


def _data(folder: Path, stem: str, **more: str) -> dict[str, Any]:
    files = {"test": str(folder / f"{stem}.jsonl"), **more}
    data = {"dataset_path": "json", "test_split": "test", "dataset_kwargs": {"data_files": files}}
    return {"task": f"their_{stem}", **data, "metadata": {"version": 1.0}}


def _quiz(folder: Path) -> dict[str, Any]:
    listed = "\n".join(f"{letter}. {{{{choices[{number}]}}}}" for number, letter in enumerate(LETTERS))
    return {
        **_data(folder, "quiz", shown=str(folder / "shown.jsonl")),
        "fewshot_split": "shown",
        "fewshot_config": {"sampler": "first_n"},
        "num_fewshot": 5,
        "output_type": "multiple_choice",
        "description": "The following are multiple choice questions (with answers).\n\n",
        "doc_to_text": "{{question}}\n" + listed + "\nAnswer:",
        "doc_to_choice": list(LETTERS),
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }


def _pages(folder: Path) -> dict[str, Any]:
    return {
        **_data(folder, "pages"),
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "bits_per_byte"}, {"metric": "word_perplexity"}],
    }


def test_the_same_run_in_both_harnesses_has_no_flips(project: Path) -> None:
    theirs, ours = open_any(project / "log"), open_any(project / "run")
    pairs, _, _ = pair_tasks(theirs.sides, ours.sides, names=[("their_quiz", "quiz")])
    (pair,) = pairs
    assert len(pair.ids) == 90
    assert (pair.missing, pair.extra, pair.other_prompt) == ([], [], [])
    for metric in ("acc", "acc_norm"):
        assert flips(pair, metric) == ((), ()), metric
        assert difference(pair, metric, 0.95).difference == 0.0
    results = json.loads(next((project / "log").rglob("results_*.json")).read_text())["results"]
    assert difference(pair, "acc", 0.95).baseline == pytest.approx(results["their_quiz"]["acc,none"], abs=1e-12)


def test_a_report_of_the_log_has_the_scores_that_lm_eval_reports(project: Path) -> None:
    log = open_log(project / "log")
    assert log is not None
    results = json.loads(next((project / "log").rglob("results_*.json")).read_text())["results"]
    for entry in scored(log).manifest.tasks:
        assert entry.result is not None
        for metric in entry.result.metrics:
            assert metric.estimate.value == pytest.approx(results[entry.name][f"{metric.name},none"], rel=1e-12)
            assert metric.estimate.n == (90 if entry.name == "their_quiz" else 60)


def test_every_transcript_is_alike_to_the_log_likelihoods(project: Path) -> None:
    theirs, ours = open_any(project / "log").run, open_any(project / "run").run
    assert theirs is not None
    assert ours is not None
    before = {record.prompt.text: record for record in theirs.records("their_quiz") if record.prompt}
    for record in ours.records("quiz"):
        assert record.prompt is not None
        parted = parting(before[record.prompt.text], record)
        assert parted.stage == "", (record.sample.id, parted)


def test_corpus_metrics_agree_too(project: Path) -> None:
    theirs, ours = open_any(project / "log"), open_any(project / "run")
    pairs, _, _ = pair_tasks(theirs.sides, ours.sides, names=[("their_pages", "pages")])
    results = json.loads(next((project / "log").rglob("results_*.json")).read_text())["results"]["their_pages"]
    for metric in ("bits_per_byte", "word_perplexity"):
        found = difference(pairs[0], metric, 0.95)
        assert found.baseline == pytest.approx(results[f"{metric},none"], rel=1e-12)
        assert found.difference == pytest.approx(0.0, abs=1e-5 * found.baseline)


def test_the_command_says_that_nothing_flipped(project: Path) -> None:
    done = evalkit("compare", "log", "run", "--pair", "their_quiz=quiz", cwd=project)
    assert done.code == 0, done
    assert "quiz: no sample changed its acc" in done.out
    assert " 0/0" in done.out
