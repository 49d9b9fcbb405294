"""From records to estimates: means of scores, perplexities and corpus metrics, each through small rows."""

from evalkit.scoring.metrics.calibration import ece
from evalkit.scoring.metrics.classification import macro_f1, mcc, micro_f1
from evalkit.scoring.metrics.corpus import bleu, chrf, of_counts, ter
from evalkit.scoring.metrics.correlation import auroc, pearson, spearman
from evalkit.scoring.metrics.means import mean
from evalkit.scoring.metrics.pass_at_k import pass_at, pass_at_k
from evalkit.scoring.metrics.perplexity import bits_per_byte, byte_perplexity, token_perplexity, word_perplexity
from evalkit.scoring.metrics.registry import by_name, names
from evalkit.scoring.metrics.spread import spread

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
