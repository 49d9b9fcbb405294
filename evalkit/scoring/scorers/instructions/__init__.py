"""Verifiable instructions: what each type of IFEval and of IFBench asks of a reply, and the scores over them."""

from evalkit.scoring.scorers.instructions.ifbench.texts import unchecked
from evalkit.scoring.scorers.instructions.scoring import checks, followed, instructions, relaxed

__all__ = ["checks", "followed", "instructions", "relaxed", "unchecked"]
