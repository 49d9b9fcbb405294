"""What a set of samples and a margin can detect, before anything is run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.gates.limits import Limits
from evalkit.stats.intervals import quantile


@dataclass(frozen=True, slots=True)
class Plan:
    """What to expect of a gate on `n` samples (`effective` independent ones) with a margin.

    `power_at_no_change` is the chance to be let through (PASS or DEGRADED) where nothing changed, `pass_rate` that of
    PASS alone. `minimum_detectable` is the smallest margin that would be passed with the wished-for `power`, and
    `needed` the samples that the margin at hand would need for it (None for a margin of 0).
    """

    n: int
    effective: float
    sd: float
    margin: float
    confidence: float
    power: float
    power_at_no_change: float
    pass_rate: float
    minimum_detectable: float
    needed: int | None

    @property
    def resolves(self) -> bool:
        """Whether the set can tell a drop of the margin from none with the wished-for power."""
        return self.power_at_no_change >= self.power


def plan(
    n: int,
    limits: Limits,
    *,
    sd: float | None = None,
    share: float | None = None,
    correlation: float = 0.0,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    power: float = 0.8,
) -> Plan:
    """Plan for the standard deviation of the paired differences, or for a share p and the runs' correlation ρ.

    For shares σ_d² = 2·p·(1 - p)·(1 - ρ). Clusters of a mean size m with intra-cluster correlation `icc` of the
    differences make n samples worth n / (1 + (m - 1)·icc).
    """
    if (sd is None) == (share is None):
        raise ValueError("give either sd or share")
    if sd is None:
        assert share is not None
        sd = math.sqrt(2.0 * share * (1.0 - share) * (1.0 - correlation))
    from scipy import special

    effective = n / (1.0 + (cluster_size - 1.0) * icc)
    error = sd / math.sqrt(effective)
    z, z_power = quantile(1.0 - 2.0 * limits.alpha), float(special.ndtri(power))
    reach = math.inf if error == 0.0 else limits.margin / error
    through = float(special.ndtr(reach - z))
    passed = float(special.ndtr(min(reach - z, z)))
    needed = None if limits.margin == 0.0 else math.ceil(((z + z_power) * sd / limits.margin) ** 2 * n / effective)
    return Plan(
        n, effective, sd, limits.margin, limits.confidence, power, through, passed, (z + z_power) * error, needed
    )


def suite_power(plans: Sequence[Plan]) -> float:
    """The chance that every task is let through where nothing changed: the product (tasks taken as independent)."""
    return math.prod(each.power_at_no_change for each in plans)
