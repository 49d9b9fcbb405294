"""A split of a Hugging Face data set: through the local mirror, the hub, or what `datasets` fetched earlier."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, RunError, UsageError, digest_of
from evalkit.data import mirror, paths, verified
from evalkit.data.huggingface import (
    BEING_OFFLINE,
    HubItem,
    OutOfReachError,
    commit_of,
    failure,
    first_line,
    is_offline,
    network_errors,
    offline,
)
from evalkit.data.ids import NOT_UNIQUE, IdTally, own_id
from evalkit.data.local import OpenedFiles, open_files
from evalkit.data.values import RowValues, suggestion

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_LOCAL_COPY = "give a local copy with --data-dir DIR or EVALKIT_DATA"
_ONCE = "run the same command once with a network (without --offline, HF_HUB_OFFLINE unset)"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A split of a data set on the Hugging Face hub."""

    id: str
    config: str | None
    split: str
    revision: str | None = None
    stream: bool = False

    def open(self, options: DataOptions) -> OpenedSource:
        """Open the mirrored file, else load from the hub. Raises UsageError where neither has the split."""
        if not _HUB_ID.fullmatch(self.id):
            raise UsageError(
                f"{self.id!r} is not a data set's id", fix="write it as owner/name; for a file use files()"
            )
        asked = options.revision or self.revision or ""
        if asked or not options.verified:
            return replace(self, revision=asked or None)._found(options)
        pinned = replace(self, revision=verified.commit_of(self.id))
        opened = pinned._found(options)
        told = [verified.compared(opened, self.id), pinned._moved(opened)]
        facts = {**opened.facts, **told[0], **told[1]}
        if warnings := [one[verified.WARNING] for one in told if verified.WARNING in one]:
            facts[verified.WARNING] = "; ".join(warnings)
        return replace(opened, facts=facts)

    def _found(self, options: DataOptions) -> OpenedFiles | OpenedHub:
        if options.mirror is not None:
            found = mirror.look_up(options.mirror, self.id, self.config, self.split)
            if found is not None:
                return self._open_mirrored(found, options)
        if options.offline or is_offline():
            return self._open_fetched(_offline_message(self, options))
        # A revision that is a commit is asked for as well: where the hub is out of reach, this request shows it at
        # once, and loading would only after many a retry.
        try:
            commit = commit_of(self._asked).commit
        except OutOfReachError as why:
            return self._open_fetched(str(why), why.found)
        return self._opened(self._fetch(commit), commit)

    def _moved(self, opened: OpenedFiles | OpenedHub) -> dict[str, str]:
        """A warning where `main` is no longer the commit that the task was verified with, which was loaded."""
        if self.revision is None or "fetched" in opened.facts or isinstance(opened, OpenedFiles):
            return {}
        main = _main_of(self.id)
        if main in (None, self.revision):
            return {}
        return {
            verified.WARNING: f"{self.id} has moved on: main is commit {main} now; this run is of commit "
            f"{self.revision}, which the task was verified with; the option revision=main follows"
        }

    @property
    def _asked(self) -> HubItem:
        return HubItem("dataset", self.id, self.revision or "", "data set", _LOCAL_COPY)

    def _open_mirrored(self, found: mirror.Mirrored, options: DataOptions) -> OpenedFiles:
        facts = {"hub": self.id, "config": found.config, "split": self.split, "path": paths.shown(found.path)}
        if self.revision and self.revision != verified.commit_of(self.id):
            facts["revision"] = f"{self.revision} asked for; a mirror does not say which it holds"
        return open_files([found.path], options, facts, label=found.config)

    def _fetch(self, commit: str) -> Any:
        import datasets

        try:
            dataset, loaded = self._load(commit, self.stream)
        except (ValueError, datasets.exceptions.DatasetsError, RuntimeError, *network_errors()) as error:
            if of_hub := failure(error, self._asked):
                raise of_hub from None
            if isinstance(error, ValueError):
                raise self._refused(error) from None
            raise UsageError(
                f"{self.id} cannot be loaded from the hub", found=first_line(error), fix=f"try later, or {_LOCAL_COPY}"
            ) from None
        # Where the hub falls silent, datasets takes whatever it fetched last, be it of another commit.
        if loaded != commit:
            raise self._other_commit(loaded, commit, "the hub cannot be reached")
        return dataset

    def _open_fetched(self, why: str, seen: str = "") -> OpenedHub:
        """What `datasets` fetched earlier, where it is of the revision that is asked for."""
        import datasets

        with offline():
            try:
                # Nothing is gained by streaming what is on disk.
                dataset, commit = self._load(None, stream=False)
            except ValueError as error:
                raise self._refused(error, f" among what was fetched earlier ({why})") from None
            except (datasets.exceptions.DatasetsError, RuntimeError, *network_errors()):
                raise UsageError(
                    f"{self.id} is not available: {why}",
                    found=(seen and f"{seen}; ") + "no earlier download of it on this machine",
                    fix=f"{_ONCE}, or {_LOCAL_COPY}",
                ) from None
        if self.revision not in (None, "main", commit):
            raise self._other_commit(commit, str(self.revision), why)
        return self._opened(dataset, commit, {"fetched": f"earlier; {why}"})

    def _load(self, commit: str | None, stream: bool) -> tuple[Any, str]:
        """The split, and the commit that `datasets` says it is of. Raises what `datasets` raises."""
        import datasets

        # A folder of the same name under the working folder would be taken for the data set; the prefix prevents it.
        name = f"hf://datasets/{self.id}" if Path(self.id).exists() else self.id
        builder = datasets.load_dataset_builder(name, self.config, revision=commit)
        if stream:
            return builder.as_streaming_dataset(split=self.split), str(builder.hash)
        builder.download_and_prepare()
        return builder.as_dataset(split=self.split), str(builder.hash)

    def _refused(self, error: ValueError, where: str = "") -> UsageError:
        # datasets says in its message which configs or splits there are, and nowhere else without another request.
        text = " ".join(str(error).split("Example of usage")[0].split())
        there = re.findall(r"'([^']*)'", text[text.rfind("[") :]) if "[" in text else []
        if not there:
            return UsageError(f"{self.id} cannot be loaded{where}", found=text, fix=_LOCAL_COPY)
        is_config = "onfig" in text.split("[")[0]
        what, wanted = ("config", self.config) if is_config else ("split", self.split)
        wrong = f"{self.id} has no {what} {wanted!r}" if wanted else f"{self.id} has several configs"
        fix = suggestion(wanted or "", there) or f"name one of these as the {what}"
        return UsageError(wrong + where, found=f"{what}s: {', '.join(there)}", fix=fix)

    def _other_commit(self, found: str, wanted: str, why: str) -> UsageError:
        return UsageError(
            f"{self.id} is not available at revision {wanted!r}: {why}",
            found=f"an earlier download of commit {found}",
            fix=f"ask for that commit, or {_LOCAL_COPY}",
        )

    def _opened(self, dataset: Any, commit: str, more: Mapping[str, str] | None = None) -> OpenedHub:
        config = str(dataset.info.config_name or self.config or "default")
        facts = {"hub": self.id, "config": config, "split": self.split, "commit": commit or "unknown", **(more or {})}
        own_ids = False
        if self.stream:
            facts["ids"] = "numbered, as a stream is not read twice"
        elif "id" in dataset.column_names:
            tally = IdTally()
            for values in dataset.select_columns(["id"]):
                tally.add(values)
            own_ids = not tally.collide()
            if not own_ids:
                facts["ids"] = NOT_UNIQUE
        opened = OpenedHub(dataset, facts, own_ids)
        if opened.count == 0:
            raise UsageError("the data set is empty", fix="check the split", at=f"{self.id}[{config}]/{self.split}")
        return opened


@dataclass(frozen=True, slots=True)
class OpenedHub:
    """A split that `datasets` loaded or streams."""

    dataset: Any
    facts: Mapping[str, str]
    use_own_ids: bool

    @property
    def digest(self) -> str:
        """16 hex digits of id, config, split and commit: the commit pins the content."""
        return digest_of(*(self.facts[name] for name in ("hub", "config", "split", "commit")))

    @property
    def count(self) -> int | None:
        """The number of rows; of a stream, None unless the data set's card states it."""
        if hasattr(self.dataset, "__len__"):
            return len(self.dataset)
        splits = self.dataset.info.splits or {}
        stated = splits.get(self.facts["split"])
        return int(stated.num_examples) if stated is not None and stated.num_examples else None

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows, in the hub's order. Raises RunError where a stream breaks off."""
        facts = self.facts
        name = f"{facts['hub']}[{facts['config']}]/{facts['split']}"
        remaining = iter(self.dataset)
        for number in count():
            origin = f"{name}#{number}"
            try:
                values = next(remaining)
            except StopIteration:
                return
            except network_errors() as error:
                raise RunError(f"{origin}: the stream from the hub broke off: {first_line(error)}") from None
            own = own_id(values) if self.use_own_ids else ""
            yield Row(own or f"{facts['config']}/{number}", RowValues(values, origin), origin)


@functools.cache
def _main_of(hub_id: str) -> str | None:
    """The commit that `main` is now, asked once: subjects of one data set are many sources."""
    try:
        return commit_of(HubItem("dataset", hub_id, what="data set", instead=_LOCAL_COPY)).commit
    except OutOfReachError:
        return None


def _offline_message(source: HubSource, options: DataOptions) -> str:
    if options.mirror is None:
        return BEING_OFFLINE
    place = mirror.expected(options.mirror, source.id, source.config, source.split)
    return f"{BEING_OFFLINE}, and there is no {place}"
