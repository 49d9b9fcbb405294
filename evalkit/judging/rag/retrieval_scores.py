"""How good what was retrieved is, by what should have been: no judge and no model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalkit.core import Metric, Record, Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.judging.rag.records import Context, RagRecord, Reference, distinct, held_by, of_sample
from evalkit.scoring.metrics import mean
from evalkit.scoring.ranked_documents import ndcg, recall, reciprocal_rank


@dataclass(frozen=True, slots=True)
class _Retrieval(ScoreSample):
    depths: tuple[int, ...]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        record = of_sample(sample, blank=True)
        return tuple(Score(name, value) for name, value in retrieval_scores(record, self.depths).items())


def retrieval(*, depths: tuple[int, ...] = (1, 5)) -> Scorer:
    """How well contexts were retrieved: `recall@k`, `hit@k`, `precision@k`, `ndcg@k` for each of the depths, and `mrr`.

    Definitions: `retrieval_scores`. A sample where nobody said what should be retrieved, or where nothing should, has
    none of these scores: its retrieval is not applicable, and leaves n. Scoring raises ValueError without contexts.
    """
    if not depths or min(depths) < 1:
        raise UsageError("a depth is at least 1", found=f"depths={list(depths)}", fix="depths: [1, 5]")
    chosen = tuple(sorted(set(depths)))
    names = tuple(_names(chosen))

    settings = {"depths": ",".join(map(str, chosen))}
    return Scorer(
        "retrieval", _Retrieval(chosen), names, tuple(where_applicable(mean(name), (name,)) for name in names), settings
    )


def retrieval_scores(record: RagRecord, depths: Sequence[int]) -> dict[str, float]:
    """The scores by name; empty where no reference is relevant.

    A context is a hit where it holds a reference (`held_by`). recall@k: references held by the first k contexts /
    references. hit@k: whether any of these is a hit. precision@k: hits among the first k / k, also where fewer than k
    were retrieved, as trec_eval divides; a context that repeats an earlier text is not a second hit. mrr: 1 / rank
    of the first hit. ndcg@k: binary or graded gains over log₂(rank + 1) against the best order there is; every
    reference gains once, where it is first held, and a context that only holds what stood before it takes no rank.
    Where contexts and references are ids, one each, these are the definitions of trec_eval.
    """
    references = tuple(reference for reference in record.references or () if reference.relevance > 0)
    if not references:
        return {}
    gains = {reference.id: reference.relevance for reference in references}
    relevant = dict.fromkeys(gains, 1.0)
    held = [held_by(context, references) for context in record.contexts]
    texts = [context for context in record.contexts if context.text.strip()]
    once = {context.rank for context in distinct(texts)} | {c.rank for c in record.contexts if not c.text.strip()}
    hits = [bool(names) and c.rank in once for c, names in zip(record.contexts, held, strict=True)]
    scores: dict[str, float] = {}
    for k in depths:
        first = held[:k]
        reached = [name for names in first for name in names]
        scores[f"recall@{k}"] = recall(reached, relevant, len(reached))
        scores[f"hit@{k}"] = float(any(first))
        scores[f"precision@{k}"] = sum(hits[:k]) / k
        scores[f"ndcg@{k}"] = ndcg(_ranked(record.contexts[:k], first, references), gains, k)
    everything = _ranked(record.contexts, held, references)
    return scores | {"mrr": reciprocal_rank(everything, relevant, len(everything))}


def where_applicable(metric: Metric, scores: Sequence[str]) -> Metric:
    """The metric over the records that have one of these scores: a model's failure makes none where there was none."""

    def observe(record: Record) -> Sequence[float] | None:
        return metric.observe(record) if any(score.name in scores for score in record.scores) else None

    return replace(metric, observe=observe)


@dataclass(frozen=True, slots=True)
class _WhereReferenced(ScoreSample):
    scorer: Scorer

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return await self.scorer.score(sample, replies) if sample.targets else ()


def where_referenced(scorer: Scorer) -> Scorer:
    """The scorer on samples with a reference answer; it is not applicable to others, which leave its metrics' n."""
    return replace(
        scorer,
        score=_WhereReferenced(scorer),
        metrics=tuple(where_applicable(metric, scorer.scores) for metric in scorer.metrics),
    )


def _ranked(contexts: Sequence[Context], held: Sequence[tuple[str, ...]], references: Sequence[Reference]) -> list[str]:
    """Ids in rank order: what each context holds that none before it held, the richest first, or its own where it
    holds nothing."""
    gains = {reference.id: reference.relevance for reference in references}
    ranked: dict[str, None] = {}
    for context, names in zip(contexts, held, strict=True):
        for name in sorted(names, key=lambda name: -gains[name]) or [f"{context.rank}: {context.id}"]:
            ranked.setdefault(name)
    return list(ranked)


def _names(depths: Sequence[int]) -> list[str]:
    return [f"{name}@{k}" for k in depths for name in ("recall", "hit", "precision", "ndcg")] + ["mrr"]
