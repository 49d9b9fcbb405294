"""What tells one local model from every other, read from its files and options."""

from __future__ import annotations

from evalkit.core import Identity, UsageError, digest_of
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.load_weights import dtype_of
from evalkit.models.hf.loading.quantization_methods import method_named, outlier_threshold, skipped, stored_in
from evalkit.models.hf.loading.weight_files import weight_digest, weight_files
from evalkit.models.hf.options import HfOptions

__all__ = ["file_facts", "identify", "told_facts"]

_WAYS = ("attention", "device_map", "tp_plan", "compile")


def identify(checkpoint: Checkpoint, options: HfOptions, adapter: Adapter | None = None) -> Identity:
    """The identity: everything that changes what the model answers, and nothing of where it lies.

    Device and batch size are left out: they change roundings, not the model. So do an attention implementation, a
    device map, tensor parallelism and compilation, but who names one of them wants to see what it does, and would be
    shown cached replies: they are in the identity where they were named. Raises UsageError where the weights can't
    be read.
    """
    facts = {
        "backend": "transformers",
        **file_facts(checkpoint),
        "chat": options.chat,
        "dtype": dtype_of(checkpoint, options),
    }
    if options.quant:
        facts |= _quantization(options, facts["dtype"])
    elif stored := stored_in(checkpoint.config):
        facts["quantization"] = f"stored: {stored.name}"
    if adapter is not None:
        facts["adapter"] = f"sha256:{adapter.digest}"
        facts["adapter_merged"] = str(options.adapter_merge).lower()
    facts |= told_facts(checkpoint, options.revision, options.system)
    if options.max_length is not None:
        facts["max_length"] = str(options.max_length)
    facts |= options.thought_facts(closed=True)
    facts |= {name: getattr(options, name) for name in _WAYS if getattr(options, name)}
    if options.trust_remote_code:
        facts["code"] = checkpoint.code_digest()
    return Identity(checkpoint.name, tuple(facts.items()), fixed=True)


def _quantization(options: HfOptions, dtype: str) -> dict[str, str]:
    """The method with every setting that it heeds, whether it was said or is a default."""
    method = method_named(options.quant)
    facts = {"quantization": method.name}
    if "compute_dtype" in method.takes:
        facts["compute_dtype"] = options.compute_dtype or dtype
    if "group_size" in method.takes:
        facts["group_size"] = str(options.group_size or method.group_size)
    if "int8_threshold" in method.takes:
        facts["int8_threshold"] = f"{outlier_threshold(options.int8_threshold):g}"
    if options.quant_skip:
        facts["quant_skip"] = ",".join(skipped(options.quant_skip))
    return facts


def file_facts(checkpoint: Checkpoint) -> dict[str, str]:
    """What the files say, whoever computes with them. Raises UsageError where the weights can't be read."""
    return {
        "weights": _weights(checkpoint),
        "config": checkpoint.config_digest(),
        "tokenizer": checkpoint.tokenizer_digest(),
        "template": digest_of(checkpoint.template) if checkpoint.template is not None else "none",
    }


def told_facts(checkpoint: Checkpoint, revision: str, system: str) -> dict[str, str]:
    """Where the files come from and what the model is told at the beginning; nothing of what was not said."""
    told = {"commit": checkpoint.commit, "revision": revision, "system": system and digest_of(system)}
    return {name: value for name, value in told.items() if value}


def _weights(checkpoint: Checkpoint) -> str:
    if checkpoint.commit is not None:
        return f"hub:{checkpoint.commit}"
    try:
        return f"sha256:{weight_digest(weight_files(checkpoint.folder))}"
    except OSError as error:
        raise UsageError(f"the weights of {checkpoint.name} can't be read", found=str(error)) from None
