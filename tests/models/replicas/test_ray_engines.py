"""Every engine, and judges, on a real Ray: the answers of one process; models on several GPUs in placement groups."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

import evalkit
from evalkit.core import Choose, Embed, Generate, Prompt, Request
from evalkit.models import resolve
from evalkit.models.replicas.ray_cluster import RayCluster
from evalkit.models.replicas.settings import Need, Replicas
from evalkit.models.stack import Stack
from evalkit.models.tiny import TINY
from evalkit.models.vllm.process import _has_gpus_of_several_nodes
from tests.models.oracle import answers

pytest.importorskip("ray", reason="pip install 'evalkit-harness[ray]'")
pytest.importorskip("torch")
pytestmark = pytest.mark.slow("starts nodes of a Ray cluster as processes")

JUDGED = """summary: short answers under a judge
data: rows.jsonl
prompt: "Question: {{ question }}\\nAnswer:"
max_tokens: 4
answer: "{{ answer }}"
scorers: [{judge: "rating,max_tokens=8"}]
"""


def replicated(spec: str, requests: list[Request]) -> list[Any]:
    (model,) = Stack(replicas=Replicas(2)).open([spec])
    return answers(model, requests)


def test_a_judge_here_is_replicated_along_with_the_model(cluster: Any, tmp_path: Path) -> None:
    rows = [{"question": f"What is {n} plus {n}?", "answer": str(2 * n)} for n in range(30)]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    (tmp_path / "judged.yaml").write_text(JUDGED)
    found = []
    for replicas in (None, "auto"):
        # `tiny` answers; the same weights by another name are the judge.
        out = tmp_path / f"{replicas}"
        task = str(tmp_path / "judged.yaml")
        run = evalkit.run(task, "tiny", judge=f"hf/{TINY}", cache=False, out=out, replicas=replicas)
        judged = {one.key: [(score.details, score.reason) for score in one.scores] for one in run.records()}
        found.append({key: orjson.dumps(value) for key, value in judged.items()})
        judge = run.manifest.model["judge"]
        assert judge["requests"] >= 30
        computed = [run.manifest.model["computed"].get("replicas"), judge.get("computed", {}).get("replicas")]
        # Two nodes of two processors: two replicas each.
        assert computed == ["2, 2 started" if replicas else None] * 2
    assert found[0] == found[1] and len(found[0]) == 30


def test_embeddings_are_those_of_one_process(cluster: Any, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers runs embedding models")
    import numpy as np
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", *"abcdefghijklmnopqrstuvwxyz"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    ).save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    BertModel(config).eval().save_pretrained(tmp_path)
    asked: list[Request] = [
        Embed((f"text {n}", "a long one " * (n % 9 + 1)), "query" if n % 2 else "text") for n in range(200)
    ]
    plain, spread = answers(resolve(f"st/{tmp_path}"), asked), replicated(f"st/{tmp_path}", asked)
    for one, other in zip(plain, spread, strict=True):
        assert one.vectors is not None and other.vectors is not None
        np.testing.assert_allclose(one.vectors.array(), other.vectors.array(), atol=1e-5)
        assert one.truncated_tokens == other.truncated_tokens and one.usage == other.usage


def test_a_gguf_file_answers_as_in_one_process(cluster: Any, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp", reason="pip install 'evalkit-harness[gguf]'")
    pytest.importorskip("gguf")
    from tools.write_gguf import write

    spec = f"gguf/{write(TINY, tmp_path / 'tiny.gguf', 'F32')}"
    asked: list[Request] = [
        request
        for n in range(20)
        for request in (
            Choose(Prompt(f"The old {n}"), (" house", " Paris")),
            Generate(Prompt(f"The {n}"), max_tokens=4),
        )
    ]
    for one, other in zip(answers(resolve(spec), asked), replicated(spec, asked), strict=True):
        assert one.texts == other.texts
        assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=1e-3)


def gpus_taken(ray: Any) -> float:
    return float(ray.cluster_resources().get("GPU", 0) - ray.available_resources().get("GPU", 0))


@pytest.mark.parametrize(
    ("gpus", "fits", "nodes", "strategy", "bundles"),
    [(2, 2, 1, "STRICT_PACK", 1), (4, 1, 2, "PACK", 4), (1, 2, 1, None, 0)],
)
def test_a_replica_on_several_gpus_has_a_placement_group(
    cluster: Any, gpus: int, fits: int, nodes: int, strategy: str | None, bundles: int
) -> None:
    """The GPUs are numbers of Ray's; nothing computes on them. Two nodes have two each."""
    import ray

    added = [cluster.add_node(num_cpus=1, num_gpus=2) for _ in range(2)]
    cluster.wait_for_nodes()
    place = RayCluster()
    try:
        need = Need({"CPU": 1, "GPU": gpus})
        assert (
            place.has_gpus and place.fits(need) == 4 // gpus - (gpus == 1) * 2 if gpus != 1 else place.fits(need) == 2
        )
        worker = place.start("tiny", need)

        async def ask() -> tuple[str, int]:
            about = await worker.describe()
            return about.digest, len((await worker.answer([Generate(Prompt("a"), max_tokens=2)])).results)

        assert asyncio.run(ask()) == (resolve("tiny").identity.digest, 1)
        groups = [one for one in ray.util.placement_group_table().values() if one["state"] == "CREATED"]
        assert [one["strategy"] for one in groups] == [strategy] * bool(strategy)
        if strategy:
            assert len(groups[0]["bundles"]) == bundles and len(set(groups[0]["bundles_to_node_id"].values())) == nodes
            group = worker.group  # type: ignore[attr-defined]
            where = ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group)
            several = ray.remote(num_cpus=0)(_has_gpus_of_several_nodes).options(scheduling_strategy=where)
            assert ray.get(several.remote()) is (bundles > 1)
        assert gpus_taken(ray) == gpus
        worker.kill()
        end = time.monotonic() + 60
        while gpus_taken(ray) and time.monotonic() < end:
            time.sleep(0.1)
        assert not gpus_taken(ray), "the GPUs of a replica that has ended are free for the next"
    finally:
        place.close()
        for node in added:
            cluster.remove_node(node)
