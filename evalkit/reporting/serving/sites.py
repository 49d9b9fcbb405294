"""What is served: one run (or several under one folder) while it goes, and the index of all runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.core import UsageError
from evalkit.reporting.pages import page
from evalkit.reporting.serving.listing import Listing
from evalkit.reporting.serving.live import LiveRun
from evalkit.reporting.serving.rendered import FIRST, Rendered
from evalkit.reporting.serving.server import Answer, missing
from evalkit.reporting.text import json_text
from evalkit.runs.store import labels, runs_under

_PAGES = Path(__file__).parent / "pages"
_MOST_COMPARED = 200


class WatchSite:
    """The page of a folder that holds a run, will hold one, or holds those of several models. It only reads.

    `/` is the page, `state.json` what it shows, `report/N/report.html` the whole report on the run of that number.
    """

    def __init__(self, folder: Path, rendered: Rendered | None = None, back: str = "") -> None:
        self._folder, self._back = folder, back
        self._rendered = rendered or Rendered()
        self._runs: dict[Path, LiveRun] = {}
        self._looking = threading.Lock()
        self.asked = self.final = 0
        """How often the state was asked for, and how often it was the last one."""

    def get(self, parts: Sequence[str], query: Mapping[str, str]) -> Answer:
        if list(parts) == [""]:
            return _html("live.html.j2", "live", {"heading": "Run", "back": self._back})
        if list(parts) == ["state.json"]:
            return _json(self.state())
        if len(parts) == 3 and parts[0] == "report" and parts[1].isdecimal():
            folders = self._folders()
            number = int(parts[1])
            found = self._rendered.file("html", [folders[number]], parts[2]) if number < len(folders) else None
            return Answer(found) if found else missing()
        return missing()

    def post(self, parts: Sequence[str], body: bytes) -> Answer:
        return missing("Nothing can be changed here.")

    def close(self) -> None:
        """Take away what was made for the page."""
        self._rendered.close()

    def state(self) -> dict[str, Any]:
        """Every run's state; `over` says that none of them goes on or waits."""
        with self._looking:  # several pages may ask at once, and each record is to be counted once
            states = [self._runs.setdefault(folder, LiveRun(folder)).state() for folder in self._folders()]
            self.asked += 1
        over = all(one["status"] not in ("running", "waiting") for one in states)
        self.final += over
        return {"format": 1, "runs": states, "over": over}

    def _folders(self) -> list[Path]:
        found = sorted(runs_under(self._folder)) if self._folder.is_dir() else []
        return found or [self._folder]


class ViewSite:
    """The index of all runs, their reports, comparisons and live pages. What can be changed are tags and notes.

    `/` is the index, `rows.json` its rows (`?have=VERSION`: where they changed); `run/ID/`, `live/ID/`, `compare/A/B/`
    and `several/KIND/ID+ID…/` are pages of runs, each by the id that its row has. No file's path is ever taken from a
    request.
    """

    def __init__(self, root: Path) -> None:
        self._listing, self._rendered = Listing(root), Rendered()
        self._watched: dict[str, WatchSite] = {}
        self._root = root

    def get(self, parts: Sequence[str], query: Mapping[str, str]) -> Answer:
        kind, *rest = parts
        if kind == "" and not rest:
            return _html(
                "index.html.j2", "index", {"heading": "Runs", "root": str(self._root), "listed": self._listed("")}
            )
        if kind == "rows.json" and not rest:
            return _json(self._listed(query.get("have", "")))
        if kind == "live" and len(rest) >= 2:
            folder = self._listing.folder(rest[0])
            if folder is None:
                return missing("No run has this id.")
            site = self._watched.setdefault(rest[0], WatchSite(folder, self._rendered, back="../../"))
            return site.get(rest[1:], query)
        if kind == "run" and len(rest) == 2:
            return self._report("html", rest[:1], rest[1])
        if kind == "compare" and len(rest) == 3:
            return self._report("comparison", rest[:2], rest[2])
        if kind == "several" and len(rest) == 3 and rest[0] in ("html", "leaderboard", "history", "variants"):
            return self._report(rest[0], rest[1].split("+")[:_MOST_COMPARED], rest[2])
        return missing()

    def post(self, parts: Sequence[str], body: bytes) -> Answer:
        if len(parts) != 2 or parts[0] != "labels":
            return missing()
        folder = self._listing.folder(parts[1])
        if folder is None:
            return missing("No run has this id.")
        try:
            given = json.loads(body)
        except ValueError:
            raise UsageError("labels are sent as JSON") from None
        found = labels.checked(given.get("tags"), given.get("note")) if isinstance(given, dict) else None
        if found is None:
            raise UsageError("labels are a list of tags and a note")
        labels.write(folder, found)
        return _json({"tags": list(found.tags), "note": found.note})

    def _listed(self, have: str) -> dict[str, Any]:
        """The rows and their version; no rows for a page that has them already."""
        rows = self._listing.rows()
        version = self._listing.version
        return {"format": 1, "version": version, "rows": None if have == version else rows}

    def _report(self, report: str, ids: Sequence[str], name: str) -> Answer:
        folders = [folder for one in ids if (folder := self._listing.folder(one)) is not None]
        if len(folders) < len(ids):
            return missing("No run has this id.")
        found = self._rendered.file(report, folders, name or FIRST)
        return Answer(found) if found else missing()


def _html(template: str, name: str, context: Mapping[str, Any]) -> Answer:
    pieces: Iterator[str] = page(_PAGES, template, context, styles=[f"{name}.css"], scripts=[f"{name}.js"], asks=True)
    return Answer("".join(pieces).encode("utf-8", "backslashreplace"))


def _json(value: object) -> Answer:
    return Answer(json_text(value).encode(), "application/json")
