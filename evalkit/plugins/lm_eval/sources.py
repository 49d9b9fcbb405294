"""The data of a task: which splits it has, and the functions that its rows go through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evalkit.core import Source, UsageError
from evalkit.data import from_library, hub, made, mapped, rows
from evalkit.plugins.lm_eval.config import Config

__all__ = ["Splits"]

_PLAIN = frozenset({"trust_remote_code", "revision"})


@dataclass(slots=True)
class Splits:
    """The splits of one task's data set. `mark` tells its Python apart: it is part of what the rows are."""

    config: Config
    mark: str
    given: Callable[[str], Source] | None = None
    """Rows of a split from elsewhere, in place of the data set that the task names."""
    _custom: dict[str, Any] = field(default_factory=dict)

    def asked(self) -> Source:
        """The rows that are asked. Raises UsageError where the task names no test and no validation split."""
        split = self.config.eval_split
        if split is None:
            raise UsageError(f"task {self.config.task!r} has no split to ask", fix="test_split or validation_split")
        return self._processed(split, self.config.process_docs)

    def examples(self) -> Source | None:
        """What few-shot examples are drawn from, by lm-eval's rules; None where there is nothing."""
        config, form = self.config, self.config.fewshot
        if form.split is not None:
            return self._processed(form.split, form.process_docs)
        if form.samples is not None:
            found = form.samples() if callable(form.samples) else form.samples
            return rows([dict(one) for one in found], "examples")
        split = config.training_split if config.training_split is not None else config.validation_split
        split = split if split is not None else config.test_split
        return None if split is None else self._processed(split, config.process_docs)

    def _processed(self, split: str, function: Any) -> Source:
        source = self._split(split)
        return mapped(source, function, self.mark) if callable(function) else source

    def _split(self, split: str) -> Source:
        if self.given is not None:
            return self.given(split)
        config = self.config
        settings = dict(config.raw.get("dataset_kwargs") or {})
        custom = config.raw.get("custom_dataset")
        if callable(custom):
            return made(lambda: self._made(custom, settings)[split], f"{config.task}/{split}", self.mark)
        if not config.dataset_path:
            raise UsageError(f"task {config.task!r} names no data set", fix="dataset_path")
        settings.pop("trust_remote_code", None)
        if settings.keys() <= _PLAIN:
            return hub(config.dataset_path, config=config.dataset_name, split=split, revision=settings.get("revision"))
        return from_library(config.dataset_path, config.dataset_name, split, settings)

    def _made(self, custom: Callable[..., Any], settings: Mapping[str, Any]) -> Mapping[str, Any]:
        if "splits" not in self._custom:
            metadata = self.config.raw.get("metadata")
            self._custom["splits"] = custom(**(metadata if isinstance(metadata, dict) else {}), **settings)
        splits: Mapping[str, Any] = self._custom["splits"]
        return splits
