"""`./my.py:Name` as a model: a function, a class with options, an object, a Model; and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

import evalkit
from evalkit import models
from evalkit.core import UsageError

MY = """
from evalkit.core import Capabilities, Generate, Identity, Reply

def adds(prompt: str, *, off_by: int = 0, max_tokens: int = 0) -> str:
    assert max_tokens == 7
    one, _, other = prompt.partition(" + ")
    return str(int(one) + int(other) + off_by)

class Adds:
    def __init__(self, off_by: int = 0):
        self.off_by = off_by

    def __call__(self, prompts: list[str]) -> list[str]:
        return [str(sum(map(int, prompt.split(" + "))) + self.off_by) for prompt in prompts]

class Whole:
    identity = Identity("whole", (("size", "1"),))
    capabilities = Capabilities(frozenset({Generate}))

    async def answer(self, request):
        return Reply(texts=(str(sum(map(int, request.prompt.text.split(" + ")))),), finish=("eos",))

    async def close(self):
        pass

class Broken:
    def __init__(self):
        raise RuntimeError("no weights")

thing = Adds(1)
number = 5
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(MY)
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"q": "{n} + {n}", "a": "{2 * n}"}}\n' for n in range(10)))
    (tmp_path / "sums.yaml").write_text('data: rows.jsonl\nprompt: "{{ q }}"\nanswer: a\nmax_tokens: 7\n')
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "score", "name"),
    [
        ("./my.py:adds", 1.0, "python/my.py:adds"),
        ("my.py:adds,off_by=1", 0.0, "python/my.py:adds,off_by=1"),
        ("./my.py:Adds", 1.0, "python/my.py:Adds"),
        ("./my.py:Adds,off_by=2", 0.0, "python/my.py:Adds,off_by=2"),
        ("./my.py:thing", 0.0, "python/my.py:thing"),
        ("./my.py:Whole", 1.0, "whole"),
    ],
)
def test_it_is_asked(project: Path, spec: str, score: float, name: str) -> None:
    run = evalkit.run("sums.yaml", spec)
    assert run.estimate("sums").value == score
    assert run.model == name


def test_an_edit_makes_another_model_that_takes_no_old_reply(project: Path) -> None:
    assert evalkit.run("sums.yaml", "./my.py:Whole").estimate("sums").value == 1.0
    Path("my.py").write_text(MY.replace("return Reply(texts=(str(sum(", "return Reply(texts=(str(1 + sum("))
    assert evalkit.run("sums.yaml", "./my.py:Whole").estimate("sums").value == 0.0


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("./my.py:addz", "did you mean 'adds'"),
        ("./your.py:adds", "no file"),
        ("./my.py:number", "is no model"),
        ("./my.py:adds,off=1", "no option 'off'"),
        ("./my.py:adds,off_by=one", "bad value for the option 'off_by'"),
        ("./my.py:adds,max_tokens=9", "no option 'max_tokens'"),
        ("./my.py:thing,off_by=1", "takes no options"),
        ("./my.py:Broken", "RuntimeError: no weights"),
    ],
)
def test_what_is_no_model_is_a_usage_error(project: Path, spec: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        models.resolve(spec)
    assert said in str(raised.value)
