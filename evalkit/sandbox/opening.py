"""Where a sandbox's programs run: in workers of this machine, or on the nodes of a cluster where the run names one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evalkit.sandbox.pool import close_here, open_here
from evalkit.sandbox.program import ResourceLimits, Sandbox
from evalkit.sandbox.settings import SandboxWorkers

if TYPE_CHECKING:
    from evalkit.sandbox.nodes import NodeSandbox

__all__ = ["close_all", "open_sandbox", "spread"]

_settings = SandboxWorkers()
_ON_NODES: dict[tuple[object, ...], NodeSandbox] = {}


@contextlib.contextmanager
def spread(settings: SandboxWorkers) -> Iterator[None]:
    """Have sandboxes that are opened inside run so many programs at a time, and on a cluster's nodes where it names
    one. Those on nodes are closed at the end."""
    global _settings
    before, _settings = _settings, settings
    try:
        yield
    finally:
        _settings = before
        for key in [key for key in _ON_NODES if key[0] == settings]:
            _ON_NODES.pop(key).close()


def open_sandbox(
    limits: ResourceLimits | None = None,
    *,
    packages: Sequence[str] = (),
    unsafe: bool = False,
    workers: int | None = None,
) -> Sandbox:
    """A sandbox that works, tried with a program; the same one for the same arguments.

    `unsafe` takes plain subprocesses with limits, whatever else there is. `EVALKIT_SANDBOX` names the engine to take.
    `workers` of this machine run programs; without it, what `spread` says, or one a processor. Raises UsageError where
    nothing isolates, and says why.
    """
    limits = limits or ResourceLimits()
    if _settings.address and workers is None:
        return _on_nodes(limits, tuple(packages), unsafe=unsafe)
    return open_here(limits, tuple(packages), unsafe=unsafe, workers=workers or _settings.count)


def _on_nodes(limits: ResourceLimits, packages: tuple[str, ...], *, unsafe: bool) -> NodeSandbox:
    from evalkit.sandbox.nodes import NodeSandbox
    from evalkit.sandbox.on_node import Asked
    from evalkit.sandbox.ray_nodes import RayNodes

    key = (_settings, limits, packages, unsafe)
    if key not in _ON_NODES:
        nodes = RayNodes(_settings.address, Asked(limits, packages, unsafe))
        _ON_NODES[key] = NodeSandbox(nodes, limits, _settings.count)
    return _ON_NODES[key]


def close_all() -> None:
    """End every sandbox that this process has opened."""
    while _ON_NODES:
        _ON_NODES.popitem()[1].close()
    close_here()
