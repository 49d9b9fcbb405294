"""The first stage at which two transcripts part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalkit.comparing.transcript import parting
from evalkit.core import Prompt, Record, Reply, Sample, Score, Usage, Validity

CHOSEN = Record(
    "quiz",
    0,
    Sample("1", "q", ("b",), ("a", "b"), (1,)),
    prompt=Prompt("Question: what?\nAnswer:", "Examples…\n\n"),
    replies=(Reply(loglikelihoods=(-2.0, -1.0), usage=Usage(9, 0), rendered_digest="aa"),),
    scores=(Score("acc", 1.0, "b"),),
)
WRITTEN = replace(CHOSEN, replies=(Reply(texts=("It is b.",), finish=("stop",), usage=Usage(9, 4)),))


def asked(record: Record, text: str) -> Record:
    assert record.prompt is not None
    return replace(record, prompt=replace(record.prompt, question=text))


def replied(record: Record, **change: object) -> Record:
    return replace(record, replies=(replace(record.replies[0], **change),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "stage", "what"),
    [
        (CHOSEN, CHOSEN, "", "nothing differs"),
        (CHOSEN, replace(CHOSEN, sample=replace(CHOSEN.sample, gold=(0,))), "sample", "gold: (1,) → (0,)"),
        # "Examples…\n\n" are 13 bytes: the ellipsis is three.
        (CHOSEN, asked(CHOSEN, "Question: whose?\nAnswer:"), "prompt", "from byte 25 on"),
        (CHOSEN, replied(CHOSEN, rendered_digest="bb"), "tokens", "the rendered prompts differ"),
        (CHOSEN, replied(CHOSEN, usage=Usage(8, 0)), "tokens", "9 → 8 prompt tokens"),
        (CHOSEN, replied(CHOSEN, loglikelihoods=(-0.5, -1.0)), "log-likelihoods", "preferred choice 2 → choice 1"),
        (CHOSEN, replied(CHOSEN, loglikelihoods=(-2.0, -1.00001)), "", "nothing differs"),
        # Of several differences the first to happen is the one that explains the others.
        (CHOSEN, replied(CHOSEN, usage=Usage(8, 0), loglikelihoods=(-9.0, -1.0)), "tokens", "9 → 8 prompt tokens"),
        (WRITTEN, replied(WRITTEN, texts=("It is a.",)), "reply", "from character 6 on"),
        (WRITTEN, replace(WRITTEN, scores=(Score("acc", 0.0, "It"),)), "extraction", "acc read 'b' → 'It'"),
        (WRITTEN, replace(WRITTEN, validity=Validity.LENGTH), "extraction", "validity ok → length"),
        (WRITTEN, replace(WRITTEN, scores=(Score("acc", 0.5, "b"),)), "score", "acc 1 → 0.5"),
    ],
)
def test_parting(one: Record, other: Record, stage: str, what: str) -> None:
    found = parting(one, other)
    assert found.stage == stage
    assert what in found.what
