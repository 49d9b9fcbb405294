"""METEOR: words matched exactly, by stem and, with WordNet, by meaning; order counts through the number of chunks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean

# nltk's wordpunct tokens: runs of letters and digits, runs of other signs.
_TOKENS = re.compile(r"\w+|[^\w\s]+")

Synonyms = Callable[[str], "set[str]"]


@dataclass(frozen=True, slots=True)
class _Meteor(ScoreSample):
    synonyms: bool
    weights: tuple[float, float, float]
    made: list[tuple[Callable[[str], str], Synonyms | None]] = field(default_factory=list, compare=False)
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        if not answer.text:
            return (Score("meteor", 0.0, None, answer.reason, answer.validity),)
        value = await asyncio.to_thread(self._best, answer.text, sample.targets)
        return (Score("meteor", value, None, answer.reason, answer.validity),)

    def _best(self, text: str, targets: tuple[str, ...]) -> float:
        if not self.made:
            from nltk.stem.porter import PorterStemmer

            self.made.append((PorterStemmer().stem, _wordnet() if self.synonyms else None))
        stem, alike = self.made[0]
        said = _words(text)
        return max(_meteor(said, _words(target), stem, alike, self.weights) for target in targets)


def meteor(*, synonyms: bool = False, alpha: float = 0.9, beta: float = 3.0, gamma: float = 0.5) -> Scorer:
    """METEOR as nltk computes it on wordpunct tokens in lower case; `meteor`, 0 to 1, is the best over the targets.

    Words match exactly, then by Porter's stem, and with `synonyms` by WordNet, whose data nltk must have been given
    (`nltk.download("wordnet")`). Without them it is another measure: the setting `stages` says which was taken, and
    the two are not to be compared. F = PR / (αP + (1-α)R), times 1 - γ·(chunks/matches)^β.

    Source: Lavie & Agarwal 2007. Scoring raises UsageError where WordNet is wanted and missing, ValueError without
    targets.
    """
    settings = {"stages": "exact+stem+synonym" if synonyms else "exact+stem"}
    plain = {"alpha": 0.9, "beta": 3.0, "gamma": 0.5}
    chosen = {"alpha": alpha, "beta": beta, "gamma": gamma}
    settings |= {name: f"{value:g}" for name, value in chosen.items() if value != plain[name]}
    return Scorer("meteor", _Meteor(synonyms, (alpha, beta, gamma)), ("meteor",), (mean("meteor"),), settings)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _TOKENS.findall(text)]


def _meteor(
    said: Sequence[str],
    wanted: Sequence[str],
    stem: Callable[[str], str],
    alike: Synonyms | None,
    weights: tuple[float, float, float],
) -> float:
    pairs = _aligned(said, wanted, stem, alike)
    if not pairs:
        return 0.0
    alpha, beta, gamma = weights
    precision, recall = len(pairs) / len(said), len(pairs) / len(wanted)
    f_mean = precision * recall / (alpha * precision + (1 - alpha) * recall)
    follows = sum(b == (a[0] + 1, a[1] + 1) for a, b in pairwise(pairs))
    penalty: float = gamma * ((len(pairs) - follows) / len(pairs)) ** beta
    return (1 - penalty) * f_mean


def _aligned(
    said: Sequence[str], wanted: Sequence[str], stem: Callable[[str], str], alike: Synonyms | None
) -> list[tuple[int, int]]:
    """Pairs of places whose words match, in the order of the text: each stage takes what the last one left.

    A stage goes through the text from its end and pairs a word with the last free one of the reference, as nltk does.
    """
    ours, theirs = dict(enumerate(said)), dict(enumerate(wanted))
    pairs: list[tuple[int, int]] = []
    stages: list[tuple[Callable[[str], str], Callable[[str], set[str]]]] = [
        (lambda word: word, lambda word: {word}),
        (stem, lambda word: {word}),
    ]
    if alike is not None:
        # As in nltk, WordNet is asked for the stem of a word and gives what must be the stem of the other.
        stages.append((stem, lambda word: alike(word) | {word}))
    for form, meant in stages:
        free: dict[str, list[int]] = {}
        for place in sorted(theirs):
            free.setdefault(form(theirs[place]), []).append(place)
        for place in sorted(ours, reverse=True):
            last = max((free[word][-1] for word in meant(form(ours[place])) if free.get(word)), default=-1)
            if last >= 0:
                free[form(theirs[last])].pop()
                pairs.append((place, last))
                del ours[place], theirs[last]
    return sorted(pairs)


def _wordnet() -> Synonyms:
    from nltk.corpus import wordnet

    reader: Any = wordnet
    try:
        reader.ensure_loaded()
    except LookupError:
        raise UsageError(
            "METEOR with synonyms needs WordNet, which nltk has not",
            fix="python -m nltk.downloader wordnet, or synonyms: false (another measure, with that name)",
        ) from None

    def alike(word: str) -> set[str]:
        names = (lemma.name() for synset in reader.synsets(word) for lemma in synset.lemmas())
        return {name for name in names if "_" not in name}

    return alike
