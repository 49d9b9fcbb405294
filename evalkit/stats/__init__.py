"""Intervals for estimates: t, Wilson and bootstrap, with or without clusters.

What a metric is called and what a gate decides stand elsewhere.
"""

from evalkit.stats.bootstrap import bootstrap_interval
from evalkit.stats.combined import combined_interval
from evalkit.stats.intervals import mean_interval, pooled_stderr, ratio_interval, standard_error, wilson

__all__ = [
    "bootstrap_interval",
    "combined_interval",
    "mean_interval",
    "pooled_stderr",
    "ratio_interval",
    "standard_error",
    "wilson",
]
