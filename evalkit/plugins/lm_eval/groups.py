"""Groups and tags: which tasks they hold, in which groups within, with what of the groups laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evalkit.core import UsageError
from evalkit.plugins.lm_eval.index import Entry, Index
from evalkit.plugins.lm_eval.yaml_files import read

__all__ = ["Group", "Leaf", "group_of", "leaves_of", "values_of"]

_OF_GROUPS = frozenset(("group", "group_alias", "task", "aggregate_metric_list", "metadata", "tag", "include"))


@dataclass(frozen=True, slots=True)
class Leaf:
    """One task of a group. `over`: keys that the groups above say of it."""

    task: str
    over: Mapping[str, Any] = field(default_factory=dict)
    is_inline: bool = False
    """Whether a group itself defines it."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group as it is within another. `is_inline`: that one defines it, or overrides keys of its tasks."""

    name: str
    values: Mapping[str, Any]
    members: tuple[Leaf | Group, ...]
    is_inline: bool = False

    def leaves(self) -> tuple[Leaf, ...]:
        """Its tasks and those of the groups within, each once."""
        found = (leaf for one in self.members for leaf in (one.leaves() if isinstance(one, Group) else (one,)))
        return tuple({(leaf.task, repr(sorted(leaf.over.items(), key=str))): leaf for leaf in found}.values())


def group_of(index: Index, name: str) -> Group:
    """The group or tag of that name. Raises UsageError for a member that there is none of, and for groups that hold
    each other."""
    entry = index.entries[name]
    if entry.kind == "tag":
        return Group(name, {}, tuple(Leaf(member) for member in entry.members))
    return _group(index, entry.name, values_of(index, entry), {}, (name,))


def leaves_of(index: Index, name: str) -> tuple[Leaf, ...]:
    """The tasks of a group or tag, each once."""
    return group_of(index, name).leaves()


def values_of(index: Index, entry: Entry) -> dict[str, Any]:
    """The YAML of an entry, with its includes."""
    return read(index.root / entry.path, index.root).values


def _group(
    index: Index,
    name: str,
    values: Mapping[str, Any],
    over: Mapping[str, Any],
    seen: tuple[str, ...],
    *,
    is_inline: bool = False,
) -> Group:
    laid = {**{key: value for key, value in values.items() if key not in _OF_GROUPS}, **over}
    tasks = values.get("task")
    items = tasks if isinstance(tasks, list) else [tasks] if tasks else []
    members = tuple(one for item in items for one in _members(index, name, item, laid, seen))
    return Group(name, values, members, is_inline or bool(over))


def _members(
    index: Index, name: str, item: Any, over: Mapping[str, Any], seen: tuple[str, ...]
) -> Iterator[Leaf | Group]:
    own = {"task": item} if isinstance(item, str) else item
    if not isinstance(own, dict) or not ({"task", "group"} & own.keys()):
        raise UsageError(f"the group {name!r} has a member that is not a task", found=f"{item!r:.80}")
    called = str(own["group"] if "group" in own else own["task"])
    more = {**over, **{key: value for key, value in own.items() if key not in ("task", "group")}}
    entry = index.entries.get(called)
    if "group" in own and entry is None:
        yield _group(index, called, own, over, seen, is_inline=True)
    elif entry is None:
        if len(own) < 3:
            raise UsageError(f"the group {name!r} has a member that does not exist", found=called)
        yield Leaf(called, more, is_inline=True)
    elif entry.kind == "group":
        if called in seen:
            raise UsageError("groups contain each other", found=" → ".join((*seen, called)))
        yield _group(index, called, values_of(index, entry), more, (*seen, called))
    elif entry.kind == "tag":
        yield from (Leaf(member, more) for member in entry.members)
    else:
        yield Leaf(called, more)
