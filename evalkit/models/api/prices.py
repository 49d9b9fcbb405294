"""What tokens cost: a table that can be overridden, since prices change and contracts differ."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evalkit.core import Usage, UsageError

__all__ = ["Price", "parse_price", "price_of"]

_TABLE = Path(__file__).with_name("prices.json")
_DATED = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest|\d{3})$")
"""What a provider appends to a model's name for one version of it."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. `cached`: of prompt tokens that the provider had kept; `written`: of those it was
    asked to keep."""

    prompt: float
    completion: float
    cached: float
    written: float

    def cost(self, usage: Usage) -> float:
        """US dollars for that many tokens."""
        fresh = max(0, usage.prompt_tokens - usage.cached_tokens - usage.written_tokens)
        spent = fresh * self.prompt + usage.completion_tokens * self.completion
        spent += usage.cached_tokens * self.cached + usage.written_tokens * self.written
        return spent / 1e6

    def times(self, share: float) -> Price:
        return Price(self.prompt * share, self.completion * share, self.cached * share, self.written * share)

    @property
    def is_free(self) -> bool:
        return self.prompt == self.completion == 0.0


def parse_price(text: str) -> Price:
    """`input/output`, `…/cached` or `…/cached/written`, US dollars per million tokens. Raises UsageError."""
    parts = text.split("/")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3, 4) or not all(0.0 <= number < math.inf for number in numbers):
        raise UsageError("a price is input/output, in dollars per million tokens", found=text, fix="price=0.15/0.60")
    prompt, completion, *kept = numbers
    return Price(prompt, completion, kept[0] if kept else prompt, kept[1] if len(kept) > 1 else prompt)


def price_of(name: str) -> Price | None:
    """The price of `provider/model`: of EVALKIT_PRICES (a JSON file), else of evalkit's own table; None where neither
    has it. A dated version has the price of its model."""
    own = _user_table()
    for table in (own, _read(_TABLE)):
        for key in (name, _DATED.sub("", name)):
            if key in table:
                return table[key]
    return None


def _user_table() -> Mapping[str, Price]:
    named = os.environ.get("EVALKIT_PRICES", "")
    return _read(Path(named).expanduser()) if named else {}


@cache
def _read(path: Path) -> Mapping[str, Price]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {name: parse_price("/".join(str(part) for part in row)) for name, row in content["models"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a table of prices",
            found=f"{type(error).__name__}: {error}",
            fix='{"models": {"openai/gpt-4o-mini": [0.15, 0.60, 0.075]}}',
        ) from None
