"""Two records of one sample: the first stage at which they part, from the sample itself to its score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.core import Record, Reply

STAGES = ("sample", "prompt", "tokens", "log-likelihoods", "reply", "extraction", "score")
_AROUND = 24
# Kernels, batches and versions move a log-likelihood by about this much without anything being different (nats).
ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two transcripts part. `stage` is one of STAGES, or empty where nothing differs; `what` says how."""

    stage: str
    what: str


def parting(one: Record, other: Record) -> Divergence:
    """The first difference, in the order in which things happen."""
    checks = (
        ("sample", _sample),
        ("prompt", _prompt),
        ("tokens", _tokens),
        ("log-likelihoods", _likelihoods),
        ("reply", _texts),
        ("extraction", _answers),
        ("score", _scores),
    )
    for stage, check in checks:
        what = check(one, other)
        if what:
            return Divergence(stage, what)
    return Divergence("", "nothing differs")


def _sample(one: Record, other: Record) -> str:
    for name in ("targets", "choices", "gold"):
        before, after = getattr(one.sample, name), getattr(other.sample, name)
        # Another harness may not tell what it held for right.
        if before and after and before != after:
            return f"{name}: {before!r} → {after!r}"
    return ""


def _prompt(one: Record, other: Record) -> str:
    if one.prompt is None or other.prompt is None:
        return ""
    return _first_difference(one.prompt.text, other.prompt.text, "byte")


def _first_difference(before: str, after: str, unit: str) -> str:
    if before == after:
        return ""
    place = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    offset = len(before[:place].encode("utf-8", "surrogatepass")) if unit == "byte" else place
    start = max(0, place - _AROUND)
    shown = [text[start : place + _AROUND] for text in (before, after)]
    return f"from {unit} {offset:,} on: {shown[0]!r} → {shown[1]!r}"


def _tokens(one: Record, other: Record) -> str:
    """What the model read: the rendered text's digest, and the number of its tokens."""
    for before, after in zip(one.replies, other.replies, strict=False):
        if before.rendered_digest and after.rendered_digest and before.rendered_digest != after.rendered_digest:
            return f"the rendered prompts differ (a chat template?): {before.rendered_digest} → {after.rendered_digest}"
        ours, theirs = before.usage.prompt_tokens, after.usage.prompt_tokens
        if ours and theirs and ours != theirs:
            return f"{ours:,} → {theirs:,} prompt tokens for the same text (another tokenizer?)"
        if before.truncated_tokens != after.truncated_tokens:
            return f"{before.truncated_tokens:,} → {after.truncated_tokens:,} tokens cut off from the prompt"
    return ""


def _likelihoods(one: Record, other: Record) -> str:
    for before, after in zip(one.replies, other.replies, strict=False):
        if len(before.loglikelihoods) != len(after.loglikelihoods):
            if before.loglikelihoods and after.loglikelihoods:
                return f"{len(before.loglikelihoods)} → {len(after.loglikelihoods)} continuations were weighed"
            continue
        gaps = [abs(a - b) for a, b in zip(before.loglikelihoods, after.loglikelihoods, strict=True) if a != b]
        largest = max((math.inf if math.isnan(gap) else gap for gap in gaps), default=0.0)
        if largest > ROUNDING or _order(before) != _order(after):
            preferred = f"; preferred {_best(before)} → {_best(after)}" if _best(before) != _best(after) else ""
            return f"by up to {largest:.4g} nats{preferred}"
    return ""


def _order(reply: Reply) -> list[int]:
    values = reply.loglikelihoods
    return sorted(range(len(values)), key=lambda place: -values[place])


def _best(reply: Reply) -> str:
    return f"choice {_order(reply)[0] + 1}" if reply.loglikelihoods else "none"


def _texts(one: Record, other: Record) -> str:
    for before, after in zip(_flat(one.replies), _flat(other.replies), strict=False):
        if found := _first_difference(before, after, "character"):
            return found
    if len(_flat(one.replies)) != len(_flat(other.replies)):
        return f"{len(_flat(one.replies))} → {len(_flat(other.replies))} texts"
    return ""


def _flat(replies: Sequence[Reply]) -> list[str]:
    return [text for reply in replies for text in reply.texts]


def _answers(one: Record, other: Record) -> str:
    """What the scorers took the reply to say, and how the sample ended."""
    after = {score.name: score for score in other.scores}
    for score in one.scores:
        found = after.get(score.name)
        if found and None not in (score.answer, found.answer) and score.answer != found.answer:
            return f"{score.name} read {score.answer!r} → {found.answer!r}"
    if one.validity != other.validity:
        return f"validity {one.validity} → {other.validity}"
    return ""


def _scores(one: Record, other: Record) -> str:
    after = {score.name: score.value for score in other.scores}
    changed = [
        f"{score.name} {score.value:.4g} → {after[score.name]:.4g}"
        for score in one.scores
        if score.name in after and score.value != after[score.name]
    ]
    return ", ".join(changed)
