"""Every variant of one model is a model of its own: its identity, cache key and signature are like no other's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Model
from evalkit.models import resolve
from evalkit.models.hf import provider
from evalkit.models.hf.loading.quantization_methods import METHODS
from evalkit.models.response_cache import request_key
from evalkit.models.tiny import TINY
from tests.models.quantized.reference import choices

pytest.importorskip("torch")
pytest.importorskip("transformers")


def variants(adapters: dict[str, Path]) -> list[str]:
    """Options of the embedded model: every method with every setting that it heeds, every type, adapter and way."""
    found = ["", "dtype=bfloat16", "dtype=float16", "attention=eager", "attention=sdpa", "device_map=auto"]
    found += ["compile=true", "compile=max-autotune", "tp_plan=auto", "chat=on"]
    for method in METHODS.values():
        found.append(f"quant={method.name}")
        found.append(f"quant={method.name},dtype=bfloat16")
        settings = {"compute_dtype": "float16", "group_size": "16", "int8_threshold": "0", "quant_skip": "down_proj"}
        found += [f"quant={method.name},{name}={settings[name]}" for name in sorted(method.takes)]
    for folder in adapters.values():
        found += [f"adapter={folder}", f"adapter={folder},adapter_merge=true", f"quant=nf4,adapter={folder}"]
    return found


@pytest.fixture
def adapters(tmp_path: Path) -> dict[str, Path]:
    """Two adapters as far as their files, under one folder name."""
    folders = {}
    for name in ("one", "two"):
        folders[name] = tmp_path / name / "checkpoint-500"
        folders[name].mkdir(parents=True)
        (folders[name] / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 8}))
        (folders[name] / "adapter_model.safetensors").write_bytes(name.encode())
    return folders


def test_all_pairs_of_variants_differ(adapters: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "missing", lambda modules: [])  # nothing is loaded
    models = {options: resolve(f"tiny,{options}" if options else "tiny") for options in variants(adapters)}
    keys = {options: request_key(model.identity, choices()[0]) for options, model in models.items()}
    names = {options: model.identity.name for options, model in models.items()}
    assert len(models) > 80
    for one, other in combinations(models, 2):
        # The name alone would tell them apart; the facts have to, too.
        assert set(models[one].identity.facts) != set(models[other].identity.facts), (one, other)
        assert keys[one] != keys[other], (one, other)
        assert names[one] != names[other], (one, other)


def test_what_is_said_and_what_is_a_default_are_one_identity() -> None:
    for said, short in (
        ("quant=nf4,compute_dtype=float32", "quant=nf4"),
        ("quant=int8,int8_threshold=6", "quant=int8"),
        ("quant=torchao-int4,group_size=32", "quant=torchao-int4"),
        ("quant=nf4,quant_skip=q_proj,down_proj", "quant=nf4,quant_skip=down_proj , q_proj"),
    ):
        pytest.importorskip(METHODS[short.partition(",")[0].partition("=")[2]].modules[0])
        one, other = (dict(resolve(f"tiny,{options}").identity.facts) for options in (said, short))
        assert one == other


def test_files_and_backends_differ(tmp_path: Path, written: Callable[[str], Path]) -> None:
    """The same weights in three forms, one of them changed by a bit: four models."""
    changed = tmp_path / "changed"
    shutil.copytree(TINY, changed)
    weights = bytearray((changed / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (changed / "model.safetensors").write_bytes(bytes(weights))
    pytest.importorskip("llama_cpp", reason="pip install llama-cpp-python")
    models: list[Model] = [
        resolve(f"hf/{TINY}"),
        resolve(f"hf/{changed}"),
        resolve(f"gguf/{written('F16')}"),
        resolve(f"gguf/{written('Q8_0')}"),
        resolve(f"hf/{written('F16')}"),
    ]
    assert len({dict(model.identity.facts)["weights"] for model in models[:2]}) == 2
    assert len({tuple(sorted(model.identity.facts)) for model in models}) == len(models)
    backends = [dict(model.identity.facts)["backend"] for model in models]
    assert backends[0] == backends[1] == backends[4] == "transformers" != backends[2]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    pytest.importorskip("gguf", reason="writing GGUF files needs the package gguf: pip install gguf")
    from tools.write_gguf import write

    return lambda kind: write(TINY, tmp_path / f"tiny-{kind}.gguf", kind)


def test_signatures_differ(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="pip install 'evalkit-harness[quant]'")
    pytest.importorskip("torchao", reason="pip install 'evalkit-harness[quant]'")
    specs = ["tiny", "tiny,dtype=bfloat16", "tiny,quant=nf4", "tiny,quant=torchao-int4"]
    runs = evalkit.run("toy_mmlu", specs, limit=2, out=tmp_path / "runs", cache=False)
    signatures: list[Any] = [run.manifest.tasks[0].result.signature for run in runs if run.manifest.tasks[0].result]
    assert len(set(signatures)) == len(specs)
