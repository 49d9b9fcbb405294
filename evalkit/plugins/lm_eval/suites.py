"""Groups as suites: a mean of every metric that a group aggregates, over all tasks within it, as lm-eval forms it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from evalkit.core import Member, Suite
from evalkit.plugins.lm_eval.groups import Group, Leaf, group_of, values_of
from evalkit.plugins.lm_eval.index import Index
from evalkit.plugins.lm_eval.measures import DEFAULTS
from evalkit.plugins.lm_eval.places import PREFIX
from evalkit.plugins.lm_eval.scorer import PROPORTIONS, named
from evalkit.plugins.lm_eval.yaml_files import FunctionName

__all__ = ["suite_of"]


def suite_of(index: Index, name: str, spec: Callable[[Leaf], str], inner: Callable[[str], str]) -> Suite:
    """The suite of a group or tag. `spec` says by what words a task of it is loaded, `inner` a group within it.

    A group that aggregates nothing, and a tag, has no number. Raises UsageError for a member that there is none of.
    """
    return _Suites(index, spec, inner).of(group_of(index, name))


@dataclass(frozen=True, slots=True)
class _Aggregated:
    """What a group has means of, and whether they weigh tasks by their size. lm-eval leaves tasks without a metric out
    of its mean. So does a group here whose metrics are none of all tasks; else such a metric has no mean."""

    metrics: tuple[str, ...] = ()
    by_size: bool = True

    @property
    def average(self) -> Literal["tasks", "samples", "none"]:
        return "none" if not self.metrics else "samples" if self.by_size else "tasks"

    @property
    def are_proportions(self) -> bool:
        return all(_is_proportion(one) for one in self.metrics)


def _is_proportion(key: str) -> bool:
    metric = key.partition(",")[0]
    return metric in PROPORTIONS or metric.startswith("pass@")


@dataclass(frozen=True, slots=True)
class _Suites:
    index: Index
    spec: Callable[[Leaf], str]
    inner: Callable[[str], str]
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The metrics of tasks by name, as far as they were read."""

    def of(self, group: Group) -> Suite:
        told = self._aggregated(group)
        members = tuple(dict.fromkeys(self._members(group, told)))
        return Suite(PREFIX + group.name, members, told.average, told.metrics)

    def _members(self, group: Group, told: _Aggregated) -> Iterator[Member]:
        for one in group.members:
            if isinstance(one, Leaf):
                yield self._member(one, told)
            elif self._nests(one, told):
                # The mean over all tasks below, not over the means of the groups.
                weight = 1.0 if told.by_size else float(len(one.leaves()))
                inner = Member(self.inner(one.name), weight=weight)
                yield replace(inner, task=one.name, suite=self.of(one)) if one.is_inline else inner
            else:
                yield from (replace(self._member(leaf, told), category=one.name) for leaf in one.leaves())

    def _member(self, leaf: Leaf, told: _Aggregated) -> Member:
        task = self.spec(leaf)
        if not told.metrics:
            return Member(task)
        own = self._metrics(leaf)
        if told.metrics[0] in own or not own:
            return Member(task, metrics=told.metrics[:1])
        return Member(task, metrics=tuple(one for one in own if _is_proportion(one))[:1], weight=0.0)

    def _nests(self, group: Group, above: _Aggregated) -> bool:
        """Whether the outer mean is one of the inner ones: both are of the same metrics, weighed alike."""
        told = self._aggregated(group)
        return bool(told.metrics) and told == above and told.are_proportions

    def _aggregated(self, group: Group) -> _Aggregated:
        said = _said(group.values)
        if not said:
            return _Aggregated()
        found = [own for own in map(self._metrics, group.leaves()) if own]
        keys = dict.fromkeys(key for one in said for key in _keys(one, found))
        metrics = tuple(key for key in keys if all(key in own for own in found))
        if not metrics:
            # Some tasks have it. The others are run and weigh nothing, for which they need a number of the same kind.
            some = [key for key in keys if any(key in own for own in found)][:1]
            fit = all(any(map(_is_proportion, own)) for own in found if some and some[0] not in own)
            metrics = tuple(some) if fit and all(map(_is_proportion, some)) else ()
        return _Aggregated(metrics, bool(said[0].get("weight_by_size", True)))

    def _metrics(self, leaf: Leaf) -> tuple[str, ...]:
        """The metrics of a task by its YAML; none where only its Python knows them."""
        if leaf.is_inline or leaf.over:
            values = {} if leaf.is_inline else values_of(self.index, self.index.entries[leaf.task])
            return _metrics_in({**values, **leaf.over})
        if leaf.task not in self.known:
            self.known[leaf.task] = _metrics_in(values_of(self.index, self.index.entries[leaf.task]))
        return self.known[leaf.task]


def _said(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = values.get("aggregate_metric_list")
    listed = [found] if isinstance(found, dict) else found or []
    return [one for one in listed if isinstance(one, dict) and "metric" in one]


def _keys(said: Mapping[str, Any], found: Sequence[tuple[str, ...]]) -> list[str]:
    """The metric with each of its filters: those that are named, else all that any task has."""
    (metric, *_), filters = _named_in(said), said.get("filter_list")
    if filters is None:
        every = {key for own in found for key in own if key.partition(",")[0] == metric}
        return sorted(every) or [metric]
    return [named(metric, str(one)) for one in ([filters] if isinstance(filters, str) else filters)]


def _metrics_in(values: Mapping[str, Any]) -> tuple[str, ...]:
    if "class" in values:
        return ()
    listed = values.get("metric_list")
    if listed is None:
        metrics = list(DEFAULTS.get(values.get("output_type", "generate_until"), ()))
    else:
        metrics = [name for one in listed if isinstance(one, dict) for name in _named_in(one)]
    chains = [str(one.get("name")) for one in values.get("filter_list") or () if isinstance(one, dict)] or ["none"]
    return tuple(named(metric, chain) for chain in chains for metric in metrics)


def _named_in(entry: Mapping[str, Any]) -> list[str]:
    metric = entry.get("metric")
    name = metric.text.rpartition(".")[2] if isinstance(metric, FunctionName) else str(metric)
    if name == "pass_at_k" and (wanted := entry.get("k")) is not None:
        return [f"pass@{one}" for one in (wanted if isinstance(wanted, list) else [wanted])]
    return [name]
