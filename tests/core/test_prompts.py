"""A part of a reply has what belongs to its texts, and nothing of the others."""

from __future__ import annotations

from evalkit.core import Reply, ToolCall, Usage


def test_a_part_of_a_reply() -> None:
    reply = Reply(
        texts=("a", "b", "c"),
        finish=("stop", "length", "eos"),
        reasoning=("A", "B", "C"),
        cut=("", "x", ""),
        calls=((), (ToolCall("f", "{}"),), ()),
        usage=Usage(3, 5),
        notes=("n",),
    )
    part = reply.part(slice(1, 2))
    assert (part.texts, part.finish, part.reasoning, part.cut) == (("b",), ("length",), ("B",), ("x",))
    assert part.calls == ((ToolCall("f", "{}"),),)
    assert (part.usage, part.notes) == (reply.usage, reply.notes)
    assert Reply(texts=("a", "b"), finish=("stop", "stop")).part(slice(1)).reasoning == ()
