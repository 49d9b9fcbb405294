"""Programs as models: real processes, kept alive, killed, silent, talkative, in two languages."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import evalkit
from evalkit import models
from evalkit.core import Choose, Generate, Message, Model, ModelError, Perplexity, Prompt, Reply, Request, UsageError

BEGIN = "import json, os, sys, time\nfor line in sys.stdin:\n    asked = json.loads(line)\n"
SAY = "    print(json.dumps({}), flush=True)\n"
UPPER = BEGIN + SAY.format('{"id": asked["id"], "text": asked["prompt"].upper()}')

Serve = Callable[..., Model]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    def made(source: str, **options: str) -> Model:
        file = tmp_path / "serve.py"
        file.write_text(source)
        return models.resolve(f"cmd/{sys.executable} {file}", options)

    return made


def ask(text: str = "one", **settings: object) -> Generate:
    return Generate(Prompt(text), **{"stop": (), **settings})  # type: ignore[arg-type]


def answers(model: Model, *requests: Request) -> list[Reply | BaseException]:
    async def work() -> list[Reply | BaseException]:
        try:
            return await asyncio.gather(*(model.answer(request) for request in requests), return_exceptions=True)
        finally:
            await model.close()

    return asyncio.run(work())


def texts(model: Model, *requests: Request) -> list[str]:
    found = answers(model, *requests)
    return [str(one) if isinstance(one, BaseException) else one.texts[0] for one in found]


def test_one_process_answers_line_by_line_and_ends_with_the_model(serve: Serve) -> None:
    model = serve(BEGIN + SAY.format('{"id": asked["id"], "text": str(os.getpid())}'))
    (pid,) = {int(text) for text in texts(model, *(ask(str(number)) for number in range(20)))}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_request_holds_what_was_asked(serve: Serve) -> None:
    model = serve(BEGIN + SAY.format('{"id": asked["id"], "text": json.dumps(asked)}'))
    prompt = Prompt(messages=(Message("system", "Be brief."), Message("user", "naïve\n\u2028?")))
    asked = Generate(prompt, max_tokens=7, stop=("\n#",), temperature=0.5, top_p=0.9, n=2, seed=3)
    (reply,) = answers(model, asked)
    assert isinstance(reply, Reply)
    first, second = map(json.loads, reply.texts)
    assert (first.pop("id"), second.pop("id")) == (1, 2)
    assert (first.pop("seed"), second.pop("seed")) == (3, 4)
    assert (
        first
        == second
        == {
            "kind": "generate",
            "prompt": "Be brief.\n\nnaïve\n\u2028?",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "naïve\n\u2028?"}],
            "max_tokens": 7,
            "stop": ["\n#"],
            "temperature": 0.5,
            "top_p": 0.9,
        }
    )


def test_thought_stops_finish_and_tokens(serve: Serve) -> None:
    said = (
        '{"text": "<think>hm</think>yes\\n\\nand more", "finish": "length", "prompt_tokens": 5, "completion_tokens": 9}'
    )
    (reply,) = answers(serve(BEGIN + SAY.format(said)), ask(stop=("\n\n",)))
    assert isinstance(reply, Reply)
    assert (reply.texts, reply.reasoning, reply.finish) == (("yes",), ("hm",), ("stop",))
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 9)


def test_replies_in_any_order_where_several_are_asked_at_once(serve: Serve) -> None:
    source = (
        "import json, sys\nwaiting = []\nfor line in sys.stdin:\n    waiting.append(json.loads(line))\n"
        "    if len(waiting) == 4:\n        for asked in reversed(waiting):\n"
        "            print(json.dumps({'id': asked['id'], 'text': asked['prompt'] * 2}), flush=True)\n"
        "        waiting = []\n"
    )
    model = serve(source, in_flight="4")
    assert model.capabilities.window == 4
    assert texts(model, *(ask(str(number)) for number in range(8))) == [str(number) * 2 for number in range(8)]


def test_likelihoods_are_asked_of_programs_that_are_said_to_give_them(serve: Serve) -> None:
    source = (
        BEGIN
        + "    if asked['kind'] == 'perplexity': reply = {'loglikelihood': -len(asked['text'])}\n"
        + "    else:\n        values = [-len(one) for one in asked['continuations']]\n"
        + "        reply = {'loglikelihoods': values, 'greedy': [True, False]}\n"
        + SAY.format("reply")
    )
    model = serve(source, loglikelihood="yes", perplexity="yes")
    assert {Choose, Perplexity} <= model.capabilities.requests
    weighed, text = answers(model, Choose(Prompt("a"), ("b", "cd")), Perplexity("whole"))
    assert isinstance(weighed, Reply) and isinstance(text, Reply)
    assert (weighed.loglikelihoods, weighed.greedy, text.loglikelihoods) == ((-2.0, -3.0), (True, False), (-5.0,))
    assert Choose not in serve(source).capabilities.requests
    (refused,) = answers(serve(source), Choose(Prompt("a"), ("b",)))
    assert isinstance(refused, ModelError)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ('{"error": "no such model"}', "no such model"),
        ('{"text": 5}', 'needs "text"'),
        ('{"answer": "x"}', 'needs "text"'),
        ('{"text": "x", "finish": "done"}', '"finish" is one of'),
        ('{"text": "x", "prompt_tokens": -1}', "whole numbers"),
        ('["x"]', "a JSON object"),
        ('{"id": 77, "text": "x"}', "no request"),
    ],
)
def test_a_reply_that_cannot_be_meant_fails_its_sample(serve: Serve, reply: str, said: str) -> None:
    (text,) = texts(serve(BEGIN + SAY.format(reply)), ask())
    assert said in text


def test_words_on_stdout_are_named_with_where_they_belong(serve: Serve) -> None:
    (text,) = texts(serve('print("Loading weights…", flush=True)\n' + UPPER), ask())
    assert "'Loading weights…'" in text
    assert "stderr" in text


def test_a_program_that_ends_is_started_again_and_its_last_words_are_told(serve: Serve) -> None:
    source = BEGIN + "    if asked['prompt'] == 'die': sys.exit('out of memory')\n" + UPPER.removeprefix(BEGIN)
    model = serve(source)
    found = texts(model, ask("a"), ask("die"), ask("b"))
    assert (found[0], found[2]) == ("A", "B")
    assert "status 1: out of memory" in found[1]


def test_one_that_is_killed_too(serve: Serve) -> None:
    model = serve(BEGIN + SAY.format('{"text": str(os.getpid())}'))

    async def work() -> tuple[str, str]:
        first = (await model.answer(ask())).texts[0]
        os.kill(int(first), signal.SIGKILL)
        await asyncio.sleep(0.2)
        second = (await model.answer(ask())).texts[0]
        await model.close()
        return first, second

    first, second = asyncio.run(work())
    assert first != second


def test_one_that_cannot_live_is_not_started_for_ever(serve: Serve) -> None:
    found = texts(serve("import sys; sys.exit('no GPU')"), *(ask(str(number)) for number in range(20)))
    assert all("no GPU" in text for text in found)
    assert "not started again" in found[-1]


def test_a_silent_one_is_ended_when_its_time_is_over(serve: Serve) -> None:
    began = time.monotonic()
    source = BEGIN + "    if asked['prompt'] == 'sleep': time.sleep(600)\n" + UPPER.removeprefix(BEGIN)
    found = texts(serve(source, timeout="1"), ask("sleep"), ask("awake"))
    assert "did not reply within 1 s" in found[0]
    assert found[1] == "AWAKE"
    assert time.monotonic() - began < 30


def test_a_megabyte_goes_through_both_ways(serve: Serve) -> None:
    text = "é" * (1 << 20)
    assert texts(serve(UPPER), ask(text)) == [text.upper()]


def test_an_edit_makes_another_model_and_only_a_version_lets_replies_be_kept(serve: Serve) -> None:
    one = serve(UPPER)
    other = serve(UPPER + "# edited\n")
    assert one.identity.name == other.identity.name
    assert one.identity.digest != other.identity.digest
    assert not getattr(one, "cacheable", True)
    assert getattr(serve(UPPER, version="2"), "cacheable", False)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("cmd/", "a command is missing"),
        ("cmd/no-such-program x", "program 'no-such-program' does not exist"),
        ("cmd/python 'open", "cannot be read"),
        ("cmd/python x.py,in_flight=0", "in_flight is a whole number, 1 or more"),
        ("cmd/python x.py,inflight=2", "did you mean 'in_flight'"),
    ],
)
def test_a_command_that_cannot_be_meant_is_a_usage_error(spec: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        models.resolve(spec)


PERL = r"""
$| = 1;
while (<STDIN>) {
    my ($id) = /"id": (\d+)/;
    my ($n) = /"prompt": "(\d+)/;
    print '{"id": ', $id, ', "text": "', $n + $n, "\"}\n";
}
"""


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is the other language")
def test_a_run_by_a_program_in_another_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("serve.pl").write_text(PERL)
    Path("rows.jsonl").write_text("".join(f'{{"q": "{n} + {n}", "a": "{2 * n}"}}\n' for n in range(20)))
    Path("sums.yaml").write_text('data: rows.jsonl\nprompt: "{{ q }}"\nanswer: a\nscorers: [exact_match]\n')
    run = evalkit.run("sums.yaml", "cmd/perl serve.pl")
    assert run.estimate("sums").value == 1.0
    assert run.model == "cmd/perl serve.pl"


def test_a_program_is_told_the_budget_of_thought(serve: Serve) -> None:
    said = BEGIN + SAY.format(
        '{"id": asked["id"], "text": "%s of %s" % (asked.get("thinking_tokens"), asked["max_tokens"])}'
    )
    asked = [ask(max_tokens=10, thinking_tokens=budget) for budget in (None, 0, 64)]
    assert texts(serve(said), *asked) == ["None of 10", "0 of 10", "64 of 74"]
    assert texts(serve(said, thinking_tokens="5"), asked[0]) == ["5 of 15"]
