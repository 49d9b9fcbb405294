"""Models that think, and tokenizers that begin a text with a blank, on every backend: transformers, llama.cpp, servers.

Oracle: what the scripted model writes is known, and so is the answer in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import evalkit
from evalkit.core import Generate, Message, Model, Prompt, Reply, UsageError, Validity
from evalkit.models import resolve
from evalkit.sandbox import usable_engine
from tests.models.api.scriptserver import ScriptServer
from tests.models.oracle import answer, answers
from tests.models.scripted import CHAT, byte_level, chunk_ids, save, sentence_pieces

THOUGHT = "<think>The capital?\nQ: Lima or\n\nCuzco.</think>"
WRITTEN = f"{THOUGHT}\n\nLima\nQ: next"
CHUNKS = ("<think>The", " capital?\n", "Q:", " Lima or\n\n", "Cuzco.</", "think>", "\n\nLi", "ma", "\nQ", ": next")
ASKED = Generate(Prompt("Capital of Peru?"), max_tokens=80, stop=("\n", "Q:"))
PROBLEM = 'def f(x):\n    """d"""\n'
Opener = Callable[..., Any]


def spec_of(backend: str, folder: Path) -> str:
    if backend == "hf":
        return f"hf/{folder}"
    pytest.importorskip("llama_cpp", reason="pip install 'evalkit-harness[gguf]' compiles llama-cpp-python")
    pytest.importorskip("gguf", reason="writing GGUF files needs the package gguf: pip install gguf")
    from tools.write_gguf import write

    return f"gguf/{write(folder, folder / 'model.gguf', 'F32')}"


@pytest.fixture
def thinker(tmp_path: Path) -> Callable[..., str]:
    """thinker("hf", chunks) names a model that writes these after a prompt that ends like `after`."""

    def make(
        backend: str, chunks: tuple[str, ...] = CHUNKS, *, after: str = "?", template: str = "", special: Any = ()
    ) -> str:
        tokenizer = byte_level(chunks, special)
        last = tokenizer(after)["input_ids"][-1]
        return spec_of(backend, save(tmp_path / "m", tokenizer, last, chunk_ids(tokenizer, chunks), template))

    return make


BACKENDS = pytest.mark.parametrize("backend", ["hf", "gguf"])


@BACKENDS
def test_stop_strings_and_thought_of_a_local_model(backend: str, thinker: Callable[..., str]) -> None:
    reply = answer(resolve(thinker(backend)), ASKED)
    assert (reply.texts, reply.finish) == (("Lima",), ("stop",))
    assert reply.reasoning == ("The capital?\nQ: Lima or\n\nCuzco.",)
    assert reply.cut == ("\nQ",), "nothing is written behind the token that completes the stop string"
    assert (reply.usage.completion_tokens, reply.usage.reasoning_tokens) == (9, 6)
    assert reply.notes == () and reply.thought_apart


@BACKENDS
@pytest.mark.parametrize("limit", [3, 6])
def test_a_limit_in_the_thought_is_said(backend: str, limit: int, thinker: Callable[..., str]) -> None:
    spec = thinker(backend)
    short = replace(ASKED, max_tokens=limit)
    reply = answer(resolve(spec), short)
    assert (reply.texts, reply.finish, reply.notes) == (("",), ("length",), ("cut-in-reasoning",))
    assert reply.usage.reasoning_tokens == limit
    longer = answer(resolve(f"{spec},thinking_tokens=6"), short)
    assert (longer.texts, longer.finish) == (("Lima",), ("stop",))


LONG = ("<think>", "Hm", " so", " then", "</think>", "\n", "Li", "ma", "\nQ", ": next")
"""Five tokens of thought, marks among them. An answer follows every line break, the model's own or a forced one."""


@BACKENDS
@pytest.mark.parametrize(
    ("budget", "answer_tokens", "text", "finish", "thought", "spent"),
    [
        (0, 3, "Lima", "stop", "", 3),
        (1, 3, "Lima", "stop", "", 3),
        (2, 3, "Lima", "stop", "Hm", 4),
        (4, 3, "Lima", "stop", "Hm so then", 6),
        (5, 4, "Lima", "stop", "Hm so then", 5),
        (64, 4, "Lima", "stop", "Hm so then", 5),
        (2, 1, "Li", "length", "Hm", 4),
        (64, 2, "Li", "length", "Hm so then", 5),
    ],
)
def test_a_budget_ends_the_thought_and_leaves_the_answer_its_tokens(
    backend: str, budget: int, answer_tokens: int, text: str, finish: str, thought: str, spent: int, tmp_path: Path
) -> None:
    """Oracle: the script. A budget of n tokens keeps the first n of the thought, and the answer has a limit apart."""
    tokenizer = byte_level(LONG, special=("<think>", "</think>"))
    last = tokenizer("?")["input_ids"][-1]
    spec = spec_of(backend, save(tmp_path / "m", tokenizer, last, chunk_ids(tokenizer, LONG)))
    asked = Generate(Prompt("Capital of Peru?"), max_tokens=answer_tokens, stop=("\nQ",), thinking_tokens=budget)
    reply = answer(resolve(spec), asked)
    assert (reply.texts, reply.finish) == ((text,), (finish,))
    assert ("".join(reply.reasoning), reply.usage.reasoning_tokens) == (thought, spent)
    assert reply.notes == (("thought-ended-by-budget",) if budget < 5 else ())
    by_option = answer(resolve(f"{spec},thinking_tokens={budget}"), replace(asked, thinking_tokens=None))
    assert replace(by_option, seconds=0) == replace(reply, seconds=0)


SUMS = """
name: sums
data: sums.jsonl
prompt: "{{ a }}+{{ b }}?"
target: "{{ a + b }}"
method: {generate: {max_tokens: 200, stop: []}}
scorers: [exact_match]
"""


@BACKENDS
def test_a_thinking_model_with_a_budget_of_64_ends_with_an_answer(backend: str, tmp_path: Path) -> None:
    """A task of 200 tokens on a model whose template begins a thought, which would be 400 tokens long. Without a budget
    nothing is answered, and the outcome says that the thought was cut."""
    opened = "<|assistant|><think>"
    chunks = (*(f" w{number}" for number in range(400)), "</think>", "\n", "4")
    tokenizer = byte_level(chunks, special=("<think>", "</think>"))
    chain = chunk_ids(tokenizer, chunks)
    template = CHAT.replace("<|assistant|>", opened)
    spec = spec_of(backend, save(tmp_path / "m", tokenizer, tokenizer(opened)["input_ids"][-1], chain, template, 1024))
    (tmp_path / "sums.yaml").write_text(SUMS)
    (tmp_path / "sums.jsonl").write_text('{"a": 1, "b": 3}\n')

    def run(name: str, **options: object) -> Any:
        made = evalkit.run(
            str(tmp_path / "sums.yaml"),
            f"{spec},chat=on",
            out=tmp_path / name,
            cache=False,
            **options,  # type: ignore[call-overload]
        )
        (record,) = made.records()
        return made, record

    _, cut = run("cut")
    assert (cut.validity, cut.replies[0].texts) == (Validity.CUT_THOUGHT, ("",))
    assert cut.replies[0].usage.completion_tokens == cut.replies[0].usage.reasoning_tokens == 200
    made, record = run("run", thinking_tokens=64)
    (reply,) = record.replies
    assert (record.validity, reply.texts, reply.finish) == (Validity.OK, ("4",), ("eos",))
    assert record.flags == ("thought-ended-by-budget",)
    # 64 tokens of thought, its line break and mark; then the blank line, the answer and the end of the text.
    assert (reply.usage.reasoning_tokens, reply.usage.completion_tokens) == (66, 70)
    result = made.manifest.tasks[0].result
    assert result.counts == {"ok": 1} and result.flags == {"thought-ended-by-budget": 1}
    assert (result.reasoning_tokens, result.completion_tokens) == (66, 70)
    assert "thinking_tokens=64" in result.signature


@BACKENDS
def test_options_say_what_thought_is(backend: str, thinker: Callable[..., str]) -> None:
    spec = thinker(backend)
    off = answer(resolve(f"{spec},reasoning=off"), ASKED)
    assert (off.texts, off.reasoning) == (("<think>The capital?",), ())
    other = answer(resolve(f"{spec},reasoning_tags=capital…Cuzco"), ASKED)
    assert (other.texts, other.reasoning) == (("<think>The .</think>",), ("?\nQ: Lima or",))
    names = {resolve(f"{spec}{more}").identity.digest for more in ("", ",reasoning=off", ",reasoning_tags=a…b")}
    assert len(names) == 3
    with pytest.raises(UsageError, match="what opens and what closes"):
        resolve(f"{spec},reasoning_tags=<think>")


@BACKENDS
@pytest.mark.parametrize("opens", [True, False])
def test_a_template_that_opens_the_thought(backend: str, opens: bool, thinker: Callable[..., str]) -> None:
    """The mark is in the prompt alone; where it is not, an option says that the reply begins inside a thought."""
    chunks = ("The\n", "Q:", "</think>", "\n\n", "Lima", "\nmore")
    ending = "<|assistant|><think>" if opens else "<|assistant|>"
    spec = thinker(backend, chunks, after=ending, template=CHAT.replace("<|assistant|>", ending))
    asked = Generate(Prompt(messages=(Message("user", "Capital of Peru?"),)), max_tokens=80, stop=("\n", "Q:"))
    reply = answer(resolve(spec if opens else f"{spec},reasoning=opened"), asked)
    assert (reply.texts, reply.finish, reply.reasoning) == (("Lima",), ("stop",), ("The\nQ:",))
    cut = answer(resolve(spec if opens else f"{spec},reasoning=opened"), replace(asked, max_tokens=2))
    assert (cut.texts, cut.finish, cut.notes) == (("",), ("length",), ("cut-in-reasoning",))


@BACKENDS
def test_marks_that_are_special_tokens(backend: str, thinker: Callable[..., str]) -> None:
    chunks = ("[THINK]", "Which\n", "[/THINK]", "Write <think>", "x</think>", "\nmore")
    reply = answer(resolve(thinker(backend, chunks, special=("[THINK]", "[/THINK]"))), ASKED)
    assert (reply.texts, reply.reasoning) == (("Write <think>x</think>",), ("Which",))


@pytest.mark.parametrize("parses", [False, True])
@pytest.mark.parametrize("stream", ["off", "on"])
@pytest.mark.parametrize("name", ["m", "qwen3-thinking"])
def test_a_thinking_model_behind_a_server(parses: bool, stream: str, name: str) -> None:
    with ScriptServer(WRITTEN, parses=parses) as server:
        model = resolve(f"openai/{name},base_url={server.url},api=chat,stream={stream}")
        reply = answer(model, ASKED)
    assert (reply.texts, reply.finish) == (("Lima",), ("stop",))
    assert reply.reasoning == ("The capital?\nQ: Lima or\n\nCuzco.",)
    sent = [body.get("stop") for body in server.bodies]
    # A name may say that a model thinks; else the first reply does, which was cut in its thought.
    assert sent == ([None] if name != "m" else [["\n", "Q:"], None])
    paid = sum(len(WRITTEN) if stop is None else WRITTEN.index("\n") for stop in sent)
    assert reply.usage.completion_tokens == paid


async def one_by_one(model: Model, *requests: Generate) -> list[Reply]:
    try:
        return [await model.answer(request) for request in requests]
    finally:
        await model.close()


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_drawn_reply_is_never_drawn_again(api: str) -> None:
    """Asked again, only replies with a stop string in their thought would be replaced: another distribution."""
    with ScriptServer(WRITTEN) as server:
        model = resolve(f"openai/m,base_url={server.url},api={api},logprobs=off")
        first, second = asyncio.run(one_by_one(model, *(replace(ASKED, temperature=0.8, seed=seed) for seed in (1, 2))))
    assert len(server.bodies) == 2
    assert (second.texts, second.finish) == (("Lima",), ("stop",))
    if api == "chat":
        assert all("stop" not in body for body in server.bodies)
        assert first.texts == ("Lima",)
    else:  # a text that completes another is cut at the server, and the reply says where
        assert (first.texts, first.notes) == (("",), ("cut-in-reasoning",))


def test_a_server_is_told_no_stop_strings_once_it_cut_a_thought() -> None:
    with ScriptServer(WRITTEN) as server:
        model = resolve(f"openai/m,base_url={server.url},api=chat,concurrency=1")
        replies = answers(model, [ASKED, Generate(Prompt("And?"), max_tokens=80, stop=("\n",))])
    assert [reply.texts for reply in replies] == [("Lima",), ("Lima",)]
    assert [body.get("stop") for body in server.bodies][-1] is None


def test_a_server_of_a_model_that_does_not_think_is_told_stop_strings() -> None:
    with ScriptServer("Lima\nQ: next") as server:
        reply = answer(resolve(f"openai/m,base_url={server.url},api=chat"), ASKED)
    assert (reply.texts, reply.finish, reply.cut) == (("Lima",), ("stop",), ())
    assert [body["stop"] for body in server.bodies] == [["\n", "Q:"]]


@pytest.mark.parametrize("parses", [False, True])
def test_a_limit_in_the_thought_behind_a_server_is_said_and_asked_for_once(parses: bool) -> None:
    with ScriptServer(WRITTEN.replace("\n", " ").replace("Q:", "so"), parses=parses) as server:
        reply = answer(resolve(f"openai/m,base_url={server.url},api=chat"), replace(ASKED, max_tokens=20))
    assert (reply.texts, reply.finish, reply.notes) == (("",), ("length",), ("cut-in-reasoning",))
    assert len(server.bodies) == 1


# ------------------------------------------------------------------ programs


@pytest.fixture
def humaneval(tmp_path: Path) -> Callable[[str], tuple[Reply, float]]:
    """The reply and pass@1 of a model on one problem, whose program runs in the sandbox."""
    try:
        usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")
    folder = tmp_path / "hub" / "openai" / "openai_humaneval" / "openai_humaneval"
    folder.mkdir(parents=True)
    check = "def check(candidate):\n    assert candidate(3) == 3\n"
    row = {"task_id": "HumanEval/0", "prompt": PROBLEM, "canonical_solution": "    return x\n"}
    (folder / "test.jsonl").write_text(json.dumps({**row, "entry_point": "f", "test": check}) + "\n")

    def measure(spec: str) -> tuple[Reply, float]:
        run = evalkit.run("humaneval", spec, data_dir=tmp_path / "hub", out=tmp_path / "run", cache=False)
        (record,) = run.records()
        return record.replies[0], run.estimate("humaneval", "pass@1").value

    return measure


@pytest.mark.slow("runs a program in the sandbox")
@BACKENDS
def test_a_program_begins_with_all_its_blanks(
    backend: str, tmp_path: Path, humaneval: Callable[[str], tuple[Reply, float]]
) -> None:
    """A tokenizer in the form of Llama 2's: the written ids alone lose the first blank, and no program runs."""
    tokenizer = sentence_pieces(["return", "def", "x"])
    ids, whole = tokenizer(PROBLEM)["input_ids"], tokenizer(PROBLEM + "    return x")["input_ids"]
    assert whole[: len(ids)] == ids
    folder = save(tmp_path / "m", tokenizer, ids[-1], whole[len(ids) :], length=2048)
    reply, value = humaneval(spec_of(backend, folder))
    assert reply.texts == ("    return x",)
    assert value == 1.0


THINKS = ("<think>def", " g():\n", "\n\nclass", "\nif</think>", "\n\n    return", " x", "\nprint", "(1)")


@pytest.mark.slow("runs a program in the sandbox")
@BACKENDS
def test_a_program_of_a_model_that_thinks_first(
    backend: str, tmp_path: Path, humaneval: Callable[[str], tuple[Reply, float]]
) -> None:
    tokenizer = byte_level(THINKS)
    last = tokenizer(PROBLEM)["input_ids"][-1]
    folder = save(tmp_path / "m", tokenizer, last, chunk_ids(tokenizer, THINKS), length=2048)
    reply, value = humaneval(spec_of(backend, folder))
    assert reply.texts == ("    return x",)
    assert value == 1.0


@pytest.mark.slow("runs a program in the sandbox")
@pytest.mark.parametrize("parses", [False, True])
@pytest.mark.parametrize("stream", ["off", "on"])
@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_program_behind_a_server(
    parses: bool, stream: str, api: str, humaneval: Callable[[str], tuple[Reply, float]]
) -> None:
    """A conversation is answered by a whole program in a fence, a text by its continuation."""
    answer = "\n```python\ndef f(x):\n    return x\n```\n" if api == "chat" else "    return x\nprint(1)"
    thought = "<think>def f(x):\n```python\n    return 4\n\nclass A: ...\n```</think>\n"
    with ScriptServer(thought + answer, parses=parses) as server:
        reply, value = humaneval(f"vllm/m,base_url={server.url},api={api},stream={stream},logprobs=off")
    assert "return 4" in reply.reasoning[0] and "return 4" not in reply.texts[0]
    assert value == 1.0
