"""Sixty wrong calls from Python: each is a UsageError that says what was wrong, none a bare TypeError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import UsageError

run: Any = evalkit.run


class Half:
    """Has a part of a model."""

    identity = None


def says(prompt: str) -> str:
    return "x"


def needs_more(prompt: str, client: object) -> str:
    return "x"


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"limt": 3}, "did you mean 'limit'"),
    ({"Limit": 3}, "limit"),
    ({"max_tokens_": 3}, "no option"),
    ({"limit": 0}, "limit"),
    ({"limit": -1}, "limit"),
    ({"limit": True}, "limit"),
    ({"limit": 2.5}, "limit"),
    ({"limit": "3"}, "limit"),
    ({"num_fewshot": True}, "num_fewshot"),
    ({"num_fewshot": -1}, "num_fewshot"),
    ({"num_fewshot": "five"}, "num_fewshot"),
    ({"fewshot_order": "frist"}, "fewshot_order"),
    ({"fewshot_order": 1}, "fewshot_order"),
    ({"seed": 1.5}, "seed"),
    ({"seed": "1"}, "seed"),
    ({"seed": -1}, "seed"),
    ({"samples": 0}, "samples"),
    ({"samples": False}, "samples"),
    ({"max_failures": 5}, "max_failures"),
    ({"max_failures": "5%%"}, "max_failures"),
    ({"max_failures": True}, "max_failures"),
    ({"max_cost": "1"}, "max_cost"),
    ({"max_cost": -1.0}, "max_cost"),
    ({"out": 5}, "out"),
    ({"data_dir": 5}, "data_dir"),
    ({"offline": "yes"}, "offline"),
    ({"cache": 1}, "cache"),
    ({"unsafe_code": "yes"}, "unsafe_code"),
    ({"judge": 5}, "judge"),
    ({"progress": "bar"}, "progress"),
    ({"record": 5}, "record"),
    ({"replay": "nowhere.jsonl"}, "nowhere.jsonl"),
]
CALLS: list[tuple[Callable[[], Any], str]] = [
    (lambda: run(), "this is not a task"),
    (lambda: run("toy_squad"), "this is no model"),
    (lambda: run("toy_squad", says, 5), "give options after the model by name"),
    (lambda: run(None, says), "this is not a task"),
    (lambda: run(5, says), "this is not a task"),
    (lambda: run([None], says), "this is not a task"),
    (lambda: run({"toy_squad": 1}, says), "this is not a task"),
    (lambda: run(print, says), "this is not a task"),
    (lambda: run([], says), "nothing to run"),
    (lambda: run("", says), "a name is missing"),
    (lambda: run("toy_sqad", says), "did you mean 'toy_squad'"),
    (lambda: run("no/such.yaml", says), "no task in"),
    (lambda: run("toy_squad", None), "this is no model"),
    (lambda: run("toy_squad", 5), "this is no model"),
    (lambda: run("toy_squad", b"tiny"), "this is no model"),
    (lambda: run("toy_squad", Half), "is a class"),
    (lambda: run("toy_squad", Half()), "this is no model"),
    (lambda: run("toy_squad", needs_more), "takes one prompt"),
    (lambda: run("toy_squad", lambda: "x"), "takes one prompt"),
    (lambda: run("toy_squad", []), "nothing to run"),
    (lambda: run("toy_squad", [says, None]), "this is no model"),
    (lambda: run("toy_squad", "tinny"), "did you mean 'tiny'"),
    (lambda: run("toy_squad", "tiny,dtpe=float32"), "dtype"),
    (lambda: run("toy_squad", "./my.py:Model"), "no file"),
    (lambda: evalkit.load("nowhere"), "does not exist"),
    (lambda: evalkit.load(None), "does not exist"),  # type: ignore[arg-type]
    (lambda: evalkit.load(5), "does not exist"),  # type: ignore[arg-type]
    (lambda: evalkit.compare("a", "b"), "compared with a run"),  # type: ignore[arg-type]
    (lambda: evalkit.Run.open("nowhere"), "nowhere"),
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("options", "said"), OPTIONS, ids=[str(options) for options, _ in OPTIONS])
def test_a_wrong_option(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        run("toy_squad", says, **options)
    assert said in str(raised.value)
    assert not Path("runs").exists()


@pytest.mark.parametrize(("call", "said"), CALLS, ids=range(len(CALLS)))
def test_a_wrong_call(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        call()
    assert said in str(raised.value)
    assert not Path("runs").exists()


def test_what_a_run_does_not_have() -> None:
    found = run("toy_squad", says, limit=3)
    for call in (
        lambda: found.estimate("toy_sqad"),
        lambda: found.estimate("toy_squad", "f2"),
        lambda: found.samples("other"),
        lambda: found.compare(None),
        lambda: found.compare(found, confidence=2),
        lambda: found.report("x.doc"),
        lambda: found.report(name="htlm"),
    ):
        with pytest.raises(UsageError):
            call()


def test_every_public_name_can_be_imported() -> None:
    import evalkit.core as core

    space: dict[str, Any] = {}
    exec("from evalkit import *\nfrom evalkit.core import *", space)
    assert {*evalkit.__all__, *core.__all__} <= space.keys()


def test_the_reference_lists_every_public_name() -> None:
    from tools import python_reference

    text = python_reference.PAGE.read_text(encoding="utf-8")
    assert text == python_reference.page(), "run python tools/python_reference.py"
    assert "| – |" not in text
