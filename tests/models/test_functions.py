"""A Python function where a model is wanted."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Choose, Generate, Message, ModelError, Prompt, UsageError, Validity
from evalkit.models.functions import FunctionModel, model_of

TASK = 'data: rows.jsonl\nprompt: "{{ q }}"\nanswer: a\nscorers: [exact_match]\nstop: ["\\n"]\nmax_tokens: 7\n'


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"q": "{n} + {n}", "a": "{2 * n}"}}\n' for n in range(20)))
    (tmp_path / "sums.yaml").write_text(TASK)
    return str(tmp_path / "sums.yaml")


def adds(prompt: str) -> str:
    one, _, other = prompt.partition(" + ")
    return f"{int(one) + int(other)}\nand more"


async def adds_later(messages: list[dict[str, str]]) -> str:
    await asyncio.sleep(0)
    assert [message["role"] for message in messages] == ["user"]
    return f"<think>{messages[0]['content']}?</think>\n\n{adds(messages[0]['content'])}"


class Adder:
    def __init__(self) -> None:
        self.threads: set[int] = set()

    def __call__(self, prompt: str, *, max_tokens: int, stop: tuple[str, ...]) -> str:
        self.threads.add(threading.get_ident())
        assert (max_tokens, stop) == (7, ("\n",))
        return adds(prompt)


@pytest.mark.parametrize("function", [adds, adds_later, Adder(), lambda prompt: adds(prompt)])
def test_a_function_is_a_model(function: Any, task: str) -> None:
    run = evalkit.run(task, function)
    assert run.estimate("sums").value == 1.0
    record = next(iter(run.records()))
    assert record.replies[0].texts == (record.sample.targets[0],), "cut at the stop string, thought apart"
    assert run.model.startswith("python/")


def test_replies_are_not_kept_and_its_source_is_its_identity(task: str) -> None:
    said = iter(range(100))

    def counts(prompt: str) -> str:
        return str(next(said))

    evalkit.run(task, counts, limit=3)
    assert next(said) == 3
    evalkit.run(task, counts, limit=3)
    assert next(said) == 7
    assert model_of(counts).identity.digest == model_of(counts).identity.digest
    assert dict(model_of(adds).identity.facts)["source"] != "unknown"


def test_what_it_raises_fails_the_sample_and_not_the_run(task: str) -> None:
    def fails(prompt: str) -> Any:
        if prompt.startswith("3"):
            raise RuntimeError("no connection")
        return 4 if prompt.startswith("4") else adds(prompt)

    run = evalkit.run(task, fails, max_failures=1.0)
    failed = {r.sample.input: r.failure for r in run.records() if r.validity is Validity.BACKEND_ERROR}
    assert failed["3 + 3"] is not None and "RuntimeError: no connection" in failed["3 + 3"].message
    assert failed["4 + 4"] is not None and "returned int, not text" in failed["4 + 4"].message
    assert run.estimate("sums").n == 18 and run.estimate("sums").value == 1.0


def test_conversations_settings_and_samples_reach_it() -> None:
    asked: list[Any] = []

    def keeps(prompt: str, temperature: float = 0.0, seed: int = 0) -> str:
        asked.append((prompt, temperature, seed))
        return "x"

    talk = Prompt(messages=(Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Yes?")))
    asyncio.run(FunctionModel(keeps).answer(Generate(talk, n=2, temperature=0.5, seed=3)))
    assert [one[:2] for one in asked] == [("Be brief.\n\nUser: Hi\n\nAssistant: Yes?", 0.5)] * 2
    assert asked[0][2] != asked[1][2], "each sample has a seed of its own"
    with pytest.raises(ModelError, match="no log-likelihoods"):
        asyncio.run(FunctionModel(keeps).answer(Choose(Prompt("a"), ("b",))))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "this is no model"),
        (3, "this is no model"),
        (Path("tiny"), "this is no model"),
        (Adder, "Adder is a class"),
        (lambda: "x", "takes one prompt"),
        (lambda prompt, other: "x", "takes one prompt"),
    ],
)
def test_anything_else_is_told_the_three_ways(given: Any, said: str, task: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        evalkit.run(task, given)
    assert "prompt" in caught.value.fix


def test_a_task_that_weighs_choices_is_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError):
        evalkit.run("toy_hellaswag", adds)


def test_a_function_of_prompts_gets_what_waits_together_and_no_more_than_it_takes(task: str) -> None:
    sizes: list[int] = []

    def many(prompts: list[str], *, max_tokens: int) -> list[str]:
        assert max_tokens == 7
        sizes.append(len(prompts))
        return [adds(prompt) for prompt in prompts]

    many.batch_size = 8  # type: ignore[attr-defined]
    run = evalkit.run(task, many)
    assert run.estimate("sums").value == 1.0
    assert (max(sizes), sum(sizes)) == (8, 20)
    assert len(sizes) == 3


def test_a_function_of_conversations_may_be_async(task: str) -> None:
    async def many(conversations: list[list[dict[str, str]]]) -> list[str]:
        await asyncio.sleep(0)
        return [adds(messages[-1]["content"]) for messages in conversations]

    assert evalkit.run(task, many).estimate("sums").value == 1.0


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda prompts: "one text", "returned str, not a list"),
        (lambda prompts: [adds(prompt) for prompt in prompts][1:], "returned list of"),
        (lambda prompts: [5 for _ in prompts], "returned int, not text"),
        (lambda prompts: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_list_that_cannot_be_meant_fails_its_samples(made: Any, said: str, task: str) -> None:
    records = list(evalkit.run(task, made).records())
    assert len(records) == 20
    assert all(said in str(record.failure) for record in records)


def test_requests_with_other_settings_are_another_batch() -> None:
    seen: list[tuple[int, int]] = []

    def many(prompts: list[str], *, max_tokens: int) -> list[str]:
        seen.append((max_tokens, len(prompts)))
        return list(prompts)

    async def work() -> list[str]:
        model = FunctionModel(many)
        asked = [Generate(Prompt(str(number)), max_tokens=5 + number % 2) for number in range(6)]
        return [reply.texts[0] for reply in await asyncio.gather(*map(model.answer, asked))]

    assert asyncio.run(work()) == ["0", "1", "2", "3", "4", "5"]
    assert sorted(seen) == [(5, 3), (6, 3)]
