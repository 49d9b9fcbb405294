"""Runs lm-eval's own task files over local rows, in a process of its own: `python -m peers.parity.lm_eval_side …`."""

from __future__ import annotations

from typing import Any

from peers.measuring import limit_threads
from peers.parity.cases import Case, by_label
from peers.parity.outcome import Outcome, Row, arguments, write


def main() -> None:
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    given = arguments()
    limit_threads(given.threads)
    labels = given.only.split(",")
    model: Any = HFLM(pretrained=given.model, dtype="float32", device="cpu", batch_size=given.batch)
    results: Any = simple_evaluate(
        model,
        tasks=labels,
        task_manager=TaskManager(include_path=str(given.tasks), include_defaults=False),
        bootstrap_iters=0,
        confirm_run_unsafe_code=True,
    )
    cases = by_label()
    write(given.out, {label: _outcome(results, label, cases[label][0]) for label in labels})


def _outcome(results: Any, label: str, case: Case) -> Outcome:
    rows: dict[int, Row] = {}
    for sample in results["samples"][label]:
        # A sample comes once for every filter, each with the scores of its own.
        row = rows.setdefault(sample["doc_id"], _row(sample, case))
        for each in case.compared:
            metric, _, chosen = each.peer.partition(",")
            if sample["filter"] == chosen and isinstance(sample[metric], int | float):
                row.scores[each.of_rows] = float(sample[metric])
    scores = {each.metric: float(results["results"][label][each.peer]) for each in case.compared}
    return Outcome([rows[number] for number in sorted(rows)], scores)


def _row(sample: Any, case: Case) -> Row:
    first = [answers[0] for answers in sample["resps"]]
    asked = [list(arguments) for arguments in sample["arguments"]]
    if case.kind == "texts":
        return Row([[asked[0][0], ""]], text=first[0])
    if case.kind == "rolling":
        return Row([[asked[0][0], ""]], [float(first[0])])
    return Row([[context, continuation] for context, continuation in asked], [float(value) for value, _ in first])


if __name__ == "__main__":
    main()
