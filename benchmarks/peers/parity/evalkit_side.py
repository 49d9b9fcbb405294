"""Runs evalkit's tasks, in a process of its own: `python -m peers.parity.evalkit_side …`."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from peers.measuring import limit_threads
from peers.parity.cases import Case, by_label
from peers.parity.outcome import Outcome, Row, arguments, write


class Watched:
    """A model that keeps what it was asked, and stays open from one run to the next."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.identity, self.capabilities = model.identity, model.capabilities
        self.asked: Counter[tuple[str, str]] = Counter()

    async def answer(self, request: Any) -> Any:
        if hasattr(request, "continuations"):
            context = request.prompt.text
            self.asked.update((context, request.delimiter + each) for each in request.continuations)
        else:
            self.asked[(request.prompt.text if hasattr(request, "prompt") else request.text, "")] += 1
        return await self._model.answer(request)

    async def close(self) -> None:
        """The next run asks the same model; the process ends with the last one."""


def measure(model: Any, case: Case, shots: int, mirror: Path) -> Outcome:
    """Run a task and take down its records, in the order of the data."""
    import evalkit

    watched = Watched(model)
    with tempfile.TemporaryDirectory() as folder:
        run = evalkit.run(
            case.spec,
            watched,
            num_fewshot=shots,
            fewshot_order=case.order,
            data_dir=mirror,
            offline=True,
            out=Path(folder) / "run",
            cache=False,
        )
        records = sorted(run.records(), key=lambda record: record.index)
        result = run.manifest.tasks[0].result
    rows = [_row(record, case) for record in records]
    # The records say what was asked; the model knows.
    told = Counter((context, continuation) for row in rows for context, continuation in row.asked)
    if told != watched.asked:
        raise SystemExit(f"{case.name}: the records name other prompts than the model was asked")
    return Outcome(
        rows,
        {each.metric: result.metric(each.metric).estimate.value for each in case.compared},
        [str(record.sample.data.get("original", "")) for record in records] if case.kind == "rolling" else [],
    )


def _row(record: Any, case: Case) -> Row:
    if record.failure is not None:
        raise SystemExit(f"{case.name}: {record.sample.id} failed: {record.failure.message}")
    sample, prompt = record.sample, record.prompt.text
    scores = {score.name: score.value for score in record.scores}
    if case.kind == "texts":
        return Row([[prompt, ""]], text=record.replies[0].texts[0], scores=scores)
    values = [value for reply in record.replies for value in reply.loglikelihoods]
    if case.kind == "rolling":
        return Row([[prompt, ""]], values, scores=scores)
    if len(record.replies) > 1:  # the choices stand in the contexts
        return Row([[prompt + each, f" {sample.targets[0]}"] for each in sample.choices], values, scores=scores)
    return Row([[prompt, f" {each}"] for each in sample.choices], values, scores=scores)


def main() -> None:
    from evalkit.models import resolve

    given = arguments()
    limit_threads(given.threads)
    model = resolve(f"hf/{given.model}", {"device": "cpu", "dtype": "float32"})
    cases = by_label()
    write(given.out, {label: measure(model, *cases[label], given.mirror) for label in given.only.split(",")})


if __name__ == "__main__":
    main()
