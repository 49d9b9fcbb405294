"""Models made in Python: their code is a part of their identity, so that changed code takes no earlier answer."""

from __future__ import annotations

import inspect
from typing import Any

from evalkit.core import Identity, Model, Reply, Request, digest_of
from evalkit.models.wrapper import Wrapper

__all__ = ["WithSource", "code_of", "declared", "source_digest"]


def declared(model: Model) -> Model:
    """A model object as runs ask it: one of evalkit's own classes as it is, any other with the digest of its class's
    source in its identity, next to what it declares there. Without a source that can be read nothing tells its code
    from what it was, and its replies are not cached."""
    kind = type(model)
    if kind.__module__.partition(".")[0] == "evalkit":
        return model
    return WithSource(model, _class_digest(kind))


class WithSource(Wrapper):
    """A model with the digest of its source in its identity, under another `name` where one is given. "" for a source
    that cannot be read: such a model's replies are not cached."""

    def __init__(self, model: Model, digest: str, name: str = "") -> None:
        super().__init__(model)
        self.cacheable: bool = bool(digest) and getattr(model, "cacheable", True)
        inner = model.identity
        facts = tuple(fact for fact in inner.facts if fact[0] != "source") if digest else inner.facts
        source = (("source", digest),) if digest else ()
        self._identity = Identity(name or inner.name, (*facts, *source), fixed=inner.fixed)

    @property
    def identity(self) -> Identity:
        return self._identity

    async def answer(self, request: Request) -> Reply:
        return await self._model.answer(request)


def _class_digest(kind: type) -> str:
    """The digest over a class and those that it inherits from; "" where the source of one is not there."""
    digests = [source_digest(one) for one in kind.__mro__ if one.__module__ not in ("builtins", "typing", "abc")]
    return digest_of(*digests) if all(digests) else ""


def code_of(function: Any) -> Any:
    """What a function is written in: itself, or the class of an object that is called."""
    return function if inspect.isroutine(function) else type(function)


def source_digest(code: Any) -> str:
    """The digest of the file that a function or a class is written in, or of its own text where it has no file; ""
    where that cannot be read."""
    try:
        module = inspect.getmodule(code)
        source = inspect.getsource(module) if module is not None and module.__name__ != "__main__" else ""
        return digest_of(source or inspect.getsource(code))
    except (OSError, TypeError):
        return ""
