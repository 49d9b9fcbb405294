"""A Ray cluster's nodes as what runs programs: a Ray task for every program."""

from __future__ import annotations

import asyncio
from typing import Any

from evalkit.models.replicas.joining import join, leave
from evalkit.sandbox import on_node
from evalkit.sandbox.nodes import LostNodeError
from evalkit.sandbox.on_node import Asked, Greeting
from evalkit.sandbox.program import Program, Result

__all__ = ["RayNodes"]


class RayNodes:
    """`nodes.Nodes` of a Ray cluster. Raises UsageError where it can't be joined.

    Tasks take no processors from Ray: a node's replicas hold those for as long as the run lasts, and programs have
    limits on the time that they compute, which sharing a processor does not change.
    """

    def __init__(self, address: str, asked: Asked) -> None:
        self._ray = join(address, "--sandbox-workers")
        self._asked = asked
        settings = {"num_cpus": 0, "max_retries": 0}
        self._greet = self._ray.remote(**settings)(on_node.greet)
        self._run = self._ray.remote(**settings)(on_node.run)

    def there(self) -> dict[str, int]:
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        return {str(node["NodeID"]): int(node["Resources"].get("CPU", 0)) for node in nodes}

    async def greet(self, node: str) -> Greeting:
        found: Greeting = await self._asked_of(node, self._greet, self._asked)
        return found

    async def run(self, node: str, program: Program, output: int) -> Result:
        found: Result = await self._asked_of(node, self._run, self._asked, program, output)
        return found

    async def _asked_of(self, node: str, function: Any, *arguments: object) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        place = NodeAffinitySchedulingStrategy(node, soft=False)
        reference = function.options(scheduling_strategy=place).remote(*arguments)
        try:
            return await reference
        except asyncio.CancelledError:
            self._ray.cancel(reference, force=True)
            raise
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [""]
            raise LostNodeError(f"{type(error).__name__}: {lines[0]}") from error

    def close(self) -> None:
        leave()
