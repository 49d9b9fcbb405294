"""Scorers that compare a short answer with references: exact match, and SQuAD's exact match and token F1."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.core.spec import unknown
from evalkit.scoring.extraction import exact_match_normalise, final_answer, squad_normalise
from evalkit.scoring.extraction.normalise import MLQA_LANGUAGES, mlqa_normalise
from evalkit.scoring.extraction.scripts import other_punctuation
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.token_f1 import overlap, unseen


@dataclass(frozen=True, slots=True)
class _ExactMatch(ScoreSample):
    patterns: tuple[re.Pattern[str], ...]
    ignore_case: bool
    ignore_punctuation: bool
    strip: Literal["both", "left", "none"]
    normalise: Literal["none", "squad", "unicode"]
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies, strip=self.strip)
        if not answer.text:
            return (Score("exact_match", 0.0, None, answer.reason, answer.validity),)
        said = self._normal(answer.text)
        right = any(said == self._normal(target) for target in sample.targets)
        flags: tuple[str, ...] = ()
        if not right and self._drops_ascii_punctuation() and any(map(other_punctuation, (said, *sample.targets))):
            flags = ("with punctuation outside of ASCII, which was not ignored",)
        return (Score("exact_match", float(right), said, answer.reason, answer.validity, flags=flags),)

    def _drops_ascii_punctuation(self) -> bool:
        return self.ignore_punctuation or self.normalise == "squad"

    def _normal(self, text: str) -> str:
        text = exact_match_normalise(
            text, ignore=self.patterns, ignore_case=self.ignore_case, ignore_punctuation=self.ignore_punctuation
        )
        if self.normalise == "squad":
            text = squad_normalise(text)
        elif self.normalise == "unicode":
            text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        return text.strip() if self.strip == "both" else text


def exact_match(
    *,
    ignore: tuple[str, ...] = (),
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    strip: Literal["both", "left", "none"] = "both",
    normalise: Literal["none", "squad", "unicode"] = "none",
) -> Scorer:
    """Whether the answer equals one of the sample's targets; the score is `exact_match`, 0 or 1.

    Both sides lose every match of the `ignore` patterns (regular expressions, in turn), then case, then ASCII
    punctuation, as in lm-evaluation-harness. On purpose different from there: white space at both ends never
    decides (there the filter `remove_whitespace` sees to that, for replies), unless `strip` is "left" or "none".

    `normalise` comes after all that: "squad" drops case, ASCII punctuation, articles and superfluous blanks, "unicode"
    makes compatible characters one (NFKC: "ﬁ" is "fi", "²" is "2", full-width letters are plain) and folds case.

    Raises UsageError for a pattern that is not a regular expression; scoring raises ValueError without targets.
    """
    if isinstance(ignore, str):
        raise UsageError("`ignore` is a list of patterns", found=repr(ignore), fix=f"ignore=({ignore!r},)")
    scoring = _ExactMatch(tuple(map(_pattern, ignore)), ignore_case, ignore_punctuation, strip, normalise)

    chosen = {
        "ignore": repr(tuple(ignore)) if ignore else "",
        "ignore_case": "yes" if ignore_case else "",
        "ignore_punctuation": "yes" if ignore_punctuation else "",
        "strip": strip if strip != "both" else "",
        "normalise": normalise if normalise != "none" else "",
    }
    settings = {key: value for key, value in chosen.items() if value}
    return Scorer("exact_match", scoring, ("exact_match",), (mean("exact_match"),), settings)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(
            "an `ignore` pattern is not a regular expression", found=repr(text), fix=f"correct it: {error}"
        ) from None


@dataclass(frozen=True, slots=True)
class _Squad(ScoreSample):
    no_answer: str
    language: str = ""

    def _normal(self, text: str) -> str:
        return mlqa_normalise(text, self.language) if self.language else squad_normalise(text)

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answer = final_answer(replies)
        golds = [gold for target in sample.targets if (gold := self._normal(target))] or [""]
        answerable = any(sample.targets)
        if not answer.text and (answerable or answer.validity is Validity.CUT_THOUGHT):
            return _pair(0.0, 0.0, None, answer.reason, answer.validity)
        said = self._normal(answer.text)
        if said == self._normal(self.no_answer) and said not in golds:
            said = ""
            if answerable:
                return _pair(0.0, 0.0, answer.text, "says that there is no answer", answer.validity)
        exact = float(said in golds)
        best = max(overlap(said.split(), gold.split())[0] for gold in golds)
        if answerable:
            flags = () if self.language else unseen(answer.text, sample.targets)
            return _pair(exact, best, answer.text, answer.reason, answer.validity, flags)
        reason = "the question has no answer" + (" and the reply names one" if said else "")
        validity = answer.validity if answer.text else Validity.OK
        return _pair(exact, best, answer.text, reason, validity)


def squad(*, no_answer: str = "unanswerable", language: str = "") -> Scorer:
    """SQuAD's scores `exact` (0 or 1) and `f1` (0 to 1): the best over the references, after its normalisation.

    A sample without targets is one of version 2's questions that have no answer: right is then an empty reply, or
    one that says `no_answer`, and anything else scores 0 on both. Where there is an answer, an empty reply is
    NO_ANSWER and saying `no_answer` is an answer that scores 0. Groups such as "HasAns" and "NoAns" on the samples
    give version 2's breakdown.

    With a `language` of MLQA's seven (ar, de, en, es, hi, vi, zh) its normalisation takes the place of SQuAD's, which
    drops ASCII punctuation and English articles alone. Without one, a sample in a script without blanks between words
    is flagged: its F1 takes a sentence for one word.

    Source: the official scripts; where both sides normalise to nothing ("the" and "a") F1 is 1 as in version 2's,
    version 1.1's has 0.
    """
    if language and language not in MLQA_LANGUAGES:
        raise unknown("language of MLQA", language, MLQA_LANGUAGES)
    settings = {} if no_answer == "unanswerable" else {"no_answer": no_answer}
    if language:
        settings["language"] = language
    return Scorer("squad", _Squad(no_answer, language), ("exact", "f1"), (mean("exact"), mean("f1")), settings)


def _pair(
    exact: float, f1: float, answer: str | None, reason: str, validity: Validity, flags: tuple[str, ...] = ()
) -> tuple[Score, ...]:
    return (Score("exact", exact, answer, reason, validity, flags=flags), Score("f1", f1, answer, reason, validity))
