"""The Muon optimizer, small: momentum whose matrices are made orthogonal before each step.

After Keller Jordan's description (https://kellerjordan.github.io/posts/muon/). On a model this small it needs about
half the steps of AdamW, at a few percent of the time. Matrices of one shape are handled together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Nearly orthogonal matrices with the directions of the given ones, by Newton-Schulz iteration.

    `matrices` is (count, rows, columns), and so is the result.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(1, 2) if tall else x


class Muon:
    """Momentum, made orthogonal; for matrices inside the network only, not for embeddings.

    It has the two things of a torch optimizer that training uses: `param_groups` with a rate, and `step`.
    """

    def __init__(self, parameters: Iterable[Any], lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": lr}]
        self._momentum, self._weight_decay = momentum, weight_decay
        self._buffers: dict[Any, torch.Tensor] = {}

    def step(self) -> None:
        """One step for every matrix that has a gradient."""
        with torch.no_grad():
            for group in self.param_groups:
                by_shape: dict[tuple[int, ...], list[Any]] = defaultdict(list)
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        by_shape[tuple(parameter.shape)].append(parameter)
                for parameters in by_shape.values():
                    self._step_together(parameters, group["lr"])

    def _step_together(self, parameters: list[Any], rate: float) -> None:
        """One step for matrices of the same shape."""
        rows, columns = parameters[0].shape
        scale = max(1.0, rows / columns) ** 0.5
        updates = orthogonal(torch.stack([self._direction(parameter) for parameter in parameters]))
        for parameter, update in zip(parameters, updates, strict=True):
            parameter.mul_(1 - rate * self._weight_decay)
            parameter.add_(update, alpha=-rate * scale)

    def _direction(self, parameter: Any) -> torch.Tensor:
        """The gradient with Nesterov momentum."""
        buffer = self._buffers.setdefault(parameter, torch.zeros_like(parameter))
        buffer.lerp_(parameter.grad, 1 - self._momentum)
        direction: torch.Tensor = parameter.grad.lerp(buffer, self._momentum)
        return direction
