"""What stands around a label that a reply names and makes it none: it is denied, only supposed, or another word."""

from __future__ import annotations

import re

from evalkit.scoring.extraction import answer_words as words

_NEAR = 80
_NOT = (
    r"(?:\b(?:not|nothing|never|neither|nor|cannot|nicht|kein(?:e)?|pas|no|não|non|niet|inte|nie|не|değil|bukan)|n['’]t|"
    r"不是|不|非)"
)
_SMALL = (
    r"(?:be|an?|the|really|clearly|at all|any|all|as|is|it|it['’]s|this|that|to be|to|of|(?!only)\w+ly|text|review|"
    r"comment|claim|sentence|statement|post|tweet|message|considered|overly)"
)
_JUDGES = (
    r"(?:call(?:ed)?|consider(?:ed)?|describe[d]?|classif(?:y|ied)|label(?:l?ed)?|rate[d]?|regard(?:ed)?|view(?:ed)?|"
    r"deem(?:ed)?|seem|appear|sound|look|feel|express|convey|contain|count|qualify|think|believe|say|show)"
)
_DENIES = re.compile(
    rf"(?:{_NOT}(?:\s+(?:{_SMALL}\s+)*{_JUDGES}(?!\w))?|"
    r"\b(?:hardly|barely|scarcely|anything but|far from|lack(?:s|ed|ing)?|without|devoid of|free (?:of|from)|"
    r"rather than|instead of|as opposed to|other than|unlike|plutôt que|anstatt|statt|en lugar de))"
    rf"(?:\s+{_SMALL}(?!\w))*[\s\"'“‘*_]*\Z",
    re.IGNORECASE,
)
_SUPPOSES = re.compile(
    r"\b(?:if|suppose|assuming|unless|wenn|falls)\b(?!\s+(?:forced|pressed|i\s|asked|anything|one\s))[^.!?\n]*"
    r"\b(?:would|could|might|würde|wäre)\b[^.!?\n]*\Z|"
    r"\b(?:whether|to (?:say|conclude|determine|tell|judge|decide|know|establish) (?:that|if))\b[^.!?,;:\n]*\Z",
    re.IGNORECASE,
)
TAKES_BACK = re.compile(
    r"\b(?:wait|actually|correction|scratch that|on second thought|sorry|i mean|oops|moment|doch)\b|等等|不对|更正",
    re.IGNORECASE,
)
"""What takes a label back before another."""
CHOOSES = re.compile(
    r"(?:\b(?:i|we)(?:['’]d|['’]ll| would| will)?\s+(?:\w+ly\s+)?(?:go with|choose|pick|opt for|settle on|say)|"
    r"\bgoing with|\blean(?:s|ing)?(?: towards?)?|\bfinal(?:ly)?(?: label| answer)?)[\s\"'“‘*_(:,]*\Z",
    re.IGNORECASE,
)
"""Text that ends in a label being chosen: "I'd go with"."""
_NO_NOUN = re.compile(
    r"\s+(?!(?:because|since|as|it|its|the|this|these|there|that|those|i|he|she|they|we|you|wait|but|and|or|not|is|in|if|"
    r"for|according|given|due|based|unless|when|while|so|to|at|on|by|from|with|only|just|doubt that)\b)[^\W\d_]",
    re.IGNORECASE,
)


def is_none(text: str, start: int, end: int) -> bool:
    """Whether the label at this place of a text says nothing: denied, supposed, or the "no" of "no idea"."""
    before, after = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
    if text[start:end] == "no" and _NO_NOUN.match(after):
        return True
    if _DENIES.search(before) or words.DENIED_AFTER.match(after):
        return True
    return _SUPPOSES.search(text[max(0, start - 3 * _NEAR) : start]) is not None
