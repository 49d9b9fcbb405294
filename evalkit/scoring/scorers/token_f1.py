"""Token F1: how many words an answer shares with a reference, whatever their order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.extraction import final_answer, squad_normalise
from evalkit.scoring.extraction.normalise import MLQA_LANGUAGES, mlqa_normalise
from evalkit.scoring.extraction.scripts import unicode_words, unspaced
from evalkit.scoring.metrics import mean

_NAMES = ("token_f1", "token_precision", "token_recall")


@dataclass(frozen=True, slots=True)
class _TokenF1(ScoreSample):
    normalise: Literal["squad", "mlqa", "unicode", "lower", "none"]
    language: str = ""
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        if not answer.text:
            return tuple(Score(name, 0.0, None, answer.reason, answer.validity) for name in _NAMES)
        said = self._tokens(answer.text)
        best = max((overlap(said, self._tokens(target)) for target in sample.targets), key=lambda found: found[0])
        flags = unseen(answer.text, sample.targets) if self.normalise in ("squad", "lower", "none") else ()
        return tuple(
            Score(name, value, answer.text, answer.reason, answer.validity, flags=flags)
            for name, value in zip(_NAMES, best, strict=True)
        )

    def _tokens(self, text: str) -> list[str]:
        if self.normalise == "squad":
            return squad_normalise(text).split()
        if self.normalise == "mlqa":
            return mlqa_normalise(text, self.language).split()
        if self.normalise == "unicode":
            return unicode_words(text)
        return (text.lower() if self.normalise == "lower" else text).split()


def token_f1(
    *, normalise: Literal["squad", "mlqa", "unicode", "lower", "none"] = "squad", language: str = ""
) -> Scorer:
    """F1 of a reply's tokens against the target with the best one: `token_f1`, `token_precision`, `token_recall`.

    White space separates tokens, after `normalise`; each counts as often as both sides have it. "squad" drops case,
    ASCII punctuation and articles. "lower" drops case, and "none" drops nothing. "mlqa" is MLQA's normal form in one of
    its seven languages (`language`: ar, de, en, es, hi, vi, zh). "unicode" takes the words of any script, and each
    character of scripts without blanks. If both sides have no token left, the scores are 1. A sample in a script
    without blanks has a flag if white space alone separates words: there a sentence is one word.

    Raises UsageError for "mlqa" without one of its languages; scoring raises ValueError without targets.
    """
    if (normalise == "mlqa") != (language in MLQA_LANGUAGES):
        languages = ", ".join(MLQA_LANGUAGES)
        raise UsageError(
            "`language` and normalise=mlqa go together", found=repr(language), fix=f"language: one of {languages}"
        )
    settings: dict[str, str] = {} if normalise == "squad" else {"normalise": normalise}
    if language:
        settings["language"] = language
    return Scorer("token_f1", _TokenF1(normalise, language), _NAMES, tuple(map(mean, _NAMES)), settings)


def unseen(said: str, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The flag of a sample whose words a metric that parts them at blanks does not see."""
    return ("in a script without blanks between words",) if any(map(unspaced, (said, *targets))) else ()


def overlap(said: list[str], wanted: list[str]) -> tuple[float, float, float]:
    """(F1, precision, recall) over two lists of tokens."""
    if not said or not wanted:
        return (float(said == wanted),) * 3
    same = (Counter(said) & Counter(wanted)).total()
    if same == 0:
        return 0.0, 0.0, 0.0
    precision, recall = same / len(said), same / len(wanted)
    return 2 * precision * recall / (precision + recall), precision, recall
