"""The rows that both harnesses read: a mirror of hub data sets, cut from a real one or made up, and lm-eval's tasks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from peers.parity.cases import Case, Make, Split

POOL = 60
"""How many rows examples are drawn from."""


def write_rows(folder: Path, case: Case, asked: int, real: Path | None) -> bool:
    """Write the splits of a case into the mirror `folder`; returns whether they are real ones."""
    found = [_rows(split, case, asked, real) for split in case.splits]
    for split, (rows, _) in zip(case.splits, found, strict=True):
        path = folder / f"{split.path}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return all(is_real for _, is_real in found)


def _rows(split: Split, case: Case, asked: int, real: Path | None) -> tuple[list[dict[str, Any]], bool]:
    source = _file(real, split.real or split.path) if real else None
    if case.kind == "rolling":
        pages = _real_pages(source) if source else _made_pages(split)
        return [{"text": line} for page in islice(pages, asked) for line in page], source is not None
    if source is None:
        rng = Random(split.path)
        return [_make(split)(rng) for _ in range(asked if split.asked else POOL)], False
    # Where examples come from the split that is asked, they are rows that are not.
    begin = asked if split.real and not split.asked else 0
    kept = ({**split.columns, **row} for row in _lines(source) if split.keep(row))
    return list(islice(kept, begin, begin + (asked if split.asked else POOL))), True


def _make(split: Split) -> Make:
    if split.make is None:
        raise SystemExit(f"{split.path} is in no mirror, and its rows are not made up")
    return split.make


def _file(mirror: Path, path: str) -> Path | None:
    return next((file for end in (".jsonl", ".jsonl.gz") if (file := mirror / f"{path}{end}").is_file()), None)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    return (json.loads(line) for line in text.split("\n") if line)


def _real_pages(path: Path) -> Iterator[list[str]]:
    """The lines of the pages, each but the first beginning with a title of the first level."""
    page: list[str] = []
    for row in _lines(path):
        line = row["text"]
        if (
            line.startswith(" = ")
            and not line.startswith(" = = ")
            and line.endswith(" = \n")
            and any(map(str.strip, page))
        ):
            yield page
            page = []
        page.append(line)
    yield page


def _made_pages(split: Split) -> Iterator[list[str]]:
    rng = Random(split.path)
    while True:
        yield _make(split)(rng)["text"].splitlines(keepends=True)


# ---------------------------------------------------------------- lm-eval's tasks


def write_peer_tasks(folder: Path, definitions: Path, mirror: Path, cases: Iterable[Case]) -> None:
    """Write, for each number of examples, a task that is lm-eval's own file with its data pointed at the mirror.

    JSON is YAML too, so no YAML writer is needed. WikiText's rows are pages there: `write_pages` writes them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        files = {split.name: str(mirror / f"{split.path}.jsonl") for split in case.splits}
        if case.kind == "rolling":
            # The file names splits that are not asked, and lm-eval opens those of examples.
            files = dict.fromkeys(("train", "validation", "test"), str(pages_file(mirror)))
        for label, k in case.labels().items():
            task = {
                "include": str(definitions / case.peer),
                "task": label,
                "dataset_path": "json",
                "dataset_name": None,
                "dataset_kwargs": {"data_files": files},
                "num_fewshot": k,
            }
            (folder / f"{label}.yaml").write_text(json.dumps(task, indent=1), encoding="utf-8")


def pages_file(mirror: Path) -> Path:
    """Where the pages lie that both harnesses read."""
    return mirror / "pages.jsonl"


def write_pages(mirror: Path, pages: Iterable[str]) -> None:
    """Write the pages as evalkit joined them, for lm-eval, which has them joined by someone else."""
    pages_file(mirror).write_text("".join(json.dumps({"page": page}) + "\n" for page in pages), encoding="utf-8")
