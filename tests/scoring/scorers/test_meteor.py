"""METEOR against nltk's, which reads a real WordNet database: an empty one, and one of a few words made here."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Sample, Score, UsageError, Validity
from evalkit.scoring.scorers import meteor

Scored = Callable[..., dict[str, Score]]
nltk_meteor = pytest.importorskip("nltk.translate.meteor_score", reason="nltk is the oracle")
tokenize = pytest.importorskip("nltk.tokenize").wordpunct_tokenize

SYNSETS = [("car", "auto", "motorcar"), ("big", "large"), ("sit", "sat_down", "seat"), ("cat", "feline")]
WORDS = ["the", "The", "a", "car", "auto", "cars", "motorcar", "big", "large", "bigger", "sat", "sitting", "sit"]
WORDS += ["seat", "cat", "cats", "feline", "felines", "on", ",", ".", "it's"]


def wordnet(root: Path, synsets: list[tuple[str, ...]]) -> Any:
    """A WordNet database in its own format (wndb(5WN)), read by nltk's reader. Every word is a noun here."""
    reader = pytest.importorskip("nltk.corpus.reader.wordnet").WordNetCorpusReader
    folder = root / "corpora" / "wordnet"
    folder.mkdir(parents=True)
    for suffix in ("adj", "adv", "noun", "verb"):
        for name in (f"index.{suffix}", f"data.{suffix}", f"{suffix}.exc"):
            (folder / name).write_text("")
    (folder / "index.sense").write_text("")
    (folder / "cntlist.rev").write_text("")
    (folder / "lexnames").write_text("00\tadj.all\t3\n01\tadj.pert\t3\n02\tadv.all\t4\n03\tnoun.Tops\t1\n")
    data = ""
    places: dict[str, list[int]] = {}
    for words in synsets:
        for word in words:
            places.setdefault(word, []).append(len(data))
        lemmas = " ".join(f"{word} 0" for word in words)
        data += f"{len(data):08d} 03 n {len(words):02x} {lemmas} 000 | made for a test\n"
    (folder / "data.noun").write_text(data)
    lines = (
        f"{word} n {len(at)} 0 {len(at)} 0 {' '.join(f'{n:08d}' for n in at)}\n" for word, at in sorted(places.items())
    )
    (folder / "index.noun").write_text("".join(lines))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # nltk reads from folders that it was told of, and from no others.
        patch.setattr(sys.modules["nltk.data"], "path", [str(root)])
        made = reader(str(folder), None)
        made.synsets("cat")
        return made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return wordnet(tmp_path_factory.mktemp("empty"), [])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return wordnet(tmp_path_factory.mktemp("small"), SYNSETS)


def text(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randrange(1, 12)))


def expected(reader: Any, targets: list[str], said: str, **weights: float) -> float:
    references = [tokenize(target) for target in targets]
    return float(nltk_meteor.meteor_score(references, tokenize(said), wordnet=reader, **weights))


def test_exact_and_stem_equal_nltk_without_synonyms(scored: Scored, empty: Any) -> None:
    rng, seen = random.Random(1), set()
    for _ in range(400):
        targets, said = [text(rng) for _ in range(rng.randrange(1, 4))], text(rng)
        found = scored(meteor(), Sample("1", "q", targets=tuple(targets)), said)["meteor"].value
        assert found == pytest.approx(expected(empty, targets, said), abs=1e-12)
        seen.add(round(found, 4))
    assert len(seen) > 100


@pytest.mark.slow("hundreds of texts, scored twice")
def test_synonyms_equal_nltk_with_a_wordnet(scored: Scored, small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nltk.corpus.wordnet", small)
    rng, gained = random.Random(2), 0
    for _ in range(400):
        targets, said = [text(rng) for _ in range(rng.randrange(1, 4))], text(rng)
        sample = Sample("1", "q", targets=tuple(targets))
        found = scored(meteor(synonyms=True), sample, said)["meteor"].value
        assert found == pytest.approx(expected(small, targets, said), abs=1e-12)
        gained += found > scored(meteor(), sample, said)["meteor"].value
    assert gained > 100


def test_other_weights_equal_nltk(scored: Scored, empty: Any) -> None:
    rng = random.Random(3)
    weights: dict[str, Any] = {"alpha": 0.5, "beta": 1.5, "gamma": 0.3}
    for _ in range(100):
        target, said = text(rng), text(rng)
        found = scored(meteor(**weights), Sample("1", "q", targets=(target,)), said)["meteor"].value
        assert found == pytest.approx(expected(empty, [target], said, **weights), abs=1e-12)


@pytest.mark.parametrize("said", ["…", "猫 が", "a" * 5000, "cat " * 500, "CATS, cats; CAT!", "\u0130stanbul"])
def test_adversarial_texts_equal_nltk(scored: Scored, empty: Any, said: str) -> None:
    target = "the cats sat; 猫 が istanbul"
    found = scored(meteor(), Sample("1", "q", targets=(target,)), said)["meteor"].value
    assert found == pytest.approx(expected(empty, [target], said), abs=1e-12)


def test_without_wordnet_the_variant_is_named_and_the_other_refused(
    scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert meteor().settings == {"stages": "exact+stem"}
    assert meteor(synonyms=True, alpha=0.8).settings == {"stages": "exact+stem+synonym", "alpha": "0.8"}
    import nltk
    from nltk.corpus.util import LazyCorpusLoader

    reader = pytest.importorskip("nltk.corpus.reader.wordnet").WordNetCorpusReader
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setattr("nltk.corpus.wordnet", LazyCorpusLoader("wordnet", reader, None))
    with pytest.raises(UsageError, match="needs WordNet"):
        scored(meteor(synonyms=True), Sample("1", "q", targets=("a",)), "a")


def test_an_empty_reply_is_no_answer(scored: Scored) -> None:
    found = scored(meteor(), Sample("1", "q", targets=("a",)), " ")["meteor"]
    assert (found.value, found.validity) == (0.0, Validity.NO_ANSWER)
    with pytest.raises(ValueError, match="no targets"):
        scored(meteor(), Sample("1", "q"), "a")
