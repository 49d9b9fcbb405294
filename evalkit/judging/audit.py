"""Whether a pairwise judge can be believed: its biases, its consistency, and how far it agrees with people."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from evalkit.core import Estimate, Reply, UsageError, Validity
from evalkit.judging.annotation_page import unveiled
from evalkit.judging.outputs import Outputs, shared
from evalkit.judging.perturbations import INSTRUCTIONS, neutral, padded
from evalkit.judging.session import Judged, JudgingItem, pair_item
from evalkit.stats import mean_interval
from evalkit.stats.agreement import cohen_kappa, krippendorff_alpha
from evalkit.stats.correlations import spearman
from evalkit.stats.moments import moments_of_differences
from evalkit.stats.paired import paired_interval, verdict_of
from evalkit.stats.paired_tests import kendall_tau
from evalkit.stats.ppi import NO_HELP, ppi_mean
from evalkit.stats.tournaments.rates import rate_interval
from evalkit.stats.verdict import Verdict

CONFIDENCE = 0.99
"""Of the intervals that decide on a bias: with six of them, an unbiased judge is called biased once in about 17."""
_HIDDEN = 20
"""Points of bias that may hide in an interval around none before it counts as unclear."""
REPEATS = ("repeat 1", "repeat 2")
"""The probes that ask the plain pair again, each with replies sampled anew."""
_LABELS = {"a": 1.0, "b": 0.0, "tie": 0.5}
Word = Literal["fine", "biased", "poor", "unclear"]


@dataclass(frozen=True, slots=True)
class Label:
    """A person's verdict: 1 where the answer of `models[0]` is better, 0 where the other is, 0.5 for a tie."""

    key: str
    models: tuple[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that was looked at. `estimate` is its size: points of bias for a bias, a proportion or a κ
    otherwise."""

    name: str
    estimate: Estimate
    verdict: Word
    words: str


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings, and what they come to."""

    findings: tuple[AuditFinding, ...]

    @property
    def summary(self) -> str:
        bad = [finding.name for finding in self.findings if finding.verdict in ("biased", "poor")]
        unclear = [
            finding.name for finding in self.findings if finding.verdict == "unclear" and "," not in finding.name
        ]
        if bad:
            return f"Do not believe this judge as it is: {', '.join(bad)}."
        return "Nothing speaks against this judge" + (f"; unclear: {', '.join(unclear)}." if unclear else ".")

    def finding(self, name: str) -> AuditFinding | None:
        """The finding of that name."""
        return next((finding for finding in self.findings if finding.name == name), None)


def probe_items(outputs: Sequence[Outputs], count: int) -> list[JudgingItem]:
    """The comparisons that an audit plants on the first `count` samples: an answer against itself with padding, with a
    planted instruction and with neutral words; and the plain pair again, for sampled replies (`REPEATS`)."""
    items = []
    for place, key in enumerate(shared(outputs)[:count]):
        answer = outputs[place % 2].answers[key]
        plain = tuple(reply.texts[0] for reply in answer.replies)
        attack = INSTRUCTIONS[place % len(INSTRUCTIONS)]
        changed = {
            "padding": padded(plain[-1]),
            "neutral": f"{plain[-1]}\n\n{neutral(len(attack))}",
        }
        for letter in "AB":
            changed[f"planted {letter}"] = f"{plain[-1]}\n\n{attack.format(me=letter)}"
        for probe, text in changed.items():
            with_it = _said((*plain[:-1], text))
            lengths = (sum(map(len, plain[:-1])) + len(text), sum(map(len, plain)))
            # The changed answer is the pair's first; every pair is asked in both orders anyway.
            items.append(JudgingItem(key, answer.sample, with_it + _said(plain), ("changed", "plain"), lengths, probe))
        again = pair_item(key, outputs[0], outputs[1])
        items += [replace(again, probe=name) for name in REPEATS]
    return items


def _said(texts: Sequence[str]) -> tuple[Reply, ...]:
    return tuple(Reply((text,), ("stop",)) for text in texts)


def audit_of(found: Sequence[Judged], labels: Sequence[Label] = (), *, own: str | None = None) -> Audit:
    """The findings over the verdicts on pairs and probes; those on human labels where there are any."""
    plain = [one for one in found if not one.probe]
    judged = [one for one in plain if one.validity is Validity.OK]
    findings = [_unjudged(plain)]
    if judged:
        findings += [_position(judged), _consistency(judged)]
    findings += _probes(found)
    if labels:
        findings += _agreement(judged, labels, own)
    elif own is not None and judged:
        rate = rate_interval([_of(one, own) for one in judged])
        words = f"its own {own} wins {_proportion(rate)}; without human labels nothing says how much it should"
        findings.append(AuditFinding("self-preference", rate, "unclear", words))
    return Audit(tuple(findings))


# ---------------------------------------------------------------- without labels


def _unjudged(plain: Sequence[Judged]) -> AuditFinding:
    missing = [float(one.validity is not Validity.OK) for one in plain]
    refused = sum(_is_refusal(one.reason) for one in plain if one.validity is not Validity.OK)
    proportion = mean_interval(missing)
    word: Word = "fine" if proportion.value <= 0.05 else "poor"
    words = f"{_proportion(proportion)} of {len(plain)} pairs could not be judged"
    return AuditFinding("unjudged", proportion, word, words + (f", {refused} of them refused" if refused else ""))


def _is_refusal(reason: str) -> bool:
    from evalkit.scoring.extraction.refusals import refusing

    # The first line says why the verdict could not be had; what the judge replied stands below it.
    return any(refusing(part) for part in reason.split("\n")[1:] if part.strip())


def _position(judged: Sequence[Judged]) -> AuditFinding:
    rows = [one.scores["first_position"] for one in judged if "first_position" in one.scores]
    return _bias("position bias", _beyond_half(rows), "the answer shown first", "the one shown last")


def _beyond_half(values: Sequence[float]) -> Estimate:
    """How far the mean lies above one half, by the interval of differences, of which none exceeds one half: it has a
    width where all are one half, or all are one."""
    if not values:
        return Verdict.unknown("n=0", confidence=CONFIDENCE).estimate
    beyond = np.array(values, dtype=np.float64) - 0.5
    return verdict_of(moments_of_differences(beyond, None, (0.5, 0.5)), CONFIDENCE).estimate


def _bias(name: str, estimate: Estimate, towards: str, away: str) -> AuditFinding:
    """A bias in points around zero, in words. A constant zero has no spread and is not a bias."""
    points = _points(estimate)
    if estimate.n < 10 or math.isnan(estimate.low):
        return AuditFinding(name, estimate, "unclear", f"too few decided pairs to say ({estimate.n})")
    if estimate.low <= 0.0 <= estimate.high:
        widest = 100 * max(abs(estimate.low), abs(estimate.high))
        word: Word = "fine" if widest <= _HIDDEN else "unclear"
        return AuditFinding(
            name, estimate, word, f"none seen: {points}; a bias of up to {widest:.0f} points could hide"
        )
    side = towards if estimate.value > 0 else away
    return AuditFinding(name, estimate, "biased", f"it leans to {side} by {points}")


def _consistency(judged: Sequence[Judged]) -> AuditFinding:
    proportion = mean_interval([one.scores["consistent"] for one in judged if "consistent" in one.scores])
    word: Word = "fine" if proportion.low > 0.6 else "poor" if proportion.high < 0.6 else "unclear"
    return AuditFinding(
        "order consistency", proportion, word, f"both orders agree on {_proportion(proportion)} of pairs"
    )


def _probes(found: Sequence[Judged]) -> list[AuditFinding]:
    by_probe: dict[str, dict[str, Judged]] = {}
    for one in found:
        if one.probe and one.validity is Validity.OK:
            by_probe.setdefault(one.probe, {})[one.key] = one
    findings = []
    padding = by_probe.get("padding", {})
    if padding:
        rows = [_win(one) for one in padding.values()]
        bias = _bias("verbosity bias", _beyond_half(rows), "the longer answer", "the shorter answer")
        # Padding makes an answer worse, so that to prefer the shorter one is not a fault.
        if bias.verdict == "biased" and bias.estimate.value < 0:
            bias = replace(bias, verdict="fine", words=f"it marks empty length down: {_points(bias.estimate)}")
        findings.append(bias)
    planted = _gave_in(by_probe)
    if planted is not None:
        findings.append(planted)
    repeats = _repeats(found)
    if repeats is not None:
        findings.append(repeats)
    return findings


def _gave_in(by_probe: dict[str, dict[str, Judged]]) -> AuditFinding | None:
    """How much more an answer wins with an instruction to the judge in it than with neutral words.

    An instruction names a letter, so it can work in one order: the value is that of the order in which the answer
    is at that letter.
    """
    keys = [key for key in by_probe.get("planted A", {}) if all(key in by_probe.get(p, {}) for p in _GAVE)]
    if not keys:
        return None
    attacked, calm, clusters = [], [], []
    for number, key in enumerate(keys):
        for place, probe in enumerate(("planted A", "planted B")):
            with_it, without = by_probe[probe][key].orders, by_probe["neutral"][key].orders
            if len(with_it) == len(without) == 2:
                attacked.append(with_it[place])
                calm.append(without[place])
                clusters.append(number)
    moved = paired_interval(np.array(calm), np.array(attacked), np.array(clusters), CONFIDENCE, ends=(0.0, 1.0))
    estimate = Estimate(moved.value, moved.low, moved.high, moved.n, moved.how, CONFIDENCE)
    finding = _bias("planted instructions", estimate, "answers that tell it what to say", "answers without them")
    if finding.verdict == "biased" and estimate.value < 0:
        return replace(finding, verdict="fine", words=f"it marks planted instructions down: {_points(estimate)}")
    if finding.verdict == "biased":
        finding = replace(finding, words=f"it gives in to planted instructions: {_points(estimate)}")
    return finding


_GAVE = ("planted A", "planted B", "neutral")


def _repeats(found: Sequence[Judged]) -> AuditFinding | None:
    """How often the same pair, asked again, gets the same verdict."""
    plain = {one.key: one for one in found if not one.probe and one.validity is Validity.OK}
    rows, clusters, names = [], [], list(plain)
    for one in found:
        if one.probe in REPEATS and one.validity is Validity.OK and one.key in plain:
            before = plain[one.key]
            rows.append(float(_side(_of(one, before.models[0])) == _side(_win(before))))
            clusters.append(names.index(one.key))
    if not rows:
        return None
    proportion = mean_interval(rows, np.array(clusters))
    word: Word = "fine" if proportion.low > 0.75 else "poor" if proportion.high < 0.75 else "unclear"
    return AuditFinding(
        "self-consistency", proportion, word, f"asked again, it says the same on {_proportion(proportion)} of pairs"
    )


# ---------------------------------------------------------------- with labels


def read_labels(path: Path) -> list[Label]:
    """Human labels from a CSV with the columns id, a, b (models) and label: a, b or tie; a further column is ignored.

    Raises UsageError with the line for a label that is none of these.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the labels in {path}",
            found=getattr(error, "strerror", None) or str(error),
            fix="evalkit judge annotate RUN_A RUN_B makes a page that writes labels",
        ) from None
    found = []
    for number, row in enumerate(rows, 2):
        if not {"id", "a", "b", "label"} <= row.keys():
            raise UsageError("labels have the columns id, a, b and label", found=", ".join(map(str, row)), at=str(path))
        label = str(row["label"]).strip().casefold()
        if label in ("", "skip"):
            continue
        if label not in _LABELS:
            raise UsageError("a label is a, b or tie", found=repr(row["label"]), at=f"{path}:{number}")
        found.append(Label(row["id"], (row["a"], row["b"]), _LABELS[label]))
    if not found:
        raise UsageError("there are no labels", at=str(path))
    return found


def _agreement(judged: Sequence[Judged], labels: Sequence[Label], own: str | None) -> list[AuditFinding]:
    first = judged[0].models[0] if judged else ""
    by_key: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_key[one.key].append(one)
    known = [(_named(label, one.models), one) for label in labels for one in by_key.get(label.key, ())]
    pairs = [(one, label) for label, one in known]
    pairs = [(one, label) for one, label in pairs if set(one.models) == set(label.models)]
    if not pairs:
        nothing = Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        return [AuditFinding("agreement", nothing, "unclear", "no label is of a pair that was judged: see ids, names")]
    machine = np.array([_of(one, first) for one, _ in pairs])
    people = np.array([label.value if label.models[0] == first else 1.0 - label.value for _, label in pairs])
    clusters = np.unique([label.key for _, label in pairs], return_inverse=True)[1]
    proportion = mean_interval((machine == people).astype(float), clusters)
    kappa = cohen_kappa(people.tolist(), machine.tolist(), clusters=clusters)
    alpha = krippendorff_alpha(np.stack([people, machine]), level="ordinal", clusters=clusters)
    rank = spearman(people, machine, clusters)
    tau = replace(rank, value=kendall_tau(people, machine)[0], low=math.nan)
    word: Word = "fine" if kappa.low > 0.4 else "poor" if kappa.high < 0.4 else "unclear"
    words = (
        f"{_proportion(proportion)} of {len(pairs)} labels; κ {_plain(kappa)}, α (ordinal) {_plain(alpha)}, "
        f"Spearman {_plain(rank)}, Kendall's τ {_plain(tau)}"
    )
    findings = [AuditFinding("agreement", kappa, word, words)]
    findings += _by_category(pairs, machine, people)
    findings.append(_corrected(judged, pairs, machine, people, first, clusters))
    if own is not None:
        findings.append(_self_preference(pairs, own))
    return findings


def _named(label: Label, names: Sequence[str]) -> Label:
    """The label with the names of the models, which the page for people does not tell."""
    one, other = (unveiled(word, label.key, names) for word in label.models)
    return replace(label, models=(one, other))


def _by_category(pairs: Sequence[tuple[Judged, Label]], machine: np.ndarray, people: np.ndarray) -> list[AuditFinding]:
    groups = sorted({group for one, _ in pairs for group in one.groups})
    found = []
    for group in groups:
        inside = np.array([group in one.groups for one, _ in pairs])
        if inside.sum() >= 5:
            proportion = mean_interval((machine == people)[inside].astype(float))
            found.append(
                AuditFinding(
                    f"agreement, {group}", proportion, "unclear", f"{_proportion(proportion)} of {proportion.n} labels"
                )
            )
    return found


def _corrected(
    judged: Sequence[Judged],
    pairs: Sequence[tuple[Judged, Label]],
    machine: np.ndarray,
    people: np.ndarray,
    first: str,
    clusters: np.ndarray,
) -> AuditFinding:
    """The win rate that people would give, from all verdicts and the labels there are."""
    labelled = {one.key for one, _ in pairs}
    unlabelled = [one for one in judged if one.key not in labelled]
    rest = np.array([_of(one, first) for one in unlabelled])
    others = np.unique([one.key for one in unlabelled], return_inverse=True)[1] if unlabelled else None
    raw = rate_interval([_of(one, first) for one in judged])
    estimate = rate_interval(people)
    if len(rest) >= 2:
        estimate = ppi_mean(people, machine, rest, clusters=clusters, unlabelled_clusters=others)
    words = f"{first} wins {_proportion(estimate)} as people see it, {_proportion(raw)} as the judge does"
    if NO_HELP in estimate.how:
        words += "; the labels alone say it as exactly"
    return AuditFinding("corrected win rate", estimate, "fine", words)


def _self_preference(pairs: Sequence[tuple[Judged, Label]], own: str) -> AuditFinding:
    """How much more the judge's own family wins with it than with people, on the same pairs."""
    machine = np.array([_of(one, own) for one, _ in pairs])
    people = np.array([label.value if label.models[0] == own else 1.0 - label.value for _, label in pairs])
    found = paired_interval(people, machine, None, CONFIDENCE, ends=(0.0, 1.0))
    estimate = Estimate(found.value, found.low, found.high, found.n, found.how, CONFIDENCE)
    return _bias("self-preference", estimate, f"its own {own}", "the other model")


# ---------------------------------------------------------------- words


def _win(one: Judged) -> float:
    assert one.win is not None
    return one.win


def _of(one: Judged, model: str) -> float:
    return _win(one) if one.models[0] == model else 1.0 - _win(one)


def _side(value: float) -> int:
    """Which answer a verdict takes, 0 for a tie; a soft one takes the answer that it leans to."""
    return (value > 0.5 + 1e-9) - (value < 0.5 - 1e-9)


def _points(estimate: Estimate) -> str:
    return f"{100 * estimate.value:+.0f} points ({100 * estimate.low:+.0f} to {100 * estimate.high:+.0f})"


def _proportion(estimate: Estimate) -> str:
    if math.isnan(estimate.low):
        return f"{100 * estimate.value:.0f}%"
    return f"{100 * estimate.value:.0f}% ({100 * estimate.low:.0f}–{100 * estimate.high:.0f})"


def _plain(estimate: Estimate) -> str:
    if math.isnan(estimate.low):
        return "undefined" if math.isnan(estimate.value) else f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"
