"""Adapters give PEFT's own numbers, merged or not; several share one base without touching each other."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Choose, Generate, Model, Reply, Request, UnavailableError, UsageError
from evalkit.models import resolve
from evalkit.models.hf import provider
from evalkit.models.hf.loading import loaded_model as loading
from evalkit.models.hf.loading import weight_cache
from evalkit.models.tiny import TINY
from tests.models.oracle import answers
from tests.models.quantized.reference import Reference, choices, texts

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft", reason="pip install 'evalkit-harness[adapters]'")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.slow("trains adapters")

_MERGED = 1e-3
"""A sum of float32 products taken in another order; 2e-5 was seen."""


def reference(folder: Path | None) -> Reference:
    """The embedded model under an adapter, by peft alone."""
    model = transformers.AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    if folder is not None:
        model = peft.PeftModel.from_pretrained(model, folder)
    return Reference(model, transformers.AutoTokenizer.from_pretrained(TINY))


def differences(replies: Sequence[Reply], expected: Reference) -> float:
    worst = 0.0
    for request, reply in zip(choices(), replies, strict=True):
        assert isinstance(request, Choose)
        pairs = zip(reply.loglikelihoods, expected.loglikelihoods(request), strict=True)
        worst = max(worst, *(abs(got - wanted) for got, wanted in pairs))
    return worst


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checkpoints that were loaded, one entry each time."""
    found: list[str] = []
    right = loading.load

    def load(checkpoint: Any, *rest: Any) -> Any:
        found.append(checkpoint.source)
        return right(checkpoint, *rest)

    monkeypatch.setattr(weight_cache, "load", load)
    return found


def test_scores_and_texts_are_those_of_peft_itself(trained: dict[str, Path]) -> None:
    expected = reference(trained["rare"])
    model = resolve(f"tiny,adapter={trained['rare']}")
    replies = answers(model, [*choices(), *texts()])
    assert differences(replies[: len(choices())], expected) <= 1e-4
    for request, reply in zip(texts(), replies[len(choices()) :], strict=True):
        assert isinstance(request, Generate)
        assert reply.texts[0].strip() == expected.written(request).strip()


def test_an_adapter_changes_the_numbers(trained: dict[str, Path]) -> None:
    replies = answers(resolve(f"tiny,adapter={trained['swapped']}"), choices())
    assert differences(replies, reference(None)) > 0.5


def test_merged_and_unmerged_agree(trained: dict[str, Path]) -> None:
    merged = answers(resolve(f"tiny,adapter={trained['rare']},adapter_merge=true"), choices())
    apart = answers(resolve(f"tiny,adapter={trained['rare']}"), choices())
    for one, other in zip(merged, apart, strict=True):
        assert one.loglikelihoods == pytest.approx(other.loglikelihoods, abs=_MERGED)
        assert one.greedy == other.greedy


def test_models_that_are_asked_at_the_same_time_share_weights_and_nothing_else(
    trained: dict[str, Path], loads: list[str]
) -> None:
    """Requests to two adapters and the bare model go to and fro; each has its own numbers. The oracle is peft."""
    models = [
        resolve("tiny"),
        resolve(f"tiny,adapter={trained['rare']}"),
        resolve(f"tiny,adapter={trained['swapped']}"),
    ]

    async def ask() -> list[list[Reply]]:
        replies: list[list[Reply]] = [[] for _ in models]
        for request in choices():
            found = await asyncio.gather(*(model.answer(request) for model in models))
            for own, reply in zip(replies, found, strict=True):
                own.append(reply)
        for model in models:
            await model.close()
        return replies

    replies = asyncio.run(ask())
    assert len(loads) == 1
    for own, folder in zip(replies, (None, trained["rare"], trained["swapped"]), strict=True):
        assert differences(own, reference(folder)) <= 1e-4


def test_a_run_over_several_adapters_loads_the_base_once(
    trained: dict[str, Path], loads: list[str], tmp_path: Path
) -> None:
    names = ["tiny", *(f"tiny,adapter={folder}" for folder in trained.values())]
    runs = evalkit.run("toy_mmlu", names, limit=24, out=tmp_path / "runs", cache=False)
    assert len(loads) == 1
    assert len({run.manifest.model["digest"] for run in runs}) == 3
    replies = [[tuple(record.replies[0].loglikelihoods) for record in run.records()] for run in runs]
    assert replies[0] != replies[1] != replies[2] != replies[0]


def test_weights_that_wait_go_when_others_come(trained: dict[str, Path], loads: list[str], tmp_path: Path) -> None:
    """first and last want the same weights; the model between them has others, and only one set is held at a time."""
    first, between, last = resolve("tiny"), resolve("tiny,dtype=bfloat16"), resolve("tiny,chat=on")
    held: list[int] = []

    async def ask(model: Model) -> None:
        await model.answer(choices()[0])
        held.append(sum(shelf.base is not None for shelf in weight_cache._shelves.values()))
        await model.close()

    for model in (first, between, last):
        asyncio.run(ask(model))
    assert held == [1, 1, 1]
    assert len(loads) == 3


def test_weights_of_a_model_that_nobody_closed_go_with_it(loads: list[str]) -> None:
    model = resolve("tiny,max_length=256")
    asyncio.run(model.answer(choices()[0]))
    assert any(shelf.base is not None for shelf in weight_cache._shelves.values())
    del model
    gc.collect()
    assert not weight_cache._shelves


def test_weights_are_kept_for_the_next_model_that_wants_them(loads: list[str]) -> None:
    first, second = resolve("tiny"), resolve("tiny,max_length=512")
    assert answers(first, choices()[:1])[0].loglikelihoods == answers(second, choices()[:1])[0].loglikelihoods
    assert len(loads) == 1


def test_adapters_stand_over_quantized_weights(trained: dict[str, Path]) -> None:
    bnb = pytest.importorskip("bitsandbytes", reason="pip install 'evalkit-harness[quant]'")
    replies = answers(resolve(f"tiny,quant=nf4,adapter={trained['rare']}"), choices())
    config = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(
        TINY, dtype=torch.float32, quantization_config=config, device_map="cpu"
    )
    for module in model.modules():
        if isinstance(module, bnb.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False
    model = peft.PeftModel.from_pretrained(model, trained["rare"])
    assert differences(replies, Reference(model, transformers.AutoTokenizer.from_pretrained(TINY))) <= 1e-3


def test_the_identity_holds_the_content_not_the_place(trained: dict[str, Path], tmp_path: Path) -> None:
    def digest(spec: str) -> str:
        return resolve(spec).identity.digest

    here = digest(f"tiny,adapter={trained['rare']}")
    moved = tmp_path / "rare"
    shutil.copytree(trained["rare"], moved)
    config = json.loads((moved / "adapter_config.json").read_text())
    (moved / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": "elsewhere"}))
    assert digest(f"tiny,adapter={moved}") == here
    (moved / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 99}))
    assert digest(f"tiny,adapter={moved}") != here
    others = {digest("tiny"), digest(f"tiny,adapter={trained['swapped']}")}
    assert len({here, *others, digest(f"tiny,adapter={trained['rare']},adapter_merge=true")}) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target_modules": ["nothing_is_called_so"]}, "does not fit"),
        ({"r": 3}, "does not fit"),
        ({"peft_type": "PROMPT_TUNING"}, "writes vectors into the prompt"),
    ],
)
def test_an_adapter_that_cannot_be_used_says_why(
    change: dict[str, Any], said: str, trained: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(trained["rare"], folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UsageError, match=said):
        answers(resolve(f"tiny,adapter={folder}"), choices()[:1])


def test_names_that_are_no_adapter(tmp_path: Path, trained: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="no adapter folder"):
        resolve(f"tiny,adapter={tmp_path / 'nowhere'}")
    with pytest.raises(UsageError, match="is not an adapter"):
        resolve(f"tiny,adapter={TINY}")
    with pytest.raises(UsageError, match="no adapter to merge"):
        resolve("tiny,adapter_merge=true")
    with pytest.raises(UsageError, match=r"is an adapter, not a model[\s\S]*adapter="):
        resolve(f"hf/{trained['rare']}")


def test_without_peft_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, trained: dict[str, Path]
) -> None:
    monkeypatch.setattr(provider, "missing", lambda modules: list(modules))
    with pytest.raises(UnavailableError, match=r"needs peft, which is not installed\n.*evalkit-harness\[adapters\]"):
        resolve(f"tiny,adapter={trained['rare']}")


def test_an_adapter_that_trained_biases_has_a_base_of_its_own(
    trained: dict[str, Path], loads: list[str], tmp_path: Path
) -> None:
    """Its biases would stay in the base under everybody else."""
    folder = tmp_path / "biased"
    shutil.copytree(trained["rare"], folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "bias": "all"}))
    models: list[Model] = [resolve("tiny"), resolve(f"tiny,adapter={folder}")]
    requests: list[Request] = choices()[:1]
    for model in models:
        answers(model, requests)
    assert len(loads) == 2
    assert loading.load is not getattr(weight_cache, "load")  # noqa: B009
