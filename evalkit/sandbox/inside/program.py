"""The tested program's process: runs its definitions, then does what the checks ask of them.

Nothing in here is trusted once the program has run: it can rewrite all of it. It only decides what the program
answers, and it never sees the checks, the verdict's channel or what another program left.
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from evalkit.sandbox.inside import codec, link

NAME = "program"


def add_what_site_adds() -> None:
    """The built-ins of a usual interpreter that the module `site` brings, which is not imported here.

    Programs of contests end with exit() or quit() as a matter of course.
    """
    added: dict[str, Any] = {
        "quit": _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)"),
        "exit": _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)"),
        "copyright": _sitebuiltins._Printer("copyright", sys.copyright),
        "credits": _sitebuiltins._Printer("credits", "See www.python.org for more information."),
        "license": _sitebuiltins._Printer("license", "See https://www.python.org/psf/license/"),
        "help": _sitebuiltins._Helper(),
    }
    for name, value in added.items():
        setattr(builtins, name, value)


def run_script(source: bytes) -> None:
    """Run a whole program as `__main__`; whatever it raises ends it as it would end any script."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = ["program.py"]
    exec(compile(source, "program.py", "exec", dont_inherit=True), module.__dict__)


class Server:
    """Answers the checks: values of global names, calls, and the few things one can do with an object."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._globals: dict[str, Any] = {}

    def serve(self, source: bytes) -> None:
        """Define, say so, and answer until the checks are done."""
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        self._globals = module.__dict__
        try:
            exec(compile(source, "program.py", "exec", dont_inherit=True), self._globals)
        except BaseException as error:
            self._fail(error)
            # To end now could be seen before the message is.
            with contextlib.suppress(link.ClosedError):
                link.receive(self._fd)
            return
        sys.stdout.flush()
        link.send(self._fd, ["v", None])
        while True:
            # Python's limit on the digits of a number is the program's own affair, not the messages'.
            digits = sys.get_int_max_str_digits()
            sys.set_int_max_str_digits(0)
            try:
                message = link.receive(self._fd)
            except link.ClosedError:
                return
            finally:
                sys.set_int_max_str_digits(digits)
            self._answer(message)

    def _answer(self, message: Any) -> None:
        operation, number, *rest = message
        digits = sys.get_int_max_str_digits()
        try:
            if operation == "names":
                found = {name: self._globals[name] for name in rest[0] if name in self._globals}
                reply = ["v", {name: codec.encode(value, self._keep) for name, value in found.items()}]
            elif operation == "call":
                reply = self._call(self._objects[number], *rest)
            else:
                reply = ["v", codec.encode(self._operate(operation, self._objects[number], rest), self._keep)]
            sys.stdout.flush()
            sys.set_int_max_str_digits(0)
            link.send(self._fd, reply)
        except link.ClosedError:
            raise
        except BaseException as error:
            self._fail(error)
        finally:
            sys.set_int_max_str_digits(digits)

    def _call(self, function: Any, encoded: list[Any], named: dict[str, Any]) -> list[Any]:
        arguments = [codec.decode(item, self._theirs) for item in encoded]
        result = function(*arguments, **{k: codec.decode(v, self._theirs) for k, v in named.items()})
        reply = ["v", codec.encode(result, self._keep)]
        # Arguments that the program changed in place are sent back, since checks may look at them.
        changed = []
        for place, (item, before) in enumerate(zip(arguments, encoded, strict=True)):
            if isinstance(item, (list, dict, set, bytearray)) and (now := codec.encode(item, self._keep)) != before:
                changed.append([place, now])
        return [*reply, changed] if changed else reply

    def _operate(self, operation: str, thing: Any, rest: list[Any]) -> Any:
        values = [codec.decode(value, self._theirs) for value in rest]
        if operation == "attr":
            return getattr(thing, values[0])
        if operation == "setattr":
            return setattr(thing, values[0], values[1])
        if operation == "item":
            return thing[values[0]]
        if operation == "setitem":
            thing[values[0]] = values[1]
            return None
        simple: dict[str, Any] = {"next": next, "iter": iter, "len": len, "bool": bool, "str": str, "repr": repr}
        return simple[operation](thing)

    def _keep(self, thing: Any) -> list[Any]:
        number = self._numbers.get(id(thing))
        if number is None:
            number = self._numbers[id(thing)] = len(self._objects)
            self._objects.append(thing)
        return [number, callable(thing), hasattr(thing, "__next__")]

    def _theirs(self, named: list[Any]) -> Any:
        """An object of ours that comes back, or a function of the checks'."""
        number, ours, iterates = named
        if ours:
            return self._objects[number]
        return self._iterate(number) if iterates else lambda *values: self._ask(number, values)

    def _ask(self, number: int, values: tuple[Any, ...]) -> Any:
        link.send(self._fd, ["ask", number, [codec.encode(value, self._keep) for value in values]])
        kind, value = link.receive(self._fd)
        if kind == "stop":
            raise StopIteration
        return codec.decode(value, self._theirs)

    def _iterate(self, number: int) -> Iterator[Any]:
        while True:
            try:
                value = self._ask(number, ())
            except StopIteration:
                return
            yield value

    def _fail(self, error: BaseException) -> None:
        names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        try:
            text = str(error)[:500]
        except BaseException:
            text = ""
        name = type(error).__name__
        link.send(self._fd, ["e", str(name)[:100], names, text])
