"""What an instruction is given: its arguments, read with their types, and how a number is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Arguments = Mapping[str, Any]
Check = Callable[[str, Arguments], bool]


def number(arguments: Arguments, key: str) -> int:
    """An argument that is a whole number; ValueError where it is missing (data sets may hold it as a float)."""
    value = arguments.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"the instruction needs a number {key!r}, found {value!r}")
    return int(value)


def text(arguments: Arguments, key: str) -> str:
    """An argument that is a text; ValueError where it is missing or empty."""
    value = arguments.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"the instruction needs a text {key!r}, found {value!r}")
    return value


def texts(arguments: Arguments, key: str) -> Sequence[str]:
    """An argument that is a list of texts; ValueError where it is missing or empty."""
    value = arguments.get(key)
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ValueError(f"the instruction needs a list {key!r}, found {value!r}")
    return [str(item) for item in value]


def compared(count: int, arguments: Arguments, threshold: str, relation: str = "relation") -> bool:
    """Whether a count is "less than" or "at least" the threshold, as the arguments say; ValueError for other words."""
    wanted = arguments.get(relation)
    if wanted == "less than":
        return count < number(arguments, threshold)
    if wanted == "at least":
        return count >= number(arguments, threshold)
    raise ValueError(f"{relation!r} is 'less than' or 'at least', found {wanted!r}")
