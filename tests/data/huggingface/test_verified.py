"""Built-in tasks stay with the data they were verified with, and say where these are no longer what the hub has."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalkit import plugins, run
from evalkit.core import Row, Task, UsageError
from evalkit.data import verified
from evalkit.data.verified import rows_digest
from tests.data.huggingface.scene import Scene
from tests.data.huggingface.server import Repository, serving

pytestmark = pytest.mark.slow("a process for every run")

ROWS: list[dict[str, Any]] = [
    {"question": "1+1?", "answer": "2", "note": None, "n": 1.0},
    {"question": "2+2?", "answer": "4", "n": 2},
]
CARD = "---\nconfigs:\n- config_name: main\n  data_files: [{split: test, path: main/test.parquet}]\n---\n"

SCRIPT = """
import json, logging, sys
from pathlib import Path
import evalkit
from evalkit.data import verified
from evalkit.runs.runner.gold_check import GoldModel

[call] = json.loads(sys.argv[1])
verified.FILE = Path(call["table"])
told = []
kept = logging.Handler()
kept.emit = lambda record: told.append(record.getMessage())
logging.getLogger("evalkit").addHandler(kept)
done = evalkit.run(call["task"], GoldModel(), limit=1, num_fewshot=0, out=call["out"], cache=False, **call["options"])
manifest = json.loads((done.folder / "manifest.json").read_text())
print("SAID " + json.dumps({"facts": manifest["tasks"][0]["data"][0], "told": told}))
"""


def parquet(rows: list[dict[str, Any]]) -> bytes:
    columns = {name: [row.get(name) for row in rows] for name in ("n", "answer", "note", "question")}
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def on_hub(rows: list[dict[str, Any]]) -> dict[str, bytes]:
    return {"README.md": CARD.encode(), "main/test.parquet": parquet(rows)}


class Place:
    """A hub with two commits of openai/gsm8k, and a table that says which was verified."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.folder = scene, folder
        repository = scene.hub.datasets["openai/gsm8k"] = Repository()
        self.old = repository.commit(on_hub(ROWS))
        self.new = repository.commit(on_hub([*ROWS, {"question": "3+3?", "answer": "6", "n": 3}]))

    def table(self, commit: str | None, rows: list[dict[str, Any]]) -> str:
        entry: dict[str, Any] = {"rows": {"main/test": [rows_digest(as_rows(rows)), len(rows)]}}
        if commit:
            entry["commit"] = commit
        path = self.folder / "table.json"
        path.write_text(json.dumps({"openai/gsm8k": entry}))
        return str(path)

    def run(self, table: str, task: str = "gsm8k", **options: object) -> dict[str, Any]:
        out = self.folder / f"run-{len(list(self.folder.glob('run-*')))}"
        call = {"table": table, "task": task, "out": str(out), "options": options}
        [said] = self.scene.said(SCRIPT, [call])
        return said


def as_rows(rows: list[dict[str, Any]]) -> list[Row]:
    return [Row(str(number), row, "") for number, row in enumerate(rows)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving() as hub:
        yield Place(Scene(hub, tmp_path_factory.mktemp("home")), tmp_path_factory.mktemp("runs"))


def test_the_verified_commit_is_loaded_and_a_main_that_moved_is_told_with_both_commits(place: Place) -> None:
    said = place.run(place.table(place.old, ROWS))
    assert said["facts"]["commit"] == place.old
    assert said["facts"]["verified"] == "the rows are those that the task was verified with"
    [told] = [text for text in said["told"] if "has moved on" in text]
    assert told.startswith("gsm8k: openai/gsm8k has moved on")
    assert place.old in told
    assert place.new in told
    assert "revision=main" in told
    assert said["facts"]["warning"] in told


def test_revision_main_follows_without_a_word(place: Place) -> None:
    said = place.run(place.table(place.old, ROWS), "gsm8k,revision=main")
    assert said["facts"]["commit"] == place.new
    assert said["told"] == []
    assert not {"warning", "verified"} & said["facts"].keys()


def test_two_things_that_are_not_as_verified_are_both_told(place: Place) -> None:
    said = place.run(place.table(place.old, ROWS[:1]))
    assert "are not those that the task was verified with: 2 rows" in said["facts"]["warning"]
    assert "has moved on" in said["facts"]["warning"]


def test_main_that_did_not_move_is_no_warning(place: Place) -> None:
    rows = [*ROWS, {"question": "3+3?", "answer": "6", "n": 3}]
    said = place.run(place.table(place.new, rows))
    assert said["facts"]["commit"] == place.new
    assert said["told"] == []


def test_where_no_commit_is_known_main_is_loaded_and_its_rows_are_compared(place: Place) -> None:
    said = place.run(place.table(None, ROWS))
    assert said["facts"]["commit"] == place.new
    [told] = said["told"]
    assert "the rows of openai/gsm8k[main/test] are not those that the task was verified with: 3 rows" in told
    assert rows_digest(as_rows(ROWS)) in told
    assert said["facts"]["warning"] in told


def test_a_mirror_of_equal_rows_in_another_format_is_as_verified(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "openai" / "gsm8k" / "main"
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (folder / "test.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    said = place.run(place.table(None, ROWS), data_dir=str(tmp_path))
    assert said["facts"]["verified"] == "the rows are those that the task was verified with"
    assert said["told"] == []
    (folder / "test.jsonl.gz").write_bytes(gzip.compress(lines.replace("2+2?", "2+3?").encode()))
    said = place.run(place.table(None, ROWS), data_dir=str(tmp_path))
    assert "are not those that the task was verified with: 2 rows" in said["facts"]["warning"]


def test_offline_the_verified_commit_is_taken_from_what_was_fetched(place: Place, tmp_path: Path) -> None:
    fresh = Place(Scene(place.scene.hub, tmp_path / "home"), tmp_path)
    online = fresh.run(fresh.table(fresh.old, ROWS))
    offline = fresh.run(fresh.table(fresh.old, ROWS), offline=True)
    assert offline["facts"]["commit"] == online["facts"]["commit"] == fresh.old
    assert offline["facts"]["verified"] == online["facts"]["verified"]


def test_rows_on_the_hub_and_in_the_mirror_of_the_parity_tests_have_the_digest_that_ships(
    place: Place, hub_mirror: Path
) -> None:
    lines = gzip.decompress((hub_mirror / "openai/gsm8k/main/test.jsonl.gz").read_bytes())
    rows = [json.loads(line) for line in lines.splitlines()]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    place.scene.hub.datasets["openai/gsm8k"].commit(
        {"README.md": CARD.encode(), "main/test.parquet": stream.getvalue()}, "real"
    )
    said = place.run(str(verified.FILE), data_dir=str(hub_mirror))
    assert said["facts"]["verified"] == "the rows are those that the task was verified with"
    before = place.scene.hub.datasets["openai/gsm8k"].names["main"]
    try:
        place.scene.hub.datasets["openai/gsm8k"].names["main"] = place.scene.hub.datasets["openai/gsm8k"].names["real"]
        said = place.run(str(verified.FILE))
    finally:
        place.scene.hub.datasets["openai/gsm8k"].names["main"] = before
    assert said["facts"]["verified"] == "the rows are those that the task was verified with"
    assert "path" not in said["facts"]


# ---------------------------------------------------------------- the option, and who has it


def test_every_built_in_task_takes_a_revision_and_is_verified() -> None:
    task = plugins.load("task", "gsm8k,revision=main")
    assert isinstance(task, Task)
    assert (task.revision, task.verified) == ("main", True)


def test_a_users_own_task_is_not_compared_with_anything(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        'data: {hub: openai/gsm8k, split: test}\nprompt: "{{question}}"\nanswer: answer\n'
    )
    task = plugins.load("task", "./own.yaml,revision=v1", project=tmp_path)
    assert isinstance(task, Task)
    assert (task.revision, task.verified) == ("v1", False)


def test_a_revision_of_data_that_is_not_on_the_hub_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no data on the hub"):
        run("toy_mmlu,revision=main", "tiny", limit=1, out=tmp_path / "run")


# ---------------------------------------------------------------- the digest, and the file


def test_the_digest_is_of_values_and_their_order_alone() -> None:
    one, other = ROWS
    shuffled = {name: one[name] for name in reversed(one)}
    assert rows_digest(as_rows([one])) == rows_digest(as_rows([shuffled]))
    assert rows_digest(as_rows([one])) == rows_digest(as_rows([{**one, "n": 1, "absent": None}]))
    assert rows_digest(as_rows([one, other])) != rows_digest(as_rows([other, one]))
    assert rows_digest(as_rows([one])) != rows_digest(as_rows([{**one, "answer": 2}]))
    assert rows_digest(as_rows([one])) != rows_digest(as_rows([one, one]))


def test_the_file_that_ships_is_of_the_mirror_that_the_parity_tests_read(hub_mirror: Path) -> None:
    from verified_rows import of_mirror

    shipped = json.loads(verified.FILE.read_text())
    assert of_mirror(hub_mirror, shipped) == shipped


def test_the_tool_writes_a_commit_down_only_where_its_rows_are_those(place: Place) -> None:
    table = place.table(None, ROWS)
    command = ("benchmarks/verified_rows.py", "--hub", "openai/gsm8k", "--out", table)
    differs = place.scene.run(*command)
    assert differs.returncode == 1
    assert "openai/gsm8k[main/test]" in differs.stderr
    assert "commit" not in json.loads(Path(table).read_text())["openai/gsm8k"]
    table = place.table(None, [*ROWS, {"question": "3+3?", "answer": "6", "n": 3}])
    same = place.scene.run(*command)
    assert same.returncode == 0, same.stderr
    assert json.loads(Path(table).read_text())["openai/gsm8k"]["commit"] == place.new
