"""From records to estimates: means of scores, perplexities and corpus metrics, each through small rows."""

from evalkit.metrics.calibration import ece
from evalkit.metrics.classification import macro_f1, mcc, micro_f1
from evalkit.metrics.corpus import bleu, chrf, of_counts, ter
from evalkit.metrics.correlation import auroc, pearson, spearman
from evalkit.metrics.means import mean
from evalkit.metrics.pass_at_k import pass_at, pass_at_k
from evalkit.metrics.perplexity import bits_per_byte, byte_perplexity, token_perplexity, word_perplexity
from evalkit.metrics.registry import by_name, names
from evalkit.metrics.spread import spread

__all__ = [
    "auroc",
    "bits_per_byte",
    "bleu",
    "by_name",
    "byte_perplexity",
    "chrf",
    "ece",
    "macro_f1",
    "mcc",
    "mean",
    "micro_f1",
    "names",
    "of_counts",
    "pass_at",
    "pass_at_k",
    "pearson",
    "spearman",
    "spread",
    "ter",
    "token_perplexity",
    "word_perplexity",
]
