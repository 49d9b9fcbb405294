"""Rankings of chunks by number, and one out of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Hit(NamedTuple):
    """A chunk that was found, by its number; a higher score is better."""

    chunk: int
    score: float


def best(scores: NDArray[np.floating[Any]], depth: int) -> list[Hit]:
    """The `depth` highest of the scores of all chunks; among equals the chunk that comes first."""
    import numpy as np

    wanted = min(depth, len(scores))
    if wanted < 1:
        return []
    # Everything that ties with the last one wanted takes part, so that the order of chunks alone decides.
    border = np.partition(scores, len(scores) - wanted)[len(scores) - wanted]
    places = np.flatnonzero(scores >= border)
    order = places[np.lexsort((places, -scores[places]))][:wanted]
    return [Hit(int(place), float(scores[place])) for place in order]


def fused(rankings: Sequence[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """One ranking of several by reciprocal rank fusion (Cormack, Clarke & Büttcher 2009): Σ 1/(k + rank).

    A chunk that a ranking lacks gains nothing from it. Among equals the chunk that comes first.
    """
    gained: dict[int, float] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, 1):
            gained[hit.chunk] = gained.get(hit.chunk, 0.0) + 1.0 / (k + rank)
    return sorted((Hit(chunk, score) for chunk, score in gained.items()), key=lambda hit: (-hit.score, hit.chunk))
