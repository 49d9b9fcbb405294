"""From records to estimates: means of scores and the perplexity family, each through small rows."""

from evalkit.metrics.means import mean
from evalkit.metrics.perplexity import bits_per_byte, byte_perplexity, word_perplexity
from evalkit.metrics.registry import by_name, names

__all__ = ["bits_per_byte", "by_name", "byte_perplexity", "mean", "names", "word_perplexity"]
