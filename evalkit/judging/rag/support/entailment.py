"""Support by an entailment model: any cross-encoder for natural language inference that transformers loads.

For each sentence of the answer the maximum over windows of the contexts of P(entailment) - P(contradiction), averaged
over sentences (SummaC's zero-shot form, Laban et al. 2022, https://arxiv.org/abs/2111.09525). Windows are as many
whole sentences of a context as the model reads next to the sentence; a longer sentence is cut at words.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evalkit.core import Metric, Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.judging.rag.records import Context, of_sample
from evalkit.judging.rag.retrieval_scores import where_applicable
from evalkit.judging.rag.segments import passages, segments
from evalkit.judging.rag.support.detector import abstains, plain
from evalkit.judging.rag.support.wording import read_sentence
from evalkit.models.loading_lock import LOADING
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.micro_batching import Gather

_NAMES = ("entailment", "weakest_entailment", "entailed")
_MOST_TOKENS = 512
Pair = tuple[str, str]
"""(premise, hypothesis)"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Probabilities of one pair; `contradiction` is 0 of a model that knows no such class."""

    entailment: float
    contradiction: float

    @property
    def difference(self) -> float:
        """P(entailment) - P(contradiction), -1 to 1."""
        return self.entailment - self.contradiction


_MOST_PAIRS = 1024
"""Pairs that are sorted by length and computed together, batch by batch."""


class EntailmentModel:
    """A sequence classifier over (premise, hypothesis). Pairs that wait while one batch is computed make the next.

    Its classes are read from `id2label`, whatever their order. Raises UsageError where they are not told there.
    """

    def __init__(self, path: str, *, batch: int = 16, device: str = "auto") -> None:
        self.path, self._batch, self._device = path, batch, device
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.RLock()
        self._gather: Gather[Pair, Judgement] = Gather(lambda pairs: self.judge(pairs), most=_MOST_PAIRS)
        self._entail, self._contradict = classes_of(path)

    def load(self) -> tuple[Any, Any]:
        """(tokenizer, model), read once."""
        # One thread at a time: transformers builds a model under settings of the whole process.
        with self._lock:
            if self._loaded is None:
                self._loaded = self._read()
            return self._loaded

    def _read(self) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.path)
        with LOADING:
            model = AutoModelForSequenceClassification.from_pretrained(self.path).eval()
        wanted = ("cuda" if torch.cuda.is_available() else "cpu") if self._device == "auto" else self._device
        return tokenizer, model.to(wanted)

    @property
    def room(self) -> int:
        """How many tokens a pair may have."""
        tokenizer, model = self.load()
        limits = (tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None))
        # RoBERTa's positions begin behind the padding index, and that many fewer tokens fit.
        told = [int(limit) for limit in limits if limit and limit < 1_000_000]
        offset = 2 if "roberta" in str(model.config.model_type) else 0
        return min([*told, _MOST_TOKENS + offset]) - offset

    def length(self, text: str) -> int:
        """The tokens of a text, special ones left out."""
        tokenizer, _ = self.load()
        with self._lock:
            return len(tokenizer.encode(text, add_special_tokens=False))

    def judge(self, pairs: Sequence[Pair]) -> list[Judgement]:
        """The probabilities of pairs, computed in batches of equal length as far as can be."""
        import torch

        tokenizer, model = self.load()
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]), reverse=True)
        found: dict[int, Judgement] = {}
        for start in range(0, len(order), self._batch):
            places = order[start : start + self._batch]
            # A tokenizer that is told to cut cannot be asked by another thread meanwhile.
            with self._lock:
                encoded = tokenizer(
                    [pairs[i][0] for i in places],
                    [pairs[i][1] for i in places],
                    truncation="only_first",
                    max_length=self.room,
                    padding=True,
                    return_tensors="pt",
                ).to(model.device)
            with torch.inference_mode():
                rows = torch.softmax(model(**encoded).logits.float(), dim=-1).cpu().tolist()
            for place, row in zip(places, rows, strict=True):
                against = 0.0 if self._contradict is None else row[self._contradict]
                found[place] = Judgement(row[self._entail], against)
        return [found[i] for i in range(len(pairs))]

    async def judged(self, pairs: Sequence[Pair]) -> list[Judgement]:
        """`judge`, while others ask at the same time."""
        return list(await asyncio.gather(*map(self._gather.one, pairs)))


def classes_of(path: str) -> tuple[int, int | None]:
    """The places of entailment and contradiction among a model's classes, by the names in its configuration.

    Raises UsageError for a model that cannot be read, or whose classes have no such names.
    """
    from transformers import AutoConfig

    if path.startswith((".", "/", "~")) and not Path(path).is_dir():
        raise UsageError(
            f"no model folder {path!r}",
            found=f"looked for {Path(path).absolute()}; nothing is there",
            fix="a folder that holds config.json, or <owner>/<name> of the hub",
        )
    try:
        names: Mapping[int, str] = AutoConfig.from_pretrained(path).id2label
    except (OSError, ValueError) as error:
        raise UsageError("the entailment model cannot be read", found=str(error).splitlines()[0], at=path) from None
    folded = {int(place): str(name).casefold().replace("_", " ").replace("-", " ") for place, name in names.items()}
    entail = [place for place, name in folded.items() if name.startswith(("entail", "support"))]
    against = [place for place, name in folded.items() if name.startswith(("contradict", "refute"))]
    if len(entail) != 1 or len(against) > 1:
        raise UsageError(
            "the model does not tell which of its classes is entailment",
            found=", ".join(map(str, names.values())),
            fix='"id2label" in its config.json, with "entailment" and "contradiction" among the names',
            at=path,
        )
    return entail[0], against[0] if against else None


def windows(context: Context, room: int, length: Any) -> list[str]:
    """Parts of a context of at most `room` tokens by `length`: whole sentences, one of them shared by neighbours."""
    parts = [piece for text in passages(context.text) for piece in _pieces(text, room, length)]
    sizes = [length(part) + 1 for part in parts]
    found: list[str] = []
    begin = 0
    while begin < len(parts):
        end, size = begin, 0
        while end < len(parts) and (end == begin or size + sizes[end] <= room):
            size += sizes[end]
            end += 1
        found.append(" ".join(parts[begin:end]))
        if end == len(parts):
            break
        # The last sentence of a window begins the next, so that what two neighbours say together is seen together.
        begin = end - 1 if end - begin > 1 and sizes[end - 1] + sizes[end] <= room else end
    return found


def _pieces(text: str, room: int, length: Any) -> list[str]:
    """A sentence, or parts of one that is longer than the room."""
    words = text.split()
    if length(text) <= room or len(words) < 2:
        return [text]
    half = len(words) // 2
    return _pieces(" ".join(words[:half]), room, length) + _pieces(" ".join(words[half:]), room, length)


@dataclass(frozen=True, slots=True)
class _Entailment(ScoreSample):
    model: str
    batch: int
    device: str
    held: list[EntailmentModel] = field(default_factory=list, compare=False)

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        record = of_sample(sample, replies)
        validity = final_answer(replies).validity if replies else Validity.OK
        found = await _sentences(self.judge(), record.answer or "", record.contexts)
        return _scores(found, validity)

    def judge(self) -> EntailmentModel:
        if not self.held:
            self.held.append(EntailmentModel(self.model, batch=self.batch, device=self.device))
        return self.held[0]


def entailment(*, model: str, batch: int = 16, device: str = "auto") -> Scorer:
    """How far an entailment model finds an answer's sentences in the contexts.

    `entailment` is the mean over sentences of max over windows of P(entailment) - P(contradiction) (-1 to 1),
    `weakest_entailment` the least of them brought to 0 to 1, `entailed` the proportion above 0. An answer that claims
    nothing has none of these. `model` is a folder or a repository; it is read before the run begins.
    """
    scoring = _Entailment(model, batch, device)
    made = Scorer("entailment", scoring, _NAMES, _metrics(), {"model": model})

    def ready(unsafe: bool) -> Scorer:
        # Before the model that is measured: two that load at once in two threads get in each other's way.
        scoring.judge().load()
        return made

    return replace(made, ready=ready)


async def _sentences(judge: EntailmentModel, answer: str, contexts: Sequence[Context]) -> list[dict[str, Any]]:
    """The sentences of an answer as `Score.details` holds them, their support from 0 to 1 (None: claims nothing)."""
    said = segments(answer)
    claims = {s.text: plain(s.text) for s in said if s.claims and not abstains(s.text) and _says(s.text)}
    wanted = list(dict.fromkeys(claims.values()))
    offered = await asyncio.to_thread(_offered, judge, contexts, wanted) if wanted else []
    judged = await judge.judged([(window, claim) for claim in wanted for _, window in offered]) if offered else []
    size = len(offered)
    by_claim = {claim: judged[place * size : (place + 1) * size] for place, claim in enumerate(wanted)}
    return [
        _told(segment.text, offered, by_claim[claims[segment.text]])
        if segment.claims and segment.text in claims
        else {"text": segment.text, "support": None, "contexts": [], "label": "no claim", "evidence": ""}
        for segment in said
    ]


def _told(text: str, offered: Sequence[tuple[str, str]], judged: Sequence[Judgement]) -> dict[str, Any]:
    """A sentence with the window that entails it most, of (context, window) pairs and their probabilities."""
    pairs = list(zip(offered, judged, strict=True))
    (where, evidence), best = max(pairs, key=lambda pair: pair[1].difference, default=(("", ""), Judgement(0.0, 1.0)))
    against = max((one.contradiction for one in judged), default=0.0)
    label = "supported" if best.difference > 0 else "contradicted" if against > 0.5 else "unsupported"
    return {
        "text": text,
        "support": (best.difference + 1) / 2,
        "contexts": [where] if where else [],
        "label": label,
        "evidence": evidence,
        "reason": f"P(entailment) - P(contradiction) = {best.difference:.3f}",
    }


def _offered(judge: EntailmentModel, contexts: Sequence[Context], claims: Sequence[str]) -> list[tuple[str, str]]:
    """The (context, window) pairs that each of the claims is compared with."""
    tokenizer, _ = judge.load()
    special = tokenizer.num_special_tokens_to_add(pair=True)
    # One size of window for all sentences of an answer: the longest decides.
    room = max(16, judge.room - special - max(judge.length(claim) for claim in claims))
    return [(context.id, window) for context in contexts for window in windows(context, room, judge.length)]


def _scores(found: Sequence[Mapping[str, Any]], validity: Validity) -> tuple[Score, ...]:
    values = [2 * one["support"] - 1 for one in found if one["support"] is not None]
    details = {"sentences": list(found)}
    if not values:
        reason = "no sentence claims anything"
        return (Score("entailment_sentences", 0.0, reason=reason, validity=validity, details=details),)
    least = min((one for one in found if one["support"] is not None), key=lambda one: one["support"])
    reason = "" if least["label"] == "supported" else f"{least['label']}: {least['text']}"
    return (
        Score("entailment", sum(values) / len(values), reason=reason, validity=validity, details=details),
        Score("weakest_entailment", (min(values) + 1) / 2, reason=reason, validity=validity),
        Score("entailed", sum(value > 0 for value in values) / len(values), validity=validity),
    )


def _metrics() -> tuple[Metric, ...]:
    scales = ("number", "proportion", "proportion")
    return tuple(
        where_applicable(mean(name, scale="number" if scale == "number" else "proportion"), (name,))
        for name, scale in zip(_NAMES, scales, strict=True)
    )


def _says(text: str) -> bool:
    return any(token.content or token.number is not None for token in read_sentence(plain(text)).tokens)
