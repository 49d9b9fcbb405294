"""The lexical detector of hallucinations: how well contexts cover each sentence of an answer. No model, no download.

A sentence is covered by the proportion of its telling words that the best window of the contexts has, and by its
weakest clause; each signal that speaks against it (`signals`) takes its proportion of the rest away. An embedding
model, where one is given, lends coverage to paraphrases. Everything is deterministic, and every number comes with its
reasons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evalkit.judging.rag.records import Context
from evalkit.judging.rag.segments import Segment, segments
from evalkit.judging.rag.support.signals import RULES, Signal, covered_amounts
from evalkit.judging.rag.support.windows import Evidence, Window, overlap, read_contexts
from evalkit.judging.rag.support.wording import LIGHT, Sentence, Token, alike, read_sentence, tokens

Similarity = Mapping[tuple[str, str], float]
"""(sentence, window) to the cosine of their vectors."""

_CITED = re.compile(r"[\[【]\s*([\w .:/#-]{1,40}(?:\s*[,;]\s*[\w .:/#-]{1,40})*)(?:†[^】\]]*)?\s*[\]】]")
_ABSTAINS = re.compile(
    r"\b(?:(?:documents?|contexts?|passages?|texts?|sources?|excerpts?|it|article) (?:do(?:es)?|did|gives?|contains?|"
    r"provides?|says?|mentions?)(?:n't| not| no(?:thing)?)\b|(?:no|not enough|insufficient) (?:information|mention|"
    r"details?|answer|evidence|data)\b|(?:can(?:not|'t| not)|could not|couldn't) (?:be )?(?:answer|determin|find|found|"
    r"say|tell|infer)|(?:is|are|was|were)(?: not|n't) (?:mentioned|stated|specified|provided|given|said|known|clear|"
    r"answered|covered|included)\b|"
    r"^not (?:mentioned|stated|specified|provided|given|known|answered)\b|i (?:do not|don't) know\b|unanswerable\b)",
    re.IGNORECASE,
)
SUPPORTED = 0.5
"""From this support on a sentence is called supported."""


@dataclass(frozen=True, slots=True)
class Support:
    """One segment of an answer. `support` is 0 to 1, None where it claims nothing (an abstention, "Yes.", a heading:
    `kind` says which)."""

    text: str
    support: float | None
    label: str
    contexts: tuple[str, ...] = ()
    evidence: str = ""
    coverage: float = 0.0
    signals: tuple[Signal, ...] = ()
    kind: str = "statement"
    cut: bool = False
    """Whether the contexts were longer than what is looked at."""

    def json(self) -> dict[str, Any]:
        """{"text", "support", "contexts", "label", "evidence", "reason"} for `Score.details`."""
        return {
            "text": self.text,
            "support": None if self.support is None else round(self.support, 4),
            "contexts": list(self.contexts),
            "label": self.label,
            "evidence": self.evidence,
            "reason": "; ".join(signal.words for signal in self.signals)
            or (
                self.kind.replace("statement", "")
                if self.support is None
                else f"{self.coverage:.0%} of its words are covered"
            ),
        }


def supports(
    answer: str, contexts: Sequence[Context], question: str = "", similarity: Similarity | None = None
) -> list[Support]:
    """How far the contexts support each segment of the answer, in order. Without contexts nothing is supported."""
    evidence = read_contexts(contexts, question)
    found = [_of_segment(segment, evidence, similarity or {}) for segment in segments(answer)]
    return [replace(one, cut=True) for one in found] if evidence.cut else found


def abstains(text: str) -> bool:
    """Whether a sentence only says that the contexts hold no answer."""
    return _ABSTAINS.search(text) is not None


def plain(text: str) -> str:
    """A sentence without its citations."""
    return _CITED.sub("", text).strip()


def cited(text: str, contexts: Sequence[Context]) -> list[tuple[str, Context | None]]:
    """The citations of a text, each with the context it means: by id or by its rank. None where there is none."""
    found: list[tuple[str, Context | None]] = []
    for group in _CITED.findall(text):
        for mark in re.split(r"\s*[,;]\s*", group.strip()):
            by_id = next((context for context in contexts if context.id == mark), None)
            by_rank = next((context for context in contexts if str(context.rank) == mark.lstrip("#")), None)
            if by_id or by_rank or re.fullmatch(r"#?\d{1,3}", mark):
                found.append((mark, by_id or by_rank))
    return found


def _of_segment(segment: Segment, evidence: Evidence, similarity: Similarity) -> Support:
    if not segment.claims:
        return Support(segment.text, None, "no claim", kind=segment.kind)
    if segment.about:
        # What heads a column, or leads in a list, is like a question: its words count half, and are no names.
        evidence = replace(evidence, question=(*evidence.question, *tokens(segment.about)))
    return _of_sentence(segment.text, evidence, similarity)


def _of_sentence(text: str, evidence: Evidence, similarity: Similarity) -> Support:
    said = plain(text)
    sentence = read_sentence(said)
    content = _telling(sentence.tokens)
    if abstains(said) or not content:
        return Support(text, None, "no claim")
    marks = _citations(text, sentence, evidence)
    if not evidence.windows:
        return Support(
            text, 0.0, "unsupported", signals=(*marks, Signal("context", 1.0, "there are no contexts", False))
        )
    window, coverage = _best(sentence, said, evidence, similarity)
    signals = [signal for rule in RULES for signal in rule(sentence, window, evidence)] + marks
    weakest = min(_clause_coverage(sentence, evidence, window), default=coverage)
    covered = max(0.6 * coverage + 0.4 * weakest, _lent(similarity.get((said, window.text), 0.0), coverage))
    support = covered
    for signal in signals:
        support *= 1.0 - signal.strength
    return Support(text, support, _label(support, coverage, signals), (window.context,), window.text, covered,
                   tuple(signals))  # fmt: skip


def _label(support: float, coverage: float, signals: Sequence[Signal]) -> str:
    if support >= SUPPORTED:
        return "supported"
    against = any(signal.contradicts and signal.strength >= 0.5 for signal in signals)
    return "contradicted" if against and coverage >= 0.35 else "unsupported"


# ---------------------------------------------------------------- coverage


def _telling(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.content or token.number is not None]


def _lent(near: float, coverage: float) -> float:
    """The coverage that a cosine lends: none up to 0.4, where texts only share a subject, and all from 0.9 on; four
    tenths of it only where words are shared, too."""
    return min(1.0, max(0.0, (near - 0.4) / 0.5)) * (0.6 + 0.4 * coverage)


def _best(sentence: Sentence, said: str, evidence: Evidence, similarity: Similarity) -> tuple[Window, float]:
    """The window that covers most of a sentence, and how much (0 to 1); two sentences only where they cover more
    than the better of them by a tenth."""

    def value(window: Window) -> tuple[float, float]:
        cover = _proportion(sentence.tokens, window.tokens, evidence)
        lent = _lent(similarity.get((said, window.text), 0.0), cover)
        return (max(cover, lent) - (0.1 if len(window.parts) > 1 else 0.0), cover)

    best = max(evidence.windows, key=value)
    return best, _proportion(sentence.tokens, best.tokens, evidence)


def _clause_coverage(sentence: Sentence, evidence: Evidence, window: Window) -> list[float]:
    """How much of each clause the window covers, or any other single sentence at nine tenths."""
    found = []
    for clause in sentence.clauses:
        if sum(token.content for token in clause) < 2:
            continue
        here = _proportion(clause, window.tokens, evidence)
        if here < 0.9:
            here = max([here, *(0.9 * _proportion(clause, other.tokens, evidence) for other in evidence.single)])
        found.append(here)
    return found


def _proportion(tokens: Sequence[Token], other: Sequence[Token], evidence: Evidence) -> float:
    """The weighted proportion of the telling words that the other text has. Words of the question count half: an answer
    repeats them whether or not it is right."""
    asked = [token.stem for token in evidence.question if token.content]
    whole = covered = 0.0
    there = set(map(id, overlap(tokens, other))) | {id(tokens[place]) for place in covered_amounts(tokens, other)}
    for token in _telling(tokens):
        weight = evidence.weight(token.stem) * (0.3 if token.low in LIGHT else 1.0)
        if any(alike(token.stem, stem) for stem in asked):
            weight *= 0.5
        whole += weight
        covered += weight if id(token) in there else 0.0
    return covered / whole if whole else 0.0


def _citations(text: str, sentence: Sentence, evidence: Evidence) -> list[Signal]:
    """A citation names a context that is there and that covers what it is cited for."""
    found: list[Signal] = []
    marks = cited(text, evidence.contexts)
    if not marks:
        return found
    most = max((_proportion(sentence.tokens, window.tokens, evidence) for window in evidence.windows), default=0.0)
    for mark, context in marks:
        if context is None:
            found.append(Signal("citation", 0.8, f"[{mark}] is none of the {len(evidence.contexts)} contexts"))
            continue
        same = {other.id for other in evidence.contexts if other.words == context.words}
        own = [window for window in evidence.windows if window.context in same]
        here = max((_proportion(sentence.tokens, window.tokens, evidence) for window in own), default=0.0)
        if here < 0.5 * most:
            found.append(Signal("citation", 0.65, f"[{mark}] does not say it, another context does"))
    return found


def overall(found: Sequence[Support]) -> tuple[float | None, float | None]:
    """(mean, weakest) support of the sentences that claim something; (None, None) where none does."""
    values = [one.support for one in found if one.support is not None]
    return (sum(values) / len(values), min(values)) if values else (None, None)
