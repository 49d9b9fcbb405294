"""A task that begins the answer: a chat model continues it, and one that would not is refused before a run begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import evalkit
from evalkit.core import Capabilities, Generate, PromptFormat, Row, Sample, Subset, Task, UsageError
from evalkit.data import rows
from evalkit.prompting.methods import generate
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel
from evalkit.scoring.scorers import exact_match

TASK = Task(
    name="begun",
    data=(Subset(rows([{"q": "What is the capital of France?", "a": "Paris"}])),),
    sample=lambda row: to_sample(row),
    prompt=PromptFormat(gen_prefix=lambda _: "The answer is"),
    method=generate(max_tokens=4, stop=()),
    scorers=(exact_match(),),
)


def to_sample(row: Row) -> Sample:
    return Sample(row.id, row.values["q"], targets=(row.values["a"],))


class Chatting(GoldModel):
    def __init__(self, *features: str) -> None:
        plain = GoldModel.capabilities
        self.capabilities = replace(plain, chats=True, features=frozenset(features))


def test_a_model_that_would_not_continue_is_refused() -> None:
    with pytest.raises(UsageError, match="does not continue one"):
        prepare(TASK, "begun", "", Chatting(), Settings())
    prepare(TASK, "begun", "", Chatting("prefill"), Settings())
    # A model of plain texts has nothing to continue but the text.
    plain = GoldModel()
    plain.capabilities = Capabilities(requests=frozenset({Generate}))
    (work,) = prepare(TASK, "begun", "", plain, Settings()).work()
    assert work.attempt.prompt.text == "What is the capital of France? The answer is"


@pytest.mark.parametrize(("said", "shot"), [("auto", "1-shot-turns"), ("off", "1-shot"), ("on", "1-shot-turns")])
def test_the_signature_says_how_examples_were_shown(said: str, shot: str) -> None:
    shown = Subset(TASK.data[0].rows, examples=rows([{"q": "2+2?", "a": "4"}], name="shown"))
    settings = Settings(num_fewshot=1, fewshot_turns=said)  # type: ignore[arg-type]
    assert prepare(replace(TASK, data=(shown,)), "b", "", Chatting("prefill"), settings).identity["few-shot"] == shot
    base = GoldModel()
    expected = "1-shot-turns" if said == "on" else "1-shot"
    assert prepare(replace(TASK, data=(shown,)), "b", "", base, settings).identity["few-shot"] == expected


def test_the_embedded_model_continues_the_answer(tmp_path: Path) -> None:
    run = evalkit.run(TASK, "tiny,chat=on", out=tmp_path / "run", cache=False)
    (record,) = run.records("begun")
    assert [turn.role for turn in record.prompt.messages] == ["user", "assistant"]
    assert record.failure is None and record.replies[0].usage.completion_tokens > 0
