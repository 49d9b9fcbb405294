"""Groups and tags as suites: which tasks, with what of the group laid over them, in one number where it says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkit.core import Member, Suite, UsageError
from evalkit.plugins.lm_eval.index import Entry, Index
from evalkit.plugins.lm_eval.yaml_files import read

__all__ = ["Leaf", "leaves_of", "suite_of"]

_OF_GROUPS = frozenset(("group", "group_alias", "task", "aggregate_metric_list", "metadata", "tag", "include"))


@dataclass(frozen=True, slots=True)
class Leaf:
    """One task of a group. `over`: keys that the group says of it; `inside`: the groups between, outermost first."""

    task: str
    over: Mapping[str, Any] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    is_inline: bool = False
    """Whether the group itself defines it."""


def leaves_of(index: Index, name: str) -> tuple[Leaf, ...]:
    """The tasks of a group or tag, each once. Raises UsageError for a member that there is none of, and for groups that
    hold each other."""
    entry = index.entries[name]
    if entry.kind == "tag":
        return tuple(Leaf(member) for member in entry.members)
    found = _of_group(index, entry.name, values_of(index, entry), {}, (), (name,))
    return tuple({(leaf.task, repr(sorted(leaf.over.items(), key=str))): leaf for leaf in found}.values())


def values_of(index: Index, entry: Entry) -> dict[str, Any]:
    """The YAML of an entry, with its includes."""
    return read(index.root / entry.path, index.root).values


def _of_group(
    index: Index,
    name: str,
    values: Mapping[str, Any],
    over: Mapping[str, Any],
    inside: tuple[str, ...],
    seen: tuple[str, ...],
) -> Iterator[Leaf]:
    over = {**{key: value for key, value in values.items() if key not in _OF_GROUPS}, **over}
    tasks = values.get("task")
    for item in tasks if isinstance(tasks, list) else [tasks] if tasks else []:
        yield from _of_item(index, name, item, over, inside, seen)


def _of_item(
    index: Index, name: str, item: Any, over: Mapping[str, Any], inside: tuple[str, ...], seen: tuple[str, ...]
) -> Iterator[Leaf]:
    own = {"task": item} if isinstance(item, str) else item
    if not isinstance(own, dict) or not ({"task", "group"} & own.keys()):
        raise UsageError(f"the group {name!r} has a member that is no task", found=f"{item!r:.80}")
    called = str(own["group"] if "group" in own else own["task"])
    more = {**over, **{key: value for key, value in own.items() if key not in ("task", "group")}}
    entry = index.entries.get(called)
    if "group" in own and entry is None:
        yield from _of_group(index, f"{name}::{called}", own, over, (*inside, called), seen)
    elif entry is None:
        if len(own) < 3:
            raise UsageError(f"the group {name!r} has a member that is nowhere", found=called)
        yield Leaf(called, more, inside, is_inline=True)
    elif entry.kind == "group":
        if called in seen:
            raise UsageError("groups hold each other", found=" → ".join((*seen, called)))
        yield from _of_group(index, called, values_of(index, entry), more, (*inside, called), (*seen, called))
    elif entry.kind == "tag":
        yield from (Leaf(member, more, inside) for member in entry.members)
    else:
        yield Leaf(called, more, inside)


def suite_of(index: Index, name: str, spec: Any) -> Suite:
    """The suite of a group or tag. `spec` says by what words a leaf is loaded.

    A group that aggregates metrics has their mean, over samples where it weighs by size; the others have none.
    """
    entry = index.entries[name]
    leaves = leaves_of(index, name)
    aggregated = _aggregated(values_of(index, entry)) if entry.kind == "group" else []
    metric = str(aggregated[0]["metric"]) if aggregated else ""
    chain = _first(aggregated[0].get("filter_list")) if aggregated else ""
    if metric and chain and chain != "none":
        metric = f"{metric},{chain}"
    average = "none" if not aggregated else "samples" if aggregated[0].get("weight_by_size", True) else "tasks"
    counts = (metric,) if metric else ()
    members = tuple(
        Member(spec(leaf), metrics=counts, category=leaf.inside[0] if leaf.inside else "") for leaf in leaves
    )
    return Suite(f"lm-eval/{name}", members, average)  # type: ignore[arg-type]


def _aggregated(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = values.get("aggregate_metric_list")
    listed = [found] if isinstance(found, dict) else found or []
    return [one for one in listed if isinstance(one, dict) and "metric" in one]


def _first(filters: Any) -> str:
    if isinstance(filters, str):
        return filters
    return str(filters[0]) if isinstance(filters, Sequence) and filters else ""
