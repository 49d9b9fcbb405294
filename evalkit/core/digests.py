"""Digests of strings, and what counts as a number."""

from __future__ import annotations

import hashlib
import math


def digest_of(*parts: str) -> str:
    """The 16-hex-digit digest of strings, each set apart by its length (so ("ab", "c") ≠ ("a", "bc"))."""
    pieces: list[bytes] = []
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        pieces += (len(data).to_bytes(8, "little"), data)
    return hashlib.blake2b(b"".join(pieces), digest_size=8).hexdigest()


def is_number(value: float) -> bool:
    """Whether a score is usable: neither NaN nor infinite."""
    return math.isfinite(value)
