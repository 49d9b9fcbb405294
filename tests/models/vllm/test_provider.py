"""`vllm/…` by its name and options, without vLLM: a server's client with base_url, else a model run here."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest

from evalkit.core import UnavailableError, UsageError
from evalkit.models import resolve
from evalkit.models.api.model import ApiModel
from evalkit.models.batcher import Batch
from evalkit.models.tiny import TINY
from evalkit.models.vllm.gathering import Gatherer
from evalkit.models.vllm.model import VllmModel
from evalkit.models.vllm.options import VllmOptions

pytest.importorskip("aiohttp")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM as if it were installed; nothing of it is imported before a model is asked."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: object() if name == "vllm" else find(name))


def test_an_address_makes_it_the_client_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(resolve("vllm/m,base_url=http://localhost:9/v1"), ApiModel)
    monkeypatch.setenv("VLLM_BASE_URL", "http://gpu:8000/v1")
    model = resolve("vllm/m")
    assert isinstance(model, ApiModel) and dict(model.identity.facts)["base_url"] == "http://gpu:8000/v1"


def test_without_vllm_the_error_names_the_extra_and_the_server() -> None:
    if importlib.util.find_spec("vllm"):
        pytest.skip("vllm is installed")
    with pytest.raises(UnavailableError, match=r"needs vllm") as caught:
        resolve(f"vllm/{TINY}")
    assert "[vllm]" in caught.value.fix and "base_url=" in caught.value.fix


def test_a_folder_is_a_model_run_here_whose_identity_names_what_changes_numbers(installed: None) -> None:
    plain = resolve(f"vllm/{TINY}")
    assert isinstance(plain, VllmModel)
    facts = dict(plain.identity.facts)
    assert plain.identity.fixed and plain.identity.name == f"vllm/{TINY.name}"
    assert facts["weights"] == dict(resolve(f"hf/{TINY}").identity.facts)["weights"]
    assert (facts["backend"], facts["dtype"]) == ("vllm", "float32")
    assert "schema" in plain.capabilities.features
    digests = {plain.identity.digest}
    for said in (
        "dtype=bfloat16",
        "max_model_len=64",
        "tensor_parallel_size=2",
        "pipeline_parallel_size=2",
        "quantization=fp8",
        "enforce_eager=true",
        "likelihoods=plain",
        "system=Be brief.",
        "engine.kv_cache_dtype=fp8",
        "engine.block_size=32",
    ):
        other = resolve(f"vllm/{TINY},{said}")
        digests.add(other.identity.digest)
        assert said.partition("=")[0] in other.identity.name
    assert len(digests) == 11
    # How much memory it may take changes no number.
    assert resolve(f"vllm/{TINY},gpu_memory_utilization=0.5").identity == plain.identity


def test_engine_arguments_are_json_or_text() -> None:
    said = {"engine.block_size": "32", "engine.hf_overrides": '{"a": [1]}', "engine.x": "auto", "engine.y": "True"}
    assert VllmOptions.parse(said).engine == {"block_size": 32, "hf_overrides": {"a": [1]}, "x": "auto", "y": True}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("max_model_length=8", "max_model_len"),
        ("gpu_memory_utilization=2", "share of a GPU"),
        ("tensor_parallel_size=0", "tensor_parallel_size=64"),
        ("engine.model=x", "evalkit sets vLLM's model itself"),
        ("engine.dtype=half", "dtype=…"),
        ("chat=off,system=x", "chat template"),
        ("max_model_len=99999", "at most 8192"),
        ("api=chat", "base_url"),
        ("api_key=sk-0123456789abcdef", "never given as an option"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_loaded(installed: None, said: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(f"vllm/{TINY},{said}")
    assert words in str(caught.value) and "0123456789" not in str(caught.value)


def test_a_name_that_is_no_model_offers_the_server(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"base_url=http://localhost:8000/v1") as caught:
        resolve(f"vllm/{tmp_path}/none")
    assert "hf/" not in str(caught.value)


def test_what_is_asked_together_is_handed_over_together_and_nothing_waits_for_it() -> None:
    batches: list[Batch[int, int]] = []
    gatherer: Gatherer[int, int] = Gatherer(batches.append)

    async def ask() -> tuple[list[int], list[int]]:
        first = [asyncio.ensure_future(gatherer.submit(n)) for n in range(5)]
        while not batches:
            await asyncio.sleep(0)
        second = [asyncio.ensure_future(gatherer.submit(n)) for n in range(5, 7)]
        while len(batches) < 2:
            await asyncio.sleep(0)
        for batch in reversed(batches):
            for index, job in enumerate(batch.jobs):
                batch.deliver(index, job * job)
        return await asyncio.gather(*first), await asyncio.gather(*second)

    assert asyncio.run(ask()) == ([0, 1, 4, 9, 16], [25, 36])
    assert [batch.jobs for batch in batches] == [(0, 1, 2, 3, 4), (5, 6)]
    # And once more, in another event loop.
    batches.clear()
    assert asyncio.run(ask())[1] == [25, 36]


def test_a_closed_one_fails_what_waits() -> None:
    from evalkit.core import ModelError

    gatherer: Gatherer[int, int] = Gatherer(lambda batch: None)

    async def ask() -> list[int | BaseException]:
        asked = [asyncio.ensure_future(gatherer.submit(n)) for n in range(3)]
        await asyncio.sleep(0.01)
        gatherer.close()
        return await asyncio.gather(*asked, gatherer.submit(4), return_exceptions=True)

    assert all(isinstance(one, ModelError) and "closed" in str(one) for one in asyncio.run(ask()))
