"""What is printed: one block a measurement, 80 columns wide, and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from peers.comparing import Parity
from peers.exact import Decision
from peers.measuring import Measured

_HEAD = f"{'':18}{'phase s':>9}{'of runs':>15}{'process s':>11}{'tokens':>11}{'forward':>9}{'MB':>7}"


@dataclass
class Result:
    """All runs of one form with one number of threads. `peer` maps lm-eval's batch size to its runs."""

    name: str
    title: str
    threads: int
    evalkit: list[Measured] = field(default_factory=list)
    peer: dict[int, list[Measured]] = field(default_factory=dict)
    parity: Parity = field(default_factory=Parity)
    within_peer: Parity = field(default_factory=Parity)
    """How far lm-eval's batch sizes are apart from each other: what rounding alone comes to."""
    decision: Decision | None = None
    """What float64 says, where the two are further apart than the bound between them."""

    @property
    def holds(self) -> bool:
        """Whether both came to the same, or float64 says that only lm-eval is off."""
        decided = self.decision is not None and self.decision.holds and self.parity.is_same_but_for_rounding
        return self.parity.holds or decided

    @property
    def seconds(self) -> float:
        return _phase(self.evalkit)

    def ratio(self, batch: int) -> float:
        """How many times as long lm-eval takes."""
        return _phase(self.peer[batch]) / self.seconds

    @property
    def best(self) -> float:
        """The same against lm-eval's best batch size."""
        return min(self.ratio(batch) for batch in self.peer)

    @property
    def unique(self) -> int:
        return next(iter(self.peer.values()))[0].unique

    @property
    def asked(self) -> int:
        return next(iter(self.peer.values()))[0].asked

    @property
    def share(self) -> float:
        """Unique tokens in all tokens that evalkit computed: 1 where nothing is computed twice and nothing padded."""
        return self.unique / max(1, self.evalkit[0].tokens)

    def as_dict(self) -> dict[str, Any]:
        """Every number, without what came out for every row."""
        return {
            "form": self.name,
            "threads": self.threads,
            "rows": self.parity.rows,
            "asked": self.asked,
            "unique": self.unique,
            "evalkit": [_numbers(run) for run in self.evalkit],
            "lm_eval": {str(batch): [_numbers(run) for run in runs] for batch, runs in self.peer.items()},
            "ratio": {str(batch): self.ratio(batch) for batch in self.peer},
            "ratio_to_best": self.best,
            "unique_share": self.share,
            "parity": {**vars(self.parity), "holds": self.holds},
            "float64": vars(self.decision) if self.decision else None,
            "lm_eval_among_itself": vars(self.within_peer),
        }


def _numbers(run: Measured) -> dict[str, Any]:
    return {key: value for key, value in vars(run).items() if key not in ("items", "asked", "unique")}


def _phase(runs: Sequence[Measured]) -> float:
    return median(run.phase for run in runs)


def block(result: Result) -> str:
    """Everything about one measurement."""
    threads = f"{result.threads} thread{'s' * (result.threads != 1)}"
    runs = f"{len(result.evalkit)} run{'s' * (len(result.evalkit) != 1)}"
    lines = [f"{result.title} · {result.parity.rows} rows · {threads} · {runs}", _HEAD]
    lines.append(_line("evalkit", result.evalkit))
    lines += [_line(f"lm-eval, batch {batch}", runs) for batch, runs in result.peer.items()]
    first = next(iter(result.peer))
    lines.append(f"  {result.ratio(first):.2f}x as fast as batch {first}, {result.best:.2f}x as lm-eval's best")
    theirs = result.peer[first][0].tokens / max(1, result.unique)
    lines.append(
        f"  tokens asked for {result.asked:,}, unique {result.unique:,}: {result.share:.1%} of what evalkit computed;"
    )
    lines.append(f"  computing only these would be {theirs:.2f}x less than lm-eval computes")
    lines.append(f"  {agreement(result.parity)}")
    if result.decision:
        lines.append(f"  {result.decision.line()}")
    if len(result.peer) > 1:
        own = result.within_peer
        apart = f"{own.furthest:.1e} apart" if own.furthest else "the same outcome"
        said = f"{own.other_texts} texts differ" if own.other_texts else apart
        lines.append(f"  lm-eval's batch sizes among themselves: {said}")
    return "\n".join(lines)


def _line(name: str, runs: Sequence[Measured]) -> str:
    phases = [run.phase for run in runs]
    shares = [run.forward_seconds / run.phase for run in runs if run.forward_seconds is not None]
    return (
        f"  {name:16}{median(phases):9.2f}{f'{min(phases):.2f}–{max(phases):.2f}':>15}"
        f"{median(run.wall for run in runs):11.1f}{runs[0].tokens:11,}"
        f"{f'{median(shares):.0%}' if shares else '–':>9}{median(run.memory for run in runs) / 1e6:7.0f}"
    )


def agreement(parity: Parity) -> str:
    """One line on whether both came to the same."""
    if parity.holds and not parity.furthest:
        return "same prompts, same outcome for every row"
    if parity.holds:
        return f"same prompts and answers; log-likelihoods within {parity.furthest:.1e} (bound {parity.bound:.0e})"
    if parity.is_same_but_for_rounding:
        return f"same prompts and answers; log-likelihoods {parity.furthest:.1e} APART (bound {parity.bound:.0e})"
    return (
        f"DIFFERENT: {parity.missing} rows missing, {parity.other_prompts} prompts, {parity.other_answers} answers, "
        f"{parity.other_texts} texts;\n  log-likelihoods {parity.furthest:.1e} apart (bound {parity.bound:.0e})"
    )


def summary(results: Sequence[Result]) -> str:
    """One line a measurement."""
    lines = [f"{'':28}{'threads':>8}{'evalkit s':>11}{'ratio':>8}{'to best':>9}{'unique':>9}{'agree':>7}"]
    lines += [
        f"{result.name:28}{result.threads:>8}{result.seconds:>11.2f}"
        f"{next(result.ratio(batch) for batch in result.peer):>7.2f}x{result.best:>8.2f}x"
        f"{min(result.share, 9.99):>9.1%}{'yes' if result.holds else 'NO':>7}"
        for result in results
    ]
    return "\n".join(lines)
