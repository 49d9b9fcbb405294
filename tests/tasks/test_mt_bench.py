"""MT-Bench: its 80 conversations, asked in both turns and graded by a judge behind a real server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from evalkit import api
from evalkit.core import Attempt, Generate, Prompt
from evalkit.plugins import load
from evalkit.store import Run
from tests.judging.scripted import Scripted
from tests.judging.server import judge_server
from tests.tasks.conftest import Load, Loaded

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
    assert [scorer.name for scorer in task.scorers] == ["characters"]  # type: ignore[attr-defined]


@pytest.mark.shared_data
def test_all_eighty_are_answered_judged_and_reported_by_category(hub_mirror: Path, tmp_path: Path) -> None:
    """Two conversations in a hundred the judge cannot read: they are unjudged, and the rest counts."""

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
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["model"]["judge"]["requests"] >= 160


@pytest.mark.shared_data
def test_a_judge_that_cannot_judge_fails_the_run_and_scores_nothing(
    hub_mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The embedded model as the judge: it gives no verdict, so that all is unjudged, with exit code 3."""
    import click

    from evalkit.commands.run import finish

    run = api.run(
        "mt_bench,form=text,max_tokens=4",
        "tiny",
        judge="tiny",
        data_dir=hub_mirror,
        offline=True,
        limit=4,
        out=tmp_path / "run",
    )
    result = Run.open(tmp_path / "run").manifest.tasks[0].result
    assert result is not None
    assert run.failed
    assert result.failed == result.samples == 4
    assert all(metric.estimate.n == 0 for metric in result.metrics)
    with pytest.raises(click.exceptions.Exit) as ended:
        finish([run])
    assert ended.value.exit_code == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "4 of 4 samples could not be measured; most often unjudged: turn 1" in said
