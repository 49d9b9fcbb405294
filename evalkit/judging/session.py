"""Many verdicts: a window of them in flight, each written down at once; what already exists is not asked again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from evalkit.core import Judge, Reply, RunError, Sample, UsageError, Validity, claims, digest_of
from evalkit.judging.outputs import Outputs, shared
from evalkit.stats.tournaments.style import style_of

MOST_REASON = 4000


@dataclass(frozen=True, slots=True)
class JudgingItem:
    """One thing to judge. `models` are the answers' models in order; `chars` their lengths."""

    key: str
    sample: Sample
    replies: tuple[Reply, ...]
    models: tuple[str, ...]
    chars: tuple[int, ...]
    probe: str = ""
    """What an audit tries with it; "" for a plain verdict."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One verdict as it is in a file of verdicts. `orders` are the values of each order for the first model."""

    key: str
    models: tuple[str, ...]
    judge: str
    validity: Validity
    scores: Mapping[str, float]
    orders: tuple[float, ...] = ()
    strong: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    chars: tuple[int, ...] = ()
    reason: str = ""
    probe: str = ""
    asked: str = ""
    cluster: str = ""
    """What the sample shares with others that are not independent of it."""
    style: tuple[tuple[int, ...], ...] = ()
    """(characters, headers, list items, bold passages) of every answer."""
    notes: tuple[str, ...] = ()
    """What a reader must know of how it was had, such as "sampled" (`judging.logprob_grades`)."""
    transcript: tuple[Mapping[str, Any], ...] = ()
    """Every call of the judge behind it (see `judging.transcripts`)."""

    @property
    def win(self) -> float | None:
        return self.scores.get("win") if self.validity is Validity.OK else None

    @property
    def about(self) -> str:
        """What it is about, in words."""
        return f"{self.key:.60}: {' and '.join(self.models)}"

    def line(self) -> str:
        """A line of JSONL."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(parts | {"validity": self.validity.value}, ensure_ascii=False) + "\n"

    @staticmethod
    def read(line: str) -> Judged:
        """The verdict of a line; raises ValueError, KeyError or TypeError where it is none."""
        row: dict[str, Any] = json.loads(line)
        for name in ("models", "orders", "strong", "groups", "chars", "notes", "transcript"):
            row[name] = tuple(row.get(name, ()))
        row["style"] = tuple(tuple(counts) for counts in row.get("style", ()))
        row["validity"] = Validity(row["validity"])
        known = {name: value for name, value in row.items() if name in Judged.__slots__}
        return Judged(**known)


@dataclass(slots=True)
class Verdicts:
    """A file of verdicts. `done` holds what an earlier session left, by what was asked."""

    path: Path
    file: BinaryIO
    """Open for appending; no other process can open it as verdicts until it is closed."""
    done: dict[str, Judged] = field(default_factory=dict)

    @staticmethod
    def open(path: Path) -> Verdicts:
        """The file, made with its folder where it is missing. A torn last line is dropped, and nothing else is written.

        Raises UsageError where it cannot be written, another process writes it, or a line is not a verdict.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b")
        except OSError as error:
            raise UsageError(f"cannot write {path}", found=error.strerror or "", fix="--out FILE") from None
        try:
            claims.lock(file.fileno(), str(path))
            kept = read_verdicts(path)
            file.truncate(_whole(file))
        except BaseException:
            file.close()
            raise
        return Verdicts(path, file, {one.asked: one for one in kept if one.validity is Validity.OK})

    def append(self, verdict: Judged) -> None:
        try:
            self.file.write(verdict.line().encode("utf-8"))
            self.file.flush()
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from None

    def close(self) -> None:
        self.file.close()


def _whole(file: BinaryIO) -> int:
    """The length of a file of verdicts without a last line that a killed process left torn."""
    file.seek(0)
    lines = file.readlines()
    size = sum(map(len, lines))
    if not lines:
        return size
    try:
        Judged.read(lines[-1].decode("utf-8"))
    except (ValueError, KeyError, TypeError):
        return size - len(lines[-1])
    if not lines[-1].endswith(b"\n"):
        file.write(b"\n")
        size += 1
    return size


def read_verdicts(path: Path, repeated: Counter[str] | None = None) -> list[Judged]:
    """The verdicts in a file, the last one of each thing that was asked; all of those that do not say what was.

    `repeated` counts, by what they are about, verdicts that another one of the same thing takes the place of. Raises
    UsageError for a line that is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the verdicts in {path}", found=str(error)) from None
    found: dict[str, Judged] = {}
    for number, line in enumerate(lines, 1):
        try:
            one = Judged.read(line)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            what, fix = f"{type(error).__name__}: {error}", f"of another tool: evalkit judge import {path}"
            raise UsageError("this is not a verdict", found=what, fix=fix, at=f"{path}:{number}") from None
        # Without what was asked, two lines are two verdicts, however alike.
        name = one.asked or f"line {number}"
        if name in found and found[name].validity is Validity.OK and repeated is not None:
            repeated[one.about] += 1
        found[name] = one
    return list(found.values())


def read_all(paths: Sequence[Path], repeated: Counter[str]) -> list[Judged]:
    """The verdicts of several files; of those that were asked the same the last one, and `repeated` counts the rest."""
    found: dict[str, Judged] = {}
    for path in paths:
        for number, one in enumerate(read_verdicts(path, repeated)):
            name = one.asked or f"{path} {number}"
            if name in found and found[name].validity is Validity.OK:
                repeated[one.about] += 1
            found[name] = one
    return list(found.values())


def pair_items(outputs: Sequence[Outputs], limit: int | None = None) -> list[JudgingItem]:
    """Every pair of models on every sample that all have; which of a pair comes first alternates."""
    items = []
    for place, key in enumerate(shared(outputs)[:limit]):
        for i in range(len(outputs)):
            for j in range(i + 1, len(outputs)):
                one, two = (outputs[i], outputs[j]) if (place + i + j) % 2 == 0 else (outputs[j], outputs[i])
                items.append(pair_item(key, one, two))
    return items


def pair_item(key: str, one: Outputs, two: Outputs) -> JudgingItem:
    """One pair; an answer that stopped early is filled up with empty turns."""
    a, b = one.answers[key], two.answers[key]
    turns = max(len(a.replies), len(b.replies))
    empty = (Reply(("",), ("stop",)),)
    replies = a.replies + empty * (turns - len(a.replies)) + b.replies + empty * (turns - len(b.replies))
    return JudgingItem(key, a.sample, replies, (one.name, two.name), (a.length, b.length))


def answer_items(outputs: Outputs, limit: int | None = None) -> list[JudgingItem]:
    """Every answer of one model."""
    found = list(outputs.answers.items())[:limit]
    return [JudgingItem(key, a.sample, a.replies, (outputs.name,), (a.length,)) for key, a in found]


def list_items(outputs: Sequence[Outputs], limit: int | None = None) -> list[JudgingItem]:
    """The answers of all models to every sample that all have, as one list each."""
    return [
        JudgingItem(
            key,
            outputs[0].answers[key].sample,
            tuple(reply for one in outputs for reply in one.answers[key].replies),
            tuple(one.name for one in outputs),
            tuple(one.answers[key].length for one in outputs),
        )
        for key in shared(outputs)[:limit]
    ]


async def judge_all(
    judge: Judge | Callable[[JudgingItem], Judge],
    items: Iterable[JudgingItem],
    verdicts: Verdicts,
    *,
    window: int = 16,
    told: Callable[[Judged], None] = lambda verdict: None,
) -> list[Judged]:
    """The verdict on every item by the judge (or by the one that an item gets), in their order.

    Raises UsageError; every other failure is on its verdict.
    """
    listed = list(items)
    found: list[Judged | None] = [None] * len(listed)
    waiting = iter(enumerate(listed))

    async def worker() -> None:
        for place, item in waiting:
            mine = judge if isinstance(judge, Judge) else judge(item)
            asked = _asked(mine, item)
            known = verdicts.done.get(asked)
            if known is None:
                known = await _judge(mine, item, asked)
                verdicts.append(known)
            found[place] = known
            told(known)
            await asyncio.sleep(0)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, min(window, len(listed)))):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [one for one in found if one is not None]


async def _judge(judge: Judge, item: JudgingItem, asked: str) -> Judged:
    common: dict[str, Any] = {
        "key": item.key,
        "models": item.models,
        "judge": judge.name,
        "groups": item.sample.groups,
        "cluster": item.sample.cluster,
        "chars": item.chars,
        "probe": item.probe,
        "asked": asked,
        "style": _styles(item),
    }
    try:
        verdict = await judge.verdict(item.sample, item.replies)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - a plugin's judge: it fails this verdict, not the session
        return Judged(**common, validity=Validity.UNJUDGED, scores={}, reason=f"{type(error).__name__}: {error}")
    win = next((score for score in verdict.scores if score.name == "win"), None)
    said = "\n\n".join(reply.texts[0] for reply in verdict.replies if reply.texts)
    reason = verdict.reason if verdict.validity is Validity.OK else f"{verdict.reason}\n{said}"
    return Judged(
        **common,
        validity=verdict.validity,
        scores={score.name: score.value for score in verdict.scores},
        orders=win.counts if win else (),
        strong=tuple(int(flag.rpartition("_")[2]) for flag in win.flags if flag.startswith("strong_")) if win else (),
        reason=reason.strip()[:MOST_REASON],
        notes=tuple(f for score in verdict.scores[:1] for f in score.flags if not f.startswith("strong_")),
        transcript=tuple(verdict.details.get("transcript", ())),
    )


def _styles(item: JudgingItem) -> tuple[tuple[int, ...], ...]:
    """The style of every answer, all of its turns together."""
    turns = len(item.replies) // max(1, len(item.models))
    texts = [reply.texts[0] if reply.texts else "" for reply in item.replies]
    return tuple(
        tuple(sum(counts) for counts in zip(*map(style_of, texts[start : start + turns]), strict=True))
        for start in range(0, turns * len(item.models), max(1, turns))
    )


def _asked(judge: Judge, item: JudgingItem) -> str:
    """What tells one verdict from every other: judge, its settings and model, question, answers."""
    asked = item.sample.input if isinstance(item.sample.input, str) else repr(item.sample.input)
    settings = [f"{key}={value}" for key, value in sorted(judge.settings.items())]
    texts = [text for reply in item.replies for text in (*reply.texts, "")]
    reference = repr((item.sample.targets, item.sample.data.get("reference"), item.sample.data.get("turns")))
    return digest_of(
        judge.name,
        str(judge.version),
        *settings,
        "|",
        item.key,
        asked,
        reference,
        *item.models,
        "|",
        *texts,
        item.probe,
    )
