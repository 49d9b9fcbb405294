"""The embedded model as a judge: behind a real server it is weak and biased, and the audit says how much."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evalkit.cli.group import cli
from evalkit.core import Choose, Judge, Model, Reply, Request
from evalkit.judging.audit import audit_of
from evalkit.judging.session import Judged, Verdicts, judge_all, pair_items
from evalkit.models import resolve
from evalkit.models.tiny import TINY
from evalkit.plugins import load
from tests.judging.server import outputs
from tests.judging.test_audit import bias, two_models
from tests.servers import ECHO, announced

pytestmark = pytest.mark.slow("starts a server with a model behind it")

PAIRS = 10


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The spec that reaches the embedded model behind a server of text completions with log-probabilities."""
    pytest.importorskip("torch")
    with announced([sys.executable, str(ECHO), str(TINY)]) as address:
        yield f"openai/{TINY},base_url={address}/v1"


class Overheard:
    """A model whose requests are kept."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.identity, self.capabilities = model.identity, model.capabilities
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        return await self._model.answer(request)

    async def close(self) -> None:
        await self._model.close()


def leanings(requests: list[Request]) -> list[float]:
    """P(A) / (P(A) + P(B)) of every request, by transformers on the weights, one plain pass each."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(TINY)
    model = AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32).eval()
    found = []
    for request in requests:
        assert isinstance(request, Choose)
        totals = []
        for letter in request.continuations:
            before = tokenizer(request.prompt.text).input_ids
            whole = tokenizer(f"{request.prompt.text} {letter}").input_ids
            with torch.no_grad():
                table = torch.log_softmax(model(torch.tensor([whole])).logits[0].float(), -1)
            totals.append(sum(float(table[i - 1, whole[i]]) for i in range(len(before), len(whole))))
        found.append(1.0 / (1.0 + np.exp(totals[1] - totals[0])))
    return found


def test_a_weak_judge_is_found_biased_by_as_much_as_its_weights_are(tmp_path: Path) -> None:
    """Its soft verdicts over HTTP are those of its weights, and the bias in the audit is the one they come to."""
    judge = load("judge", "pairwise,soft=yes")
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    bound, pair = judge.bound, two_models()
    with served() as spec:
        model = Overheard(resolve(spec))

        async def work() -> list[Judged]:
            items = pair_items(pair, PAIRS)
            try:
                return await judge_all(bound(model), items, Verdicts.open(tmp_path / "v.jsonl"), window=1)
            finally:
                await model.close()

        found = asyncio.run(work())
    theirs = leanings(model.asked[: 2 * PAIRS])
    ours = [value for one in found[:PAIRS] for value in (one.orders[0], 1.0 - one.orders[1])]
    assert ours == pytest.approx(theirs, abs=1e-4)
    audit = audit_of(found)
    word, value = bias(audit, "position bias")
    assert word == "biased"
    assert value == pytest.approx(np.mean(np.array(theirs) > 0.5) - 0.5)
    assert value > 0.3
    assert bias(audit, "order consistency")[0] == "poor"
    assert audit.summary.startswith("Do not believe this judge as it is: position bias")


def test_written_verdicts_of_a_weak_judge_are_all_unjudged(tmp_path: Path) -> None:
    """It writes on and never says a verdict: nothing is scored, and the exit code is 3."""
    for name, seed in (("ant", 1), ("bee", 2)):
        (tmp_path / f"{name}.jsonl").write_text(outputs(name, seed, 4), encoding="utf-8")
    files = [str(tmp_path / f"{name}.jsonl") for name in ("ant", "bee")]
    options = ("--judge", "tiny", "--probes", "0", "--limit", "3", "--out", str(tmp_path / "v.jsonl"))
    done = CliRunner().invoke(cli, ["judge", "audit", *files, *options])
    assert done.exit_code == 3
    assert "all 3 are unjudged" in done.stderr
    assert "a stronger judge" in done.stderr
    assert "100% " in done.stdout
    assert "could not be judged" in " ".join(done.stdout.split())
    assert "Do not believe this judge as it is: unjudged." in done.stdout
