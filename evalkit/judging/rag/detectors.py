"""The detectors of what contexts do not say, by name: by words, by an entailment model, by a judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from evalkit.core import Judge, Scorer, UsageError
from evalkit.judging.rag.support import entailment, sentence_support
from evalkit.scoring.scorers.judging import judged

Detector = Literal["lexical", "nli", "judge"]


def detector(name: Detector, judge: Callable[[], Judge], *, nli: str = "", embedder: str = "") -> tuple[Scorer, str]:
    """(the scorer, its score from 0 to 1 for an answer as a whole).

    lexical: words and rules, in English; of two answers with names or numbers of one passage it takes the wrong one for
    the better in three of ten cases. nli: the entailment model at `nli`. judge: `judge`, asked for the claims and then
    about each.
    Raises UsageError where a model that is needed is not named, and where one is that is not asked.
    """
    if nli and name != "nli":
        raise UsageError(f"detector={name} asks no entailment model", found=f"nli={nli}", fix="detector=nli")
    if embedder and name != "lexical":
        raise UsageError(
            f"detector={name} asks no embedding model", found=f"embedder={embedder}", fix="detector=lexical"
        )
    if name == "lexical":
        return sentence_support(embedder=embedder), "weakest_support"
    if name == "nli":
        if not nli:
            raise UsageError("an entailment model is needed", fix="detector=nli,nli=PATH")
        return entailment(model=nli), "weakest_entailment"
    found = judge()
    return judged(found), found.scores[0] if found.scores else found.name


def chosen(
    name: Detector | Literal["auto"], judge: Callable[[], Judge], *, nli: str = "", embedder: str = ""
) -> Scorer:
    """The detector of that name; for "auto" the entailment model where one is named, else the judge where the run is
    given one (`--judge`), else words."""
    if name != "auto":
        return detector(name, judge, nli=nli, embedder=embedder)[0]
    if nli:
        return detector("nli", judge, nli=nli)[0]
    by_words = detector("lexical", judge, embedder=embedder)[0]
    return replace(by_words, judged_by=detector("judge", judge)[0].judged_by, judge_optional=True)
