"""Metrics: functions that make a `core.Metric`, one import line each: the line is what names it everywhere."""

from evalkit.scoring.metrics.calibration import ece as ece
from evalkit.scoring.metrics.classification import macro_f1 as macro_f1
from evalkit.scoring.metrics.classification import mcc as mcc
from evalkit.scoring.metrics.classification import micro_f1 as micro_f1
from evalkit.scoring.metrics.corpus import bleu as bleu
from evalkit.scoring.metrics.corpus import chrf as chrf
from evalkit.scoring.metrics.corpus import ter as ter
from evalkit.scoring.metrics.correlation import auroc as auroc
from evalkit.scoring.metrics.correlation import pearson as pearson
from evalkit.scoring.metrics.correlation import spearman as spearman
from evalkit.scoring.metrics.means import mean as mean
from evalkit.scoring.metrics.of_samples import best_at_k as best_at_k
from evalkit.scoring.metrics.of_samples import maj_at_k as maj_at_k
from evalkit.scoring.metrics.pass_at_k import all_pass_at_k as all_pass_at_k
from evalkit.scoring.metrics.pass_at_k import pass_at_k as pass_at_k
from evalkit.scoring.metrics.perplexity import bits_per_byte as bits_per_byte
from evalkit.scoring.metrics.perplexity import byte_perplexity as byte_perplexity
from evalkit.scoring.metrics.perplexity import perplexity as perplexity
from evalkit.scoring.metrics.perplexity import token_perplexity as token_perplexity
from evalkit.scoring.metrics.perplexity import word_perplexity as word_perplexity
from evalkit.scoring.metrics.ratios import ratio as ratio
from evalkit.scoring.metrics.spread import spread as spread
