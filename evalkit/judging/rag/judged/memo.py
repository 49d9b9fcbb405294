"""What a judge's model already said in this run, so that a second metric of one sample asks nothing twice."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from evalkit.core import Model
from evalkit.judging.ask import JudgeReply

MOST = 16_384
"""Replies kept for one model; the oldest go first. The window of samples in flight is far smaller."""

_KEPT: WeakKeyDictionary[Model, OrderedDict[str, asyncio.Task[JudgeReply[Any]]]] = WeakKeyDictionary()


async def once(model: Model, key: str, ask: Callable[[], Awaitable[JudgeReply[Any]]]) -> tuple[JudgeReply[Any], bool]:
    """(what was said, whether it was said before). Those who ask while the first still waits get the same reply.

    What could not be read is asked again by the next, since a server may only have been busy.
    """
    kept = _KEPT.setdefault(model, OrderedDict())
    found = kept.get(key)
    if found is not None and _usable(found):
        kept.move_to_end(key)
        return await asyncio.shield(found), True
    task = asyncio.ensure_future(ask())
    kept[key] = task
    while len(kept) > MOST:
        kept.popitem(last=False)
    return await task, False


def _usable(task: asyncio.Task[JudgeReply[Any]]) -> bool:
    if not task.done():
        return task.get_loop() is asyncio.get_running_loop()
    return not task.cancelled() and task.exception() is None and task.result().value is not None
