"""Formulas over verdicts: no judge, no text, only booleans. None stands for "not applicable": nothing to divide by.

Source of the claim-level diagnosis: RAGChecker (Ru et al. 2024, https://arxiv.org/abs/2408.08067).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Table = tuple[tuple[bool, ...], ...]
"""A row a claim, a column a context: whether that context entails that claim."""


def proportion(verdicts: Sequence[bool]) -> float | None:
    """The proportion that is true (0 to 1); None of nothing."""
    return sum(verdicts) / len(verdicts) if verdicts else None


def average_precision(useful: Sequence[bool]) -> float | None:
    """Σ_k P@k·v_k / Σ v over contexts in the order of their ranks (0 to 1); None without contexts.

    Contexts that were judged and of which none is useful are no empty case: their precision is 0.
    """
    if not useful:
        return None
    found, total = 0, 0.0
    for rank, value in enumerate(useful, 1):
        if value:
            found += 1
            total += found / rank
    return total / found if found else 0.0


def f_beta(precision: float | None, recall: float | None, beta: float = 1.0) -> float | None:
    """(1 + β²)·P·R / (β²·P + R) (0 to 1), 0 where both are 0; None where recall is not applicable.

    An answer that claims nothing, and so has a recall of 0 and no precision, has 0: what
    (1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP) comes to.
    """
    if precision is None and recall == 0.0:
        return 0.0
    if precision is None or recall is None:
        return None
    below = beta * beta * precision + recall
    return (1 + beta * beta) * precision * recall / below if below else 0.0


def weighted(parts: Sequence[tuple[float | None, float]]) -> float | None:
    """The weighted mean of (value, weight) pairs; None where one with a weight above 0 is not applicable."""
    used = [(value, weight) for value, weight in parts if weight > 0]
    if not used or any(value is None for value, _ in used):
        return None
    return sum(value * weight for value, weight in used if value is not None) / sum(weight for _, weight in used)


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean of those that apply; None where none does."""
    applicable = [value for value in values if value is not None]
    return math.fsum(applicable) / len(applicable) if applicable else None


def mean_cosine(question: Sequence[float], generated: Sequence[Sequence[float]]) -> float | None:
    """The mean cosine of a question's vector with those of generated questions (-1 to 1); None without any."""
    return mean_of([cosine(question, other) for other in generated])


def cosine(one: Sequence[float], two: Sequence[float]) -> float:
    """The cosine of two vectors of one length; 0 where one of them has no direction."""
    lengths = math.sqrt(math.fsum(x * x for x in one)) * math.sqrt(math.fsum(y * y for y in two))
    return math.fsum(x * y for x, y in zip(one, two, strict=True)) / lengths if lengths else 0.0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is known of the claims of one sample. With m contexts, every row of the two tables has m columns.

    in_reference: for each answer claim, whether the reference answer entails it (A_c).
    in_answer: for each reference claim, whether the answer entails it (R_g).
    answer_by_context: answer claims by contexts (C_ck). reference_by_context: reference claims by contexts (G_gk).
    """

    in_reference: tuple[bool, ...]
    in_answer: tuple[bool, ...]
    answer_by_context: Table
    reference_by_context: Table
    contexts: int

    def __post_init__(self) -> None:
        for table, claims, whose in (
            (self.answer_by_context, self.in_reference, "answer"),
            (self.reference_by_context, self.in_answer, "reference"),
        ):
            if len(table) != len(claims):
                raise ValueError(f"{len(table)} rows of verdicts by context for {len(claims)} {whose} claims")
        if any(len(row) != self.contexts for row in (*self.answer_by_context, *self.reference_by_context)):
            raise ValueError(f"a row of verdicts does not have {self.contexts} contexts")

    @property
    def relevant(self) -> tuple[bool, ...]:
        """For each context, whether it entails a claim of the reference."""
        return tuple(any(row[k] for row in self.reference_by_context) for k in range(self.contexts))


def precision(of: Verdicts) -> float | None:
    """The proportion of answer claims that the reference entails."""
    return proportion(of.in_reference)


def recall(of: Verdicts) -> float | None:
    """The proportion of reference claims that the answer entails."""
    return proportion(of.in_answer)


def f1(of: Verdicts) -> float | None:
    """The harmonic mean of `precision` and `recall`."""
    return f_beta(precision(of), recall(of))


def claim_recall(of: Verdicts) -> float | None:
    """The proportion of reference claims that some context entails."""
    return proportion([any(row) for row in of.reference_by_context])


def context_precision(of: Verdicts) -> float | None:
    """The proportion of contexts that entail some reference claim; None without contexts or reference claims."""
    return proportion(of.relevant) if of.in_answer else None


def context_utilization(of: Verdicts) -> float | None:
    """Of the reference claims that some context entails, the proportion that the answer entails."""
    pairs = zip(of.reference_by_context, of.in_answer, strict=True)
    return proportion([said for row, said in pairs if any(row)])


def faithfulness(of: Verdicts) -> float | None:
    """The proportion of answer claims that some context entails; 0 where there are claims and no context."""
    return proportion([any(row) for row in of.answer_by_context])


def hallucination(of: Verdicts) -> float | None:
    """The proportion of answer claims that neither a context nor the reference entails."""
    return proportion([not any(row) and not right for row, right in _answer(of)])


def self_knowledge(of: Verdicts) -> float | None:
    """The proportion of answer claims that are right and come from no context."""
    return proportion([not any(row) and right for row, right in _answer(of)])


def noise_sensitivity_in_relevant(of: Verdicts) -> float | None:
    """The proportion of answer claims that are wrong and entailed by a relevant context."""
    relevant = of.relevant
    return proportion([_by(row, relevant, True) and not right for row, right in _answer(of)])


def noise_sensitivity_in_irrelevant(of: Verdicts) -> float | None:
    """The proportion of answer claims that are wrong and entailed by irrelevant contexts alone."""
    relevant = of.relevant
    return proportion(
        [_by(row, relevant, False) and not _by(row, relevant, True) and not right for row, right in _answer(of)]
    )


def _answer(of: Verdicts) -> list[tuple[tuple[bool, ...], bool]]:
    return list(zip(of.answer_by_context, of.in_reference, strict=True))


def _by(row: Sequence[bool], relevant: Sequence[bool], wanted: bool) -> bool:
    """Whether a context that is relevant (or is not, as wanted) entails the claim."""
    return any(entails for entails, is_relevant in zip(row, relevant, strict=True) if is_relevant is wanted)


FIGURES: Mapping[str, Callable[[Verdicts], float | None]] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "claim_recall": claim_recall,
    "context_precision": context_precision,
    "context_utilization": context_utilization,
    "noise_sensitivity_in_relevant": noise_sensitivity_in_relevant,
    "noise_sensitivity_in_irrelevant": noise_sensitivity_in_irrelevant,
    "hallucination": hallucination,
    "self_knowledge": self_knowledge,
    "faithfulness": faithfulness,
}
"""RAGChecker's eleven figures: three over all, two of the retriever, six of the generator."""

LOWER_IS_BETTER = frozenset({"noise_sensitivity_in_relevant", "noise_sensitivity_in_irrelevant", "hallucination"})
