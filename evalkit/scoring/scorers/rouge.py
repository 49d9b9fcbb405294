"""ROUGE: how much of a reference's words and word order a text shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.scripts import hidden_letters, unicode_words
from evalkit.scoring.metrics import mean

_KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
Words = Literal["auto", "ascii", "unicode", "jieba"]


@dataclass(frozen=True, slots=True)
class _Rouge(ScoreSample):
    stemmer: bool
    tokenizer: Words
    # By tokenizer, made by the first sample that needs it, since loading the library takes most of a second.
    made: dict[str, Any] = field(default_factory=dict, compare=False)
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        if not answer.text:
            return tuple(Score(kind, 0.0, None, answer.reason, answer.validity) for kind in _KINDS)
        hidden = any(map(hidden_letters, (answer.text, *sample.targets)))
        chosen = self.tokenizer if self.tokenizer != "auto" else "unicode" if hidden else "ascii"
        # In a thread: a long pair takes seconds, and models must be fed meanwhile.
        values = await asyncio.to_thread(self._best, chosen, sample.targets, answer.text)
        flags: tuple[str, ...] = ()
        if hidden and chosen == "ascii":
            flags = ("with letters that ROUGE deletes",)
        elif hidden and self.tokenizer == "auto":
            flags = ("with words outside of ASCII",)
        reason = "; ".join(filter(None, [answer.reason, *flags]))
        return tuple(Score(kind, values[kind], None, reason, answer.validity, flags=flags) for kind in _KINDS)

    def _best(self, tokenizer: str, targets: tuple[str, ...], text: str) -> dict[str, float]:
        if tokenizer not in self.made:
            from rouge_score.rouge_scorer import RougeScorer

            words = None if tokenizer == "ascii" else _Words(_WORDS[tokenizer], self.stemmer)
            self.made[tokenizer] = RougeScorer(list(_KINDS), use_stemmer=self.stemmer, tokenizer=words)
        found = [self.made[tokenizer].score(target, text) for target in targets]
        return {kind: float(max(scores[kind].fmeasure for scores in found)) for kind in _KINDS}


class _Words:
    """A tokenizer for the rouge-score library; Porter's stemmer is for English words and leaves others alone."""

    def __init__(self, words: Callable[[str], list[str]], stemmer: bool) -> None:
        from nltk.stem.porter import PorterStemmer

        self._words = words
        self._stem = PorterStemmer().stem if stemmer else None

    def tokenize(self, text: str) -> list[str]:
        words = self._words(text)
        if self._stem is None:
            return words
        return [self._stem(word) if len(word) > 3 and word.isascii() else word for word in words]


def _jieba_words(text: str) -> list[str]:
    import jieba

    jieba.setLogLevel("ERROR")

    return [word for word in jieba.cut(text.lower()) if word.strip()]


_WORDS = {"unicode": unicode_words, "jieba": _jieba_words}


def rouge(*, stemmer: bool = True, tokenizer: Words = "auto") -> Scorer:
    """ROUGE's F-measures `rouge1`, `rouge2`, `rougeL` and `rougeLsum` (0 to 1), each the best over the targets.

    They are those of the rouge-score library, a port of Perl ROUGE-1.5.5 (Lin 2004). `rougeLsum` takes every
    line as a sentence, so a summary for it has its sentences on lines of their own. `stemmer` is Porter's.

    `tokenizer` says what a word is:

    - "ascii" is the library's, for figures that are compared with published ones: runs of ASCII letters and digits.
      Every other letter is deleted ("café" is "caf", and a Chinese text has no word and scores 0), which is flagged.
    - "unicode" takes runs of letters, marks and digits of every script; of those without blanks between words
      (Chinese, Japanese, Thai, Lao, Burmese, Khmer) each character, as Chinese summaries are often scored.
    - "jieba" cuts Chinese words with the package of that name, as LongBench does for its Chinese tasks.
    - "auto" is "ascii" for a sample whose texts have no other letters, else "unicode"; the table counts the latter.

    A run raises UsageError where jieba is asked for and not installed; scoring raises ValueError without targets.
    """
    settings = {} if stemmer else {"stemmer": "no"}
    if tokenizer != "auto":
        settings["tokenizer"] = tokenizer
    scorer = Scorer("rouge", _Rouge(stemmer, tokenizer), _KINDS, tuple(map(mean, _KINDS)), settings, version=2)
    return scorer if tokenizer != "jieba" else replace(scorer, ready=lambda unsafe: _installed(scorer))


def _installed(scorer: Scorer) -> Scorer:
    if find_spec("jieba") is None:
        raise UsageError("the package jieba, which cuts Chinese words, is not installed", fix="pip install jieba")
    return scorer
