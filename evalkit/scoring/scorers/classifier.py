"""A sequence classifier as scorer: reward models, and toxicity or safety classifiers over what a model writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.core.distribution import pip_install
from evalkit.models.loading_lock import LOADING
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.micro_batching import Gather
from evalkit.scoring.scorers.model_folders import fingerprint, placed

Of = Literal["reply", "exchange"]


@dataclass(frozen=True, slots=True)
class _Text:
    """What is classified: a reply, after the messages that it answers (role, content) where these count."""

    reply: str
    before: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    value: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Classify(ScoreSample):
    gather: Gather[_Text, _Found]
    name: str
    of: Of

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answer = final_answer(replies)
        found = await self.gather.one(_Text(answer.text, _asked(sample) if self.of == "exchange" else ()))
        reason = "; ".join(filter(None, [answer.reason, found.reason]))
        return (Score(self.name, found.value, None, reason, answer.validity),)


def classifier(
    model: str,
    *,
    label: str = "",
    of: Of = "reply",
    name: str = "classifier",
    lower_is_better: bool = False,
    batch_size: int = 16,
    device: str | None = None,
    base: Path | None = None,
) -> Scorer:
    """What a sequence classifier (`AutoModelForSequenceClassification`) says of the last reply, without its thought.

    `model` is a folder with the classifier and its tokenizer (relative to `base` or the current folder), or a name on
    the hub. No code of the folder runs. With `label`, the score is the probability of that class (0 to 1): softmax over
    the classes, or the sigmoid of its logit if the configuration says `multi_label_classification` or there is one
    class. Without `label`, the model must have one output, and the score is that number: a reward.

    `of` is what is classified: the reply alone, or the exchange, in the tokenizer's chat template (question and reply
    as a pair where it has none). What is longer than the model reads is cut, an exchange at its beginning, and the
    reason says so. An empty reply is classified as it is; its validity says that it is empty.

    Scores at the same time are computed together. `device` is torch's name; a GPU is taken where there is one. A run
    raises UsageError where packages, model or label are missing.
    """
    model = placed(model, base)
    loaded = _Classifier(model, label, batch_size, device, from_left=of == "exchange")
    gather = Gather(loaded.values, most=batch_size * 8)
    folder = Path(model)
    settings = {"model": folder.name if folder.is_dir() else model, "of": of} | ({"label": label} if label else {})
    if folder.is_dir():
        settings["files"] = fingerprint(folder)
    metric = mean(name, scale="proportion" if label else "number", higher_is_better=not lower_is_better)
    scorer = Scorer("classifier", _Classify(gather, name, of), (name,), (metric,), settings)

    def ready(unsafe: bool) -> Scorer:
        loaded.check()
        return scorer

    return replace(scorer, ready=ready)


def _asked(sample: Sample) -> tuple[tuple[str, str], ...]:
    if isinstance(sample.input, str):
        return (("user", sample.input),)
    return tuple((message.role, message.content) for message in sample.input)


class _Classifier:
    """Tokenizer and model, loaded by the first batch."""

    def __init__(self, model: str, label: str, batch_size: int, device: str | None, *, from_left: bool) -> None:
        self._model, self._label, self._batch_size, self._device = model, label, batch_size, device
        self._from_left = from_left
        self._loaded: tuple[Any, Any, int] | None = None

    def check(self) -> int:
        """The place of the class among the outputs. Raises UsageError where model, packages or label are missing."""
        try:
            from transformers import AutoConfig

            with LOADING:
                config = AutoConfig.from_pretrained(self._model)
        except ImportError as error:
            fix = pip_install("local")
            raise UsageError("a classifier needs packages that are not installed", found=str(error), fix=fix) from None
        except (OSError, ValueError) as error:
            fix = "a folder with a classifier and its tokenizer, or a name on the hub"
            found = str(error).splitlines()[0]
            raise UsageError(f"the classifier {self._model!r} cannot be read", found=found, fix=fix) from None
        return _place(self._label, {int(place): str(name) for place, name in config.id2label.items()})

    def values(self, texts: list[_Text]) -> list[_Found]:
        tokenizer, model, place = self._load()
        # Without a token to pad with, texts of unlike length cannot share a batch.
        size = self._batch_size if tokenizer.pad_token is not None else 1
        order = sorted(range(len(texts)), key=lambda number: len(texts[number].reply))
        found: dict[int, _Found] = {}
        for start in range(0, len(order), size):
            numbers = order[start : start + size]
            rows = self._batch(tokenizer, model, place, [texts[number] for number in numbers])
            found |= dict(zip(numbers, rows, strict=True))
        return [found[number] for number in range(len(texts))]

    def _batch(self, tokenizer: Any, model: Any, place: int, texts: list[_Text]) -> list[_Found]:
        import torch

        limit = _longest(tokenizer, model.config)
        encoded = [_encoded(tokenizer, text) for text in texts]
        cut = [len(ids["input_ids"]) > limit for ids in encoded]
        kept = [
            {key: values[-limit:] if self._from_left else values[:limit] for key, values in ids.items()}
            for ids in encoded
        ]
        inputs = tokenizer.pad(kept, return_tensors="pt") if tokenizer.pad_token is not None else _single(kept)
        with torch.inference_mode():
            logits = model(**{key: tensor.to(model.device) for key, tensor in inputs.items()}).logits.float().cpu()
        several = getattr(model.config, "problem_type", None) == "multi_label_classification"
        if self._label:
            logits = torch.sigmoid(logits) if several or logits.shape[-1] == 1 else torch.softmax(logits, dim=-1)
        told = [f"cut to {limit} tokens" if one else "" for one in cut]
        return [_Found(value, reason) for value, reason in zip(logits[:, place].tolist(), told, strict=True)]

    def _load(self) -> tuple[Any, Any, int]:
        if self._loaded is None:
            place = self.check()
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(self._model)
            with LOADING:
                model = AutoModelForSequenceClassification.from_pretrained(self._model).eval()
            device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
            self._loaded = tokenizer, model.to(device), place
        return self._loaded


def _place(label: str, names: Mapping[int, str]) -> int:
    """The output that a class has. Without a label the model must have one output."""
    classes = ", ".join(names.values())
    if not label:
        if len(names) != 1:
            raise UsageError(
                f"the classifier has {len(names)} classes and no `label` says which one counts",
                found=classes,
                fix=f"label: {names[0]}",
            )
        return 0
    found = [place for place, name in names.items() if name.casefold() == label.casefold()]
    if len(found) != 1:
        raise UsageError(f"the classifier has no class {label!r}", found=classes, fix=f"label: {names[0]}")
    return found[0]


def _encoded(tokenizer: Any, text: _Text) -> dict[str, list[int]]:
    """The tokens of a text, of an exchange in the chat template, or of question and reply as a pair."""
    if not text.before:
        return dict(tokenizer(text.reply, verbose=False))
    if tokenizer.chat_template is None:
        question = "\n\n".join(content for _, content in text.before)
        return dict(tokenizer(question, text.reply, verbose=False))
    messages = [{"role": role, "content": content} for role, content in (*text.before, ("assistant", text.reply))]
    written = tokenizer.apply_chat_template(messages, tokenize=False)
    return dict(tokenizer(written, add_special_tokens=False, verbose=False))


def _single(kept: list[dict[str, list[int]]]) -> dict[str, Any]:
    import torch

    return {key: torch.tensor([values]) for key, values in kept[0].items()}


def _longest(tokenizer: Any, config: Any) -> int:
    """How many tokens the classifier reads; RoBERTa's positions begin behind the padding token's."""
    positions = getattr(config, "max_position_embeddings", None)
    told = [limit for limit in (tokenizer.model_max_length, positions) if isinstance(limit, int) and 0 < limit < 10**6]
    offset = 2 if "roberta" in str(config.model_type) else 0
    return min(told, default=512) - (offset if told and min(told) == positions else 0)
