"""A reply that ranks documents, against judgements of which are relevant."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, Validity
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.json import find_json
from evalkit.scoring.metrics import mean
from evalkit.scoring.ranked_documents import ndcg, recall, reciprocal_rank


@dataclass(frozen=True, slots=True)
class _Ranking(ScoreSample):
    depths: tuple[int, ...]
    cut: int
    names: tuple[str, ...]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        relevance = {str(document): float(value) for document, value in sample.data["relevance"].items()}
        if not any(value >= 1 for value in relevance.values()):
            raise ValueError("no document is relevant")
        answer = final_answer(replies)
        said = find_json(answer.text)
        if not isinstance(said, list):
            validity = Validity.NO_ANSWER if answer.validity is Validity.OK else answer.validity
            return tuple(Score(name, 0.0, None, "no list of documents", validity) for name in self.names)
        ranked = list(dict.fromkeys(map(str, said)))
        values = (
            ndcg(ranked, relevance, self.cut),
            reciprocal_rank(ranked, relevance, self.cut),
            *(recall(ranked, relevance, depth) for depth in self.depths),
        )
        first = ranked[0] if ranked else None
        return tuple(
            Score(name, value, first, answer.reason, answer.validity)
            for name, value in zip(self.names, values, strict=True)
        )


def ranking(*, depths: tuple[int, ...] = (1, 10, 100), cut: int = 10) -> Scorer:
    """How well a reply ranks documents, as a JSON list of ids: `ndcg@cut`, `mrr@cut` and `recall@k` at each depth.

    `sample.data["relevance"]` maps documents to judgements. Definitions: `scoring.ranked_documents`. An id that comes
    again counts once, where it came first. A reply without a list is NO_ANSWER. Scoring raises ValueError where
    nothing is judged relevant.
    """
    names = (f"ndcg@{cut}", f"mrr@{cut}", *(f"recall@{depth}" for depth in depths))

    settings = {"depths": ",".join(map(str, depths)), "cut": str(cut)}
    return Scorer("ranking", _Ranking(depths, cut, names), names, tuple(map(mean, names)), settings)
