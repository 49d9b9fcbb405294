"""Claims and verdicts that RAGChecker wrote, read from its file: its figures can be computed again without a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.core import UsageError
from evalkit.judging.rag.formulas import FIGURES, Verdicts, mean_of

_ENTAILED = "Entailment"
_LABELS = frozenset({_ENTAILED, "Neutral", "Contradiction"})


def read_ragchecker(path: Path) -> dict[str, Verdicts]:
    """The verdicts of every result by its `query_id`, from the file that RAGChecker writes after checking.

    Raises UsageError for a file that is none of its, a result that was not checked, and a label it does not know.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("the file of checked claims cannot be read", found=str(error), at=str(path)) from None
    if not isinstance(found, Mapping) or not isinstance(found.get("results"), list):
        raise UsageError("the file holds no `results` of RAGChecker", at=str(path))
    verdicts: dict[str, Verdicts] = {}
    for number, result in enumerate(found["results"]):
        at = f"{path}: results[{number}]"
        try:
            verdicts[str(result["query_id"])] = _verdicts(result)
        except KeyError as error:
            raise UsageError(f"a result lacks {error}", fix="check the claims with RAGChecker first", at=at) from None
        except (TypeError, ValueError) as error:
            raise UsageError("the verdicts of a result do not fit together", found=str(error), at=at) from None
    return verdicts


def figures(samples: Sequence[Verdicts]) -> dict[str, float | None]:
    """RAGChecker's eleven figures (0 to 1), each the mean over the samples it applies to."""
    return {name: mean_of([formula(of) for of in samples]) for name, formula in FIGURES.items()}


def _verdicts(result: Mapping[str, Any]) -> Verdicts:
    return Verdicts(
        in_reference=tuple(_entails(label) for label in result["answer2response"]),
        in_answer=tuple(_entails(label) for label in result["response2answer"]),
        answer_by_context=tuple(tuple(map(_entails, row)) for row in result["retrieved2response"]),
        reference_by_context=tuple(tuple(map(_entails, row)) for row in result["retrieved2answer"]),
        contexts=len(result["retrieved_context"]),
    )


def _entails(label: object) -> bool:
    if label not in _LABELS:
        raise ValueError(f"{label!r} is none of {', '.join(sorted(_LABELS))}")
    return label == _ENTAILED
