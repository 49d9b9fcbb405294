"""Opens `vllm/…`: a model that vLLM runs here, or with `base_url` a server. Imports neither vllm nor torch."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import replace

from evalkit.core import Model, UnavailableError, UsageError, digest_of
from evalkit.core.distribution import pip_install
from evalkit.models.api.opening import opened
from evalkit.models.api.providers import Preset
from evalkit.models.hf.loading import adapters
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.weight_files import weight_files
from evalkit.models.option_parsing import check_files_allow, variant_name
from evalkit.models.vllm.model import VllmModel
from evalkit.models.vllm.options import CHANGES_ANSWERS, VllmOptions

__all__ = ["vllm"]

_ADDRESS = "VLLM_BASE_URL"
_ASK_SERVER = "base_url=http://localhost:8000/v1 asks a server that runs already"


def vllm(preset: Preset, name: str, options: Mapping[str, str]) -> Model:
    """The client of a server where `base_url` or VLLM_BASE_URL names one, else a model of the hub or a folder run here.

    Raises UsageError where neither can be had (see `VllmOptions` and `checkpoint.find`).
    """
    if "base_url" in options:
        return opened(preset, name, options)
    if address := os.environ.get(_ADDRESS):
        return opened(preset, name, {**options, "base_url": address})
    return _local(name, VllmOptions.parse(options))


def _local(name: str, options: VllmOptions) -> Model:
    found = _found(name, options)
    if importlib.util.find_spec("vllm") is None:
        raise UnavailableError(
            f"running {found.name} on this machine needs vllm, which is not installed",
            fix=f"{pip_install('vllm')}; {_ASK_SERVER}",
        )
    if found.is_encoder_decoder:
        raise UsageError(f"vLLM runs no encoder-decoder model such as {found.name}", fix=f"hf/{name}")
    if found.is_local and not weight_files(found.folder):
        raise UsageError(
            f"{found.source} has no weights",
            found=f"no *.safetensors and no *.bin in {found.folder}",
            fix="save the model there (model.save_pretrained)",
        )
    adapter = adapters.find(options.adapter) if options.adapter else None
    if adapter is not None and adapter.kind != "LORA":
        raise UsageError(
            f"vLLM runs LoRA adapters, and {options.adapter} is of the kind {adapter.kind or 'unnamed'}",
            fix=f"hf/{name},adapter={options.adapter}",
        )
    check_files_allow(
        found.name,
        longest=found.max_length,
        max_length=options.max_model_len,
        template=found.template,
        chat=options.chat,
        system=options.system,
        looked=f"no chat_template.jinja, and no chat_template in tokenizer_config.json, in {found.folder}",
    )
    title = variant_name(
        found.name, options, VllmOptions(), CHANGES_ANSWERS, lambda key, value: _told(key, value, adapter)
    )
    title += "".join(f",engine.{key}={value}" for key, value in sorted(options.engine.items()))
    return VllmModel(replace(found, name=title), options, adapter)


def _found(name: str, options: VllmOptions) -> checkpoints.Checkpoint:
    try:
        found = checkpoints.find(name, revision=options.revision, code=options.trust_remote_code)
    except UsageError as error:
        fix = (error.fix or "").replace("hf/", "vllm/")
        raise UsageError(
            error.wrong, found=(error.found or "").replace("hf/", "vllm/"), fix=f"{fix}; {_ASK_SERVER}".lstrip("; ")
        ) from None
    return replace(found, name="vllm/" + found.name.removeprefix("hf/"))


def _told(key: str, value: object, adapter: Adapter | None) -> str:
    if key == "system":
        return digest_of(str(value))[:8]
    return adapter.label if key == "adapter" and adapter else str(value).lower()
