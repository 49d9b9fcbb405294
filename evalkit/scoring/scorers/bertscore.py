"""BERTScore: precision, recall and F1 of greedily matched token embeddings, by the bert-score package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity, digest_of
from evalkit.core.distribution import pip_install
from evalkit.models.loading_lock import LOADING
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.micro_batching import Gather
from evalkit.scoring.scorers.model_folders import fingerprint, placed

_NAMES = ("bertscore_precision", "bertscore_recall", "bertscore_f1")


@dataclass(frozen=True, slots=True)
class _BERTScore(ScoreSample):
    gather: Gather[_Pair, _Found]
    baseline: str

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        targets = tuple(target for target in sample.targets if target.strip())
        if not targets:
            raise ValueError("the sample has no target that is not empty")
        answer = final_answer(replies)
        if not answer.text:
            reason = "empty" if answer.validity is Validity.NO_ANSWER else answer.reason
            nothing = (await self.gather.one(_Pair("", targets))).values if self.baseline else (0.0, 0.0, 0.0)
            return tuple(
                Score(name, value, None, reason, answer.validity) for name, value in zip(_NAMES, nothing, strict=True)
            )
        found = await self.gather.one(_Pair(answer.text, targets))
        reason = "; ".join(filter(None, [answer.reason, found.reason]))
        return tuple(
            Score(name, value, None, reason, answer.validity) for name, value in zip(_NAMES, found.values, strict=True)
        )


def bertscore(
    model: str,
    *,
    layers: int | None = None,
    baseline: str = "",
    batch_size: int = 64,
    device: str | None = None,
    base: Path | None = None,
) -> Scorer:
    """BERTScore's precision, recall and F1 against the targets, by an encoder's vectors.

    The scores are `bertscore_precision`, `bertscore_recall` and `bertscore_f1` (-1 to 1), each the best over targets.

    `model` is a folder with an encoder and its tokenizer (meant from `base` or the current folder), or a name on the
    hub. `layers` is the hidden layer whose embeddings are compared; without it the one that bert-score recommends for
    a known name, else the last. Values are raw unless `baseline` rescales them: a file of bert-score's form (lines of
    LAYER,P,R,F), or a language such as "en" that bert-score has one for. There is no weighting by inverse document
    frequency. `device` is torch's name; a GPU is taken where there is one.

    Samples that wait at the same time go through the encoder together. An empty reply scores 0 (before rescaling) as
    NO_ANSWER. Text beyond the encoder's length is cut, and the reason says so. Source: Zhang et al. 2020 (arXiv
    1904.09675).

    Scoring raises UsageError where the packages or the model are missing, ValueError without a target.
    """
    model, baseline = placed(model, base), placed(baseline, base)
    encoder = _Encoder(model, layers, baseline, batch_size, device)
    gather = Gather(encoder.score, most=batch_size * 4)

    metrics = tuple(mean(name, scale="number") for name in _NAMES)
    return Scorer("bertscore", _BERTScore(gather, baseline), _NAMES, metrics, _settings(model, layers, baseline))


@dataclass(frozen=True, slots=True)
class _Pair:
    text: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    values: tuple[float, float, float]
    reason: str = ""


class _Encoder:
    """The bert-score scorer, loaded by the first batch."""

    def __init__(self, model: str, layers: int | None, baseline: str, batch_size: int, device: str | None) -> None:
        self._model, self._layers, self._baseline = model, layers, baseline
        self._batch_size, self._device = batch_size, device
        self._loaded: Any = None

    def score(self, pairs: list[_Pair]) -> list[_Found]:
        if self._loaded is None:
            self._loaded = self._load()
        found: dict[_Pair, _Found] = {}
        # bert-score cannot take an empty text.
        asked = [pair for pair in dict.fromkeys(pairs) if pair.text]
        if asked:
            texts, targets = [pair.text for pair in asked], [list(pair.targets) for pair in asked]
            precision, recall, f1 = self._loaded.score(texts, targets, batch_size=self._batch_size)
            rows = zip(precision.tolist(), recall.tolist(), f1.tolist(), strict=True)
            found = {pair: _Found(row, self._cut(pair)) for row, pair in zip(rows, asked, strict=True)}
        return [found.get(pair) or _Found(self._nothing()) for pair in pairs]

    def _nothing(self) -> tuple[float, float, float]:
        """What a text without a match scores: 0 before it is rescaled."""
        precision, recall, f1 = (-value / (1.0 - value) for value in self._loaded.baseline_vals.flatten().tolist())
        return precision, recall, f1

    def _load(self) -> Any:
        try:
            from bert_score import BERTScorer
            from bert_score.utils import model2layers
        except ImportError as error:
            raise UsageError(
                "BERTScore needs packages that are not installed",
                found=str(error),
                fix=pip_install("local"),
            ) from None
        config = _config(self._model)
        name = str(Path(self._model).resolve()) if config else self._model
        layers = self._layers or model2layers.get(self._model) or config.get("num_hidden_layers")
        if layers is None:
            raise UsageError(f"no layer is known for {self._model!r}", fix="bertscore(…, layers=N)")
        if config and "t5" not in str(config.get("model_type", "")):
            name = _NotT5(name)
        try:
            with LOADING:
                loaded = BERTScorer(
                    model_type=name,
                    num_layers=layers,
                    batch_size=self._batch_size,
                    device=self._device,
                    **self._rescaling(),
                )
        except (OSError, AssertionError) as error:
            raise UsageError(
                f"the encoder {self._model!r} can't be loaded",
                found=str(error),
                fix="a folder with an encoder and its tokenizer, or a name on the hub; or fewer layers",
            ) from error
        tokenizer = loaded._tokenizer
        tokenizer.model_max_length = min(tokenizer.model_max_length, _longest(loaded._model.config))
        return loaded

    def _rescaling(self) -> dict[str, Any]:
        if not self._baseline:
            return {}
        if Path(self._baseline).is_file():
            return {"rescale_with_baseline": True, "lang": "given", "baseline_path": self._baseline}
        import bert_score

        known = Path(bert_score.__file__).parent / "rescale_baseline" / self._baseline / f"{self._model}.tsv"
        if not known.is_file():
            raise UsageError(
                f"baseline {self._baseline!r} does not exist for {self._model!r}",
                found=f"neither a file nor a language that bert-score has one for: {known.name}",
                fix="baseline: a file with lines of LAYER,P,R,F",
            )
        return {"rescale_with_baseline": True, "lang": self._baseline}

    def _cut(self, pair: _Pair) -> str:
        """Why a part of a text took no part, or ""."""
        tokenizer = self._loaded._tokenizer
        limit = tokenizer.model_max_length
        # A token has a character at least, so most texts need no second look.
        long = [text for text in (pair.text, *pair.targets) if len(text) + 2 > limit]
        if any(len(tokenizer.encode(text, verbose=False)) > limit for text in long):
            return f"cut to {limit} tokens"
        return ""


class _NotT5(str):
    """A path that denies holding "t5": bert-score takes any path with these letters for a T5 model."""

    __slots__ = ()

    def __contains__(self, part: object) -> bool:
        return part != "t5" and isinstance(part, str) and super().__contains__(part)


def _longest(config: Any) -> int:
    """How many tokens the encoder takes; a tokenizer without a separate limit makes bert-score overflow."""
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        return 512
    # RoBERTa and its kin number positions from after the padding token's.
    if config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet", "longformer"}:
        return positions - (config.pad_token_id or 0) - 1
    return positions


def _config(model: str) -> dict[str, Any]:
    """The folder's config.json, or an empty mapping where `model` is not a folder that has one."""
    path = Path(model) / "config.json"
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UsageError("config.json of the encoder is not JSON", found=str(error), at=str(path)) from None
    return found if isinstance(found, dict) else {}


def _settings(model: str, layers: int | None, baseline: str) -> dict[str, str]:
    folder = Path(model)
    settings = {"model": folder.name if folder.is_dir() else model, "layers": str(layers or "default")}
    if baseline:
        file = Path(baseline)
        settings["baseline"] = digest_of(file.read_text("utf-8")) if file.is_file() else baseline
    if folder.is_dir():
        settings["files"] = fingerprint(folder)
    return settings
