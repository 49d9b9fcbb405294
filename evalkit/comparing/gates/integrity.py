"""What must hold before any statistics: the same samples, asked the same way, scored the same way, and measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalkit.comparing import PairedTask, TaskSide
from evalkit.core import toy_sets

Level = Literal["incomparable", "warn", "note"]
Cause = Literal["", "task", "samples", "content", "settings", "measured", "stale"]
"""What a finding comes from, which decides what helps (`ways_out`)."""

# What the manifest keeps of a task and a comparison holds equal, in words for people.
_HELD_EQUAL = {
    "version": "the task's version",
    "few-shot": "the few-shot examples",
    "method": "the method",
    "method settings": "the method's settings",
    "scorers": "the scorers",
    "judge": "the judge",
    "chat": "whether a chat template was applied",
    "examples as turns": "whether examples are turns of the conversation",
}
_WARNED = {
    "source": "the task's source file",
    "chat template": "the chat template",
    "system instruction": "the system instruction",
}
_NOTED = {"seed": "the seed", "repeats": "the repeats per sample", "limit": "the limit", "data": "the data's source"}
TOY = f"a toy set: {toy_sets.MEANING}; its scores say nothing about a model"


@dataclass(frozen=True, slots=True)
class IntegrityFinding:
    """Something that is not alike. `incomparable` ends in no verdict; `samples` are ids of those it concerns. `side` is
    where a cause lies that is one side's own ("baseline" or "candidate")."""

    task: str
    level: Level
    what: str
    samples: tuple[str, ...] = ()
    cause: Cause = ""
    side: str = ""

    def words(self, shown: int = 3) -> str:
        """One line, with the first few ids."""
        if not self.samples:
            return self.what
        more = f" and {len(self.samples) - shown:,} more" if len(self.samples) > shown else ""
        return f"{self.what}: {', '.join(self.samples[:shown])}{more}"


def findings(paired: PairedTask, *, max_failures: float = 0.05, common_samples: bool = False) -> list[IntegrityFinding]:
    """Everything that differs between the two sides of a task, what refuses a verdict first."""
    found = [
        *_samples(paired, common_samples),
        *_content(paired),
        *_settings(paired),
        *_measured(paired, max_failures),
        *_versions(paired),
        *_served(paired),
        *([IntegrityFinding(paired.name, "note", TOY)] if paired.toy else []),
    ]
    return sorted(found, key=lambda finding: ("incomparable", "warn", "note").index(finding.level))


def incomparable(found: Sequence[IntegrityFinding]) -> bool:
    return any(finding.level == "incomparable" for finding in found)


def _samples(paired: PairedTask, common: bool) -> list[IntegrityFinding]:
    name = paired.name
    found = []
    if paired.duplicates:
        found.append(
            IntegrityFinding(name, "incomparable", "samples are there twice", tuple(paired.duplicates), "samples")
        )
    if not paired.ids:
        return [*found, IntegrityFinding(name, "incomparable", "the two runs share no sample", cause="content")]
    level: Level = "note" if common else "incomparable"
    if paired.missing:
        what = f"{len(paired.missing):,} of the baseline's samples are missing in the candidate"
        found.append(IntegrityFinding(name, level, what, tuple(paired.missing), "samples"))
    if paired.extra:
        what = f"{len(paired.extra):,} of the candidate's samples are not in the baseline"
        found.append(IntegrityFinding(name, level, what, tuple(paired.extra), "samples"))
    if paired.by == "prompt":
        found.append(IntegrityFinding(name, "note", "samples were matched by their prompts, since their ids differ"))
    return found


def _content(paired: PairedTask) -> list[IntegrityFinding]:
    found = []
    n = len(paired.ids)
    if paired.other_data:
        then, now = paired.baseline.facts.get("data"), paired.candidate.facts.get("data")
        # A template may make the question: with the same rows it is the task that asks otherwise.
        kind = "another task prompt over the same rows" if then and then == now else "another dataset"
        what = f"{kind}: {len(paired.other_data):,} of {n:,} samples are not what they were"
        found.append(IntegrityFinding(paired.name, "incomparable", what, tuple(paired.other_data), "content"))
    if paired.other_prompt:
        what = f"another task prompt (before the chat template) for {len(paired.other_prompt):,} of {n:,} samples"
        found.append(IntegrityFinding(paired.name, "incomparable", what, tuple(paired.other_prompt), "content"))
    one, other = paired.baseline.digests.get("rendered"), paired.candidate.digests.get("rendered")
    whole = not paired.missing and not paired.extra
    if one and other and one != other and whole and not paired.other_prompt and not paired.other_data:
        what = "the rendered prompts differ (another chat template or system prompt); this is allowed"
        found.append(IntegrityFinding(paired.name, "note", what))
    return found


def _settings(paired: PairedTask) -> list[IntegrityFinding]:
    name, then, now = paired.name, paired.baseline.facts, paired.candidate.facts
    found: list[IntegrityFinding] = []
    if paired.baseline.harness != paired.candidate.harness:
        what = f"another harness: whether {', '.join(_HELD_EQUAL.values())} agree cannot be seen"
        return [IntegrityFinding(name, "warn", what)]
    levels: tuple[tuple[Level, dict[str, str]], ...] = (
        ("incomparable", _HELD_EQUAL),
        ("warn", _WARNED),
        ("note", _NOTED),
    )
    chosen = [facts.get("subset", "–") for facts in (then, now)]
    if chosen[0] != chosen[1]:
        # The estimate of one side is of the whole set, its samples are a part: they are not what is gated.
        what = f"the subset of samples changed: {chosen[0]} → {chosen[1]}; a subset is gated against the same subset"
        found.append(IntegrityFinding(name, "incomparable", what))
    for level, keys in levels:
        for key, words in keys.items():
            if key in then and key in now and then[key] != now[key]:
                what = f"{words} changed: {then[key] or '–'} → {now[key] or '–'}"
                found.append(IntegrityFinding(name, level, what, cause="settings"))
    return found


def _measured(paired: PairedTask, most: float) -> list[IntegrityFinding]:
    found = []
    for which, side in (("baseline", paired.baseline), ("candidate", paired.candidate)):
        failed = side.failed
        if failed:
            level: Level = "incomparable" if failed > most * max(1, side.n) else "warn"
            what = f"{failed:,} of the {which}'s {side.n:,} samples could not be measured"
            what += f" (allowed: {100 * most:g} %)"
            found.append(IntegrityFinding(paired.name, level, what, _failed_ids(side), "measured", which))
        found += [IntegrityFinding(paired.name, "warn", note) for note in side.notes]
    return found


def _failed_ids(side: TaskSide) -> tuple[str, ...]:
    from evalkit.core import Validity

    pairs = zip(side.ids, side.validity, strict=True)
    return tuple(dict.fromkeys(sample for sample, value in pairs if Validity(value).is_measurement_failure))


def _versions(paired: PairedTask) -> list[IntegrityFinding]:
    one, other = paired.baseline, paired.candidate
    if one.harness != other.harness:
        return [
            IntegrityFinding(
                paired.name, "note", f"harnesses: {one.harness} {one.version} → {other.harness} {other.version}"
            )
        ]
    if one.version and other.version and one.version != other.version:
        return [
            IntegrityFinding(paired.name, "warn", f"another {one.harness} version: {one.version} → {other.version}")
        ]
    return []


def _served(paired: PairedTask) -> list[IntegrityFinding]:
    """Another model behind the same name: what the server called it on either side."""
    one, other = paired.baseline, paired.candidate
    then, now = one.facts.get("served", ""), other.facts.get("served", "")
    found = [
        IntegrityFinding(paired.name, "warn", f"several models answered under the {which}'s name: {served}")
        for which, served in (("baseline", then), ("candidate", now))
        if "; " in served
    ]
    if then and now and then != now and one.model == other.model:
        what = f"the server calls the model behind {one.model} something else: {then} → {now}"
        found.append(IntegrityFinding(paired.name, "warn", what))
    return found
