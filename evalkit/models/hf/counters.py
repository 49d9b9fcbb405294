"""What a model's scoring cost: read by benchmarks and by the log."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """Sums since the model was loaded."""

    tokens_asked: int = 0
    """What scoring every continuation by itself would compute: its context's tokens and its own."""
    tokens_computed: int = 0
    """Tokens that went through the model, padding included."""
    passes: int = 0
    logits_computed: int = 0
    """Positions that the output layer was computed at."""
    forward_seconds: float = 0.0
    """Spent in forward passes, the output layer and the softmax included."""
    total_seconds: float = 0.0
    """Spent answering: all of the above, and encoding and planning."""
    most_kept_bytes: int = 0
    """The most that keys and values kept between passes took at any time."""

    def restore(self, other: Counters) -> None:
        """Go back to a copy, so that a trial does not count."""
        for field in fields(Counters):
            setattr(self, field.name, getattr(other, field.name))
