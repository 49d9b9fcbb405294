"""Jinja templates that come with data: they reach no Python, and end in bounded time and memory.

Jinja's own sandbox keeps a template from attributes that lead to Python. It does not keep `'x' * 900000000` or three
nested loops from taking a machine down. Here every operation that makes something longer is charged to a budget before
it is done, every pass through a loop and every call is counted, and a clock ends what still takes too long.

Every template that is read from a file of data (YAML tasks and judges, prompts, chat templates of GGUF files) is
rendered here. Templates that ship with evalkit's pages are code.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["Limited", "evaluated", "rendered"]

STEPS = 1_000_000
"""Passes through loops, and calls of functions, filters and tests, while one text is rendered."""
CHARACTERS = 50_000_000
"""Characters and items that all operations of one rendering may make: ten times a prompt of a million tokens."""
NODES = 1_000_000
"""Values inside a value, counted as often as they would be printed."""
SECONDS = 10.0
"""Processor time of one rendering: the last resort, far above what the other limits leave."""
WIDEST = 1_000_000

_WIDE_FORMAT = re.compile(r"%[^A-Za-z%]*(\*|\d{7,})|\{[^{}]*:[^{}]*(\{|\d{7,})")
_WIDTHS = frozenset({"batch", "center", "indent", "round", "slice", "tojson", "truncate", "wordwrap"})
_PRINT_NOTHING = frozenset(
    {
        *("attr", "batch", "count", "d", "default", "dictsort", "first", "groupby", "items", "last", "length", "list"),
        *("map", "max", "min", "random", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "sort"),
        *("sum", "unique"),
    }
)
"""Filters that hand values on; any other makes a text of what it is given."""
_CONTAINERS = (list, tuple, dict, set, frozenset)
_NOT_OFFERED = frozenset({"translate", "maketrans", "to_bytes", "from_bytes"})


@dataclass(slots=True)
class _Budget:
    steps: int = STEPS
    characters: int = CHARACTERS
    ends: float = 0.0

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise SecurityError(f"the template takes more than {STEPS:,} steps")
        if self.steps % 256 == 0 and time.thread_time() > self.ends:
            raise SecurityError(f"the template takes more than {SECONDS:.0f} s")

    def charge(self, size: int) -> None:
        self.characters -= size
        if self.characters < 0:
            raise SecurityError(f"the template makes more than {CHARACTERS:,} characters")


_budget: ContextVar[_Budget] = ContextVar("template budget")


def _now() -> _Budget:
    found = _budget.get(None)
    if found is None:  # outside a rendering: a constant while a template is compiled
        found = _Budget(ends=time.thread_time() + SECONDS)
        _budget.set(found)
    return found


def rendered(template: jinja2.Template, names: Mapping[str, Any]) -> str:
    """The text of a template of a `Limited` environment.

    Raises SecurityError beyond a limit, and whatever Jinja raises.
    """
    token = _budget.set(_Budget(ends=time.thread_time() + SECONDS))
    try:
        pieces: list[str] = []
        for piece in template.generate(**names):
            _now().charge(len(piece))
            pieces.append(piece)
        return "".join(pieces)
    finally:
        _budget.reset(token)


def evaluated(expression: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    """What an expression compiled by a `Limited` environment comes to, within the same limits."""
    token = _budget.set(_Budget(ends=time.thread_time() + SECONDS))
    try:
        return expression(**names)
    finally:
        _budget.reset(token)


class _Generator(CodeGenerator):
    """Code whose literals and concatenations are charged."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.concatenated((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self._weighed(super().visit_List, node, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self._weighed(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        if node.ctx == "load":
            self._weighed(super().visit_Tuple, node, frame)
        else:
            super().visit_Tuple(node, frame)

    def _weighed(self, visit: Callable[[Any, Frame], None], node: nodes.Node, frame: Frame) -> None:
        self.write("environment.weighed(")
        visit(node, frame)
        self.write(")")


class Limited(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox with limits. Render by `rendered` and evaluate by `evaluated`, which count."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"*", "+", "**", "%"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["finalize"] = self._finalizer(kwargs.get("finalize"))
        # Constants would be computed while a template is compiled, where nothing counts.
        super().__init__(*args, **{**kwargs, "optimized": False})
        self.filters = {name: _charged(name, function) for name, function in self.filters.items()}
        self.filters["each pass"] = _each_pass
        self.tests = {name: _counted(cast(Callable[..., Any], function)) for name, function in self.tests.items()}
        self.globals.pop("lipsum", None)

    def add_filter(self, name: str, function: Callable[..., Any]) -> None:
        """Offer a filter, charged as the others are."""
        self.filters[name] = _charged(name, function)

    def _finalizer(self, own: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
        def finalize(value: Any) -> Any:
            if isinstance(value, _CONTAINERS):
                _now().charge(_printed(value))
            return own(value) if own else value

        return finalize

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        for loop in list(source.find_all(nodes.For)):
            loop.iter = nodes.Filter(loop.iter, "each pass", [], [], None, None, lineno=loop.lineno)
        return super()._generate(source, name, filename, defer_init)

    def weighed(self, value: Any) -> Any:
        """A literal, once it is known not to hold more values than may be printed."""
        _now().step()
        _printed(value)
        return value

    def concatenated(self, parts: Iterable[Any]) -> str:
        """The parts as one text, as `~` joins them."""
        parts = list(parts)
        _now().charge(_printed(parts))
        return "".join(map(str, parts))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator, unless what it makes is too large."""
        _now().charge(_made_by(operator, left, right))
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja has it
        """A call, unless it is one of those that make much of little."""
        _now().step()
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        if isinstance(owner, str | bytes | int) and not isinstance(owner, bool):
            if name in _NOT_OFFERED:
                raise SecurityError(f"templates have no {name}()")
            _now().charge(_made_of_text(name, owner, (*args, *kwargs.values())))
        made = super().call(__context, __obj, *args, **kwargs)
        _now().charge(len(made) if isinstance(made, str | bytes) else 0)
        return made

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`str.format`, unless the format says a width beyond any use."""
        made = super().wrap_str_format(value)
        if made is not None and _WIDE_FORMAT.search(value.__self__):
            raise SecurityError("the format asks for too wide a text")
        return made


def _printed(value: Any) -> int:
    """About how many characters a value takes when it is printed. SecurityError where it holds more than `NODES`."""
    count, characters, open_ = 0, 0, [value]
    while open_:
        one = open_.pop()
        count += 1
        if count > NODES:
            raise SecurityError(f"the template makes a value of more than {NODES:,} parts")
        if isinstance(one, dict):
            open_ += [*one, *one.values()]
        elif isinstance(one, _CONTAINERS):
            open_ += one
        else:
            characters += len(one) if isinstance(one, str | bytes) else 8
    return characters + count


def _made_by(operator: str, left: Any, right: Any) -> int:
    sized = (str, bytes, list, tuple)
    if operator == "+" and isinstance(left, sized) and isinstance(right, sized):
        return len(left) + len(right)
    if operator == "%" and isinstance(left, str):
        return _formatted(left, right)
    if operator not in ("*", "**"):
        return 0
    for one, times in ((left, right), (right, left)):
        if isinstance(one, sized) and isinstance(times, int):
            return len(one) * max(0, times)
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * max(1, right) if operator == "**" else left.bit_length() + right.bit_length()
        return bits // 8
    return 0


def _formatted(form: str, arguments: Any) -> int:
    if _WIDE_FORMAT.search(form):
        raise SecurityError("the format asks for too wide a text")
    return len(form) + (form.count("%") + form.count("{")) * _printed(arguments)


def _made_of_text(name: str, owner: Any, arguments: tuple[Any, ...]) -> int:
    """How long a text will be that a method of texts makes, at most."""
    widths = [argument for argument in arguments if isinstance(argument, int) and not isinstance(argument, bool)]
    if name not in ("count", "find", "index", "rfind", "rindex", "split", "rsplit", "replace") and any(
        width > WIDEST for width in widths
    ):
        raise SecurityError(f"the template asks for a text of {max(widths):,} characters")
    if name == "replace" and len(arguments) >= 2:
        return _replaced(owner, arguments[0], arguments[1])
    if name == "expandtabs":
        return int(owner.count("\t")) * max([8, *widths])
    if name == "join" and arguments:
        return _joined(owner, arguments[0])
    if name in ("format", "format_map"):
        return _formatted(owner, arguments)
    return 0


def _replaced(text: Any, old: Any, new: Any) -> int:
    found = text.count(old) if old else len(text) + 1
    return int(found * len(new))


def _joined(between: Any, parts: Any) -> int:
    if not isinstance(parts, (str, *_CONTAINERS)):
        return 0
    return len(between) * len(parts) + _printed(parts)


def _made_by_filter(name: str, value: Any, arguments: tuple[Any, ...]) -> int:
    """How long a filter's result will be, at most, where it can be longer than what it is given."""
    widths = [argument for argument in arguments if isinstance(argument, int) and not isinstance(argument, bool)]
    texts = [argument for argument in arguments if isinstance(argument, str)]
    if name in _WIDTHS and any(abs(width) > WIDEST for width in widths):
        raise SecurityError(f"the filter {name} is asked for a width of {max(map(abs, widths)):,}")
    size = 0 if name in _PRINT_NOTHING else _printed(value)
    if name == "replace" and len(texts) >= 2:
        return _replaced(str(value), texts[0], texts[1])
    if name == "format":
        return _formatted(str(value), arguments)
    if name == "join":
        return _joined("".join(texts), value)
    if name in ("indent", "tojson", "wordwrap"):
        lines = value.count("\n") + 1 if isinstance(value, str) and name == "indent" else size
        return int(lines * max([4, *widths, *map(len, texts)]))
    return max(size if isinstance(value, _CONTAINERS) else 0, *(widths if name in _WIDTHS else ()), 0)


def _charged(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose result is charged before it is made, as far as that can be told, and after."""
    first = 1 if getattr(function, "jinja_pass_arg", None) is not None else 0

    @functools.wraps(function)
    def charged(*args: Any, **kwargs: Any) -> Any:
        budget = _now()
        budget.step()
        value = args[first] if len(args) > first else None
        budget.charge(_made_by_filter(name, value, (*args[first + 1 :], *kwargs.values())))
        made = function(*args, **kwargs)
        budget.charge(len(made) if isinstance(made, str | list) else 0)
        return made

    return charged


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        _now().step()
        return function(*args, **kwargs)

    return counted


def _each_pass(values: Iterable[Any]) -> Iterator[Any]:
    """What a loop goes through, a step a pass."""
    for value in values:
        _now().step()
        yield value
