"""A short text that a reply states as its answer: "So the answer is True." """

from __future__ import annotations

import re

from evalkit.scoring.extraction.reading import Reading

_STATED = re.compile(
    r"\b(?:answer(?: choice)?|answer to [^.\n]{1,80}?)\s*(?:is\s*:?|was|would be|:|=)[\s*_\"]*", re.IGNORECASE
)
_AROUND = " \t*_\"'`$“”"


def stated_text(text: str) -> Reading[str]:
    """What follows the last "answer is" or "answer:", to the end of its line, without a full stop.

    As the authors of BIG-Bench Hard's chain-of-thought prompts read it (Suzgun et al. 2022, arXiv 2210.09261): the
    full stop is dropped where there is one, and nothing else.
    """
    found = list(_STATED.finditer(text))
    if not found:
        return Reading(problem="the reply states no answer")
    said = text[found[-1].end() :].lstrip().partition("\n")[0].strip(_AROUND)
    said = said.removesuffix(".").strip(_AROUND)
    return Reading(said) if said else Reading(problem="nothing follows the answer's announcement")
