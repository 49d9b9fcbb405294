"""Counting tokens, with the tokenizer itself as the oracle, and without loading any weights."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, ModelError, Prompt, Tokenize, UsageError
from evalkit.models import resolve
from evalkit.models.tiny import TINY

transformers = pytest.importorskip("transformers")
TEXTS = ["", " ", "Hello, world.", "naïve café 東京 🙂", "a" * 500, "<|bos|>", "\n\n\t", "x = {'a': [1, 2.5]}"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer's files of the embedded model and nothing else."""
    folder = tmp_path_factory.mktemp("tokenizer")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / name, folder / name)
    return folder


def count(model: Any, text: str) -> int:
    return asyncio.run(model.answer(Tokenize(text))).usage.prompt_tokens


def test_a_model_and_its_tokenizer_alone_count_what_the_tokenizer_counts(alone: Path) -> None:
    oracle = transformers.AutoTokenizer.from_pretrained(TINY)
    whole, part = resolve("tiny"), resolve(f"tokenizer/{alone}")
    for text in TEXTS:
        expected = len(oracle(text, add_special_tokens=False)["input_ids"])
        assert count(whole, text) == count(part, text) == expected
    # No weights were loaded for it.
    assert getattr(whole, "_loading", "renamed") is None


def test_a_tokenizer_answers_nothing_else_and_is_known_by_its_files(alone: Path, tmp_path: Path) -> None:
    model = resolve(f"tokenizer/{alone}")
    with pytest.raises(ModelError, match="only counts tokens"):
        asyncio.run(model.answer(Choose(Prompt("a"), ("b",))))
    shutil.copytree(alone, tmp_path / alone.name)
    assert resolve(f"tokenizer/{tmp_path / alone.name}").identity == model.identity
    text = (alone / "tokenizer_config.json").read_text()
    (tmp_path / alone.name / "tokenizer_config.json").write_text(text + " ")
    assert resolve(f"tokenizer/{tmp_path / alone.name}").identity.digest != model.identity.digest


def test_the_tokenizer_of_a_model_folder_is_found_too() -> None:
    assert count(resolve(f"tokenizer/{TINY}"), "Hello.") == count(resolve("tiny"), "Hello.")


@pytest.mark.parametrize(
    ("name", "options", "wrong"),
    [
        ("./nowhere", {}, "no model folder"),
        ("{empty}", {}, "has no tokenizer"),
        ("{alone}", {"dtype": "float32"}, "no option of a tokenizer named 'dtype'"),
    ],
)
def test_mistakes(alone: Path, tmp_path: Path, name: str, options: dict[str, str], wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        resolve("tokenizer/" + name.format(alone=alone, empty=tmp_path), options)


def test_a_broken_tokenizer_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UsageError, match="can't be loaded"):
        count(resolve(f"tokenizer/{tmp_path}"), "a")


def test_a_lone_surrogate_fails_one_request(alone: Path) -> None:
    with pytest.raises(ModelError, match="refused the text"):
        count(resolve(f"tokenizer/{alone}"), "\ud800")
