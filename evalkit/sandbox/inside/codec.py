"""Values between a tested program and its checks, as plain data: nothing that crosses can carry behaviour.

A value is copied by its exact meaning where it is one of the known types; a subclass crosses as the type it is built
on, so an overridden `__eq__` stays behind. Anything else crosses as a number that names it on its own side.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

Keep = Callable[[Any], list[Any]]
"""Remembers an object that is not a plain data; returns [its number, is callable, is an iterator]."""
Proxy = Callable[[list[Any]], Any]
"""What stands for the other side's object of that number."""

_FLAT = frozenset({type(None), bool, int, float, str})
_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


def encode(value: Any, keep: Keep) -> Any:
    """The value as JSON data: scalars and lists as they are, every other type as {tag: content}."""
    kind = type(value)
    if kind in _FLAT:
        return value
    if kind is list:
        return value[:] if _FLAT.issuperset(map(type, value)) else [encode(item, keep) for item in value]
    if kind is tuple:
        return {"t": [encode(item, keep) for item in value]}
    if kind is dict:
        return {"d": [[encode(key, keep), encode(item, keep)] for key, item in value.items()]}
    if kind in (set, frozenset):
        return {"s" if kind is set else "f": [encode(item, keep) for item in value]}
    if kind in (bytes, bytearray):
        return {"b" if kind is bytes else "B": value.hex()}
    if kind is complex:
        return {"c": [value.real, value.imag]}
    if kind is range:
        return {"r": [value.start, value.stop, value.step]}
    if kind in _VIEWS:
        pairs = value if kind is type({}.items()) else ((item, item) for item in value)
        pairs = enumerate(value) if _VIEWS[kind] == "values" else pairs
        return {"v": [_VIEWS[kind], [[encode(key, keep), encode(item, keep)] for key, item in pairs]]}
    return _encode_built(value, keep)


def _encode_built(value: Any, keep: Keep) -> Any:
    """Types of the standard library and of numpy, and subclasses of the built-in ones."""
    kind = type(value)
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if kind is type and value in _TYPES.values():
        return {"x": ["type", value.__name__]}
    if isinstance(value, dict):
        name = next((n for n, c in _DICTS.items() if isinstance(value, c)), "")
        items = [[encode(key, keep), encode(item, keep)] for key, item in dict.items(value)]
        return {"n": [name, items]} if name else {"d": items}
    if isinstance(value, deque):
        return {"q": [[encode(item, keep) for item in value], value.maxlen]}
    base: Any
    for base, tag in ((list, "l"), (tuple, "t"), (set, "s"), (frozenset, "f")):
        if isinstance(value, base):
            return {tag: [encode(item, keep) for item in base.__iter__(value)]}
    module, name = kind.__module__, kind.__qualname__
    if (module, name) in (("decimal", "Decimal"), ("fractions", "Fraction")):
        return {"x": [name, str(value)]}
    if module == "datetime" and name in _DATES:
        return {"x": [name, _DATES[name](value)]}
    if module == "numpy":
        if name == "ndarray" and value.dtype.kind in "biufc":
            return {"a": [value.dtype.str, list(value.shape), encode(value.ravel().tolist(), keep)]}
        if hasattr(value, "dtype") and hasattr(value, "item") and not hasattr(value, "__len__"):
            return encode(value.item(), keep)
    return {"h": keep(value)}


_TYPES = {
    kind.__name__: kind
    for kind in (int, float, str, bool, list, tuple, dict, set, frozenset, bytes, bytearray, complex, type(None))
}
_DICTS: dict[str, type] = {"Counter": Counter, "OrderedDict": OrderedDict, "defaultdict": defaultdict}
_DATES: dict[str, Callable[[Any], Any]] = {
    "date": lambda d: d.isoformat(),
    "datetime": lambda d: d.isoformat(),
    "time": lambda d: d.isoformat(),
    "timedelta": lambda d: [d.days, d.seconds, d.microseconds],
}


def decode(data: Any, proxy: Proxy) -> Any:
    """The value again; raises ValueError for data that `encode` does not make. Builds known types only."""
    if not isinstance(data, (list, dict)):
        return data
    if isinstance(data, list):
        # Never the message's own list: it is compared with what the program made of the value.
        return data[:] if _FLAT.issuperset(map(type, data)) else [decode(item, proxy) for item in data]
    if len(data) != 1:
        raise ValueError("not a value")
    tag, content = next(iter(data.items()))
    if tag not in _DECODERS:
        raise ValueError(f"not a value: {tag!r}")
    return _DECODERS[tag](content, proxy)


def _pairs(content: Any, proxy: Proxy) -> list[tuple[Any, Any]]:
    return [(decode(key, proxy), decode(item, proxy)) for key, item in content]


def _named_dict(content: Any, proxy: Proxy) -> Any:
    name, items = content
    pairs = _pairs(items, proxy)
    return defaultdict(None, pairs) if name == "defaultdict" else _DICTS[name](dict(pairs))


def _view(content: Any, proxy: Proxy) -> Any:
    name, items = content
    if name not in ("keys", "values", "items"):
        raise ValueError("not a view")
    return getattr(dict(_pairs(items, proxy)), name)()


def _exact(content: Any, proxy: Proxy) -> Any:
    name, text = content
    if name == "Decimal":
        from decimal import Decimal

        return Decimal(str(text))
    if name == "Fraction":
        from fractions import Fraction

        return Fraction(str(text))
    if name == "type":
        return _TYPES[text]
    import datetime

    if name == "timedelta":
        days, seconds, microseconds = text
        return datetime.timedelta(int(days), int(seconds), int(microseconds))
    kinds: dict[str, Any] = {"date": datetime.date, "datetime": datetime.datetime, "time": datetime.time}
    return kinds[name].fromisoformat(text)


def _array(content: Any, proxy: Proxy) -> Any:
    kind, shape, items = content
    numpy = sys.modules.get("numpy")
    if numpy is None:
        raise ValueError("a numpy array, and numpy is not there")
    return numpy.array(decode(items, proxy), dtype=numpy.dtype(str(kind))).reshape([int(n) for n in shape])


_DECODERS: dict[str, Callable[[Any, Proxy], Any]] = {
    "t": lambda c, p: tuple([decode(item, p) for item in c]),
    "l": lambda c, p: [decode(item, p) for item in c],
    "s": lambda c, p: {decode(item, p) for item in c},
    "f": lambda c, p: frozenset([decode(item, p) for item in c]),
    "d": lambda c, p: dict(_pairs(c, p)),
    "b": lambda c, p: bytes.fromhex(c),
    "B": lambda c, p: bytearray.fromhex(c),
    "c": lambda c, p: complex(*c),
    "r": lambda c, p: range(*c),
    "v": _view,
    "n": _named_dict,
    "q": lambda c, p: deque(decode(c[0], p), c[1]),
    "x": _exact,
    "a": _array,
    "h": lambda c, p: p(c),
}
