"""What a sample is marked with in lists and counts: how its replies ended, what they look like, why it failed."""

from __future__ import annotations

import math
import re

from evalkit.core import Record
from evalkit.reporting.endings import CACHED, CUT, REFUSES, UNSURE
from evalkit.scoring.extraction.refusals import refusing

_STATUS = re.compile(r"HTTP \d{3}")
_LONGEST = 60


def marks_of(record: Record) -> list[str]:
    """The record's flags, and what a reader asks for apart from them."""
    marks = list(dict.fromkeys(record.flags))
    if any("length" in reply.finish for reply in record.replies):
        marks.append(CUT)
    if looks_like_a_refusal(record):
        marks.append(REFUSES)
    if judge_unsure(record):
        marks.append(UNSURE)
    if record.failure is not None:
        marks.append(cause_of(record))
    if record.replies and all(reply.source == "cache" for reply in record.replies):
        marks.append(CACHED)
    return list(dict.fromkeys(marks))


def looks_like_a_refusal(record: Record) -> bool:
    """Whether the last text declines (`extraction.refusals`); tasks that score refusals say so by themselves."""
    if any(score.name in ("appropriate", "refusal", "over_refusal") for score in record.scores):
        return False
    texts = [text for reply in record.replies if reply.role != "tool" for text in reply.texts]
    return bool(texts) and bool(refusing(texts[-1][:600]))


def judge_unsure(record: Record) -> bool:
    """Whether a judge took back by its second order what it said in its first, or had to be asked again."""
    for score in record.scores:
        if score.name == "consistent" and score.value == 0.0:
            return True
        calls = score.details.get("transcript") if score.details else None
        if isinstance(calls, list | tuple) and any(isinstance(one, dict) and one.get("repaired") for one in calls):
            return True
    return False


def cause_of(record: Record) -> str:
    """Why a sample failed, short enough to count by: `HTTP 503`, else the kind of the error and how it begins."""
    failure = record.failure
    if failure is None:
        return ""
    status = _STATUS.search(failure.message)
    if status:
        return status.group()
    begin = re.split(r"[:\n(]", failure.message, maxsplit=1)[0].strip()
    return begin if 0 < len(begin) <= _LONGEST else failure.kind[:_LONGEST]


def confidence(record: Record) -> float | None:
    """The chosen one's part of the probability of all choices (softmax of log-likelihoods); None without any."""
    count, replies = len(record.sample.choices), record.replies
    if count < 2 or not replies:
        return None
    values = replies[0].loglikelihoods
    if len(values) != count and len(replies) == count:
        values = tuple(reply.loglikelihoods[0] for reply in replies if len(reply.loglikelihoods) == 1)
    if len(values) != count or not math.isfinite(max(values)):
        return None
    best = max(values)
    return round(1.0 / sum(math.exp(value - best) for value in values), 4)
