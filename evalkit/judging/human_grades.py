"""People's grades of some answers next to a judge's of all: the mean by people, and how far both agree."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalkit.core import Estimate, UsageError, Validity
from evalkit.judging.session import Judged
from evalkit.stats import mean_interval
from evalkit.stats.agreement import krippendorff_alpha
from evalkit.stats.correlations import spearman
from evalkit.stats.ppi import ppi_mean


@dataclass(frozen=True, slots=True)
class Corrected:
    """The mean of a score as the judge gives it and as people would, α (interval level) and Spearman's ρ between them;
    `labels` answers have both."""

    score: str
    raw: Estimate
    corrected: Estimate
    alpha: Estimate
    rank: Estimate
    labels: int


def read_grades(path: Path) -> dict[str, float]:
    """People's grades by the answer's id, from a CSV with the columns id and label, a number on the score's own scale.

    Raises UsageError with the line for a label that is not a number, and for an id that occurs twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"cannot read the labels in {path}",
            found=getattr(error, "strerror", None) or str(error),
            fix="a CSV with the columns id and label",
        ) from None
    found: dict[str, float] = {}
    for number, row in enumerate(rows, 2):
        if not {"id", "label"} <= row.keys():
            raise UsageError("grades have the columns id and label", found=", ".join(map(str, row)), at=str(path))
        try:
            value = float(row["label"] or "")
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UsageError("a grade is a number", found=repr(row["label"]), at=f"{path}:{number}")
        if row["id"] in found:
            raise UsageError(f"the id {row['id']!r} occurs twice", at=f"{path}:{number}")
        found[row["id"]] = value
    if not found:
        raise UsageError("there are no labels", at=str(path))
    return found


def corrected(found: Sequence[Judged], grades: Mapping[str, float]) -> Corrected:
    """The first score's mean, corrected by the grades there are (prediction-powered inference, λ chosen by the data).

    Raises UsageError where fewer than two judged answers have a grade, or the score is a proportion and the grades are
    none.
    """
    judged = [one for one in found if one.validity is Validity.OK and one.scores]
    name = next(iter(judged[0].scores), "") if judged else ""
    values = {one.key: one.scores[name] for one in judged if name in one.scores}
    both = [key for key in values if key in grades]
    if len(both) < 2:
        raise UsageError(
            f"{len(both)} of {len(grades)} labels are of an answer that was judged",
            found=f"ids such as {next(iter(grades))!r}",
            fix="ids of the run's samples, two labels or more",
        )
    people = np.array([grades[key] for key in both])
    machine = np.array([values[key] for key in both])
    others = [key for key in values if key not in grades]
    rest = np.array([values[key] for key in others])
    cluster = {one.key: one.cluster or f"\0{one.key}" for one in judged}
    numbers = {name: number for number, name in enumerate(dict.fromkeys(cluster.values()))}
    inside, outside, every = (
        np.array([numbers[cluster[key]] for key in keys], dtype=np.int64) for keys in (both, others, list(values))
    )
    _same_scale(people, np.array(list(values.values())), name)
    mean = mean_interval(people, inside)
    if len(rest) >= 2:
        mean = ppi_mean(people, machine, rest, clusters=inside, unlabelled_clusters=outside, power=None)
    return Corrected(
        name,
        mean_interval(list(values.values()), every),
        mean,
        krippendorff_alpha(np.stack([people, machine]), level="interval", clusters=inside),
        spearman(people, machine, inside),
        len(both),
    )


def _same_scale(people: np.ndarray, machine: np.ndarray, name: str) -> None:
    """A rubric's scores are proportions from 0 to 1, and grades from 1 to 5 next to them are a mistake."""
    if machine.min() >= 0.0 and machine.max() <= 1.0 and people.max() > 1.0:
        raise UsageError(
            f"the score {name!r} is a proportion from 0 to 1, and the labels are not",
            found=f"{people.max():g}",
            fix="(level - lowest) / (highest - lowest)",
        )
