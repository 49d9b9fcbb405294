"""Many comparisons between two models at a time, made into strengths, ranks and rates with intervals."""

from evalkit.stats.tournaments.anchors import Anchor, Released
from evalkit.stats.tournaments.battles import Battles, Connection, head_to_head, win_rate
from evalkit.stats.tournaments.elo import elo
from evalkit.stats.tournaments.length import LengthFit, controlled_rate, fit_length
from evalkit.stats.tournaments.rates import rate_interval
from evalkit.stats.tournaments.standing import Place, standing
from evalkit.stats.tournaments.strength import bradley_terry, davidson
from evalkit.stats.tournaments.style import StyleFit, style_fit, style_standing

__all__ = [
    "Anchor",
    "Battles",
    "Connection",
    "LengthFit",
    "Place",
    "Released",
    "StyleFit",
    "bradley_terry",
    "controlled_rate",
    "davidson",
    "elo",
    "fit_length",
    "head_to_head",
    "rate_interval",
    "standing",
    "style_fit",
    "style_standing",
    "win_rate",
]
