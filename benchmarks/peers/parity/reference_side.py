"""Log-likelihoods in float64, in a process with nothing else: `python -m peers.parity.reference_side …`.

The same weights, widened to float64, read one sequence at a time, unpadded, without keys and values from before; then
`log_softmax` in float64. lm-eval cuts the strings into tokens. Rotary tables stay as the model defines them, float32:
both harnesses compute with the same ones. Every other cast to float32 inside the model (norms, softmax) is left out.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from peers.measuring import limit_threads
from peers.parity import outcome
from peers.parity.cases import by_label

_PIECE = 256
"""Tokens whose logits are held at a time."""


class _Wide(TorchFunctionMode):
    """Leaves float64 numbers float64 where a model's code casts them to float32 for precision."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        wide = bool(args) and isinstance(args[0], torch.Tensor) and args[0].dtype == torch.float64
        if wide and func is torch.Tensor.float:
            return args[0]
        if wide and func is torch.Tensor.to and torch.float32 in (*args[1:], kwargs.get("dtype")):
            return args[0]
        if wide and kwargs.get("dtype") is torch.float32:
            kwargs["dtype"] = torch.float64
        return func(*args, **kwargs)


class Reference:
    """A model in float64 with lm-eval's tokens. Call it under torch.inference_mode."""

    def __init__(self, model: str) -> None:
        from lm_eval.models.huggingface import HFLM

        self._peer: Any = HFLM(pretrained=model, dtype="float64", device="cpu", batch_size=1)
        self._model = self._peer.model
        self._is_checked = False
        if any(parameter.dtype != torch.float64 for parameter in self._model.parameters()):
            raise SystemExit("the model did not load in float64")

    @property
    def vocabulary(self) -> int:
        return int(self._model.get_output_embeddings().weight.shape[0])

    def choices(self, asked: Sequence[Sequence[str]]) -> Iterator[outcome.Exact]:
        """Of every continuation; what reads the same tokens is computed once."""
        longest = self._peer.max_length + 1
        pairs = [self._peer._encode_pair(context, continuation) for context, continuation in asked]
        read: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, (context, continuation) in enumerate(pairs):
            read[tuple((context + continuation)[-longest:][:-1])].append(number)
        found: dict[int, float] = {}
        for ids, numbers in read.items():
            hidden = self._hidden(ids)
            found |= {number: self._sum(hidden, pairs[number][1]) for number in numbers}
        for number, (_, continuation) in enumerate(pairs):
            yield outcome.Exact(found[number], len(continuation))

    def rolling(self, text: str) -> outcome.Exact:
        """Of a whole text, in the windows that the definition gives it."""
        from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

        peer, total, count = self._peer, 0.0, 0
        ids = peer.tok_encode(text)
        for window in get_rolling_token_windows(ids, peer.prefix_token_id, peer.max_length, 1):
            context, continuation = make_disjoint_window(window)
            total += self._sum(self._hidden((context + continuation)[:-1]), continuation)
            count += len(continuation)
        return outcome.Exact(total, count)

    def parting(self, prompt: str, one: str, other: str) -> outcome.Exact:
        """By how much the token of `one` is likelier than that of `other` where the two texts part, in nats."""
        left, right = (self._peer.tok_encode(prompt + text) for text in (one, other))
        place = next((n for n, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), 0)
        if not place:  # one is the other's beginning: it ended there, or the tokenizer joins them differently
            return outcome.Exact(float("nan"), 0)
        logprobs = self._logprobs(self._hidden(left[:place])[-1:])[0]
        return outcome.Exact(float(logprobs[left[place]] - logprobs[right[place]]), place)

    def _sum(self, hidden: torch.Tensor, targets: Sequence[int]) -> float:
        """Of the targets, which follow the last places, a piece at a time: logits of a large vocabulary are large."""
        wanted, total = torch.tensor(targets)[:, None], 0.0
        for places, some in zip(hidden[-len(targets) :].split(_PIECE), wanted.split(_PIECE), strict=True):
            total += float(self._logprobs(places).gather(1, some).sum())
        return total

    def _hidden(self, ids: Sequence[int]) -> torch.Tensor:
        """What the output layer gets, (tokens, hidden)."""
        with _Wide():
            inputs = torch.tensor([list(ids)])
            hidden = self._model.base_model(inputs, use_cache=False).last_hidden_state[0]
            if not self._is_checked:
                # A model may do more to its logits than the output layer and a cap.
                logits = self._model(inputs, use_cache=False, logits_to_keep=1).logits[0, -1]
                if not torch.allclose(self._logits(hidden[-1]), logits, rtol=1e-12, atol=1e-12):
                    raise SystemExit("the model does something to its logits that the reference does not")
                self._is_checked = True
        if hidden.dtype != torch.float64:
            raise SystemExit(f"the model computes {hidden.dtype} on the way")
        return hidden

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        logits = self._model.get_output_embeddings()(hidden)
        cap = getattr(self._model.config.get_text_config(), "final_logit_softcapping", None)
        return torch.tanh(logits / cap) * cap if cap else logits

    def _logprobs(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self._logits(hidden), -1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--theirs", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    limit_threads(given.threads)
    ours, theirs = outcome.read(given.ours), outcome.read(given.theirs)
    cases = by_label()
    with torch.inference_mode():
        reference = Reference(given.model)
        exact = {
            label: [
                _row(reference, cases[label][0].kind, *pair)
                for pair in zip(ours[label].rows, theirs[label].rows, strict=True)
            ]
            for label in theirs
        }
    outcome.write_exact(given.out, exact, reference.vocabulary)


def _row(reference: Reference, kind: str, ours: outcome.Row, theirs: outcome.Row) -> list[outcome.Exact]:
    if kind == "choices":
        return list(reference.choices(theirs.asked))
    if kind == "rolling":
        return [reference.rolling(theirs.asked[0][0])]
    if ours.text == theirs.text:
        return []
    return [reference.parting(theirs.asked[0][0], ours.text, theirs.text)]


if __name__ == "__main__":
    main()
