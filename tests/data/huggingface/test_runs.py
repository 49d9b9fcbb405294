"""A model and a data set of the hub in whole runs of the command line: fetched, kept, and used again offline."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.models.tiny import TINY
from tests.data.huggingface.scene import UNREACHABLE, Scene
from tests.data.huggingface.server import Refusal, Repository, serving

pytestmark = pytest.mark.slow("a process for every run")


TOKEN = "hf_a-secret-that-must-not-be-seen"
TASK = """
name: sums
data: {hub: acme/sums, split: test}
prompt: "Q: {{q}} A:"
answer: a
method: generate
max_tokens: 4
scorers: exact_match
"""
ROWS = b'{"q": "1+1", "a": "2"}\n{"q": "2+2", "a": "4"}\n'


CHUNK = 10 * 1024 * 1024
"""What huggingface_hub writes down at a time, so a download goes on at a multiple of it."""


def tiny_files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in TINY.iterdir() if file.is_file()}


def long_weights(data: bytes) -> bytes:
    """The same tensors in a file of more than one chunk: its header has a note that nobody reads."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = {**header.get("__metadata__", {}), "padding": "." * (CHUNK + 1_000_000)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with serving() as hub:
        hub.tokens.add(TOKEN)
        hub.models["acme/private"] = Repository(token=TOKEN)
        files = tiny_files()
        hub.models["acme/private"].commit(
            files | {"model.safetensors": long_weights(files["model.safetensors"])}, "main", "v1"
        )
        hub.datasets["acme/sums"] = Repository(token=TOKEN)
        hub.datasets["acme/sums"].commit({"test.jsonl": ROWS})
        yield Scene(hub, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "sums.yaml").write_text(TASK)
    return folder


def run(scene: Scene, folder: Path, out: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ("run", "./sums.yaml", "--model", "hf/acme/private,revision=v1", "--no-cache", "--out", out)
    return scene.evalkit(*command, *options, cwd=folder, **environment)


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text()))


@pytest.fixture(scope="module")
def online(scene: Scene, folder: Path) -> subprocess.CompletedProcess[str]:
    """A run whose weights and rows break off in the middle, once, and which is told to wait, once for each."""
    scene.hub.models["acme/private"].breaks["model.safetensors"] = [CHUNK + 500_000]
    scene.hub.datasets["acme/sums"].breaks["test.jsonl"] = [10]
    scene.hub.refusals += [
        Refusal("/api/datasets/acme/sums", 429, {"Retry-After": "1"}),
        Refusal("/acme/private/resolve", 429, {"RateLimit": '"resolvers";r=0;t=1'}),
    ]
    return run(scene, folder, "online", HF_TOKEN=TOKEN)


def test_a_private_model_and_data_set_are_measured_with_a_token(
    online: subprocess.CompletedProcess[str], scene: Scene, folder: Path
) -> None:
    assert online.returncode == 0, online.stderr
    written = manifest(folder / "online")
    [of_model] = scene.hub.models["acme/private"].commits
    [of_data] = scene.hub.datasets["acme/sums"].commits
    assert written["model"]["facts"]["commit"] == of_model
    assert written["tasks"][0]["data"][0]["commit"] == of_data
    assert written["tasks"][0]["result"]["samples"] == 2


def test_a_download_that_broke_off_went_on_where_it_had_come_to(
    online: subprocess.CompletedProcess[str], scene: Scene
) -> None:
    fetched = [sent for sent in scene.hub.sent if "/elsewhere/" in sent["path"]]
    ranges = [sent.get("Range") or sent.get("range") for sent in fetched]
    assert scene.hub.models["acme/private"].breaks["model.safetensors"] == []
    assert ranges == [None, f"bytes={CHUNK}-"]
    assert scene.hub.datasets["acme/sums"].breaks["test.jsonl"] == []


def test_a_hub_that_asks_to_wait_is_waited_for_and_the_user_told(
    online: subprocess.CompletedProcess[str], scene: Scene
) -> None:
    assert [refusal.times for refusal in scene.hub.refusals] == [0, 0]
    assert "the hub asks for fewer requests; continuing in 1 s" in online.stderr


def test_the_token_goes_to_the_hub_and_nowhere_else(
    online: subprocess.CompletedProcess[str], scene: Scene, folder: Path
) -> None:
    at_hub = {sent["token"] for sent in scene.hub.sent if "/elsewhere/" not in sent["path"]}
    elsewhere = {sent["token"] for sent in scene.hub.sent if "/elsewhere/" in sent["path"]}
    assert at_hub == {TOKEN}
    assert elsewhere == {""}
    assert TOKEN not in online.stdout + online.stderr
    written = [file for file in folder.rglob("*") if file.is_file()]
    assert len(written) > 3
    assert [file for file in written if TOKEN.encode() in file.read_bytes()] == []
    cached = [file for file in (scene.home / "evalkit").rglob("*") if file.is_file()]
    assert [file for file in cached if TOKEN.encode() in file.read_bytes()] == []


@pytest.mark.parametrize("way", ["--offline", "HF_HUB_OFFLINE"])
def test_offline_what_an_earlier_run_fetched_is_used_and_nothing_is_asked(
    online: subprocess.CompletedProcess[str], scene: Scene, folder: Path, way: str
) -> None:
    before = len(scene.hub.asked)
    options, environment = (("--offline",), {}) if way == "--offline" else ((), {way: "1"})
    out = way.strip("-")
    done = run(scene, folder, out, *options, **environment)
    assert done.returncode == 0, done.stderr
    assert scene.hub.asked[before:] == []
    one, other = manifest(folder / "online"), manifest(folder / out)
    assert one["model"]["digest"] == other["model"]["digest"]
    assert other["tasks"][0]["data"][0]["fetched"] == "earlier; the hub is not asked, being offline"
    assert one["tasks"][0]["result"]["metrics"] == other["tasks"][0]["result"]["metrics"]


def test_without_the_hub_what_an_earlier_run_fetched_is_used_and_the_user_told(
    online: subprocess.CompletedProcess[str], scene: Scene, folder: Path
) -> None:
    done = run(scene, folder, "unreachable", HF_ENDPOINT=UNREACHABLE)
    assert done.returncode == 0, done.stderr
    [commit] = scene.hub.models["acme/private"].commits
    assert f"using commit {commit}, fetched earlier" in done.stderr
    assert "the hub cannot be reached" in done.stderr


def test_offline_what_was_never_fetched_is_refused_with_the_command_that_fetches_it(
    scene: Scene, folder: Path, tmp_path: Path
) -> None:
    empty = Scene(scene.hub, tmp_path)
    done = run(empty, folder, "never", "--offline")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "acme/private is not available: the hub is not asked, being offline" in done.stderr
    assert "hf download acme/private --revision v1" in " ".join(done.stderr.split())
    fetched = empty.run("-m", "huggingface_hub.cli.hf", "download", "acme/private", "--revision", "v1", HF_TOKEN=TOKEN)
    assert fetched.returncode == 0, fetched.stderr
    done = run(empty, folder, "data", "--offline")
    assert done.returncode == 2, done.stderr
    said = " ".join(done.stderr.split())
    assert "acme/sums is not available: the hub is not asked, being offline" in said
    assert "run the same command once with a network" in said


def test_a_download_that_keeps_breaking_off_ends_the_run_with_a_sentence(scene: Scene, folder: Path) -> None:
    repository = scene.hub.models["acme/torn"] = Repository(breaks={"model.safetensors": [0] * 40})
    repository.commit(tiny_files())
    model = ("--model", "hf/acme/torn", "--no-cache", "--out", "torn", "--limit", "1")
    done = scene.evalkit("run", "./sums.yaml", *model, cwd=folder, HF_TOKEN=TOKEN)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "acme/torn is not available: the connection to the hub failed or broke off" in done.stderr
