"""PEFT adapters as files: found, read and told apart without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.core import UsageError
from evalkit.data.huggingface import HubItem
from evalkit.models.hf.loading.weight_files import weight_digest
from evalkit.models.model_files import snapshot_of

__all__ = ["Adapter", "find"]

_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_NOT_THE_ADAPTER = frozenset({"base_model_name_or_path", "revision", "peft_version", "inference_mode", "auto_mapping"})
"""Entries of a config that say where the adapter was trained, not what it is."""
_PROMPTS = frozenset({"PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "MULTITASK_PROMPT_TUNING", "CPT", "CARTRIDGE"})
"""Kinds that put vectors of their own before a text."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """`folder` holds adapter_config.json and the adapter's weights; `label` tells adapters of one folder name apart."""

    title: str
    folder: Path
    config: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """PEFT's name for it, such as "LORA"."""
        return str(self.config.get("peft_type", ""))

    @property
    def leaves_base(self) -> bool:
        """Whether the base model stays what it was beneath it, so that others may share that.

        Not where biases of the base were trained, nor where its weights are split when the adapter is put in (PiSSA).
        """
        begins_plainly = self.config.get("init_lora_weights", True) in (True, False, "gaussian", "eva")
        return self.kind == "LORA" and self.config.get("bias", "none") == "none" and begins_plainly

    @property
    def digest(self) -> str:
        """64 hex digits over its weights, and its config without what changes when it is moved."""
        kept = {key: value for key, value in self.config.items() if key not in _NOT_THE_ADAPTER}
        text = json.dumps(kept, sort_keys=True)
        return hashlib.sha256(f"{text}\n{weight_digest(self._weights)}".encode()).hexdigest()

    @property
    def label(self) -> str:
        return f"{self.title}-{self.digest[:8]}"

    @property
    def _weights(self) -> list[Path]:
        return [self.folder / name for name in _WEIGHTS if (self.folder / name).is_file()][:1]


def find(name: str) -> Adapter:
    """The adapter in a folder or of a hub repository. Raises UsageError where there is none that can be used."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        title = folder.name
    elif name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise UsageError(
            f"no adapter folder {name!r}",
            found=f"{folder.absolute()} does not exist",
            fix=f"adapter=<folder that holds {_CONFIG}> or adapter=<owner>/<name> of the hub",
        )
    else:
        folder, _ = snapshot_of(_asked(name), (_CONFIG, *_WEIGHTS))
        title = name.replace("/", "--")
    file = folder / _CONFIG
    if not file.is_file():
        raise UsageError(
            f"{name} is not an adapter", found=f"no {_CONFIG} in {folder}", fix="save it with peft's save_pretrained"
        )
    try:
        config = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise UsageError(f"{_CONFIG} can't be read", found=str(error), at=str(file)) from None
    adapter = Adapter(title, folder, config if isinstance(config, dict) else {})
    if not adapter._weights:
        raise UsageError(f"{name} has no weights", found=f"neither {' nor '.join(_WEIGHTS)} in {folder}")
    if adapter.kind in _PROMPTS:
        raise UsageError(
            f"{name} is an adapter of the kind {adapter.kind}, which writes vectors into the prompt",
            fix="an adapter inside the model, such as LoRA",
        )
    return adapter


def _asked(name: str) -> HubItem:
    return HubItem("model", name, what="adapter", instead=f"a folder (there is none at {Path(name).absolute()})")
