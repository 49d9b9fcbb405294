"""Many comparisons between two models at a time, made into strengths, ranks and rates with intervals."""

from evalkit.tournaments.anchors import Anchor, Released
from evalkit.tournaments.battles import Battles, Connection, head_to_head, win_rate
from evalkit.tournaments.elo import elo
from evalkit.tournaments.length import LengthFit, controlled_rate, fit_length
from evalkit.tournaments.rates import rate_interval
from evalkit.tournaments.standing import Place, standing
from evalkit.tournaments.strength import bradley_terry, davidson
from evalkit.tournaments.style import StyleFit, style_fit, style_standing

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
