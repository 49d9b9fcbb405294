"""What a run of a subset was chosen by: the stored scores and the order of each task's samples, kept in its folder.

A resumed or rescored run estimates from the same scores, whatever was run since.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from evalkit.core import RunError, digest_of
from evalkit.core.claims import rewrite

if TYPE_CHECKING:
    from evalkit.stats.subset_design import StoredScores, SubsetDesign

FILE = "subset.json.gz"
FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """The `n` samples of a task that are asked in place of all, and what is known of all of them.

    `metric` names the mean that is estimated; `runs` are the folders and models of the stored runs behind `stored`, in
    the order of its rows.
    """

    n: int
    metric: str
    stored: StoredScores
    design: SubsetDesign
    runs: tuple[tuple[str, str], ...]

    @property
    def asked(self) -> frozenset[str]:
        """The ids of the samples that are asked."""
        return frozenset(self.stored.ids[place] for place in self.design.order[: self.n].tolist())

    @property
    def digest(self) -> str:
        """Of the order of all samples: subsets of one order hold each other."""
        return digest_of(self.metric, *(self.stored.ids[place] for place in self.design.order.tolist()))

    @property
    def words(self) -> str:
        """`anchors=200@3f9c2a1b`: how a manifest and a signature name it."""
        return f"anchors={self.n}@{self.digest[:8]}"


def write(folder: Path, subsets: Mapping[str, Subset]) -> None:
    """Keep the subsets of a run's tasks, by name. Raises RunError where the disk refuses."""
    tasks = {name: _as_json(subset) for name, subset in subsets.items()}
    data = orjson.dumps({"format": FORMAT, "tasks": tasks}, option=orjson.OPT_SERIALIZE_NUMPY)
    try:
        rewrite(folder / FILE, gzip.compress(data, 6, mtime=0))
    except OSError as error:
        raise RunError(f"cannot write {folder / FILE}: {error.strerror}") from error


def read(folder: Path) -> dict[str, Subset]:
    """The subsets of a run's tasks, by name; none where it asked all samples. Raises RunError for a damaged file."""
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        raw = orjson.loads(gzip.decompress(path.read_bytes()))
        if raw["format"] != FORMAT:
            raise RunError(f"{path} has format {raw['format']!r}; this evalkit reads format {FORMAT}")
        return {name: _from_json(one) for name, one in raw["tasks"].items()}
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _as_json(subset: Subset) -> dict[str, Any]:
    stored, design = subset.stored, subset.design
    return {
        "n": subset.n,
        "metric": subset.metric,
        "ends": stored.ends,
        "ids": stored.ids,
        "runs": [{"folder": folder, "model": model} for folder, model in subset.runs],
        "scores": stored.values,
        "strata": design.strata,
        "order": design.order,
        "slopes": design.curves.slopes,
        "levels": design.curves.levels,
        "abilities": design.curves.abilities,
    }


def _from_json(raw: Mapping[str, Any]) -> Subset:
    import numpy as np

    from evalkit.stats.item_response import ItemCurves
    from evalkit.stats.subset_design import StoredScores, SubsetDesign

    low, high = raw["ends"]
    # JSON has no NaN: a score that is not known is null.
    scores = np.asarray(raw["scores"], dtype=np.float64)
    curves = ItemCurves(*(np.asarray(raw[name], dtype=np.float64) for name in ("slopes", "levels", "abilities")))
    strata, order = (np.asarray(raw[name], dtype=np.int64) for name in ("strata", "order"))
    runs = tuple((one["folder"], one["model"]) for one in raw["runs"])
    stored = StoredScores(tuple(raw["ids"]), scores, (low, high))
    return Subset(raw["n"], raw["metric"], stored, SubsetDesign(strata, order, curves), runs)
