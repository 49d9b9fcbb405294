"""How much answers moved between two runs of the same samples, beyond right and wrong: flips, divergences, ratios.

Two models of one accuracy can disagree on many samples: of a compressed model's, as many may turn right as turn wrong.
Dutta et al. 2024 ("Accuracy is Not All You Need", arXiv 2407.09141) therefore count flips and measure the divergence
of the answers' distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.comparing.pairing import PairedTask, clusters_of, rows_of, values_of
from evalkit.core import Estimate, Record

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

PERPLEXITIES = ("word_perplexity", "byte_perplexity", "token_perplexity")
_SEED = 20240611
_UNSEEN = 2.0**-24
"""What float32 leaves of a probability next to 1: no less is taken for the rest of the vocabulary."""

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one record holds of an answer: log-likelihoods of its choices (nats), the answer that its scorer read, and
    log-likelihoods of a text's tokens; each empty (None) where the task does not ask for it."""

    choices: tuple[float, ...] = ()
    answer: str | None = None
    tokens: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Flips:
    """Proportions of samples whose score turned, with intervals: `lost` from right to wrong, `gained` from wrong to
    right, `both` the sum."""

    both: Estimate
    lost: Estimate
    gained: Estimate


def answers_of(records: Iterable[Record], primary_metrics: dict[str, str]) -> dict[Key, Answers]:
    """(task, sample, repeat) to what was said, of the tasks that `primary_metrics` names, with the score whose answer
    counts."""
    found: dict[Key, Answers] = {}
    for record in records:
        if record.task not in primary_metrics or not record.replies:
            continue
        tokens = record.replies[0].token_loglikelihoods
        said = Answers(choice_loglikelihoods(record), _answer(record, primary_metrics[record.task]), tokens)
        if said != Answers():
            found[record.key] = said
    return found


def choice_loglikelihoods(record: Record) -> tuple[float, ...]:
    """The summed log-likelihoods (nats) of a record's choices, in order; empty where it has none.

    They come of one request over all choices, or of one for each (`choose_contexts`). A model that reasoned first is
    left out: its choices follow a separate text.
    """
    count, replies = len(record.sample.choices), record.replies
    if count < 2 or any(reply.texts for reply in replies):
        return ()
    values = replies[0].loglikelihoods
    if len(values) != count and len(replies) == count:
        values = tuple(reply.loglikelihoods[0] for reply in replies if len(reply.loglikelihoods) == 1)
    known = len(values) == count and not any(math.isnan(v) or v == math.inf for v in values)
    return values if known and max(values) > -math.inf else ()


def _answer(record: Record, primary_metric: str) -> str | None:
    named = [score.answer for score in record.scores if score.name == primary_metric]
    return next((answer for answer in (*named, *(s.answer for s in record.scores)) if answer is not None), None)


def divergence(full: Sequence[float], other: Sequence[float]) -> float:
    """KL(p ‖ q) in nats, with p and q the softmax of two sets of log-likelihoods: p of the full-precision model.

    Σ pᵢ·(ln pᵢ - ln qᵢ), 0·ln 0 = 0; infinite where the other holds a choice for impossible that p does not.
    """
    total = 0.0
    for one, two in zip(_normalised(full), _normalised(other), strict=True):
        if one > -math.inf:
            total += math.exp(one) * (one - two)
    # Rounding may leave a hair below zero.
    return max(0.0, total)


def _normalised(values: Sequence[float]) -> list[float]:
    most = max(values)
    norm = most + math.log(math.fsum(math.exp(value - most) for value in values))
    return [value - norm for value in values]


def token_divergence(full: Sequence[float], other: Sequence[float]) -> float:
    """Σ over a text's tokens of the divergence in nats between "this token" and "any other", by two models.

    With p and q the two probabilities of the token that is in the text: p·ln(p/q) + (1 - p)·ln((1 - p)/(1 - q)).
    Taking all other tokens for one can only lower a divergence (the log sum inequality; Cover & Thomas, Elements of
    Information Theory, 2nd ed., theorem 2.7.1), so this is a lower bound of the divergence over the whole vocabulary,
    which log-likelihoods of a text's own tokens do not tell.
    """
    total = 0.0
    for one, two in zip(full, other, strict=True):
        rest, left = _rest(one), _rest(two)
        total += math.exp(one) * (one - two) + rest * (math.log(rest) - math.log(left))
    return max(0.0, total)


def _rest(value: float) -> float:
    return max(_UNSEEN, -math.expm1(min(0.0, value)))


# ---------------------------------------------------------------- over the samples of a task


def flips_of(pair: PairedTask, metric: str) -> Flips | None:
    """How many samples turned; None where the metric's values are not all 0 or 1 (repeats are averaged first)."""
    import numpy as np

    from evalkit.stats import mean_interval

    columns = (pair.baseline.columns[metric], pair.candidate.columns[metric])
    if any(column.width != 1 or column.scale != "proportion" for column in columns):
        return None
    values = values_of(pair, metric)
    before, after = values.baseline, values.candidate
    if not len(before) or not np.isin(np.concatenate([before, after]), (0.0, 1.0)).all():
        return None
    sign = 1.0 if pair.candidate.columns[metric].higher_is_better else -1.0
    lost, gained = (sign * (after - before) < 0.0).astype(float), (sign * (after - before) > 0.0).astype(float)
    both, down, up = (mean_interval(proportion, values.clusters) for proportion in (lost + gained, lost, gained))
    return Flips(both, down, up)


def changed_of(pair: PairedTask, before: dict[Key, Answers], after: dict[Key, Answers]) -> Estimate | None:
    """The proportion of samples whose answer is another one, right or wrong; None where no answers are known."""
    from evalkit.stats import mean_interval

    def other(one: Answers, two: Answers) -> tuple[float, ...]:
        return (float(one.answer != two.answer),)

    rows, clusters = _over(pair, before, after, other, lambda said: said.answer is not None, alone=True)
    return mean_interval(rows[:, 0], clusters) if len(rows) else None


def choice_divergence(pair: PairedTask, before: dict[Key, Answers], after: dict[Key, Answers]) -> Estimate | None:
    """The mean of `divergence` over samples with its bootstrap interval (no divergence is negative, nor is a bound);
    None where log-likelihoods of choices are not known."""
    from evalkit.stats import bootstrap_interval

    def nats(one: Answers, two: Answers) -> tuple[float, ...]:
        fits = len(one.choices) == len(two.choices)
        return (divergence(one.choices, two.choices) if fits else math.nan,)

    rows, clusters = _over(pair, before, after, nats, lambda said: bool(said.choices))
    if not len(rows):
        return None
    return bootstrap_interval(rows, lambda sums, n: sums[:, 0] / n, clusters, seed=_SEED)


def next_token_divergence(pair: PairedTask, before: dict[Key, Answers], after: dict[Key, Answers]) -> Estimate | None:
    """`token_divergence` per token over all texts; None where log-likelihoods of tokens are not known, and where the
    two cut a text into other tokens."""
    from evalkit.stats import bootstrap_interval

    def nats(one: Answers, two: Answers) -> tuple[float, ...]:
        if len(one.tokens) != len(two.tokens):
            return math.nan, math.nan
        return token_divergence(one.tokens, two.tokens), float(len(one.tokens))

    rows, clusters = _over(pair, before, after, nats, lambda said: bool(said.tokens))
    if not len(rows):
        return None
    return bootstrap_interval(rows, lambda sums, n: sums[:, 0] / sums[:, 1], clusters, seed=_SEED)


def perplexity_ratio(pair: PairedTask) -> tuple[str, Estimate] | None:
    """(metric, perplexity of the candidate over that of the baseline) on the same texts, with its interval.

    With the same units (words, bytes, tokens) on both sides the ratio is exp(Σ(nll₂ - nll₁) / Σ units): the interval
    is that of a ratio of sums of paired differences, by linearisation, carried through exp. The primary metric is taken
    where it is a perplexity. None where there is none, or where the two count other units.
    """
    import numpy as np

    from evalkit.stats import ratio_interval

    names = [name for name in (pair.primary_metric, *PERPLEXITIES) if name in PERPLEXITIES and name in pair.metrics]
    for name in names:
        if pair.candidate.columns[name].width != 2:
            continue
        rows = rows_of(pair, name)
        units = rows.baseline[:, 1]
        if not len(units) or units.sum() <= 0.0 or not np.array_equal(units, rows.candidate[:, 1]):
            continue
        found = ratio_interval(rows.candidate[:, 0] - rows.baseline[:, 0], units, rows.clusters)
        return name, replace(found, value=_exp(found.value), low=_exp(found.low), high=_exp(found.high))
    return None


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 709.0 else math.inf


def _over(
    pair: PairedTask,
    before: dict[Key, Answers],
    after: dict[Key, Answers],
    measure: Callable[[Answers, Answers], tuple[float, ...]],
    known: Callable[[Answers], bool],
    *,
    alone: bool = False,
) -> tuple[FloatRows, IntArray | None]:
    """(rows of a measure over pairs of records, means over repeats; cluster numbers). `alone`: one side will do."""
    import numpy as np

    clusters = clusters_of(pair)
    rows, kept = [], []
    for place, (ours, theirs) in enumerate(zip(pair.left, pair.right, strict=True)):
        found = []
        for one, two in zip(ours, theirs, strict=False):
            left = before.get((pair.baseline.name, pair.baseline.ids[one], pair.baseline.repeats[one]))
            right = after.get((pair.candidate.name, pair.candidate.ids[two], pair.candidate.repeats[two]))
            if left and right and (known(left) or known(right) if alone else known(left) and known(right)):
                found.append(measure(left, right))
        usable = [row for row in found if not any(map(math.isnan, row))]
        if usable:
            rows.append([sum(column) / len(usable) for column in zip(*usable, strict=True)])
            kept.append(place)
    values = np.asarray(rows, dtype=np.float64)
    return values, None if clusters is None else clusters[kept]
