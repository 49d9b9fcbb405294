"""What of quantization runs on this machine, and what is missing for the rest."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from evalkit.models.hf.loading.quantization_methods import METHODS, STORED, missing

__all__ = ["Ability", "abilities"]


@dataclass(frozen=True, slots=True)
class Ability:
    """A method or a stored form: whether it runs here, else why not, and the command that would help ("" for none)."""

    name: str
    summary: str
    packages: str
    why_not: str = ""
    install: str = ""

    @property
    def runs(self) -> bool:
        return not self.why_not


def abilities() -> tuple[list[Ability], list[Ability]]:
    """What `quant=` takes, and the forms of checkpoints that are stored quantized."""
    has = _capability()
    methods = []
    for method in METHODS.values():
        lacking = missing(method.modules)
        wanted = method.capability
        if wanted is not None and (has is None or has < wanted):
            why, install = f"needs an NVIDIA GPU, compute capability {wanted[0]}.{wanted[1]}", ""
        elif lacking:
            why, install = f"no {', '.join(lacking)}", method.install
        else:
            why, install = "", ""
        packages = " and ".join(method.modules) or "transformers"
        methods.append(Ability(method.name, method.summary, packages, why, install))
    stored = []
    for form in STORED.values():
        lacking = missing(form.modules)
        why = f"no {', '.join(lacking)}" if lacking else ""
        summary = "widened to 16 bits" if form.note and (has is None or has < (8, 9)) else "as it is"
        packages = " and ".join(form.modules)
        stored.append(Ability(form.name, summary, packages, why, form.install if lacking else ""))
    return methods, stored


def _capability() -> tuple[int, int] | None:
    """The compute capability of the first NVIDIA GPU, None without one or without torch."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    return torch.cuda.get_device_capability(0) if torch.cuda.is_available() else None
