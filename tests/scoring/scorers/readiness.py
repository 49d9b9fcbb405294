"""Scorers that need something of this machine, asked for as the runner asks."""

from evalkit.core import Scorer

__all__ = ["ready"]


def ready(scorer: Scorer, unsafe: bool) -> Scorer:
    """What `scorer.ready` gives; a scorer that needs nothing fails the test."""
    assert scorer.ready is not None, scorer.name
    return scorer.ready(unsafe)
