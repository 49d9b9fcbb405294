"""Reading an answer out of a reply: reasoning taken off, first line, normal forms to compare by."""

from evalkit.scoring.extraction.boxed import last_boxed, minerva_answer, minerva_normalise
from evalkit.scoring.extraction.code import Block, code_blocks, complete, defines, is_python, python_code
from evalkit.scoring.extraction.lm_eval_numbers import FLEXIBLE_NUMBER, IGNORED_IN_NUMBERS, last_number
from evalkit.scoring.extraction.lm_eval_options import option_letter
from evalkit.scoring.extraction.normalise import exact_match_normalise, squad_normalise
from evalkit.scoring.extraction.number_words import last_word_number
from evalkit.scoring.extraction.numbers import Number, as_number, number
from evalkit.scoring.extraction.patterns import Pick, matched
from evalkit.scoring.extraction.replies import FinalAnswer, Stripped, final_answer, first_line, strip_reasoning

__all__ = [
    "FLEXIBLE_NUMBER",
    "IGNORED_IN_NUMBERS",
    "Block",
    "FinalAnswer",
    "Number",
    "Pick",
    "Stripped",
    "as_number",
    "code_blocks",
    "complete",
    "defines",
    "exact_match_normalise",
    "final_answer",
    "first_line",
    "is_python",
    "last_boxed",
    "last_number",
    "last_word_number",
    "matched",
    "minerva_answer",
    "minerva_normalise",
    "number",
    "option_letter",
    "python_code",
    "squad_normalise",
    "strip_reasoning",
]
