"""BERTScore against the bert-score package called directly, on a small random BERT made here."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Reply, Sample, Score, UsageError, Validity
from evalkit.scoring.scorers import bertscore

Scored = Callable[..., dict[str, Score]]
WORDS = ["cat", "dog", "sat", "mat", "on", "the", "a", "red", "##s", "##ed", ".", ","]
POSITIONS = 24


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("bert_score", reason="bert-score is not installed")
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder: Path = tmp_path_factory.mktemp("encoder")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=POSITIONS,
    )
    transformers.BertModel(config).save_pretrained(folder)
    # No model_max_length: bert-score alone would overflow.
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def oracle(encoder: Path) -> Any:
    bert_score = pytest.importorskip("bert_score")
    made = bert_score.BERTScorer(model_type=str(encoder), num_layers=3, batch_size=4, device="cpu")
    made._tokenizer.model_max_length = POSITIONS
    return made


def text(rng: random.Random) -> str:
    return " ".join(rng.choices([word for word in WORDS if "#" not in word], k=rng.randrange(1, 9)))


def test_equals_the_package(encoder: Path, oracle: Any) -> None:
    rng = random.Random(5)
    pairs = [(text(rng), [text(rng) for _ in range(rng.randrange(1, 3))]) for _ in range(40)]
    expected = oracle.score([said for said, _ in pairs], [targets for _, targets in pairs])
    scorer = bertscore(str(encoder), device="cpu")

    async def score_all() -> list[tuple[Score, ...]]:
        return await asyncio.gather(
            *(
                scorer.score(Sample(str(n), "q", targets=tuple(targets)), (Reply(texts=(said,), finish=("stop",)),))
                for n, (said, targets) in enumerate(pairs)
            )
        )

    found = asyncio.run(score_all())
    for place, column in enumerate(expected):
        assert [scores[place].value for scores in found] == pytest.approx(column.tolist(), abs=1e-6)
    assert len({scores[2].value for scores in found}) > 20


def test_samples_that_wait_together_pass_the_encoder_together(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bert_score = pytest.importorskip("bert_score")
    sizes: list[int] = []
    original = bert_score.BERTScorer.score

    def counted(self: Any, texts: list[str], *args: Any, **kwargs: Any) -> Any:
        sizes.append(len(texts))
        return original(self, texts, *args, **kwargs)

    monkeypatch.setattr(bert_score.BERTScorer, "score", counted)
    scorer = bertscore(str(encoder), device="cpu")
    sample = Sample("1", "q", targets=("the cat sat",))

    async def score_all() -> None:
        replies = [(Reply(texts=(f"the {word}",), finish=("stop",)),) for word in ("cat", "dog", "mat")]
        await asyncio.gather(*(scorer.score(sample, reply) for reply in replies))

    asyncio.run(score_all())
    assert sizes == [3]


def test_the_same_text_scores_one_and_the_chosen_layer_matters(scored: Scored, encoder: Path) -> None:
    sample = Sample("1", "q", targets=("the cat sat",))
    same = scored(bertscore(str(encoder), device="cpu"), sample, "the cat sat")
    assert [score.value for score in same.values()] == pytest.approx([1.0] * 3, abs=1e-6)
    first, last = (
        scored(bertscore(str(encoder), layers=layer, device="cpu"), sample, "a red dog")["bertscore_f1"].value
        for layer in (1, 3)
    )
    assert first != pytest.approx(last, abs=1e-4)


def test_an_empty_reply_scores_nothing_as_no_answer(scored: Scored, encoder: Path) -> None:
    found = scored(bertscore(str(encoder)), Sample("1", "q", targets=("a cat",)), " ")
    assert {(s.value, s.reason, s.validity) for s in found.values()} == {(0.0, "empty", Validity.NO_ANSWER)}


def test_an_empty_target_is_left_out_and_alone_raises(scored: Scored, encoder: Path) -> None:
    scorer = bertscore(str(encoder), device="cpu")
    assert scored(scorer, Sample("1", "q", targets=("", "a cat")), "a cat")["bertscore_f1"].value > 0.99
    with pytest.raises(ValueError, match="no target"):
        scored(scorer, Sample("1", "q", targets=(" ",)), "a cat")


def test_long_text_is_cut_and_the_reason_says_so(scored: Scored, encoder: Path) -> None:
    sample = Sample("1", "q", targets=("a cat",))
    found = scored(bertscore(str(encoder), device="cpu"), sample, "the cat sat on a mat " * 20)
    assert found["bertscore_f1"].reason == f"cut to {POSITIONS} tokens"
    # Twice the characters of the limit, but few tokens.
    assert scored(bertscore(str(encoder), device="cpu"), sample, "x" * 50)["bertscore_f1"].reason == ""


def test_a_path_with_t5_in_it_is_no_t5(scored: Scored, encoder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "not-t5-base"
    shutil.copytree(encoder, elsewhere)
    sample = Sample("1", "q", targets=("the cat sat",))
    there, here = (
        scored(bertscore(str(folder), device="cpu"), sample, "a dog sat")["bertscore_f1"].value
        for folder in (elsewhere, encoder)
    )
    assert there == pytest.approx(here, abs=1e-6)


def test_settings_tell_encoders_apart(encoder: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed" / encoder.name
    shutil.copytree(encoder, changed)
    same = bertscore(str(changed)).settings
    assert same == bertscore(str(encoder)).settings
    weights = changed / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert bertscore(str(changed)).settings["files"] != same["files"]
    assert bertscore(str(changed), layers=2).settings["layers"] == "2"


@pytest.mark.parametrize(("layers", "says"), [(9, "can't be loaded"), (None, "can't be loaded|no layer")])
def test_what_cannot_be_loaded_is_a_usage_error(
    scored: Scored, encoder: Path, monkeypatch: pytest.MonkeyPatch, layers: int | None, says: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = encoder if layers else encoder / "missing"
    with pytest.raises(UsageError, match=says):
        scored(bertscore(str(folder), layers=layers, device="cpu"), Sample("1", "q", targets=("a",)), "a")


def test_a_missing_package_is_a_usage_error(scored: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bert_score", None)
    with pytest.raises(UsageError, match=r"evalkit-harness\[local\]"):
        scored(bertscore("x"), Sample("1", "q", targets=("a",)), "a")


BASELINE = "LAYER,P,R,F\n0,0.1,0.1,0.1\n1,0.2,0.2,0.2\n2,0.3,0.3,0.3\n3,0.4,0.45,0.5\n"


def test_rescaling_by_a_baseline_equals_the_package(scored: Scored, encoder: Path, tmp_path: Path) -> None:
    bert_score = pytest.importorskip("bert_score")
    (tmp_path / "baseline.tsv").write_text(BASELINE)
    path = str(tmp_path / "baseline.tsv")
    package = bert_score.BERTScorer(
        model_type=str(encoder), num_layers=3, device="cpu", lang="xx", rescale_with_baseline=True, baseline_path=path
    )
    package._tokenizer.model_max_length = POSITIONS
    scorer = bertscore(str(encoder), baseline="baseline.tsv", device="cpu", base=tmp_path)
    raw, rng = bertscore(str(encoder), device="cpu"), random.Random(6)
    for _ in range(10):
        said, target = text(rng), text(rng)
        sample = Sample("1", "q", targets=(target,))
        expected = [column.item() for column in package.score([said], [[target]])]
        found = scored(scorer, sample, said)
        assert [score.value for score in found.values()] == pytest.approx(expected, abs=1e-6)
        f1 = scored(raw, sample, said)["bertscore_f1"].value
        assert found["bertscore_f1"].value == pytest.approx((f1 - 0.5) / 0.5, abs=1e-6)
    empty = scored(scorer, Sample("1", "q", targets=("a",)), "")
    assert [score.value for score in empty.values()] == pytest.approx([-0.4 / 0.6, -0.45 / 0.55, -1.0], abs=1e-6)
    assert scorer.settings["baseline"] != bertscore(str(encoder), baseline="en").settings["baseline"]


def test_a_baseline_that_is_not_there_is_a_usage_error(scored: Scored, encoder: Path) -> None:
    with pytest.raises(UsageError, match="baseline 'xx' does not exist"):
        scored(bertscore(str(encoder), baseline="xx", device="cpu"), Sample("1", "q", targets=("a",)), "a")
