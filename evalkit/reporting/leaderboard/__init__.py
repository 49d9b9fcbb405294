"""Models ranked on the tasks they share: results, paired differences, ranks, strengths, prices, and their object."""

from evalkit.reporting.leaderboard.as_object import as_object
from evalkit.reporting.leaderboard.board import Board, board
from evalkit.reporting.leaderboard.cell import Cell
from evalkit.reporting.leaderboard.column import LeaderboardColumn

__all__ = ["Board", "Cell", "LeaderboardColumn", "as_object", "board"]
