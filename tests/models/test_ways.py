"""Ways of running a model: compiled, spread, offloaded, sharded. Each gives the model's own numbers and is named."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Reply, UsageError
from evalkit.models import resolve
from evalkit.runs.store import Run
from tests.models.oracle import answers
from tests.models.quantized.reference import choices, texts

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


def asked(spec: str) -> tuple[list[Reply], dict[str, str]]:
    async def ask() -> tuple[list[Reply], dict[str, str]]:
        model: Any = resolve(spec)
        try:
            replies = await asyncio.gather(*(model.answer(request) for request in (*choices(), *texts())))
            return list(replies), model.facts
        finally:
            await model.close()

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def plain() -> list[Reply]:
    return asked("tiny")[0]


def same(replies: list[Reply], plain: list[Reply]) -> None:
    for one, other in zip(replies, plain, strict=True):
        assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=1e-4)
        assert one.texts == other.texts


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """torch.compile as far as its graphs, which needs no C++ compiler; the modules that were given to it."""
    found: list[Any] = []
    right = torch.nn.Module.compile

    def compile_(module: Any, *, mode: str, dynamic: bool) -> None:
        found.append(module)
        right(module, backend="aot_eager", dynamic=dynamic)

    monkeypatch.setattr(torch.nn.Module, "compile", compile_)
    return found


def test_compiled_layers_keep_the_packed_passes(plain: list[Reply], traced: list[Any]) -> None:
    replies, facts = asked("tiny,compile=true")
    same(replies, plain)
    assert len(traced) == 4
    assert facts["scoring"] == "packed"
    assert facts["generation"].startswith("slots")
    assert facts["matrices"] == "torch.compile (default) of 4 feed-forward layers"
    assert all(module._compiled_call_impl is not None for module in traced)


@pytest.mark.skipif("EVALKIT_TEST_COMPILE" not in os.environ, reason="takes a minute; EVALKIT_TEST_COMPILE=1 runs it")
def test_compiled_by_inductor(plain: list[Reply]) -> None:
    replies, _ = asked("tiny,compile=default")
    same(replies, plain)


def test_layers_without_a_part_of_their_own_are_refused(make_model: Callable[..., Path]) -> None:
    """OPT's feed-forward matrices stand in the layer itself."""
    with pytest.raises(UsageError, match="compile finds no feed-forward layers"):
        answers(resolve(f"hf/{make_model('opt')},compile=true"), choices()[:1])


@pytest.mark.parametrize("options", ["device_map=auto", "device_map=cpu,attention=eager"])
def test_a_device_map_gives_the_same_numbers(options: str, plain: list[Reply]) -> None:
    same(asked(f"tiny,{options}")[0], plain)


def test_weights_on_the_disk_are_read_when_their_layer_is_asked(plain: list[Reply], tmp_path: Path) -> None:
    replies, facts = asked(f"tiny,device_map=auto,max_memory=cpu:2MB,offload_folder={tmp_path / 'disk'}")
    same(replies, plain)
    assert facts["scoring"] == "packed"
    assert re.fullmatch(r"\d+ on cpu, \d+ on disk", facts["placement"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("max_memory=cpu:2MB", "need a device_map\n"),
        ("device_map=auto,max_memory=2MB", "how much of each device"),
        ("device_map=auto,max_memory=gpu:2MB", "how much of each device"),
        ("compile=fastest", "compile is one of"),
        ("tp_plan=colwise", "tp_plan is one of auto"),
        ("tp_plan=auto,quant=nf4", "tp_plan shards a model as it is stored"),
    ],
)
def test_options_that_cannot_be_meant(options: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolve(f"tiny,{options}")


@pytest.mark.slow("starts torchrun")
def test_two_processes_share_a_model_and_one_writes(tmp_path: Path) -> None:
    """torchrun with gloo on this machine's processor; the oracle is the same run in one process."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m"]
    asked = ["toy_mmlu", "toy_squad", "--limit", "4", "--no-cache", "--model", "tiny,tp_plan=auto"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    shared, whole = tmp_path / "shared", tmp_path / "whole"
    done = subprocess.run(
        [*launch, "evalkit.cli", "run", *asked, "--out", str(shared)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("next: evalkit show") == 1
    evalkit.run(["toy_mmlu", "toy_squad"], "tiny", limit=4, cache=False, out=whole)
    facts = json.loads((shared / "manifest.json").read_text())["model"]
    assert facts["facts"]["tp_plan"] == "auto"
    assert facts["computed"]["scoring"] == "packed"
    records = [
        {(record.task, record.index): record.replies for record in Run.open(folder).records()}
        for folder in (shared, whole)
    ]
    assert records[0].keys() == records[1].keys()
    for key, replies in records[0].items():
        for one, other in zip(replies, records[1][key], strict=True):
            assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=1e-4)
            assert one.texts == other.texts


def test_one_process_has_nothing_to_shard_over(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="over the processes of torchrun, and there is one"):
        evalkit.run("toy_mmlu", "tiny,tp_plan=auto", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_torchrun_without_a_shared_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("WORLD_SIZE", "2"), ("RANK", "1")):
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="nothing is shared among its processes"):
        evalkit.run("toy_mmlu", "tiny", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
