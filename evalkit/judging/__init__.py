"""Judges: protocols in which a model decides over answers, and how its replies are read.

A judge's failures are never scores: what cannot be read after one attempt to correct it is unjudged.

Rules that need no model are in `scoring`, apart from those of RAG.
"""

from evalkit.judging.pairwise import SCALES, pairwise
from evalkit.judging.panel import panel, repeated
from evalkit.judging.prompts import PromptText
from evalkit.judging.ranking import ranking
from evalkit.judging.rating import rating
from evalkit.judging.rubric import Criterion, rubric
from evalkit.judging.single_grade import Grading
from evalkit.judging.verdict_reader import read_label, read_levels, read_number
from evalkit.scoring.extraction.reading import Reading

__all__ = [
    "SCALES",
    "Criterion",
    "Grading",
    "PromptText",
    "Reading",
    "pairwise",
    "panel",
    "ranking",
    "rating",
    "read_label",
    "read_levels",
    "read_number",
    "repeated",
    "rubric",
]
