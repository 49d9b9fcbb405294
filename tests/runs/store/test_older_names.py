"""Runs and baselines in which toy sets have the names that an older evalkit gave them."""

import json
import re
from pathlib import Path

import pytest

import evalkit as package
from evalkit.comparing.baselines import parse
from evalkit.runs.store import Run, name_today
from tests.cli.console import evalkit

MMLU, SQUAD, REFUSALS = "mmlu,data=sample,form=text", "squad,data=sample,version=2", "refusals,form=text"
TODAY = {MMLU: "toy_mmlu,form=text", SQUAD: "toy_squad,version=2", REFUSALS: "toy_refusals,form=text"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of today, and the same as an older evalkit wrote it: other names, and no word of toys."""
    place = tmp_path_factory.mktemp("older")
    package.run(list(TODAY.values()), "tiny", limit=6, out=place / "new", cache=False)
    old = place / "old"
    old.mkdir()
    for file in (place / "new").iterdir():
        text = file.read_text()
        for then, now in TODAY.items():
            text = text.replace(f'"{now}"', f'"{then}"').replace(f'"{now}|', f'"{then}|')
        if file.name == "manifest.json":
            text = re.sub(r',\s*"toy": true', "", text)
            assert '"toy"' not in text
        (old / file.name).write_text(text)
    return place


@pytest.mark.parametrize(
    ("name", "today"),
    [
        *list(TODAY.items())[:2],
        (REFUSALS, REFUSALS),
        ("mmlu,subject=anatomy", "mmlu,subject=anatomy"),
        ("mine,data=sample", "mine,data=sample"),
        ("squad,version=2,data=samples", "squad,version=2,data=samples"),
        ("perplexity,files=a,data=sample.txt", "perplexity,files=a,data=sample.txt"),
    ],
)
def test_only_what_had_the_option_is_called_otherwise(name: str, today: str) -> None:
    assert name_today(name) == today


def test_an_older_run_is_read_under_the_names_of_today(place: Path) -> None:
    old, new = Run.open(place / "old"), Run.open(place / "new")
    assert old.tasks == (TODAY[MMLU], TODAY[SQUAD], REFUSALS)
    assert [entry.toy for entry in old.manifest.tasks] == [True] * 3
    assert [entry.spec for entry in old.manifest.tasks] == list(TODAY.values())
    for name in old.tasks[:2]:
        assert old.estimate(name) == new.estimate(name)
        assert list(old.records(name)) == list(new.records(name))
        assert len(list(old.records(name))) == 6
    assert len(list(old.records(REFUSALS))) == 6
    # A signature is what was written.
    assert old.manifest.task(TODAY[MMLU]).result.signature.startswith(f"{MMLU}|v1|")


@pytest.mark.slow("a process for every command")
def test_it_is_compared_gated_and_scored_again(place: Path) -> None:
    compared = evalkit("compare", "old", "new", "--task", TODAY[MMLU], "--task", TODAY[SQUAD], cwd=place)
    assert compared.code == 0, compared
    assert f"{TODAY[MMLU]}: no sample changed its acc" in compared.out
    again = evalkit("rescore", "old", "--out", "again", cwd=place)
    assert again.code == 0, again
    rescored = Run.open(place / "again")
    assert [rescored.estimate(name) for name in rescored.tasks] == [
        Run.open(place / "old").estimate(name) for name in rescored.tasks
    ]
    resumed = evalkit("run", "--resume", "old", cwd=place)
    assert resumed.code == 2
    assert "try:   toy_mmlu,form=text" in resumed.err


def test_a_baseline_says_that_its_task_is_a_toy_set_and_an_older_one_is_read_so(place: Path) -> None:
    assert evalkit("baseline", "save", "new", "new.evalkit", cwd=place).code == 0
    text = (place / "new.evalkit").read_text()
    assert text.count("\ntoy: true\n") == 3
    assert all(side.toy for side in parse(text, "new").values())
    older = text.replace("\ntoy: true", "")
    for then, now in TODAY.items():
        older = older.replace(json.dumps(now), json.dumps(then))
    sides = parse(older, "old")
    assert {name: side.toy for name, side in sides.items()} == {TODAY[MMLU]: True, TODAY[SQUAD]: True, REFUSALS: False}
