"""Reading an answer out of a reply: reasoning taken off, first line, normal forms to compare by."""

from evalkit.extract.letters import option_letter
from evalkit.extract.normalise import exact_match_normalise, squad_normalise
from evalkit.extract.numbers import FLEXIBLE_NUMBER, IGNORED_IN_NUMBERS, as_number, last_number, last_word_number
from evalkit.extract.patterns import Pick, matched
from evalkit.extract.replies import Answer, Stripped, final_answer, first_line, strip_reasoning

__all__ = [
    "FLEXIBLE_NUMBER",
    "IGNORED_IN_NUMBERS",
    "Answer",
    "Pick",
    "Stripped",
    "as_number",
    "exact_match_normalise",
    "final_answer",
    "first_line",
    "last_number",
    "last_word_number",
    "matched",
    "option_letter",
    "squad_normalise",
    "strip_reasoning",
]
