"""What a gate's candidate will cost, in money and time, from what the baseline's samples took."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evalkit.comparing import TaskSide
from evalkit.comparing.gates.opening import Opened
from evalkit.core import Model, Usage, UsageError
from evalkit.models.api.cost_limit import price_of_model
from evalkit.runs.runner import Forecast

__all__ = ["prices", "seconds"]


def prices(model: Model, forecasts: Sequence[Forecast], baseline: Opened) -> dict[str, float]:
    """US dollars that a sample of each task costs with `model`: its price over the tokens that the baseline took, or
    over the most that the task allows where the baseline does not say. Raises UsageError where no price is known."""
    price = price_of_model(model)
    if price is None:
        raise UsageError(
            f"--budget needs a price, and none is known for {model.identity.name}",
            fix="price=0.15/0.60 (dollars per million tokens, input/output), or a table in EVALKIT_PRICES",
        )
    if price.is_free:
        raise UsageError(f"{model.identity.name} costs nothing", found="--budget", fix="leave --budget out")
    return {one.task: price.cost(_usage(one, baseline.sides.get(one.task))) for one in forecasts}


def seconds(model: Model, forecasts: Sequence[Forecast], baseline: Opened) -> float:
    """About how long the candidate takes, if a sample takes as long as one of the baseline did and as many are asked at
    once as the model takes; NaN where the baseline does not say."""
    total = 0.0
    for one in forecasts:
        side = baseline.sides.get(one.task)
        taken = math.nan if side is None else _mean(side, "seconds")
        total += taken * one.samples if one.requests else 0.0
    return total / max(1, model.capabilities.window)


def _usage(one: Forecast, side: TaskSide | None) -> Usage:
    prompt, completion = (
        (_mean(side, "prompt_tokens"), _mean(side, "completion_tokens")) if side is not None else (math.nan, math.nan)
    )
    samples = max(1, one.samples)
    if math.isnan(prompt):
        prompt = one.prompt_tokens / samples
    if math.isnan(completion):
        completion = one.completion_tokens / samples
    return Usage(math.ceil(prompt), math.ceil(completion))


def _mean(side: TaskSide, name: str) -> float:
    """What a sample of the baseline took on average; NaN where that is not kept."""
    known = side.mean_costs.get(name)
    if known is not None:
        return known.mean
    if name not in side.costs:
        return math.nan
    measured = [float(value) for value in side.costs[name] if math.isfinite(value)]
    return sum(measured) / len(measured) if measured else math.nan
