"""How good a clustering is: against known classes (V-measure), and by itself (silhouette)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["silhouette", "v_measure"]

_ROWS = 1024


def v_measure(classes: Sequence[Hashable], clusters: Sequence[Hashable]) -> float:
    """The harmonic mean of homogeneity and completeness (0 to 1; 1 where clusters are the classes).

    Source: Rosenberg & Hirschberg 2007 (https://aclanthology.org/D07-1043), β = 1. Without any item it is 1. Raises
    ValueError where the two differ in length.
    """
    pairs = Counter(zip(classes, clusters, strict=True))
    n = sum(pairs.values())
    of_classes, of_clusters = _entropy(Counter(classes), n), _entropy(Counter(clusters), n)
    shared = max(0.0, of_classes + of_clusters - _entropy(pairs, n))
    homogeneity = shared / of_classes if of_classes else 1.0
    completeness = shared / of_clusters if of_clusters else 1.0
    if homogeneity + completeness == 0.0:
        return 0.0
    return min(1.0, 2.0 * homogeneity * completeness / (homogeneity + completeness))


def _entropy(counts: Counter[Hashable] | Counter[tuple[Hashable, Hashable]], n: int) -> float:
    return -math.fsum(count / n * math.log(count / n) for count in counts.values()) if len(counts) > 1 else 0.0


def silhouette(vectors: NDArray[np.float32], clusters: Sequence[Hashable]) -> float:
    """The mean silhouette (-1 to 1): (b - a) / max(a, b) with a the mean Euclidean distance to the item's own
    cluster and b that to the nearest other one; 0 for the only item of a cluster.

    Source: Rousseeuw 1987 (https://doi.org/10.1016/0377-0427(87)90125-7). `vectors` has shape (n, dimension). Raises
    ValueError unless there are at least 2 clusters and fewer than items.
    """
    import numpy as np

    names = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    numbers = np.array([names[name] for name in clusters])
    n, count = len(numbers), len(names)
    if len(vectors) != n or not 2 <= count < n:
        raise ValueError(f"a silhouette needs 2 clusters and fewer than items, found {count} clusters of {n} items")
    sizes = np.bincount(numbers).astype(np.float64)
    member = np.zeros((n, count))
    member[np.arange(n), numbers] = 1.0
    points = vectors.astype(np.float64)
    squares = (points**2).sum(axis=1)
    total = 0.0
    for start in range(0, n, _ROWS):
        part = slice(start, min(start + _ROWS, n))
        distances = np.sqrt(np.maximum(squares[part, None] + squares[None, :] - 2.0 * points[part] @ points.T, 0.0))
        # What rounding leaves of the distance to itself.
        distances[np.arange(part.stop - start), np.arange(start, part.stop)] = 0.0
        sums, own = distances @ member, numbers[part]
        at = np.arange(len(own))
        inside = sums[at, own] / np.maximum(sizes[own] - 1.0, 1.0)
        others = sums / sizes
        others[at, own] = np.inf
        nearest = others.min(axis=1)
        widest = np.maximum(inside, nearest)
        values = np.where((sizes[own] > 1) & (widest > 0), (nearest - inside) / np.where(widest > 0, widest, 1.0), 0.0)
        total += float(values.sum())
    return total / n
