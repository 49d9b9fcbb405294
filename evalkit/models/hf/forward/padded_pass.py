"""One forward pass over padded rows that yields logits only where they are wanted, in pieces of bounded size.

There are faster and slower ways to get the same logits, and not every architecture allows the fast ones. `Forward`
tries them on a short text when the model is loaded, against the plain pass over one row, and keeps the first that
agrees.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from evalkit.models.hf.forward import output_layer
from evalkit.models.hf.forward.last_layer import last_layer
from evalkit.models.hf.forward.softcap import Tail, candidates
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.scoring.plan import TokenRow

__all__ = ["Forward", "Way"]

_log = logging.getLogger(__name__)

_CELLS = {"cpu": 1 << 22, "cuda": 1 << 27}
"""How many logits (positions × vocabulary) are held at once in float32: 16 MB on a CPU, 512 MB on a GPU."""
_FEWEST = 256
"""At least so many positions at once, however large the vocabulary: every piece reads the output layer's weights."""
_FINE = 1e-4
_MAGNIFIED = 100.0
"""How large logits are made to see what is done to them: caps are at 15 to 50."""
_COARSE = 5e-2
"""By how much a faster way may differ, relative to the largest logit, in float32 and with coarser numbers: rounding,
never another mask or scale."""


@dataclass(frozen=True, slots=True)
class Way:
    """How logits are had.

    head "chunked": the output layer runs apart from the model on the wanted positions, piece by piece; "gathered":
    the model runs it on the wanted positions; "full": on every position. `mask`: padded rows need an attention mask.
    `alone`: rows can't be padded at all, each is a separate pass.
    """

    head: Literal["chunked", "gathered", "full"]
    mask: bool = False
    alone: bool = False


# Behind the last token of a row nothing is read from it, so a causal model needs no mask for padding on the right,
# and attention without a mask is faster. An architecture that disagrees gets the mask, or rows of equal length.
_WAYS = (
    Way("chunked"),
    Way("gathered"),
    Way("chunked", mask=True),
    Way("gathered", mask=True),
    Way("full", mask=True),
    Way("full", alone=True),
)
_ALONE = (Way("chunked", alone=True), Way("gathered", alone=True), Way("full", alone=True))


class Forward:
    """The forward pass of one model for scoring. Call it under torch.inference_mode and from one thread."""

    def __init__(self, loaded: Loaded, way: Way | None = None) -> None:
        self._loaded = loaded
        self._model: Any = loaded.model
        self._head: Any = loaded.model.get_output_embeddings()
        self._tail: Tail | None = next(candidates(None))
        """What the model does behind its output layer; None where that is not known."""
        self.tolerance = 0.0
        """By how much two ways of computing the same logits may differ here."""
        self.way = way or self._find_way()
        self.last = last_layer(self._model)
        """The last layer, where it may run on the wanted positions alone; None after a trial said that it may not."""

    def probe(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The ids of a short and a longer text that the ways are tried on."""
        text = "The quick brown fox jumps over the lazy dog while seven wizards judge my vow."
        ids = tuple(self._loaded.tokenizer(text, add_special_tokens=False)["input_ids"]) or (0,)
        ids = (ids * 12)[: max(2, min(12, self._loaded.max_length - 4))]
        return ids[: len(ids) // 2], ids

    def logits(self, rows: Sequence[TokenRow]) -> Iterator[tuple[int, torch.Tensor]]:
        """Float32 logits at every row's distinct positions, in order: (number of the first, (n, vocabulary)) pieces.

        Rows are padded on the right. The caller gives one row at a time where `way.alone`.
        """
        for start, piece in self.pieces(*self._asked(rows)):
            yield start, piece.float()

    def row_tiles(self, rows: Sequence[TokenRow]) -> Iterator[tuple[int, int, torch.Tensor]]:
        """The same logits, as `tiles` gives them."""
        return self.tiles(*self._asked(rows))

    def _asked(self, rows: Sequence[TokenRow]) -> tuple[dict[str, Any], torch.Tensor]:
        """A pass over rows, and the places of every row's distinct positions in it."""
        width = max(len(row.ids) for row in rows)
        places = [
            number * width + position for number, row in enumerate(rows) for position in dict.fromkeys(row.positions)
        ]
        return self._inputs(rows, width), torch.tensor(places)

    def _inputs(self, rows: Sequence[TokenRow], width: int) -> dict[str, Any]:
        device = self._loaded.device
        ids = _padded([row.ids for row in rows], width)
        inputs: dict[str, Any] = {"use_cache": False}
        if self._loaded.is_encoder_decoder:
            longest = max(len(row.source) for row in rows)
            inputs["input_ids"] = _padded([row.source for row in rows], longest).to(device)
            inputs["attention_mask"] = _mask([len(row.source) for row in rows], longest).to(device)
            inputs["decoder_input_ids"] = ids.to(device)
        else:
            inputs["input_ids"] = ids.to(device)
            if self.way.mask:
                inputs["attention_mask"] = _mask([len(row.ids) for row in rows], width).to(device)
        return inputs

    def pieces(self, inputs: dict[str, Any], places: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
        """One pass over `inputs`; logits at `places` of its rows laid end to end, as `logits` gives them."""
        if self.way.head == "chunked":
            hidden = self._wanted(inputs, places)
            step = _positions(hidden.device.type, int(self._head.weight.shape[0]))
            for start in range(0, len(hidden), step):
                assert self._tail is not None
                yield start, self._tail(self._head(hidden[start : start + step]))
            return
        if self.way.head == "gathered":
            with _before(self._head, lambda hidden: _flat(hidden)[places.to(hidden.device)][None]):
                logits = self._model(**inputs).logits[0]
        else:
            logits = _flat(self._model(**inputs).logits)
            logits = logits[places.to(logits.device)]
        step = _positions(logits.device.type, int(logits.shape[-1]))
        for start in range(0, len(logits), step):
            yield start, logits[start : start + step]

    def tiles(self, inputs: dict[str, Any], places: torch.Tensor) -> Iterator[tuple[int, int, torch.Tensor]]:
        """One pass over `inputs`; (number of the first place, first token, logits) for parts of places and tokens.

        All tokens of some places come before the next places. What is given out may be written over, and is once the
        next part is asked for.
        """
        if self.way.head != "chunked" or not output_layer.is_divisible(self._head):
            yield from ((start, 0, piece) for start, piece in self.pieces(inputs, places))
            return
        for start, first, logits in output_layer.tiles(self._head, self._wanted(inputs, places)):
            assert self._tail is not None
            yield start, first, self._tail(logits)

    def _wanted(self, inputs: dict[str, Any], places: torch.Tensor) -> torch.Tensor:
        """What reaches the output layer at `places`, (places, hidden)."""
        hidden = _flat(self._hidden(inputs))
        return hidden[places.to(hidden.device)]

    def _hidden(self, inputs: dict[str, Any]) -> torch.Tensor:
        """What reaches the output layer, (rows, width, hidden); the layer rests, or runs on one position a row.

        One position takes reading all its weights: 0.1 s for 262,144 tokens of 640 numbers in float32.
        """
        caught: list[torch.Tensor] = []

        def catch(hidden: torch.Tensor) -> torch.Tensor:
            caught.append(hidden)
            return hidden[:, :1]

        with _before(self._head, catch), _resting(self._head):
            self._model(**inputs)
        return caught[0]

    # ------------------------------------------------------------ which way

    def _find_way(self) -> Way:
        short, long = self._probe_rows()
        self.way = Way("full", alone=True)
        expected = [self._all(row)[0] for row in (short, long)]
        scale = 1 + max(float(logits.abs().max()) for logits in expected)
        # Where texts are computed alone because a pass's tokens touch each other, a cache is further off than rounding.
        share = _FINE if self._loaded.is_exact and not self._loaded.alone else _COARSE
        if not self._loaded.device.startswith("cpu"):
            share = max(share, 1e-2)  # TF32 and reordered sums
        self.tolerance = share * scale
        has_head = self._head is not None and hasattr(self._head, "weight")
        self._tail = self._find_tail(short) if has_head else None
        for way in _ALONE if self._loaded.alone else _WAYS:
            if way.head != "full" and not has_head:
                continue
            if way.head == "chunked" and self._tail is None:
                continue
            self.way = way
            if way == _WAYS[-1] or self._agrees([short, long], expected):
                if way is not _WAYS[0]:
                    _log.info("%s is computed the slower way %s", type(self._model).__name__, way)
                return way
        raise AssertionError("the plain way is always taken")

    def _probe_rows(self) -> tuple[TokenRow, TokenRow]:
        short, long = self.probe()
        if self._loaded.start_id is None:
            return TokenRow(short, tuple(range(len(short)))), TokenRow(long, tuple(range(len(long))))
        start = self._loaded.start_id
        return (
            TokenRow((start, *short[:-1]), tuple(range(len(short))), (), short),
            TokenRow((start, *long[:-1]), tuple(range(len(long))), (), long),
        )

    def _all(self, row: TokenRow) -> torch.Tensor:
        """The plain pass over one row: (1, positions, vocabulary)."""
        logits: torch.Tensor = self._model(**self._inputs([row], len(row.ids))).logits
        return logits

    def _agrees(self, rows: list[TokenRow], expected: list[torch.Tensor]) -> bool:
        try:
            batches = [[row] for row in rows] if self.way.alone else [rows]
            got = torch.cat([piece for batch in batches for _, piece in self.logits(batch)])
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
            return False
        wanted = torch.cat(expected).float()
        return got.shape == wanted.shape and bool((got - wanted).abs().max() <= self.tolerance)

    def _find_tail(self, row: TokenRow) -> Tail | None:
        """What the model does to its output layer's logits, where it is nothing or something known.

        The layer's output is magnified, so that a cap that only bends large logits shows.
        """
        outputs: list[torch.Tensor] = []

        def magnify(module: Any, args: Any, output: torch.Tensor) -> torch.Tensor:
            outputs.append(output * (_MAGNIFIED / (1 + output.abs().max())))
            return outputs[-1]

        handle = self._head.register_forward_hook(magnify)
        try:
            logits = self._all(row)
        finally:
            handle.remove()
        if len(outputs) != 1 or logits.shape != outputs[0].shape:
            return None
        tails = candidates(self._model.config.get_text_config())
        return next((tail for tail in tails if torch.equal(logits, tail(outputs[0]))), None)


class _before:  # noqa: N801 (reads as the with statement it is for)
    """Within the block, `change` is applied to what goes into `module`."""

    def __init__(self, module: Any, change: Any) -> None:
        self._module, self._change = module, change

    def __enter__(self) -> None:
        self._handle = self._module.register_forward_pre_hook(lambda module, args: (self._change(args[0]), *args[1:]))

    def __exit__(self, *error: object) -> None:
        self._handle.remove()


@contextmanager
def _resting(head: Any) -> Iterator[None]:
    """Within the block, a plain output layer gives zeros instead of computing; one that is more than that computes."""
    if type(head) is not torch.nn.Linear or head._forward_hooks:
        yield
        return
    own = vars(head).get("forward")
    head.forward = lambda hidden: hidden.new_zeros(*hidden.shape[:-1], head.out_features)
    try:
        yield
    finally:
        del head.forward
        if own is not None:
            head.forward = own


def _positions(device: str, vocabulary: int) -> int:
    """At how many positions logits are held in float32 at once."""
    return max(_FEWEST, _CELLS.get(device, _CELLS["cpu"]) // vocabulary)


def _flat(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1, tensor.shape[-1])


def _padded(sequences: Sequence[tuple[int, ...]], width: int) -> torch.Tensor:
    # Token 0 as padding: it exists in every vocabulary, and nothing is read from where it is.
    return torch.tensor([[*ids, *([0] * (width - len(ids)))] for ids in sequences])


def _mask(lengths: Sequence[int], width: int) -> torch.Tensor:
    return (torch.arange(width)[None, :] < torch.tensor(lengths)[:, None]).long()
