"""MT-Bench: its 80 conversations, asked in both turns and graded by a judge behind a real server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from evalkit import api
from evalkit.cli.group import cli
from evalkit.core import Attempt, Generate, Prompt, Validity
from evalkit.plugins import load
from evalkit.runs.store import Run
from tests.judging.scripted import Scripted
from tests.judging.server import judge_server
from tests.tasks.conftest import Load, Loaded

REPOSITORY = Path(__file__).resolve().parents[2]
CATEGORIES = {"writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities"}


@pytest.mark.shared_data
def test_eighty_conversations_of_two_turns(on_real_rows: Load) -> None:
    samples = on_real_rows("mt_bench").samples()
    assert len(samples) == 80
    assert {sample.groups[0] for sample in samples} == CATEGORIES
    assert all(len(sample.data["turns"]) == 2 for sample in samples)
    assert sum(bool(sample.data["reference"]) for sample in samples) == 30


def test_every_category_has_its_temperature_and_the_second_turn_sees_the_first(over: object) -> None:
    loaded = over(  # type: ignore[operator]
        "mt_bench",
        {
            "HuggingFaceH4/mt_bench_prompts/default/train": [
                {"category": category, "prompt": ["one?", "two?"], "reference": [], "prompt_id": number}
                for number, category in enumerate(sorted(CATEGORIES))
            ]
        },
    )
    assert isinstance(loaded, Loaded)
    found = {}
    for sample in loaded.samples():
        model = Scripted(lambda prompt, seed: "said")
        attempt = Attempt(sample, Prompt(str(sample.input)))
        replies = asyncio.run(loaded.task.method.ask(attempt, model))
        assert len(replies) == 2
        first, second = model.asked
        assert isinstance(first, Generate)
        assert isinstance(second, Generate)
        assert [m.content for m in second.prompt.messages] == ["one?", "said", "two?"]
        found[sample.groups[0]] = (first.temperature, second.temperature)
    assert found["writing"] == found["roleplay"] == (0.7, 0.7)
    assert found["stem"] == found["humanities"] == (0.1, 0.1)
    assert {found[name] for name in ("math", "coding", "reasoning", "extraction")} == {(0.0, 0.0)}


def test_without_a_judge_the_answers_are_only_written() -> None:
    task = load("task", "mt_bench,judge=none")
    assert [scorer.name for scorer in task.scorers] == ["characters"]


QUICK = """
from evalkit.core import Judge
from evalkit.judging import Grading, PromptText, rating

META = {"name": "quick", "summary": "MT-Bench's grading with little room for a reply", "tags": ["answer"]}


def judge() -> Judge:
    prompt = PromptText(PROMPT)
    return rating("quick", prompt, Grading(max_tokens=8), turn="each", turns=2)
"""


@pytest.mark.slow("answers 80 conversations and judges them")
@pytest.mark.shared_data
def test_all_eighty_are_answered_in_both_turns_and_judged(hub_mirror: Path, tmp_path: Path) -> None:
    """By a scripted judge behind a server, which cannot read two in a hundred, by category; then once more by `tiny`
    itself, which gives no verdict at all: nothing is scored, the exit code is 3, and the message says so."""

    def says(prompt: str) -> str:
        if "travel blog" in prompt:
            return "Hard to say."
        return "Too short.\n\nRating: " + ("3" if "turn 2" in prompt else "5")

    with judge_server(says) as (spec, asked):
        run = api.run(
            "mt_bench,form=text,max_tokens=4",
            "tiny",
            judge=spec,
            data_dir=hub_mirror,
            offline=True,
            out=tmp_path / "run",
        )
        assert len(asked) >= 160
    _is_reported_by_category(run)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["model"]["judge"]["requests"] >= 160
    _holds_transcripts(run)

    prompt = (REPOSITORY / "judges" / "mt_bench.txt").read_text(encoding="utf-8")
    (tmp_path / "quick.py").write_text(QUICK.replace("PROMPT", repr(prompt)), encoding="utf-8")
    task = f"mt_bench,form=text,max_tokens=4,judge={tmp_path / 'quick.py'}"
    options = ("--model", "tiny", "--judge", "tiny", "--data-dir", hub_mirror, "--offline", "-q")
    done = CliRunner().invoke(cli, ["run", task, *map(str, options), "--out", str(tmp_path / "weak")])
    assert done.exit_code == 3
    said = " ".join(done.stderr.split())
    assert "80 of 80 samples could not be measured; most often unjudged: turn 1: the reply was cut" in said
    assert "a longer reply: --using JUDGE,max_tokens=4096" in said
    weak = Run.open(tmp_path / "weak")
    result = weak.manifest.tasks[0].result
    assert result is not None
    assert (result.samples, result.failed) == (80, 80)
    assert all(metric.estimate.n == 0 for metric in result.metrics)
    records = list(weak.records())
    assert all(record.scores[0].validity is Validity.UNJUDGED for record in records)
    calls = [call for record in records for call in record.scores[0].details["transcript"]]
    # Two turns of each, asked, and asked once more for a verdict.
    assert len(calls) == 80 * 2 * 2
    assert {call["verdict"] for call in calls} == {""}


def _is_reported_by_category(run: Run) -> None:
    result = run.manifest.tasks[0].result
    assert result is not None
    assert not run.failed
    assert result.samples == 80
    assert 0 < result.failed <= 0.05 * 80
    assert set(result.groups) == CATEGORIES
    assert [metric.name for metric in result.metrics] == ["rating", "turn_1", "turn_2"]
    assert [metric.estimate.value for metric in result.metrics] == [4.0, 5.0, 3.0]
    assert result.metrics[0].estimate.n == 80 - result.failed
    assert result.metrics[0].scale == "number"


def _holds_transcripts(run: Run) -> None:
    """Both turns' calls stand on the first score of every record, as the journal gives it back."""
    for record in run.records():
        calls = record.scores[0].details["transcript"]
        if record.scores[0].validity is Validity.OK:
            assert [call["verdict"] for call in calls] == ["5", "3"]
            assert "<<answer" in calls[0]["messages"][0]["content"]
        else:
            assert any(call["repaired"] and call["reply"] == "Hard to say." for call in calls)
