"""Signs that a text was in a model's training data: overlap with a corpus, and how likely its rarest tokens are."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from evalkit.core import BadRow, DataOptions, Reply, Sample, Score, Scorer, ScoreSample, Source, UsageError
from evalkit.scoring.metrics import mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _MinK(ScoreSample):
    proportion: float

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        values = sorted(replies[-1].token_loglikelihoods) if replies else []
        if not values:
            raise ValueError("no log-likelihood for each token; use token_likelihoods() as the method")
        count = max(1, int(len(values) * self.proportion))
        return (
            Score("min_k", math.fsum(values[:count]) / count, reason=f"{count} of {len(values)} tokens"),
            Score("token_loglikelihood", math.fsum(values) / len(values)),
        )


def min_k(*, proportion: float = 0.2) -> Scorer:
    """The mean log-likelihood (nats) of a text's least likely tokens, `min_k`; of all of them, `token_loglikelihood`.

    The least likely are `proportion` of them, rounded down and at least 1. Higher values speak for a text that was
    seen. Source: Min-K% Prob, Shi et al. 2024 (arXiv 2310.16789), where 20 % did best. Scoring raises ValueError where
    the reply has no log-likelihood for each token.
    """
    if not 0.0 < proportion <= 1.0:
        raise UsageError(
            "proportion must be above 0 and at most 1", found=f"proportion={proportion:g}", fix="proportion=0.2"
        )

    names = ("min_k", "token_loglikelihood")
    metrics = tuple(mean(name, scale="number") for name in names)
    return Scorer("min_k", _MinK(proportion), names, metrics, {"proportion": f"{proportion:g}"})


@dataclass(frozen=True, slots=True)
class _NgramOverlap(ScoreSample):
    corpus: _Corpus
    n: int

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        text = sample.data.get("original", sample.input)
        grams = list(_grams(str(text), self.n))
        if not grams:
            reason = f"fewer than {self.n} words"
            return (Score("overlap", 0.0, reason=reason), Score("contaminated", 0.0, reason=reason))
        found = await self.corpus.count(grams)
        return Score("overlap", found / len(grams)), Score("contaminated", float(found > 0))


def ngram_overlap(
    texts: Callable[[], Iterable[str]] | None = None,
    *,
    corpus: str = "",
    column: str = "text",
    n: int = 13,
    name: str = "",
    base: Path | None = None,
) -> Scorer:
    """The proportion of a sample's word n-grams that a corpus contains, `overlap`; `contaminated` is 1 if any is.

    Words are runs of letters and digits, in lower case. The corpus is in the files `corpus` (tables, of which `column`
    is read, or texts; relative paths are meant from `base`), or `texts` gives it, anew at each call. It is read once,
    when the first sample is scored, and takes 8 bytes a word. The text is `sample.data["original"]` where there is
    one, else the input. One with fewer than n words is looked up in nothing and scores 0 with a reason.

    13 words are GPT-3's (Brown et al. 2020, appendix C), 8 PaLM's (Chowdhery et al. 2022, section 8). `name` says in
    the signature which corpus it is: the digest of its files where it is not given. Raises UsageError without a corpus,
    for files that are not there and for n below 1.
    """
    if n < 1:
        raise UsageError("an n-gram has at least 1 word", found=f"n={n}", fix="n=13")
    if texts is None:
        if not corpus:
            raise UsageError("ngram_overlap needs a corpus", fix="ngram_overlap: {corpus: pages/*.jsonl}")
        source = texts_in(corpus, base)
        # Opened here, so that a corpus that is not there shows before anything is asked.
        name = name or source.open(DataOptions()).digest[:8]
        texts = partial(column_of, source, column)

    metrics = (mean("overlap", higher_is_better=False), mean("contaminated", higher_is_better=False))
    settings = {"n": str(n)} | ({"corpus": name} if name else {})
    return Scorer("ngram_overlap", _NgramOverlap(_Corpus(texts, n), n), ("overlap", "contaminated"), metrics, settings)


def texts_in(pattern: str, base: Path | None = None) -> Source:
    """The rows of tables (`data.formats.ENDINGS`), or text files, by the ending of the pattern."""
    from evalkit.data import files, texts
    from evalkit.data.formats import ENDINGS

    is_table = pattern.endswith(ENDINGS)
    return files(pattern, base=base) if is_table else texts(pattern, base=base)


def column_of(source: Source, column: str) -> Iterator[str]:
    """A column of every row, as text. Raises UsageError for a row that cannot be read or lacks the column."""
    for row in source.open(DataOptions()).rows():
        if isinstance(row, BadRow):
            raise UsageError("a row of the corpus cannot be read", found=row.problem, at=row.origin)
        if column not in row.values:
            found = f"the columns {', '.join(map(str, row.values))}"
            raise UsageError(f"the corpus has no column {column!r}", found=found, at=row.origin)
        yield str(row.values[column])


class _Corpus:
    """The n-grams of a corpus as sorted 64-bit hashes, made by the first look-up."""

    def __init__(self, texts: Callable[[], Iterable[str]], n: int) -> None:
        self._texts, self._n = texts, n
        self._hashes: NDArray[np.uint64] | None = None
        self._lock = Lock()

    async def count(self, grams: list[int]) -> int:
        """How many of the n-grams (hashes) are in the corpus."""
        import numpy as np

        if self._hashes is None:
            await asyncio.to_thread(self._read)
        assert self._hashes is not None
        wanted = np.array(grams, np.uint64)
        places = np.searchsorted(self._hashes, wanted)
        inside = places < len(self._hashes)
        return int((self._hashes[places[inside]] == wanted[inside]).sum())

    def _read(self) -> None:
        import numpy as np

        # Many samples wait for the corpus at once; the first of them reads it.
        with self._lock:
            if self._hashes is not None:
                return
            parts = [np.fromiter(_grams(text, self._n), np.uint64) for text in self._texts()]
            self._hashes = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)


def _grams(text: str, n: int) -> Iterator[int]:
    """A 64-bit hash of each run of n words."""
    words = _WORD.findall(text.lower())
    for start in range(len(words) - n + 1):
        gram = " ".join(words[start : start + n]).encode("utf-8", "surrogatepass")
        yield int.from_bytes(hashlib.blake2b(gram, digest_size=8).digest(), "little")
