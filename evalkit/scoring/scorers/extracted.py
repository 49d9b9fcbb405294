"""Scorers that read the answer out of a longer reply before they compare it with the targets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.scoring.extraction import Pick, exact_match_normalise, final_answer, matched
from evalkit.scoring.metrics import mean

Read = Callable[[Sample, str], "str | None"]


@dataclass(frozen=True, slots=True)
class _Extracted(ScoreSample):
    name: str
    read: Read
    patterns: tuple[re.Pattern[str], ...]
    ignore_case: bool
    ignore_punctuation: bool
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies, strip="none")
        if not answer.text:
            return (Score(self.name, 0.0, None, answer.reason, answer.validity),)
        found = self.read(sample, answer.text)
        if found is None:
            cut = answer.validity is Validity.LENGTH
            reason = "no answer before the token limit" if cut else "no answer found in the reply"
            return (Score(self.name, 0.0, None, reason, Validity.LENGTH if cut else Validity.NO_ANSWER),)
        said = self._normal(found)
        right = any(said == self._normal(target) for target in sample.targets)
        return (Score(self.name, float(right), said, answer.reason, answer.validity),)

    def _normal(self, text: str) -> str:
        return exact_match_normalise(
            text, ignore=self.patterns, ignore_case=self.ignore_case, ignore_punctuation=self.ignore_punctuation
        )


def extracted(
    name: str,
    read: Read,
    *,
    ignore: tuple[str, ...] = (),
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    settings: Mapping[str, str] | None = None,
    version: int = 1,
) -> Scorer:
    """Whether what `read` finds in the reply equals one of the targets; the score is called `name`, 0 or 1.

    `read` gets the sample and the reply's text, and returns None where it finds no answer, which is NO_ANSWER. Both
    sides are then normalised as lm-evaluation-harness' exact match does: every match of the `ignore` patterns is
    deleted, then case, then ASCII punctuation. `settings` are in the signature.

    Scoring raises ValueError for a sample without targets.
    """
    patterns = tuple(re.compile(text) for text in ignore)
    scoring = _Extracted(name, read, patterns, ignore_case, ignore_punctuation)

    return Scorer(name, scoring, (name,), (mean(name),), dict(settings or {}), version)


def regex_match(
    *,
    pattern: str,
    pick: Pick = "first",
    name: str = "regex_match",
    ignore: tuple[str, ...] = (),
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
) -> Scorer:
    """Whether the first (or last) match of `pattern` equals one of the targets; the score is called `name`, 0 or 1.

    Of a pattern with groups, the first group that is not empty is the answer. The other settings are those of
    `exact_match`. Raises UsageError for a pattern that is not a regular expression.
    """
    compiled = {text: _compiled(text) for text in (pattern, *ignore)}
    chosen = {
        "pattern": repr(pattern),
        "pick": pick if pick != "first" else "",
        "ignore": repr(tuple(ignore)) if ignore else "",
        "ignore_case": "yes" if ignore_case else "",
        "ignore_punctuation": "yes" if ignore_punctuation else "",
    }
    return extracted(
        name,
        lambda sample, text: matched(compiled[pattern], text, pick),
        ignore=tuple(ignore),
        ignore_case=ignore_case,
        ignore_punctuation=ignore_punctuation,
        settings={key: value for key, value in chosen.items() if value},
    )


def _compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(
            "a pattern is not a regular expression", found=repr(text), fix=f"correct it: {error}"
        ) from None
