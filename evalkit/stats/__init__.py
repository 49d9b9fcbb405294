"""Intervals for estimates: t, Wilson and bootstrap, with or without clusters."""

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
