"""`hf/<file>.gguf`: transformers loads the file, and its quantized weights are widened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Choose, Generate, Prompt, Request, UsageError
from evalkit.models import resolve
from evalkit.models.hf.loading import gguf_files
from evalkit.models.tiny import TINY
from tests.models.oracle import answers

pytest.importorskip("torch")
pytest.importorskip("transformers")

REQUESTS: list[Request] = [
    Choose(Prompt("Question: What is the capital of France?\nAnswer:"), ("Paris", "Rome", "Oslo")),
    Generate(Prompt("The cat sat on the"), max_tokens=8),
    Choose(Prompt("naïve café, 東京 🙂"), (" 1234", "'s not")),
]


def test_float32_weights_are_those_of_the_folder(
    written: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder, file = answers(resolve("tiny"), REQUESTS), answers(resolve(f"hf/{written('F32')}"), REQUESTS)
    for a, b in zip(file, folder, strict=True):
        assert a.loglikelihoods == pytest.approx(b.loglikelihoods, abs=1e-5)
        assert (a.texts, a.usage, a.rendered_digest) == (b.texts, b.usage, b.rendered_digest)
    assert "%|" not in capfd.readouterr().err  # a bar of transformers' own


def test_quantized_weights_are_widened_and_tell_the_models_apart(written: Callable[..., Path]) -> None:
    """Against llama.cpp on the same file, where it is: what remains is its arithmetic of 8-bit activations."""
    model = resolve(f"hf/{written('Q8_0')}")
    assert model.identity.name == f"hf/{TINY.name}-Q8_0.gguf"
    assert model.identity.digest != resolve(f"hf/{written('F32')}").identity.digest
    ours, plain = answers(model, REQUESTS), answers(resolve("tiny"), REQUESTS)
    apart = [abs(a - b) for a, b in zip(ours[0].loglikelihoods, plain[0].loglikelihoods, strict=True)]
    assert 1e-4 < max(apart) < 1
    pytest.importorskip(
        "llama_cpp", reason="pip install 'evalkit-harness[gguf]' compiles llama-cpp-python in 5 to 12 minutes"
    )
    other = answers(resolve(f"gguf/{written('Q8_0')}"), REQUESTS)
    assert other[0].loglikelihoods == pytest.approx(ours[0].loglikelihoods, abs=0.5)


def test_the_tokenizer_is_taken_out_once_for_all_copies_of_a_file(
    written: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "cache"))
    taken: list[Path] = []
    take_out = gguf_files._take_out

    def watched(path: Path, draft: Path, architecture: str) -> None:
        taken.append(path)
        take_out(path, draft, architecture)

    monkeypatch.setattr(gguf_files, "_take_out", watched)
    first, second = tmp_path / "one.gguf", tmp_path / "elsewhere" / "two.gguf"
    second.parent.mkdir()
    for place in (first, second):
        shutil.copy(written("Q8_0"), place)
        model = resolve(f"hf/{place}")
        assert model.identity.name == f"hf/{place.name}"
    assert taken == [first]
    assert capfd.readouterr().err.count("taking the tokenizer out of one.gguf, once") == 1
    # Another file, and another transformers that may cut texts otherwise, have it done again.
    shutil.copy(written("F32"), second)
    resolve(f"hf/{second}")
    assert taken == [first, second]
    monkeypatch.setattr(gguf_files, "installed", lambda name: "9.9")
    resolve(f"hf/{first}")
    assert taken == [first, second, first]


def test_a_file_that_is_not_there_or_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        resolve(f"hf/{tmp_path}/none.gguf")
    (tmp_path / "x.gguf").write_bytes(b"PK\3\4 something else")
    with pytest.raises(UsageError, match="not a GGUF file"):
        resolve(f"hf/{tmp_path}/x.gguf")
