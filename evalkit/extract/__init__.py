"""Reading an answer out of a reply: reasoning taken off, first line, normal forms to compare by."""

from evalkit.extract.normalise import exact_match_normalise, squad_normalise
from evalkit.extract.replies import Answer, Stripped, final_answer, first_line, strip_reasoning

__all__ = [
    "Answer",
    "Stripped",
    "exact_match_normalise",
    "final_answer",
    "first_line",
    "squad_normalise",
    "strip_reasoning",
]
