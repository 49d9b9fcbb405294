"""How many replicas of a model there are to be and what each takes, read from text. Imports nothing of Ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalkit.core import UsageError
from evalkit.core import spec as specs

__all__ = ["Need", "Replicas"]

_EXAMPLE = "--replicas 4, --replicas auto, --replicas auto,gpus=0.5,memory=20"
_OWN = ("cpus", "gpus", "memory")


@dataclass(frozen=True, slots=True)
class Need:
    """What one replica takes, by Ray's names: "CPU", "GPU", "memory" (bytes) and resources of the user's own."""

    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def gpus(self) -> int:
        """Over how many GPUs the model is divided; 1 where it is not."""
        return max(1, int(self.resources.get("GPU", 0.0)))

    @property
    def bundles(self) -> list[dict[str, float]]:
        """The parts that may be on different nodes: a GPU each, the first with everything else. That is how vLLM wants
        them: https://docs.vllm.ai/en/stable/serving/parallelism_scaling.html"""
        return [{**self.resources, "GPU": 1.0}, *({"GPU": 1.0} for _ in range(self.gpus - 1))]

    def shared_by(self, models: int) -> Need:
        """What it takes where so many models use one processor and one GPU together."""
        return Need(
            {
                name: much / models if name in ("CPU", "GPU") and much <= 1 else much
                for name, much in self.resources.items()
            }
        )

    def times_over(self, nodes: Sequence[Mapping[str, float]]) -> int:
        """How many replicas these nodes have room for: each on one node, or, where no node has room for one that is
        divided over GPUs, each on several."""
        whole = sum(self.times_in(node) for node in nodes)
        if whole or self.gpus == 1:
            return whole
        return self.times_in({name: sum(node.get(name, 0.0) for node in nodes) for name in self.resources})

    def times_in(self, there: Mapping[str, float]) -> int:
        """How many replicas a node with so much has room for."""
        counts = [int(there.get(name, 0.0) / much + 1e-9) for name, much in self.resources.items() if much > 0]
        return min(counts) if counts else 0

    def __str__(self) -> str:
        said = [
            f"{much / 2**30:.1f} GiB memory" if name == "memory" else f"{much:g} {name}"
            for name, much in self.resources.items()
            if much > 0
        ]
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Replicas:
    """`count`: how many; None: as many as fit. `asked`: what each takes, where the user says it."""

    count: int | None = None
    asked: Mapping[str, float] = field(default_factory=dict)
    address: str = ""
    """The address of a Ray cluster; "": RAY_ADDRESS, else a Ray of this process's own."""

    @staticmethod
    def parse(text: str, address: str = "") -> Replicas:
        """Reads `N` or `auto`, and `,name=number` for what each takes. Raises UsageError."""
        parsed = specs.parse(text)
        if parsed.name != "auto" and not (parsed.name.isdigit() and int(parsed.name)):
            raise UsageError("--replicas is a number, or auto for as many as fit", found=text, fix=_EXAMPLE)
        asked: dict[str, float] = {}
        for name, much in parsed.options.items():
            try:
                number = float(much)
            except ValueError:
                number = -1.0
            if not 0 <= number < 1e12:
                raise UsageError(f"a replica takes a number of {name}", found=f"{name}={much}", fix=_EXAMPLE)
            asked[name] = number
        return Replicas(None if parsed.name == "auto" else int(parsed.name), asked, address)

    def need(self, *, gpus: int, has_gpus: bool, weight_bytes: int) -> Need:
        """What a replica takes: what the user says, else `gpus` where the cluster has any, or one processor; and
        memory for the weights where they are not on a GPU."""
        asked = self.asked
        on_gpu = asked.get("gpus", gpus if has_gpus else 0) > 0
        memory = asked["memory"] * 2**30 if "memory" in asked else 0.0 if on_gpu else float(weight_bytes)
        resources = {
            "CPU": asked.get("cpus", 1.0),
            "GPU": asked.get("gpus", float(gpus) if has_gpus else 0.0),
            "memory": memory,
            **{name: much for name, much in asked.items() if name not in _OWN},
        }
        return Need({name: much for name, much in resources.items() if much > 0})
