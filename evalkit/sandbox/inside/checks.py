"""The checks' process: runs the tests of a problem against a program that lives in another process.

The program's code never runs here, so it can change neither assertions nor built-ins, nor write the verdict. What it
returns arrives as plain data; an object that cannot be copied is a `Remote`, equal to nothing but itself.
"""

from __future__ import annotations

import builtins
import importlib
import linecache
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any

from evalkit.sandbox.inside import codec, link

TESTS = "tests.py"
_LONGEST = 300


class ProgramError(Exception):
    """The program raised an exception that is none of Python's own."""


class LostError(BaseException):
    """The program ended while it was asked something."""


class Remote:
    """An object that stays in the program's process. Using it is noted: it may behave as it likes.

    It equals nothing but itself, and to ask is use as well: what its own class would have answered stays unknown.
    """

    def __init__(self, caller: Caller, number: int) -> None:
        self.__dict__.update(_caller=caller, _number=number)

    def __eq__(self, other: object) -> bool:
        self._caller.used = True
        return self is other

    def __hash__(self) -> int:
        self._caller.used = True
        return id(self)

    def __call__(self, *values: Any, **named: Any) -> Any:
        return self._caller.call(self._number, values, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__name__":
            raise AttributeError(name)
        return self._use("attr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._use("setattr", name, value)

    def __iter__(self) -> Iterator[Any]:
        iterator = self._use("iter")
        return iterator if isinstance(iterator, Remote) else iter(iterator)

    def __next__(self) -> Any:
        return self._use("next")

    def __len__(self) -> int:
        return int(self._use("len"))

    def __bool__(self) -> bool:
        return bool(self._use("bool"))

    def __getitem__(self, key: Any) -> Any:
        return self._use("item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._use("setitem", key, value)

    def __str__(self) -> str:
        return str(self._use("str"))

    def __repr__(self) -> str:
        return str(self._use("repr"))

    def _use(self, operation: str, *values: Any) -> Any:
        return self._caller.use(operation, self._number, values)


class Caller:
    """Asks the program. `last` is the latest call with its result, for messages; `used` says a Remote was used.

    Nobody can see whether tests ask what an object *is* (`is not None`, its type). So one that the program returned
    counts as used until the tests give it back or call it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._remotes: dict[int, Remote] = {}
        self._ours: list[Any] = []
        self.last: tuple[Any, Any] | None = None
        self.used = False
        self._returned: set[int] = set()
        self._passed_on: set[int] = set()
        self.raised: BaseException | None = None

    def met_objects(self) -> bool:
        """Whether the tests used, or may have looked at, an object that stays in the program."""
        return self.used or not self._returned <= self._passed_on

    def defined(self) -> None:
        """Wait until the program has run its definitions; raises what they raised."""
        self._await(False)

    def names(self, wanted: list[str]) -> dict[str, Any]:
        """Those of the wanted names that the program defines, with what they stand for here."""
        link.send(self._fd, ["names", 0, wanted])
        found = self._receive(False)[1]
        names = {name: codec.decode(found[name], self._theirs) for name in wanted if name in found}
        self._returned.clear()
        return names

    def call(self, number: int, values: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self._passed_on.add(number)
        encoded = [codec.encode(value, self._keep) for value in values]
        link.send(self._fd, ["call", number, encoded, {k: codec.encode(v, self._keep) for k, v in named.items()}])
        self.last = (values, None)
        reply = self._await(True)
        result = codec.decode(reply[1], self._theirs)
        self.last = (values, result)
        if len(reply) > 2:
            for place, now in reply[2]:
                _become(values[place], codec.decode(now, self._theirs))
        return result

    def use(self, operation: str, number: int, values: tuple[Any, ...]) -> Any:
        self.used = True
        link.send(self._fd, [operation, number, *(codec.encode(value, self._keep) for value in values)])
        return codec.decode(self._await(operation != "next")[1], self._theirs)

    def _await(self, called: bool) -> list[Any]:
        while True:
            reply = self._receive(called)
            if reply[0] != "ask":
                return reply
            self._answer(reply)

    def _receive(self, called: bool) -> list[Any]:
        reply: list[Any] = link.receive(self._fd)
        if reply[0] == "e":
            self.raised = _exception(reply, called)
            raise self.raised
        return reply

    def _answer(self, message: list[Any]) -> None:
        """A function or an iterator of the tests' that the program was given is all that it can ask for."""
        _, number, encoded = message
        thing = self._ours[number]
        try:
            values = [codec.decode(value, self._theirs) for value in encoded]
            value = next(thing) if hasattr(thing, "__next__") else thing(*values)
        except StopIteration:
            link.send(self._fd, ["stop", None])
            return
        link.send(self._fd, ["v", codec.encode(value, self._keep)])

    def _keep(self, thing: Any) -> list[Any]:
        if isinstance(thing, Remote):
            self._passed_on.add(thing.__dict__["_number"])
            return [thing.__dict__["_number"], True, False]
        if not isinstance(thing, (types.FunctionType, types.BuiltinFunctionType)) and not hasattr(thing, "__next__"):
            raise TypeError(f"a {type(thing).__name__} cannot be given to the tested program")
        self._ours.append(thing)
        return [len(self._ours) - 1, False, hasattr(thing, "__next__")]

    def _theirs(self, named: list[Any]) -> Any:
        number = int(named[0])
        self._returned.add(number)
        if number not in self._remotes:
            self._remotes[number] = Remote(self, number)
        return self._remotes[number]


def _become(ours: Any, now: Any) -> None:
    if type(ours) is not type(now):
        return
    if isinstance(ours, (list, bytearray)):
        ours[:] = now
    else:
        ours.clear()
        ours.update(now)


def _exception(reply: list[Any], called: bool) -> BaseException:
    _, name, bases, text = reply
    found = (getattr(builtins, str(base), None) for base in bases)
    kind: Any = next(
        (kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseException)), ProgramError
    )
    # Raised in a call, these would end a loop or a generator of the tests early instead of failing them.
    if called and issubclass(kind, (StopIteration, StopAsyncIteration, GeneratorExit)):
        kind = ProgramError
    try:
        error: BaseException = kind(text)
    except TypeError:
        error = ProgramError(text)
    error.__notes__ = [str(name), str(text)]
    return error


def judge(fd: int, job: dict[str, Any]) -> dict[str, Any]:
    """Run the tests of `job` (prelude, tests, entry: list of names) and return the verdict."""
    caller = Caller(fd)
    found: dict[str, Any]
    sys.set_int_max_str_digits(0)
    try:
        space: dict[str, Any] = {"__name__": "tests"}
        code = compile(job["tests"], TESTS, "exec", dont_inherit=True)
        if job["prelude"]:
            _run_prelude(job["prelude"], space)
        caller.defined()
        # Of the program's names the tests get those that they are about. They may lean on its imports, too, but
        # get the library's own module, never what the program has under that name.
        modules = sorted(name for name in _names(code) if _is_module(name, space) and name not in job["entry"])
        found = caller.names([*job["entry"], *modules])
        missing = [name for name in job["entry"] if name not in found]
        if missing:
            return {"outcome": "exception", "kind": "NameError", "message": f"{missing[0]} is not defined"}
        space |= {name: importlib.import_module(name) if name in modules else found[name] for name in found}
        exec(code, space)
        found = {"outcome": "passed"}
    except link.ClosedError:
        found = {"outcome": "lost"}
    except BaseException as error:
        found = _failed(error, caller, job["tests"])
    if caller.met_objects():
        found["flags"] = ["live-object"]
    return found


def _run_prelude(prelude: str, space: dict[str, Any]) -> None:
    """Imports and helper functions that the problem itself gives; one that is not Python alone gives none."""
    try:
        exec(compile(prelude, "prelude.py", "exec", dont_inherit=True), space)
    except Exception:
        return


def _is_module(name: str, space: dict[str, Any]) -> bool:
    known = name in sys.stdlib_module_names and not name.startswith("_")
    return known and name not in space and not hasattr(builtins, name)


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _failed(error: BaseException, caller: Caller, tests: str) -> dict[str, Any]:
    theirs = error is caller.raised
    kind, text = error.__notes__ if theirs else (type(error).__name__, str(error))
    outcome = "wrong" if isinstance(error, AssertionError) and not theirs else "exception"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == TESTS]
    line = ""
    if frames and frames[-1].lineno:
        lines = tests.splitlines()
        line = lines[frames[-1].lineno - 1].strip() if frames[-1].lineno <= len(lines) else ""
    parts = [_short(text), _short(line) and f"at: {_short(line)}"]
    if outcome == "wrong" and caller.last is not None:
        parts.append(f"returned: {_short(_shown(caller.last[1]))}")
    linecache.clearcache()
    return {"outcome": outcome, "kind": kind, "message": "; ".join(part for part in parts if part)}


def _shown(value: Any, show: Callable[[Any], str] = repr) -> str:
    try:
        return "an object" if isinstance(value, Remote) else show(value)
    except Exception:
        return "…"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
