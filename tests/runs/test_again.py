"""A sample of a run that is asked once more: as the run did, from the model, with the run left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.runs.again import ask_again, can_ask_again
from evalkit.runs.store import Run
from tests.cli.console import evalkit

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("again")
    words = ("run", "toy_mmlu", "toy_squad", "--model", "tiny", "--out", "r", "-q", "--limit", "8", "--seed", "3")
    done = evalkit(*words, cwd=folder)
    assert done.code == 0, done
    return folder


def test_one_sample_is_asked_as_the_run_asked_it(folder: Path) -> None:
    run = Run.open(folder / "r")
    before = (folder / "r" / "records.jsonl").read_bytes()
    old = next(iter(run.records("toy_squad")))
    new = list(ask_again(run, [old.sample.id], folder / "new", "toy_squad").records())
    assert [(one.task, one.sample.id) for one in new] == [("toy_squad", old.sample.id)]
    assert new[0].prompt_digest == old.prompt_digest
    assert [reply.texts for reply in new[0].replies] == [reply.texts for reply in old.replies]
    assert new[0].replies[0].source == "model"
    assert (folder / "r" / "records.jsonl").read_bytes() == before


def test_the_command_shows_both_and_names_what_is_not_there(folder: Path) -> None:
    name = next(iter(Run.open(folder / "r").records("toy_mmlu"))).sample.id
    done = evalkit("show", "r", "--task", "toy_mmlu", "--sample", name, "--again", cwd=folder)
    assert done.code == 0, done
    assert done.out.count(f"toy_mmlu · {name}") == 2
    assert "asked again" in done.out
    for words, said in ((("--again",), "--sample ID"), (("--sample", "none", "--again"), "has no sample")):
        done = evalkit("show", "r", *words, cwd=folder)
        assert (done.code, said in done.err) == (2, True), done


def test_a_run_of_python_objects_cannot_be_asked_again(folder: Path) -> None:
    run = Run.open(folder / "r")
    assert can_ask_again(run)
    run.manifest.request["models"] = [None]
    assert not can_ask_again(run)
