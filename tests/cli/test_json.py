"""What `--json` prints: one document on stdout, with the keys of docs/reference/json.md and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.console import evalkit

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
BY_NAME = {"kinds", "groups", "outcomes", "flags", "facts", "over_samples", "means"}
"""Keys whose value maps names of the user's."""

CASES = {
    "run, quickstart, score, show RUN": (
        ("show", "a"),
        ("run", "toy_mmlu", "--model", "tiny", "--limit", "4", "-q", "--dry-run"),
        ("run", "toy_mmlu", "--model", "tiny", "--limit", "4", "-q", "--out", "again"),
    ),
    "rescore": (("rescore", "a", "--out", "rescored"),),
    "show": (("show",), ("show", "a", "--sample", "toy_mmlu/0")),
    "list": (("list", "tasks", "toy"), ("list",)),
    "check": (("check", "toy_mmlu", "--limit", "4"),),
    "doctor": (("doctor",), ("doctor", "--quantization")),
    "cache": (("cache",),),
    "baseline show": (("baseline", "show", "base.evalkit"),),
    "gate plan": (("gate", "plan", "base.evalkit"),),
    "compare, history, leaderboard, gate run": (("compare", "a", "b"), ("history", "."), ("gate", "run", "b")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="the embedded model needs torch")
    place = tmp_path_factory.mktemp("json")
    for name, dtype in (("a", "float32"), ("b", "bfloat16")):
        model = f"tiny,dtype={dtype}"
        done = evalkit("run", "toy_mmlu", "toy_squad", "--model", model, "--limit", "4", "-q", "--out", name, cwd=place)
        assert done.code == 0, done
    assert evalkit("baseline", "save", "a", "base.evalkit", cwd=place).code == 0
    return place


def section(title: str) -> str:
    return re.split(r"^#{2,3} ", PAGE.partition(f"\n## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


SHARED = PAGE.partition("\n## A run\n")[2]


def documented(text: str) -> set[str]:
    """Every key in a table or a sentence of the page."""
    return set(re.findall(r"`(\w+)`", text))


def keys_of(value: Any, depth: int = 0, *, names: bool = False) -> Iterator[tuple[int, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            if not names:
                yield depth, key
            yield from keys_of(one, depth + (not names), names=key in BY_NAME and not names)
    elif isinstance(value, list):
        for one in value:
            yield from keys_of(one, depth, names=names)


@pytest.mark.parametrize("title", CASES)
def test_the_page_has_every_key_that_is_printed(title: str, folder: Path) -> None:
    own = documented(section(title))
    assert own, f"no section {title}"
    found: set[str] = set()
    for arguments in CASES[title]:
        if arguments[:2] == ("gate", "run"):
            done = evalkit(*arguments, "--baseline", "a", "--json", "-", cwd=folder)
        else:
            done = evalkit(*arguments, "--json", cwd=folder)
        assert done.code in ((0, 1, 4) if arguments[0] == "gate" else (0,)), done
        document = json.loads(done.out)
        assert document.pop("format") == 1
        only_top = title.startswith("compare")
        found |= {key for depth, key in keys_of(document) if not (only_top and depth)}
    assert found <= own | documented(SHARED), found - own - documented(SHARED)
    listed = documented("\n".join(re.findall(r"^\| (`[^|]*) \|", section(title), re.MULTILINE)))
    rare = {"reason", "problems", "check", "compare", "history", "leaderboard", "gate"}
    assert listed - rare <= found | {"run"}, listed - found
