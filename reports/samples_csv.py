"""Every sample of every run as CSV: how it ended, what was answered, what was right, each score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalkit import Run
from evalkit.reporting.tables import csv_lines

META = {
    "name": "samples_csv",
    "summary": "one line a score of a sample: validity, reply, answer, target",
    "tags": ["csv"],
}

HEAD = ("model", "task", "sample", "repeat", "group", "validity", "score", "value")
LAST = ("answer", "target", "reply", "seconds", "cost")


def report(runs: Sequence[Run], /) -> Iterator[str]:
    """One line for every score of a sample; a sample without scores has one line, too. Streamed."""
    return csv_lines(_rows(runs))


def _rows(runs: Sequence[Run]) -> Iterator[list[object]]:
    yield [*HEAD, *LAST]
    for run in runs:
        for record in run.records():
            sample = record.sample
            group = sample.groups[-1] if sample.groups else ""
            texts = [text for reply in record.replies for text in reply.texts]
            first = [run.model, record.task, sample.id, record.repeat, group, record.validity.value]
            last = [sample.targets[0] if sample.targets else "", texts[0] if texts else "", record.seconds, record.cost]
            for score in record.scores:
                yield [*first, score.name, score.value, score.answer, *last]
            if not record.scores:
                yield [*first, None, None, None, *last]
