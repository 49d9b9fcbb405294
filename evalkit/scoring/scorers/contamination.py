"""Signs that a text was in a model's training data: overlap with a corpus, and how likely its rarest tokens are."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.metrics import mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _MinK(ScoreSample):
    share: float

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        values = sorted(replies[-1].token_loglikelihoods) if replies else []
        if not values:
            raise ValueError("no log-likelihood for each token; use token_likelihoods() as the method")
        count = max(1, int(len(values) * self.share))
        return (
            Score("min_k", math.fsum(values[:count]) / count, reason=f"{count} of {len(values)} tokens"),
            Score("token_loglikelihood", math.fsum(values) / len(values)),
        )


def min_k(*, share: float = 0.2) -> Scorer:
    """`min_k`: the mean log-likelihood (nats) of the least likely `share` of a text's tokens; `token_loglikelihood`:
    that of all of them. Higher values speak for a text that was seen.

    The number of tokens is rounded down, and at least 1. Source: Min-K% Prob, Shi et al. 2024 (arXiv 2310.16789),
    where 20 % did best. Scoring raises ValueError where the reply has no log-likelihood for each token.
    """
    if not 0.0 < share <= 1.0:
        raise UsageError("share lies above 0 and is at most 1", found=f"share={share:g}", fix="share=0.2")

    names = ("min_k", "token_loglikelihood")
    metrics = tuple(mean(name, scale="number") for name in names)
    return Scorer("min_k", _MinK(share), names, metrics, {"share": f"{share:g}"})


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


def ngram_overlap(texts: Callable[[], Iterable[str]], *, n: int = 13, name: str = "") -> Scorer:
    """`overlap`: the share of a sample's word n-grams that stand in the corpus; `contaminated`: 1 where any does.

    Words are runs of letters and digits, in lower case. `texts` gives the corpus, anew at each call; it is read once,
    when the first sample is scored, and takes 8 bytes a word. The text is `sample.data["original"]` where there is
    one, else the input. One with fewer than n words is looked up in nothing and scores 0 with a reason.

    13 words are GPT-3's (Brown et al. 2020, appendix C), 8 PaLM's (Chowdhery et al. 2022, section 8). `name` says in
    the signature which corpus it is.
    """
    if n < 1:
        raise UsageError("an n-gram has at least 1 word", found=f"n={n}", fix="n=13")

    metrics = (mean("overlap", higher_is_better=False), mean("contaminated", higher_is_better=False))
    settings = {"n": str(n)} | ({"corpus": name} if name else {})
    return Scorer("ngram_overlap", _NgramOverlap(_Corpus(texts, n), n), ("overlap", "contaminated"), metrics, settings)


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
