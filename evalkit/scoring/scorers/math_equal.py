"""Mathematical answers: symbolically equal, by math-verify, and equal as Minerva wrote them down."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.core.distribution import pip_install
from evalkit.scoring.extraction import final_answer, last_boxed, minerva_answer, minerva_normalise
from evalkit.scoring.extraction.math_text import math_text
from evalkit.scoring.metrics import mean

# Three steps of five seconds, and the time that the imports take.
_PATIENCE = 40.0
_SCORES = ("math_verify", "exact_match")


class _Child:
    """The process that compares; started by the first question, and again after one that ran out of time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, gold: str, said: str, allowed: float) -> dict[str, object]:
        """What `math_child` answers. Raises TimeoutError where it has not answered in time or has died of it."""
        with self._lock:
            process = self._process if self._process and self._process.poll() is None else self._start()
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(json.dumps([gold, said, allowed]).encode() + b"\n")
                process.stdin.flush()
                ready, _, _ = select.select([process.stdout], [], [], _PATIENCE)
                line = process.stdout.readline() if ready else b""
            except BrokenPipeError:
                line = b""
            if not line:
                process.kill()
                process.wait()
                raise TimeoutError
            return dict(json.loads(line))

    def _start(self) -> subprocess.Popen[bytes]:
        package = str(Path(__file__).resolve().parents[3])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "evalkit.scoring.scorers.math_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        return self._process


_CHILD = _Child()


@dataclass(frozen=True, slots=True)
class _MathEqual(ScoreSample):
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not sample.targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies, strip="none")
        if not answer.text:
            return tuple(Score(name, 0.0, None, answer.reason, answer.validity) for name in _SCORES)
        exact, text = _same_text(sample, answer.text)
        exact_score = Score("exact_match", float(exact), text, answer.reason, answer.validity)
        gold = sample.data.get("solution") or f"\\boxed{{{sample.targets[0]}}}"
        try:
            allowed = float(sample.data.get("allowed_error") or 0.0)
            found = await asyncio.to_thread(_CHILD.ask, math_text(str(gold)), math_text(answer.text), allowed)
        except TimeoutError:
            late = Score("math_verify", 0.0, None, "the comparison took too long", Validity.TIMEOUT)
            return (late, exact_score)
        said = found["said"]
        if not found["gold"]:
            return (Score("math_verify", float(exact), text, "compared as text", answer.validity), exact_score)
        validity = answer.validity
        if said is None and validity is Validity.OK:
            validity = Validity.NO_ANSWER
        reason = answer.reason or ("" if said is not None else "no formula or number in the reply")
        shown = None if said is None else str(said)
        return (Score("math_verify", float(bool(found["equal"])), shown, reason, validity), exact_score)


def math_equal() -> Scorer:
    r"""Whether a reply's final answer equals the sample's, with the scores `math_verify` and `exact_match`, 0 or 1.

    - `math_verify`: what math-verify reads in the reply (the last \boxed, a formula, a number) equals what it reads in
      the gold, symbolically. The gold is the sample's data under `solution`, else its first target as a formula.
      On purpose different: of several boxes the last counts, mixed numbers are read ("2 2/3" is 8/3), and two numbers
      are equal only where they differ by no more than 1e-5 of the larger (1e-12 of exact ones): math-verify rounds to
      six decimals, so that 2^-98 and 2^-99 are one. Where the sample's data say how far a number may be off
      (`allowed_error`, absolute), numbers so near are equal.
    - `exact_match`: the answer in Minerva's closing sentence, else in the last \boxed, is the same text as the first
      target in Minerva's normal form. (lm-evaluation-harness reads the sentence alone, and adds sympy's equality.)

    A comparison runs in a separate process; one that takes too long or too much memory is TIMEOUT and scores 0. A gold
    that math-verify cannot read is compared as text. Source: https://github.com/huggingface/Math-Verify.

    A run raises UsageError where the extra `math` is not installed; scoring raises ValueError without targets.
    """
    metrics = (mean("math_verify"), mean("exact_match"))
    scorer = Scorer("math_equal", _MathEqual(), _SCORES, metrics, version=2)
    return replace(scorer, ready=lambda unsafe: _installed(scorer))


def _installed(scorer: Scorer) -> Scorer:
    if find_spec("math_verify") is None:
        raise UsageError("math-verify is not installed", fix=pip_install("math"))
    return scorer


def _same_text(sample: Sample, text: str) -> tuple[bool, str | None]:
    answer = minerva_answer(text)
    if answer is None:
        answer = last_boxed(text)
    if answer is None:
        return False, None
    answer = minerva_normalise(answer)
    return answer == minerva_normalise(sample.targets[0]), answer
