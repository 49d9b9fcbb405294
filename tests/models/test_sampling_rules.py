"""top_k, min_p and the repetition penalty, held against transformers' own processors, in torch and in numpy."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
generation = pytest.importorskip("transformers.generation.logits_process")

from evalkit.models.hf.generation import sampling as in_torch  # noqa: E402 (needs torch)
from evalkit.models.hf.generation.stream import Stream  # noqa: E402 (needs torch)
from evalkit.models.llamacpp import sampling as in_numpy  # noqa: E402 (needs torch)
from evalkit.models.replies.detokenize import Detokenizer  # noqa: E402 (needs torch)
from evalkit.models.replies.local_text import LocalText  # noqa: E402 (needs torch)
from evalkit.models.replies.markers import ANY  # noqa: E402 (needs torch)
from tests.models.test_decode import Letters  # noqa: E402 (needs torch)

SIZE, PROMPT, DRAWS = 40, (3, 5, 7), 4000
CASES = [
    {"top_k": 5},
    {"min_p": 0.2},
    {"repetition_penalty": 1.7},
    {"top_k": 12, "top_p": 0.7, "min_p": 0.05, "repetition_penalty": 1.3},
]


def stream(temperature: float, seed: int = 0, **said: float) -> Stream:
    text = LocalText(Detokenizer(Letters()), ANY, (), ())
    return Stream(PROMPT, 10, text, frozenset(), temperature=temperature, seed=seed, **said)  # type: ignore[arg-type]


def expected(logits: Any, temperature: float, said: dict[str, float]) -> Any:
    """The probabilities that transformers draws by, its processors in its own order."""
    ids, scores = torch.tensor([PROMPT]), logits[None].clone()
    if "repetition_penalty" in said:
        scores = generation.RepetitionPenaltyLogitsProcessor(said["repetition_penalty"])(ids, scores)
    scores = generation.TemperatureLogitsWarper(temperature)(ids, scores)
    if "top_k" in said:
        scores = generation.TopKLogitsWarper(int(said["top_k"]))(ids, scores)
    if "top_p" in said:
        scores = generation.TopPLogitsWarper(said["top_p"])(ids, scores)
    if "min_p" in said:
        scores = generation.MinPLogitsWarper(said["min_p"])(ids, scores)
    return torch.softmax(scores, -1)[0]


@pytest.mark.parametrize("way", ["torch", "numpy"])
@pytest.mark.parametrize("said", CASES, ids=lambda said: "+".join(said))
def test_tokens_are_drawn_as_transformers_draws_them(said: dict[str, float], way: str) -> None:
    logits = torch.randn(SIZE, generator=torch.Generator().manual_seed(4)) * 2
    streams = [stream(0.8, seed, **said) for seed in range(DRAWS)]
    rows = logits.repeat(DRAWS, 1)
    tokens = in_torch.next_tokens(rows, streams) if way == "torch" else in_numpy.next_tokens(rows.numpy(), streams)
    wanted = expected(logits, 0.8, said).numpy()
    found = Counter(tokens)
    assert {token for token in found if wanted[token] == 0.0} == set(), "a token was drawn that is cut off"
    shares = np.array([found[token] for token in range(SIZE)]) / DRAWS
    # Five standard errors of a proportion, over forty tokens.
    assert (np.abs(shares - wanted) <= 5 * np.sqrt(wanted * (1 - wanted) / DRAWS) + 1e-9).all()
    assert torch.equal(rows[0], logits), "the logits are somebody else's"


def test_a_penalty_changes_the_greedy_choice_and_grows_with_the_text() -> None:
    logits = torch.zeros(1, SIZE)
    logits[0, 5], logits[0, 9], logits[0, 11] = 2.0, 1.9, 1.8
    one = stream(0.0, repetition_penalty=1.5)
    assert in_torch.next_tokens(logits, [one]) == in_numpy.next_tokens(logits.numpy(), [one]) == [9]
    one.push(9)
    assert in_torch.next_tokens(logits, [one]) == in_numpy.next_tokens(logits.numpy(), [one]) == [11]
    one.restart()
    assert in_torch.next_tokens(logits, [one]) == [9]
