"""Runs against a server that fails: is anything lost, paid for twice, or another result than without the faults?

    python benchmarks/fault_runs.py --samples 2000 --share 0.3

For each of three formats (OpenAI's chat, Anthropic's messages, Google's Gemini), streamed and not, one run is made with
no fault and one in which that share of all attempts fail: 429 with and without a wait, 500 to 529, an error inside a
200 or a stream, connections cut and reset, silence, bodies that are no JSON, empty or of another shape, replies broken
off, and replies that come whole in an odd way. Waits are shortened, so that it takes minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from peers.faulting import FAULTS, FORMATS, FaultingServer

import evalkit
from evalkit.models.api import client

TASK = """\
name: sums
data: sums.jsonl
prompt: "What is the sum of {{ one }} and {{ other }}?"
answer: "The sum 😀 is {{ sum }}."
max_tokens: 20
scorers: [exact_match]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wrong = 0
    for form in FORMATS:
        for stream in (False, True):
            began = time.monotonic()
            faults, server = compare(form, stream, given.samples, given.share, given.seed)
            wrong += len(faults)
            attempts = sum(server.attempts.values())
            met = ", ".join(f"{name} {count}" for name, count in sorted(server.met.items()))
            print(
                f"{form}{', streamed' if stream else ''}: {given.samples:,} samples, {attempts:,} attempts, "
                f"{sum(server.met.values()):,} faults, {time.monotonic() - began:.0f} s: {faults or 'whole'}\n  {met}",
                flush=True,
            )
    raise SystemExit(bool(wrong))


def compare(
    form: str,
    stream: bool,
    samples: int,
    share: float,
    seed: int,
    faults: tuple[str, ...] = FAULTS,
    patience: float = 1.0,
) -> tuple[list[str], FaultingServer]:
    """What differs between a run with faults and one without: nothing, if all is well."""
    client._FIRST_WAIT, client._LONGEST_WAIT = 0.01, 0.2
    os.environ["EVALKIT_FAULTS_KEY"] = "not-a-key"
    with tempfile.TemporaryDirectory(prefix="evalkit-faults-") as place:
        folder = Path(place)
        rows = ({"one": n, "other": 3 * n + 1, "sum": 4 * n + 1} for n in range(1, samples + 1))
        (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "sums.yaml").write_text(TASK, "utf-8")
        drawn = seed * 10 + 2 * FORMATS.index(form) + stream  # other faults for each
        with FaultingServer(0.0, drawn, patience=patience) as sound:
            expected = _outcome(folder, "sound", sound.model(form, stream))
        with FaultingServer(share, drawn, faults, patience) as server:
            found = _outcome(folder, "faulty", server.model(form, stream))
    found_wrong = [f"{name}: {expected[name]} → {found[name]}" for name in expected if expected[name] != found[name]]
    if lost := [prompt for prompt in sound.paid if not server.paid[prompt]]:
        found_wrong.append(f"{len(lost)} lost")
    if twice := [prompt for prompt, count in server.paid.items() if count > 1]:
        found_wrong.append(f"{len(twice)} paid for twice: {twice[:3]}")
    return found_wrong, server


def _outcome(folder: Path, name: str, model: str) -> dict[str, Any]:
    """What a run came to: its result, and every record's text, score and tokens."""
    run = evalkit.run(str(folder / "sums.yaml"), model, out=folder / name, cache=False, max_failures=1.0)
    result = run.manifest.tasks[0].result
    assert result is not None
    records = {
        record.sample.id: (
            record.validity.value,
            [reply.texts for reply in record.replies],
            [reply.usage.completion_tokens for reply in record.replies],
            [score.value for score in record.scores],
        )
        for record in run.records()
    }
    return {
        "samples": len(records),
        "records": records,
        "estimates": [metric.estimate for metric in result.metrics],
        "counts": result.counts,
        "tokens": (result.prompt_tokens, result.completion_tokens),
        "cost": round(result.cost or 0.0, 9),
    }


if __name__ == "__main__":
    main()
