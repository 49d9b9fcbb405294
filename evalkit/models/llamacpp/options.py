"""What can be set on a GGUF model, read from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from evalkit.core import UsageError
from evalkit.core.option_values import Form
from evalkit.models.hf.options import ChatMode
from evalkit.models.option_parsing import Count, Tokens, read_options
from evalkit.models.replies.options import THOUGHT, THOUGHT_READERS, ThoughtOptions

__all__ = ["CHANGES_ANSWERS", "GgufOptions"]

CHANGES_ANSWERS = ("chat", "system", *THOUGHT, "max_length", "kv", "widen", "flash_attention")
"""The options that make it another model; the others only say where and how it is run."""

_LAYERS = Form("one of auto, all, or a number of layers", pattern=r"auto|all|[0-9]+", near=("auto", "all", "0"))


@dataclass(frozen=True, slots=True)
class GgufOptions(ThoughtOptions):
    """The options of `gguf/…`."""

    chat: ChatMode = "auto"
    """auto: conversations go through the file's chat template and plain prompts stay text; on: everything goes through
    it; off: evalkit refuses a conversation."""
    system: str = ""
    """A system prompt for everything that goes through the chat template."""
    max_length: Tokens | None = None
    """The longest input in tokens, if it differs from the file. evalkit reserves memory for what you ask, not for
    this."""
    gpu_layers: Annotated[str, _LAYERS] = "auto"
    """Layers on the GPU: a number, or all. auto takes all if llama.cpp was built for a GPU, else none."""
    threads: Count | None = None
    """Threads on the CPU; by default OMP_NUM_THREADS, else one for each processor (one for a very small model)."""
    batch_tokens: Tokens = 2048
    """Tokens passed to llama.cpp at a time; it computes them 512 at a time."""
    flash_attention: Literal["auto", "on", "off"] = "auto"
    """auto is off on a CPU, where numbers would depend on other requests, and llama.cpp's own choice on a GPU. It takes
    less memory for long inputs."""
    kv: Literal["auto", "f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"] = "auto"
    """The type of stored keys and values; auto is f32 for a file of F32 weights, else llama.cpp's own f16."""
    widen: bool = False
    """Widen the weights to float32 while they load. The rest is what the file's own rounding costs, without that of
    llama.cpp's arithmetic. It takes four bytes a weight, and is slower."""

    @staticmethod
    def parse(texts: Mapping[str, str]) -> GgufOptions:
        """Read options from text. Raises UsageError for an unknown key or a value that can't be meant."""
        options = GgufOptions(**read_options(texts, GgufOptions, THOUGHT_READERS, of="a GGUF model"))
        if options.system and options.chat == "off":
            raise UsageError("a system prompt needs the chat template", found="system=… with chat=off", fix="chat=on")
        if options.flash_attention == "off" and options.kv.startswith("q"):
            raise UsageError(
                "llama.cpp keeps quantized values with flash attention only",
                found=f"kv={options.kv} with flash_attention=off",
                fix="kv=f16, or flash_attention=on",
            )
        return options
