"""Float64 decides where two harnesses' rolling sums are further apart than the bound between them.

In a process of its own: `python -m peers.exact ASKED OUT`, where OUT holds the texts and then their log-likelihoods.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from peers.measuring import Item, arguments, limit_threads
from peers.parity.comparing import bound
from peers.parity.outcome import Exact


@dataclass(frozen=True)
class Decision:
    """How far the furthest rolling sum of each harness is from float64, in nats.

    `share` is the largest share that evalkit takes of its bound, which grows with the tokens of a text.
    """

    ours: float
    theirs: float
    share: float

    @property
    def holds(self) -> bool:
        return self.share <= 1.0

    def line(self) -> str:
        """What float64 says, in one line."""
        said = "within" if self.holds else "BEYOND"
        return f"float64: evalkit {self.ours:.1e} nats off ({said} its bound), lm-eval {self.theirs:.1e}"


def decide(
    ours: Iterable[Mapping[str, Item]], theirs: Iterable[Mapping[str, Item]], exact: Mapping[str, Exact]
) -> Decision:
    """Every run of each harness against float64. A text that a run lacks is infinitely far off."""
    one = [(_apart(run.get(key), known), known.tokens) for run in ours for key, known in exact.items()]
    other = [_apart(run.get(key), known) for run in theirs for key, known in exact.items()]
    return Decision(
        ours=max((apart for apart, _ in one), default=math.inf),
        theirs=max(other, default=math.inf),
        share=max((apart / bound(tokens) for apart, tokens in one), default=math.inf),
    )


def _apart(item: Item | None, known: Exact) -> float:
    if item is None or len(item.loglikelihoods) != 1:
        return math.inf
    apart = abs(item.loglikelihoods[0] - known.value)
    return math.inf if math.isnan(apart) else apart


def main() -> None:
    import torch

    from peers.parity.reference_side import Reference

    asked, out = arguments()
    limit_threads(asked.threads)
    texts: dict[str, str] = json.loads(out.read_text(encoding="utf-8"))
    with torch.inference_mode():
        reference = Reference(asked.model)
        found: dict[str, Any] = {key: vars(reference.rolling(text)) for key, text in texts.items()}
    out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
