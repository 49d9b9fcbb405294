"""Digests of strings, and what counts as a number."""

from __future__ import annotations

import hashlib
import math


def digest_of(*parts: str) -> str:
    """The 16-hex-digit digest of strings, each set apart by its length (so ("ab", "c") ≠ ("a", "bc"))."""
    hasher = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.hexdigest()


def is_number(value: float) -> bool:
    """Whether a score is usable: neither NaN nor infinite."""
    return math.isfinite(value)
