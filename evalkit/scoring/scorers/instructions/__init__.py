"""IFEval's verifiable instructions: what each of the 25 types asks of a reply, and the scores over them."""

from evalkit.scoring.scorers.instructions.scoring import checks, followed, instructions, relaxed

__all__ = ["checks", "followed", "instructions", "relaxed"]
