"""Weights in memory that several models of one process share: adapters over one base, or another chat setting.

Models run one after another. Weights whose last user has been closed are kept while a model that was opened wants
them later, and let go as soon as another model's weights come to their device: then nothing is held that only waits.
What is loaded on a device is loaded, switched and freed by that device's one worker thread (`device_executor`).
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from threading import RLock
from typing import Any
from weakref import WeakSet, finalize

from evalkit.core import UsageError, digest_of
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.load_weights import quiet
from evalkit.models.hf.loading.loaded_model import Loaded, load
from evalkit.models.hf.loading.weight_files import weight_files
from evalkit.models.hf.options import HfOptions

__all__ = ["Base", "Key", "claim", "key_of", "leave", "take"]

_OF_PROMPTS = frozenset({"chat", "system", "max_length", "batch_tokens", "adapter", "adapter_merge"})
"""HfOptions that leave the weights as they are."""

Key = tuple[str, ...]


def key_of(checkpoint: Checkpoint, options: HfOptions, adapter: Adapter | None) -> Key:
    """What two models must have in common to share their weights."""
    said = [
        f"{field.name}={getattr(options, field.name)}" for field in fields(HfOptions) if field.name not in _OF_PROMPTS
    ]
    files = [(file, file.stat()) for file in weight_files(checkpoint.folder)] if checkpoint.is_local else []
    stamps = [f"{file} {status.st_size} {status.st_mtime_ns}" for file, status in files]
    own = [adapter.digest] if adapter and (options.adapter_merge or not adapter.leaves_base) else []
    return (checkpoint.source, checkpoint.commit or "", *said, digest_of(*stamps), *own)


class Base:
    """Loaded weights, and the adapters over them, one of which at most is switched on."""

    def __init__(self, loaded: Loaded, device: str) -> None:
        self.loaded = loaded
        self.device = device
        self.users: set[int] = set()
        self._peft: Any = None
        self._active = ""
        self._is_merged = False
        self._readers: dict[str, int] = {}

    def with_adapter(self, adapter: Adapter | None, *, merge: bool) -> Loaded:
        """The weights as one model sees them: `Loaded.switch` brings its adapter to the fore.

        Raises UsageError where the adapter does not fit the model.
        """
        if adapter is None:
            return replace(self.loaded, switch=lambda: self._switch(""))
        name = f"adapter{adapter.digest[:16]}"
        if not merge:
            self._put(adapter, name)
            return replace(self.loaded, switch=lambda: self._switch(name))
        if not self._is_merged:  # merged weights belong to this adapter alone, and may be there already
            self._put(adapter, name)
            self._switch(name)
            try:
                model = self._peft.merge_and_unload(safe_merge=True)
            except Exception as error:  # kinds of layers raise errors of their own
                raise UsageError(
                    f"the adapter {adapter.title} can't be merged into these weights",
                    found=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
                    fix="leave out adapter_merge",
                ) from error
            self.loaded = replace(self.loaded, model=model)
            self._peft, self._is_merged = None, True
        return self.loaded

    def drop_adapter(self, adapter: Adapter) -> None:
        """One model less uses the adapter; the last one takes it out, unless it is the only one."""
        name = f"adapter{adapter.digest[:16]}"
        self._readers[name] = self._readers.get(name, 1) - 1
        if self._peft is None or self._readers[name] > 0:
            return
        if name not in self._peft.peft_config or len(self._peft.peft_config) < 2:
            return
        self._switch("")
        self._peft.delete_adapter(name)

    def _put(self, adapter: Adapter, name: str) -> None:
        """Load an adapter next to the others."""
        self._readers[name] = self._readers.get(name, 0) + 1
        if self._peft is not None and name in self._peft.peft_config:
            return
        try:
            keys = self._read(adapter, name)
        except Exception as error:  # a state dict of another model raises what its layers raise
            raise UsageError(
                f"the adapter {adapter.title} does not fit the model",
                found=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
                fix=f"the model it was trained on: {adapter.config.get('base_model_name_or_path') or 'unknown'}",
            ) from error
        if wrong := [*keys.missing_keys, *keys.unexpected_keys]:
            raise UsageError(
                f"the adapter {adapter.title} does not fit the model",
                found=f"{len(keys.missing_keys)} weights missing, {len(keys.unexpected_keys)} too many: {wrong[0]}",
                fix=f"the model it was trained on: {adapter.config.get('base_model_name_or_path') or 'unknown'}",
            )
        self._active = "?"  # whichever peft left on

    def _read(self, adapter: Adapter, name: str) -> Any:
        """Put an adapter's layers into the model and fill them; returns the keys that did not fit."""
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of transformers' to peft
            import peft

            if self._peft is None:
                config = peft.PeftConfig.from_pretrained(str(adapter.folder))
                config.inference_mode = True
                self._peft = peft.PeftModel(self.loaded.model, config, adapter_name=name)
            keys = self._peft.load_adapter(str(adapter.folder), name, torch_device=self.loaded.device)
        self._peft.eval()
        return keys

    def _switch(self, name: str) -> None:
        if self._peft is None or name == self._active:
            return
        if name:
            self._peft.base_model.enable_adapter_layers()
            self._peft.set_adapter(name, inference_mode=True)
        else:
            self._peft.base_model.disable_adapter_layers()
        self._active = name


@dataclass(slots=True)
class _Shelf:
    """What is kept of one key: the models that may want it, and the weights, once they are there."""

    claims: WeakSet[Any]
    base: Base | None = None


_shelves: dict[Key, _Shelf] = {}
_lock = RLock()  # a model that nobody closed may be collected, and swept away, within any of these functions


def claim(owner: object, key: Key) -> None:
    """Say that `owner` may want these weights, until it leaves or is forgotten."""
    with _lock:
        _shelves.setdefault(key, _Shelf(WeakSet())).claims.add(owner)
    finalize(owner, _sweep).atexit = False


def take(owner: object, key: Key, checkpoint: Checkpoint, options: HfOptions, device: str) -> Base:
    """The weights of a key, loaded where they are not there yet. Call it on the device's worker thread."""
    with _lock:
        shelf = _shelves.setdefault(key, _Shelf(WeakSet()))
        shelf.claims.add(owner)
        base = shelf.base
    if base is None:
        _let_go(lambda other: other.device == device and not other.users)
        base = Base(load(checkpoint, replace(options, max_length=None), device), device)
    with _lock:
        shelf.base = base
        base.users.add(id(owner))
    return base


def leave(owner: object, key: Key, adapter: Adapter | None) -> None:
    """`owner` is closed; weights that nobody else will want are forgotten.

    Call it on the device's worker thread where `owner` took them.
    """
    with _lock:
        shelf = _shelves.get(key)
        if shelf is None:
            return
        shelf.claims.discard(owner)
        base = shelf.base
        took = base is not None and id(owner) in base.users
        if base is not None:
            base.users.discard(id(owner))
        if not shelf.claims:
            del _shelves[key]
            return
    if took and base is not None and adapter is not None:
        base.drop_adapter(adapter)


def _sweep() -> None:
    """Forget weights whose last model was collected without having been closed."""
    with _lock:
        for key, shelf in list(_shelves.items()):
            if not list(shelf.claims):
                _shelves.pop(key, None)


def _let_go(is_idle: Callable[[Base], bool]) -> None:
    """Forget weights that only wait."""
    with _lock:
        idle = [shelf for shelf in list(_shelves.values()) if shelf.base is not None and is_idle(shelf.base)]
        for shelf in idle:
            shelf.base = None
    if idle:
        gc.collect()
