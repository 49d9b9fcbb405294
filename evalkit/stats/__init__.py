"""Intervals for estimates: exact, score, t, jackknife and bootstrap, with or without clusters.

What a metric is called and what a gate decides stand elsewhere.
"""

from evalkit.stats.bootstrap import bootstrap_interval
from evalkit.stats.combined import combined_interval
from evalkit.stats.intervals import mean_interval, pooled_stderr, ratio_interval, standard_error, wilson
from evalkit.stats.jackknife import jackknife_interval

__all__ = [
    "bootstrap_interval",
    "combined_interval",
    "jackknife_interval",
    "mean_interval",
    "pooled_stderr",
    "ratio_interval",
    "standard_error",
    "wilson",
]
