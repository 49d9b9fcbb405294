"""What can be set on a local model, read from text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast

from evalkit.core import UsageError
from evalkit.spec import nearest, unknown

__all__ = ["CHANGES_ANSWERS", "ChatMode", "DType", "Options"]

CHANGES_ANSWERS = ("dtype", "revision", "trust_remote_code", "chat", "system", "max_length")
"""The options that make it another model; the others only say where and how it is run."""

ChatMode = Literal["auto", "on", "off"]
DType = Literal["auto", "float32", "bfloat16", "float16"]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "chat": ("auto", "on", "off"),
    "dtype": ("auto", "float32", "bfloat16", "float16"),
    "kernels": ("auto", "torch", "onednn"),
    "attention": ("sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"),
}
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_YES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `hf/…` and `tiny`."""

    device: str = "auto"
    """auto (cuda, else mps, else cpu), cpu, mps, cuda or cuda:N."""
    dtype: DType = "auto"
    """The numbers' type; auto takes what the checkpoint says of itself."""
    device_map: str = ""
    """Handed to transformers ("auto" spreads a model over several devices); stands in for `device`."""
    revision: str = ""
    """A hub model's branch, tag or commit."""
    trust_remote_code: bool = False
    """Run Python code that lies beside the weights."""
    chat: ChatMode = "auto"
    """auto: conversations go through the chat template and plain prompts stay text, as in lm-evaluation-harness;
    on: everything goes through it; off: a conversation is refused."""
    system: str = ""
    """A system prompt for everything that goes through the chat template."""
    max_length: int | None = None
    """The longest input in tokens, where it is not what the config says."""
    batch_tokens: int | None = None
    """Tokens in one forward pass: 2,048 on a CPU and 16,384 on a GPU, halved where memory runs out."""
    attention: str = ""
    """The attention implementation, where it is not transformers' own choice."""
    kernels: Literal["auto", "torch", "onednn"] = "auto"
    """What multiplies float32 matrices on a CPU: torch's own choice, or oneDNN; auto takes what is faster here."""

    @staticmethod
    def parse(texts: Mapping[str, str], plain: Options | None = None) -> Options:
        """Read options from text; `plain` holds what is not said.

        Raises UsageError for an unknown key or a value that can't be meant.
        """
        names = [field.name for field in fields(Options)]
        values: dict[str, Any] = {}
        for key, text in texts.items():
            if key not in names:
                error = unknown("option of a local model", key, names)
                raise UsageError(error.wrong, found=f"{key}={text}", fix=f"{error.fix}; there are {', '.join(names)}")
            values[key] = _value(key, text)
        options = replace(plain or Options(), **values)
        if options.system and options.chat == "off":
            raise UsageError("a system prompt needs the chat template", found="system=… with chat=off", fix="chat=on")
        return options


def _value(key: str, text: str) -> object:
    if key in ("max_length", "batch_tokens"):
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise UsageError(f"{key} is a number of tokens, 1 or more", found=f"{key}={text}", fix=f"{key}=2048")
        return int(text)
    if key == "trust_remote_code":
        if text.lower() not in _YES:
            raise UsageError(f"{key} is true or false", found=f"{key}={text}", fix=f"{key}=true")
        return _YES[text.lower()]
    if key == "device" and not _DEVICE.fullmatch(text):
        close = nearest(text, ["auto", "cpu", "mps", "cuda"]) or "auto"
        raise UsageError("device is one of auto, cpu, mps, cuda, cuda:N", found=f"device={text}", fix=f"device={close}")
    if key in _CHOICES and text not in _CHOICES[key]:
        close = nearest(text, _CHOICES[key]) or _CHOICES[key][0]
        raise UsageError(f"{key} is one of {', '.join(_CHOICES[key])}", found=f"{key}={text}", fix=f"{key}={close}")
    return cast(object, text)
