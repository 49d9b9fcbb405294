"""Baselines for a repository: a run's scores as a small text file whose differences a person can read."""

from evalkit.comparing.baselines.parser import looks_like_baseline, parse, read
from evalkit.comparing.baselines.writer import text_of, write

__all__ = ["looks_like_baseline", "parse", "read", "text_of", "write"]
