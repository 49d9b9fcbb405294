"""Opens `hf/<hub id, folder or GGUF file>` and `tiny`; imports no torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace

from evalkit.core import Model, UnavailableError, UsageError, digest_of
from evalkit.core.distribution import pip_install
from evalkit.models.hf.loading import adapters, gguf_files
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.quantization_methods import method_named, missing, stored_in
from evalkit.models.hf.loading.weight_files import weight_files
from evalkit.models.hf.model import LocalModel
from evalkit.models.hf.options import CHANGES_ANSWERS, HfOptions
from evalkit.models.option_parsing import check_files_allow, variant_name

__all__ = ["hf", "tiny"]


def hf(name: str, options: Mapping[str, str]) -> Model:
    """The model of a hub id, a folder or a GGUF file. Raises UsageError (see `HfOptions` and `checkpoint.find`)."""
    parsed = HfOptions.parse(options)
    if name.endswith(".gguf"):
        return _opened(gguf_files.find(name), parsed, HfOptions())
    found = checkpoints.find(name, revision=parsed.revision, code=parsed.trust_remote_code)
    return _opened(found, parsed, HfOptions())


def tiny(name: str, options: Mapping[str, str]) -> Model:
    """The model that ships with evalkit, in float32 unless `dtype` says otherwise."""
    from evalkit.models.tiny import TINY

    if name:
        raise UsageError("tiny is one model", found=f"tiny/{name}", fix="tiny")
    plain = HfOptions(dtype="float32")
    parsed = HfOptions.parse(options, plain)
    return _opened(replace(checkpoints.find(str(TINY)), name="tiny"), parsed, plain)


def _opened(found: checkpoints.Checkpoint, options: HfOptions, plain: HfOptions) -> Model:
    adapter = _adapter(options)
    named = _named(found, options, plain, adapter)
    _check(named, options)
    return LocalModel(named, options, adapter)


def _named(
    found: checkpoints.Checkpoint, options: HfOptions, plain: HfOptions, adapter: Adapter | None
) -> checkpoints.Checkpoint:
    """The model under a name that says how it differs from its `plain` self, so that a table tells variants apart.

    A system prompt may be long and is named by its digest; an adapter is named by its folder and digest, since many are
    called "checkpoint-500".
    """
    title = variant_name(found.name, options, plain, CHANGES_ANSWERS, lambda key, value: _told(key, value, adapter))
    return replace(found, name=title)


def _told(key: str, value: object, adapter: Adapter | None) -> str:
    if key == "system":
        return digest_of(str(value))[:8]
    return adapter.label if key == "adapter" and adapter else str(value).lower()


def _adapter(options: HfOptions) -> Adapter | None:
    if not options.adapter:
        return None
    if lacking := missing(("peft",)):
        raise UnavailableError(
            f"adapter={options.adapter} needs {lacking[0]}, which is not installed",
            fix=pip_install("adapters"),
        )
    return adapters.find(options.adapter)


def _check(found: checkpoints.Checkpoint, options: HfOptions) -> None:
    missing = [package for package in ("torch", "transformers") if importlib.util.find_spec(package) is None]
    if missing:
        raise UnavailableError(
            f"running {found.name} on this machine needs {' and '.join(missing)}",
            fix=pip_install("local"),
        )
    _check_quantization(found, options)
    if found.is_local and not weight_files(found.folder):
        raise UsageError(
            f"{found.source} has no weights",
            found=f"no *.safetensors and no *.bin in {found.folder}",
            fix="save the model there (model.save_pretrained)",
        )
    check_files_allow(
        found.name,
        # Positions beyond the last embedding don't exist, and those beyond the trained ones give numbers without
        # meaning; distances have no end.
        longest=None if found.has_relative_positions else found.max_length,
        max_length=options.max_length,
        template=found.template,
        chat=options.chat,
        system=options.system,
        looked=f"no chat_template.jinja, and no chat_template in tokenizer_config.json, in {found.folder}",
    )


def _check_quantization(found: checkpoints.Checkpoint, options: HfOptions) -> None:
    """Raise where the model is quantized twice, or the package that quantizes or reads it is not installed."""
    stored = stored_in(found.config)
    if options.quant:
        if stored is not None:
            raise UsageError(
                f"{found.source} is stored quantized ({stored.name}) and can't be quantized again",
                found=f"quant={options.quant}",
                fix="leave quant out",
            )
        method = method_named(options.quant)
        what, modules, install = f"quant={options.quant}", method.modules, method.install
    elif stored is not None:
        what, modules, install = f"{found.source} ({stored.name})", stored.modules, stored.install
    else:
        return
    if lacking := missing(modules):
        raise UnavailableError(f"{what} needs {' and '.join(lacking)}, which is not installed", fix=install)
