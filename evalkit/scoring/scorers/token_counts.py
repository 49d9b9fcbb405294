"""How economical a tokenizer is: tokens against words, characters and bytes."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.metrics.ratios import ratio

_NAMES = ("tokens", "words", "characters", "bytes")


@dataclass(frozen=True, slots=True)
class _TokenCounts(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        text = sample.input
        if not isinstance(text, str) or not text.strip():
            raise ValueError("a text that is not empty is needed to count on")
        counts = (
            replies[-1].usage.prompt_tokens,
            len(text.split()),
            len(text),
            len(text.encode("utf-8", "surrogatepass")),
        )
        return tuple(Score(name, float(count)) for name, count in zip(_NAMES, counts, strict=True))


def token_counts() -> Scorer:
    """How many `tokens` a sample's input takes, and its `words`, `characters` and `bytes`.

    Metrics are ratios of sums: `tokens_per_word` (fertility; fewer is better), `characters_per_token` and
    `bytes_per_token` (more is better). White space separates words, so tokens per word say nothing about languages that
    write without it; characters and bytes per token do.
    """
    metrics = (
        ratio("tokens", "words", name="tokens_per_word", scale="number", higher_is_better=False),
        ratio("characters", "tokens", name="characters_per_token", scale="number"),
        ratio("bytes", "tokens", name="bytes_per_token", scale="number"),
    )
    return Scorer("token_counts", _TokenCounts(), _NAMES, metrics)
