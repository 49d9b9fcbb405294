"""The model that ships with evalkit: a 1 M-parameter Llama for trials without a network, made by `tools/toys`."""

from pathlib import Path

TINY: Path = Path(__file__).parent
"""A folder that transformers loads as it is."""
