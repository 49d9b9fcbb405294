"""What can be set on a model that vLLM runs here, read from text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from evalkit.core import UsageError
from evalkit.core.option_values import Range
from evalkit.models.api.options import refuse_secret
from evalkit.models.api.secrets import redacted
from evalkit.models.hf.options import ChatMode, DType
from evalkit.models.option_parsing import Count, Tokens, read_options
from evalkit.models.replies.options import THOUGHT, THOUGHT_READERS, ThoughtOptions

__all__ = ["CHANGES_ANSWERS", "ENGINE", "VllmOptions"]

CHANGES_ANSWERS = (
    *("dtype", "quantization", "revision", "trust_remote_code", "chat", "system", "max_model_len"),
    *THOUGHT,
    *("tensor_parallel_size", "pipeline_parallel_size", "enforce_eager", "adapter", "likelihoods"),
)
"""The options that make it another model; the others only say how much of a device it takes."""

ENGINE = "engine."
"""What the names of vLLM's own engine arguments are written after."""

_Share = Annotated[float, Range("a share of a GPU's memory, above 0 and up to 1", "0.9", least=0, most=1, above=True)]


@dataclass(frozen=True, slots=True)
class VllmOptions(ThoughtOptions):
    """The options of `vllm/…` without `base_url`."""

    dtype: DType = "auto"
    """The type of the numbers; auto takes what the checkpoint names."""
    quantization: str = ""
    """vLLM's name of the quantization, if the checkpoint names none: fp8, bitsandbytes, …"""
    revision: str = ""
    """The branch, tag or commit of a hub model."""
    trust_remote_code: bool = False
    """Run Python code from the model's files."""
    chat: ChatMode = "auto"
    """auto: conversations go through the chat template and plain prompts stay text; on: everything goes through it;
    off: evalkit refuses a conversation."""
    system: str = ""
    """A system prompt for everything that goes through the chat template."""
    generation_config: bool = False
    """Draw texts as the model's generation_config.json says, unless the run sets a value."""
    max_model_len: Tokens | None = None
    """Tokens of a prompt and its continuation, if it differs from the config. One of them is always written, so the
    longest input is one token shorter."""
    tensor_parallel_size: Count = 1
    """GPUs that share each layer."""
    pipeline_parallel_size: Count = 1
    """Groups of GPUs that hold some layers each."""
    gpu_memory_utilization: _Share | None = None
    """The share of a GPU's memory that vLLM takes; by default, vLLM's own."""
    enforce_eager: bool = False
    """Compute without CUDA graphs and compilation: starts faster, runs slower."""
    adapter: str = ""
    """A LoRA adapter over the model: a folder, or a repository of the hub."""
    likelihoods: Literal["cached", "plain"] = "cached"
    """cached: read the common beginning of prompts from vLLM's prefix cache; plain: compute every prompt from its
    beginning."""
    engine: Mapping[str, Any] = field(default_factory=dict, metadata={"option": False})
    """Other engine arguments of vLLM's, `engine.block_size=32`: values are JSON, or else text."""

    @staticmethod
    def parse(texts: Mapping[str, str]) -> VllmOptions:
        """Read options from text. Raises UsageError for an unknown key or a value that can't be meant."""
        own = {key: text for key, text in texts.items() if not key.startswith(ENGINE)}
        engine = {key.removeprefix(ENGINE): _value(text) for key, text in texts.items() if key.startswith(ENGINE)}
        for key in own.keys() - _NAMES:
            refuse_secret(key)
        of = "a model that vLLM runs here (without base_url)"
        values = read_options(own, VllmOptions, THOUGHT_READERS, of=of, shown=redacted)
        options = VllmOptions(**values, engine=engine)
        if options.system and options.chat == "off":
            raise UsageError("a system prompt needs the chat template", found="system=… with chat=off", fix="chat=on")
        taken = _TAKEN & engine.keys()
        if taken:
            name = sorted(taken)[0]
            fix = _INSTEAD.get(name, f"{name}=…" if name in _NAMES else "leave it out")
            raise UsageError(f"evalkit sets vLLM's {name} itself", found=f"{ENGINE}{name}", fix=fix)
        return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)


_NAMES = frozenset(one.name for one in fields(VllmOptions))
_INSTEAD = {"model": "vllm/<repo or path>", "enable_lora": "adapter=…", "enable_prefix_caching": "likelihoods=plain"}
_TAKEN = _NAMES | {"model", "tokenizer", "tokenizer_revision", "skip_tokenizer_init", "enable_lora", "max_lora_rank"}
