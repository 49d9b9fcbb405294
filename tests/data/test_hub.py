"""Loading from the hub, asked for real over HTTP: a hub on this machine plays the few endpoints that matter.

The client libraries read their settings when they are imported, so every scene is played in a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.data.huggingface.scene import REPOSITORY, UNREACHABLE, Scene
from tests.data.huggingface.server import LoopbackHub, Repository

pytestmark = pytest.mark.slow("a process for every play of a hub")

CARD = b"""---
configs:
- config_name: easy
  data_files: [{split: test, path: easy/test.jsonl}, {split: dev, path: easy/dev.jsonl}]
- config_name: hard
  data_files: [{split: test, path: hard/test.jsonl}]
---
# Sums
"""
OLD = {
    "README.md": CARD,
    "easy/test.jsonl": b'{"q": "1+1", "a": "2"}\n{"q": "2+2", "a": "4"}\n',
    "easy/dev.jsonl": b'{"q": "0+1", "a": "1"}\n',
    "hard/test.jsonl": b'{"id": "x", "q": "17*23", "a": "391"}\n{"id": "y", "q": "19*21", "a": "399"}\n',
}
NEW = OLD | {"easy/test.jsonl": b'{"q": "3+3", "a": "6"}\n'}

SCRIPT = """
import json, sys
from evalkit.core import DataOptions, RunError, UsageError
from evalkit.data import hub

for call in json.loads(sys.argv[1]):
    options = DataOptions(offline=call.pop("offline", False))
    said = {}
    try:
        opened = hub(call.pop("id"), **call).open(options)
        said |= {"digest": opened.digest, "count": opened.count, "facts": dict(opened.facts)}
        said["rows"] = [[row.id, row.origin, dict(row.values)] for row in opened.rows()]
    except UsageError as error:
        said["refused"] = str(error)
    except RunError as error:
        said["broke"] = str(error)
    print("SAID " + json.dumps(said))
"""


@dataclass
class Stage:
    """A loopback hub with acme/sums and acme/gated, and a home folder for the client libraries."""

    hub: LoopbackHub
    home: Path
    old: str
    new: str

    def play(self, *calls: dict[str, Any], endpoint: str = "", cwd: Path = REPOSITORY) -> list[dict[str, Any]]:
        """What each call of `hub(...).open()` gave."""
        return Scene(self.hub, self.home).said(SCRIPT, calls, cwd=cwd, HF_ENDPOINT=endpoint or self.hub.endpoint)


EASY = {"id": "acme/sums", "config": "easy", "split": "test"}


@pytest.fixture(scope="module")
def stage(loopback_hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    sums = loopback_hub.datasets["acme/sums"] = Repository()
    old = sums.commit(OLD, "main", "v1")
    new = sums.commit(NEW, "main")
    gated = loopback_hub.datasets["acme/gated"] = Repository(gated=True)
    gated.commit(OLD)
    return Stage(loopback_hub, tmp_path_factory.mktemp("home"), old, new)


@pytest.fixture(scope="module")
def first_scene(stage: Stage) -> list[dict[str, Any]]:
    return stage.play(
        EASY,
        EASY | {"revision": "v1"},
        EASY | {"stream": True},
        {"id": "acme/sums", "config": "hard", "split": "test"},
        EASY | {"revision": stage.old},
    )


def test_the_commit_that_main_stands_for_is_recorded_and_loaded(
    first_scene: list[dict[str, Any]], stage: Stage
) -> None:
    said = first_scene[0]
    assert said["facts"] == {"hub": "acme/sums", "config": "easy", "split": "test", "commit": stage.new}
    assert said["rows"] == [["easy/0", "acme/sums[easy]/test#0", {"q": "3+3", "a": "6"}]]
    assert said["count"] == 1


def test_a_tag_and_the_commit_it_stands_for_give_the_same_data_and_digest(
    first_scene: list[dict[str, Any]], stage: Stage
) -> None:
    of_main, of_tag, _, _, of_commit = first_scene
    assert of_tag["facts"]["commit"] == stage.old
    assert [row[2]["q"] for row in of_tag["rows"]] == ["1+1", "2+2"]
    assert of_tag == of_commit
    assert of_tag["digest"] != of_main["digest"]


def test_a_stream_gives_the_rows_and_the_digest_of_the_whole(first_scene: list[dict[str, Any]]) -> None:
    whole, _, streamed, _, _ = first_scene
    assert (streamed["rows"], streamed["digest"]) == (whole["rows"], whole["digest"])


def test_own_ids_of_hub_rows_are_used(first_scene: list[dict[str, Any]]) -> None:
    assert [row[0] for row in first_scene[3]["rows"]] == ["x", "y"]


@pytest.fixture(scope="module")
def refusals(stage: Stage) -> list[str]:
    said = stage.play(
        {"id": "acme/sums", "split": "test"},
        EASY | {"config": "eays"},
        EASY | {"split": "tset"},
        EASY | {"split": "tset", "stream": True},
        EASY | {"revision": "v9"},
        EASY | {"id": "acme/nothing"},
        EASY | {"id": "acme/gated"},
    )
    return [entry["refused"] for entry in said]


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (0, ["acme/sums has several configs", "easy, hard"]),
        (1, ["acme/sums has no config 'eays'", "easy, hard", "did you mean 'easy'?"]),
        (2, ["acme/sums has no split 'tset'", "did you mean 'test'?"]),
        (3, ["acme/sums has no split 'tset'", "did you mean 'test'?"]),
        (4, ["acme/sums has no revision 'v9'"]),
        (5, ["acme/nothing is not on the hub", "--data-dir DIR or EVALKIT_DATA"]),
        (6, ["acme/gated is gated", "HF_TOKEN"]),
    ],
    ids=["config missing", "config", "split", "split of a stream", "revision", "id", "gated"],
)
def test_what_the_hub_does_not_have_is_refused_with_what_would_work(
    refusals: list[str], number: int, parts: list[str]
) -> None:
    assert [part for part in parts if part not in refusals[number]] == []


@pytest.fixture(scope="module")
def unreachable(stage: Stage, first_scene: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same home folder after the first scene, with nobody at the hub's address."""
    hard = {"id": "acme/sums", "config": "hard", "split": "test"}
    return stage.play(
        hard,
        hard | {"revision": "0" * 40},
        EASY | {"id": "acme/never-fetched"},
        hard | {"split": "dev"},
        hard | {"revision": "v1"},
        hard | {"offline": True},
        endpoint=UNREACHABLE,
    )


def test_without_the_hub_an_earlier_download_is_used_and_says_so(
    unreachable: list[dict[str, Any]], first_scene: list[dict[str, Any]]
) -> None:
    now, before = unreachable[0], first_scene[3]
    assert (now["rows"], now["digest"]) == (before["rows"], before["digest"])
    assert now["facts"]["fetched"] == "earlier; the hub cannot be reached"


def test_an_earlier_download_never_stands_in_for_another_commit(
    unreachable: list[dict[str, Any]], stage: Stage
) -> None:
    for said in (unreachable[1], unreachable[4]):
        assert "is not available at revision" in said["refused"]
        assert stage.new in said["refused"]


def test_without_the_hub_what_was_never_fetched_is_refused(unreachable: list[dict[str, Any]]) -> None:
    assert "the hub cannot be reached" in unreachable[2]["refused"]
    assert "EVALKIT_DATA" in unreachable[2]["refused"]
    assert "has no split 'dev' among what was fetched earlier" in unreachable[3]["refused"]


def test_offline_the_hub_is_not_asked(stage: Stage, first_scene: list[dict[str, Any]]) -> None:
    before = len(stage.hub.asked)
    [said] = stage.play({"id": "acme/sums", "config": "hard", "split": "test", "offline": True})
    asked = [line for line in stage.hub.asked[before:] if "/datasets/" in line]
    assert said["rows"] == first_scene[3]["rows"]
    assert said["facts"]["fetched"] == "earlier; the hub is not asked, being offline"
    assert asked == []


def test_a_folder_that_bears_the_sets_name_is_not_taken_for_it(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "acme" / "sums"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text('{"q": "from the folder"}\n')
    [said] = stage.play(EASY, cwd=tmp_path)
    assert [row[2]["q"] for row in said["rows"]] == ["3+3"]


def test_a_stream_that_breaks_off_ends_the_run_and_names_the_row(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    repository = loopback_hub.datasets["acme/torn"] = Repository()
    sha = repository.commit({"test.jsonl": b'{"q": "here"}\n', "test2.jsonl": b'{"q": "gone"}\n'})
    # Listed, and refused when it is asked for.
    repository.lost.add("test2.jsonl")
    stage = Stage(loopback_hub, tmp_path, sha, sha)
    [said] = stage.play({"id": "acme/torn", "split": "test", "stream": True})
    assert said["count"] is None
    assert "acme/torn[default]/test#1: the stream from the hub broke off" in said["broke"]


def test_where_the_hub_fails_midway_data_of_another_commit_are_not_taken(
    loopback_hub: LoopbackHub, tmp_path: Path
) -> None:
    repository = loopback_hub.datasets["acme/moody"] = Repository()
    before = repository.commit({"test.jsonl": b'{"q": "before"}\n'})
    stage = Stage(loopback_hub, tmp_path, before, before)
    call = {"id": "acme/moody", "split": "test"}
    [first] = stage.play(call)
    after = repository.commit({"test.jsonl": b'{"q": "after"}\n'})
    repository.keeps = "commits"
    [said] = stage.play(call)
    assert first["rows"][0][2] == {"q": "before"}
    assert f"is not available at revision '{after}'" in said["refused"]
    assert before in said["refused"]


def test_a_hub_in_trouble_is_told_from_one_that_cannot_be_reached(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    loopback_hub.datasets["acme/down"] = Repository(keeps="nothing")
    [said] = Stage(loopback_hub, tmp_path, "", "").play({"id": "acme/down", "split": "test"})
    assert "the hub is in trouble" in said["refused"]
    assert "500" in said["refused"]


def test_an_id_that_the_hub_would_not_accept_is_refused(stage: Stage) -> None:
    [said] = stage.play({"id": "acme/two--dashes..x", "split": "test"})
    assert "is not a data set's id" in said["refused"]
