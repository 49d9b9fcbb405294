"""What the hub does not give is refused in a sentence: what was wrong, what was found, what would work."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.models.tiny import TINY
from tests.data.huggingface.scene import UNREACHABLE, Scene
from tests.data.huggingface.server import Refusal, Repository, serving

pytestmark = pytest.mark.slow("a process for every run")

SMALL = {file.name: file.read_bytes() for file in Path(TINY).iterdir() if file.suffix != ".safetensors"}
OTHER = SMALL | {"generation_config.json": b'{"_from_model_config": true, "eos_token_id": 0}'}
TOKEN = "hf_known"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with serving() as hub:
        hub.tokens.add(TOKEN)
        tiny = hub.models["acme/tiny"] = Repository()
        tiny.commit(OTHER, "main", "v1")
        tiny.commit(SMALL, "main")
        hub.models["acme/gated"] = Repository(gated=True)
        hub.models["acme/gated"].commit(SMALL)
        hub.models["acme/private"] = Repository(token=TOKEN)
        hub.models["acme/private"].commit(SMALL)
        hub.models["acme/down"] = Repository(keeps="nothing")
        hub.moved["acme/old-name"] = "acme/tiny"
        yield Scene(hub, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def said(scene: Scene) -> dict[str, dict[str, Any]]:
    specs = (
        *("hf/acme/tiny", "hf/acme/tiny,revision=v1", "hf/acme/tiny,revision=vv1", "hf/acme/old-name"),
        *("hf/acme/gated", "hf/acme/private", "hf/acme/nothing", "hf/acme/down", "hf/acme/two--dashes..x"),
        *("st/acme/gated", "st/acme/tiny,revision=v2", "tokenizer/acme/nothing", "hf/acme/tiny,adapter=acme/gated"),
    )
    return dict(zip(specs, scene.resolve(*specs), strict=True))


def test_a_revision_is_pinned_to_the_commit_it_stands_for(said: dict[str, dict[str, Any]], scene: Scene) -> None:
    commits = scene.hub.models["acme/tiny"].names
    assert said["hf/acme/tiny"]["commit"] == commits["main"]
    assert said["hf/acme/tiny,revision=v1"]["commit"] == commits["v1"]
    assert commits["v1"] != commits["main"]


def test_a_model_that_moved_is_found_under_its_old_name(said: dict[str, dict[str, Any]], scene: Scene) -> None:
    assert said["hf/acme/old-name"]["commit"] == scene.hub.models["acme/tiny"].names["main"]
    done = scene.evalkit("run", "toy_mmlu", "--model", "hf/acme/old-name", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "acme/old-name is acme/tiny on the hub now" in done.stderr


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("hf/acme/tiny,revision=vv1", ["acme/tiny has no revision 'vv1'", "branches and tags: main, v1", "'v1'?"]),
        ("st/acme/tiny,revision=v2", ["acme/tiny has no revision 'v2'", "branches and tags: main, v1"]),
        ("hf/acme/gated", ["acme/gated is gated", "no token was sent", "/acme/gated", "HF_TOKEN"]),
        ("st/acme/gated", ["acme/gated is gated", "no token was sent"]),
        ("hf/acme/private", ["acme/private is not on the hub", "none was sent", "HF_TOKEN"]),
        ("hf/acme/nothing", ["acme/nothing is not on the hub", "check the spelling", "a folder"]),
        ("tokenizer/acme/nothing", ["acme/nothing is not on the hub"]),
        ("hf/acme/down", ["acme/down is not available: the hub is in trouble", "500", "hf download acme/down"]),
        ("hf/acme/two--dashes..x", ["'acme/two--dashes..x' is not a model's id", "owner/name"]),
    ],
)
def test_what_the_hub_does_not_give_is_refused_with_what_would_work(
    said: dict[str, dict[str, Any]], spec: str, parts: list[str]
) -> None:
    assert [part for part in parts if part not in said[spec]["refused"]] == []


def test_the_token_that_was_sent_is_told_from_none(scene: Scene) -> None:
    gated, nothing, _ = scene.resolve("hf/acme/gated", "hf/acme/nothing", "hf/acme/private", HF_TOKEN=TOKEN)
    assert "the token that was sent has no access" in gated["refused"]
    assert "that the token which was sent may see" in nothing["refused"]


def test_a_token_that_the_hub_does_not_know_is_refused_without_showing_it(scene: Scene) -> None:
    [said] = scene.resolve("hf/acme/tiny", HF_TOKEN="hf_outdated")
    assert "the hub does not accept the token" in said["refused"]
    assert "hf auth login" in said["refused"]
    assert "hf_outdated" not in said["refused"]


def refused(scene: Scene, *options: str, **environment: Any) -> str:
    done: subprocess.CompletedProcess[str] = scene.evalkit(
        "run", "toy_mmlu", "--no-cache", "--limit", "1", *options, **environment
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_the_command_line_ends_with_2_and_the_sentence(scene: Scene) -> None:
    assert "acme/gated is gated" in refused(scene, "--model", "hf/acme/gated")


def test_a_hub_that_asks_for_an_hour_is_not_waited_for(scene: Scene) -> None:
    scene.hub.refusals.append(Refusal("/api/models/acme/tiny", 429, {"Retry-After": "3600"}))
    said = refused(scene, "--model", "hf/acme/tiny")
    assert "the hub refuses further requests for now (429), so acme/tiny is not available" in said
    assert "it asks for 3,600 s" in said


def test_a_hub_that_goes_on_refusing_is_not_waited_for_forever(scene: Scene) -> None:
    refusal = Refusal("/api/models/acme/tiny", 429, {"Retry-After": "0"}, times=1000)
    scene.hub.refusals.append(refusal)
    said = refused(scene, "--model", "hf/acme/tiny")
    asked = 1000 - refusal.times
    refusal.times = 0
    assert "the hub refuses further requests for now (429)" in said
    assert 2 < asked < 20


def test_weights_that_the_hub_refuses_are_told_like_everything_else(scene: Scene) -> None:
    """Weights are fetched by the first request, by transformers, which wraps what the hub says."""
    files = {file.name: file.read_bytes() for file in Path(TINY).iterdir()}
    scene.hub.models["acme/late"] = Repository()
    scene.hub.models["acme/late"].commit(files)
    for part in ("/model.safetensors", "/acme/late/auth-check"):
        scene.hub.refusals.append(Refusal(part, 403, {"X-Error-Code": "GatedRepo"}, times=1000))
    assert "acme/late is gated" in refused(scene, "--model", "hf/acme/late")


def test_an_address_where_nobody_answers_is_named(scene: Scene, tmp_path: Path) -> None:
    [said] = Scene(scene.hub, tmp_path).resolve("hf/acme/tiny", HF_ENDPOINT=UNREACHABLE)
    assert "acme/tiny is not available: the hub cannot be reached" in said["refused"]
    assert UNREACHABLE in said["refused"]
    assert "hf download acme/tiny" in said["refused"]


def test_an_address_that_is_no_hub_is_told(scene: Scene, tmp_path: Path) -> None:
    scene.hub.refusals.append(Refusal("/api/models/acme/tiny", 200, {"Content-Type": "text/html"}))
    scene.hub.refusals[-1].body = b"<html>Welcome to the hotel</html>"
    [said] = Scene(scene.hub, tmp_path).resolve("hf/acme/tiny")
    assert "the server that answered is not a hub" in said["refused"]
    assert "HF_ENDPOINT" in said["refused"]
