"""BLEU, chrF and TER by sacrebleu: a value for each segment, and the counts that make the corpus's."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from evalkit.core import Metric, Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import corpus
from evalkit.scoring.metrics.corpus import Smooth

Tokenize = Literal["13a", "intl", "char", "zh", "none", "ja-mecab", "ko-mecab", "flores101", "flores200", "spBLEU-1K"]


def bleu(
    *,
    tokenize: Tokenize = "13a",
    lowercase: bool = False,
    smooth: Smooth = "exp",
    smooth_value: float | None = None,
) -> Scorer:
    """BLEU by sacrebleu, of each sample as a sentence and of the task as a corpus; the score is `bleu`, 0 to 1.

    A sentence's BLEU has effective order (without the orders that a short text cannot have); the corpus's has not. With
    several targets, an n-gram may match any of them, and the closest length counts. Some tokenizers need extra packages
    or files. Values are sacrebleu's over 100; the setting `signature` is sacrebleu's without the number of references.

    Scoring raises UsageError if the tokenizer is not available, ValueError without targets.
    """

    def make() -> Any:
        from sacrebleu.metrics.bleu import BLEU

        # Effective order says how counts become a sentence's value; the counts are the same.
        return BLEU(
            lowercase=lowercase,
            tokenize=tokenize,
            smooth_method=smooth,
            smooth_value=smooth_value,
            effective_order=True,
        )

    value = corpus.SMOOTHING[smooth] if smooth_value is None else smooth_value
    said = f"{smooth}[{value:.2f}]" if smooth in ("floor", "add-k") else smooth
    case = "lc" if lowercase else "mixed"
    signature = f"case:{case}|eff:no|tok:{tokenize}|smooth:{said}"
    return _scorer("bleu", make, corpus.bleu(smooth=smooth, smooth_value=smooth_value), signature)


def chrf(*, characters: int = 6, words: int = 0, beta: float = 2.0, lowercase: bool = False) -> Scorer:
    """chrF by sacrebleu, of each sample and of the corpus, as the score `chrf`, 0 to 1; `words=2` is chrF++.

    Of several targets the one that a sample's text is closest to counts. Scoring raises ValueError without targets.
    """
    if characters < 1 or words < 0:
        raise UsageError("chrF needs one order of characters at least", found=f"characters={characters}, words={words}")
    if beta != int(beta):
        raise UsageError("sacrebleu's chrF takes a whole number as beta", found=f"beta={beta:g}", fix="beta: 2")

    def make() -> Any:
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(char_order=characters, word_order=words, beta=int(beta), lowercase=lowercase)

    signature = f"case:{'lc' if lowercase else 'mixed'}|eff:yes|nc:{characters}|nw:{words}|space:no"
    plain = "" if beta == 2 else f"|beta:{beta:g}"
    return _scorer("chrf", make, corpus.chrf(characters=characters, words=words, beta=beta), signature + plain)


def ter(
    *,
    normalized: bool = False,
    ignore_punctuation: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
) -> Scorer:
    """Translation edit rate by sacrebleu, of each sample and of the corpus: `ter`, in edits per word of the reference.

    Lower is better; it can be more than 1. Its value is sacrebleu's over 100. Scoring raises ValueError without
    targets.
    """

    def make() -> Any:
        from sacrebleu.metrics.ter import TER

        return TER(
            normalized=normalized,
            no_punct=ignore_punctuation,
            asian_support=asian_support,
            case_sensitive=case_sensitive,
        )

    yes = {True: "yes", False: "no"}
    signature = (
        f"case:{'mixed' if case_sensitive else 'lc'}|tok:tercom|norm:{yes[normalized]}"
        f"|punct:{yes[not ignore_punctuation]}|asian:{yes[asian_support]}"
    )
    return _scorer("ter", make, corpus.ter(), signature)


@dataclass(frozen=True, slots=True)
class _Segments(ScoreSample):
    name: str
    make: Callable[[], Any]
    made: list[Any] = field(default_factory=list, compare=False)
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        # In a thread: a long segment takes long, and models must be fed meanwhile. An empty text counts, too: the
        # corpus must not gain by what a model left out.
        value, counts = await asyncio.to_thread(self._segment, answer.text, sample.targets)
        return (Score(self.name, value, None, answer.reason, answer.validity, counts),)

    def _segment(self, text: str, targets: tuple[str, ...]) -> tuple[float, tuple[float, ...]]:
        if not self.made:
            self.made.append(_made(self.make))
        # What sacrebleu's own bootstrap is on; its public scores leave out the counts of chrF.
        [counts] = self.made[0]._extract_corpus_statistics([text], [[target] for target in targets])
        value = self.made[0]._compute_score_from_stats(list(counts)).score / 100.0
        return value if self.name == "ter" else min(value, 1.0), tuple(map(float, counts))


def _scorer(name: str, make: Callable[[], Any], metric: Metric, signature: str) -> Scorer:
    return Scorer(name, _Segments(name, make), (name,), (metric,), {"signature": f"{signature}|version:{_version()}"})


def _made(make: Callable[[], Any]) -> Any:
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)
    try:
        return make()
    except (ImportError, RuntimeError, OSError) as error:
        raise UsageError("sacrebleu's tokenizer is not available", found=str(error), fix="tokenize: 13a") from None


def _version() -> str:
    return importlib.metadata.version("sacrebleu")
