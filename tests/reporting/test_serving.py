"""The served pages: who gets an answer, what is never served, a journal read as it grows, the index and its labels."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Record, UsageError
from evalkit.core.claims import is_held, lock
from evalkit.reporting.serving.listing import Listing
from evalkit.reporting.serving.live import LiveRun
from evalkit.reporting.serving.server import LocalServer, Site, listening
from evalkit.reporting.serving.sites import ViewSite, WatchSite
from evalkit.reporting.serving.tail import Tail
from evalkit.runs.store import Journal, labels
from tests.cli.console import evalkit
from tests.reports.made import record, write_run

TOKEN = "the-token-of-this-test"
MODEL = """\
def answer(prompt: str) -> str:
    number = int(prompt.split()[0])
    if number % 7 == 5:
        raise ValueError("no luck")
    return str(number + 1) if number % 3 else "no idea"
"""
TASK = """\
name: {task}
data: {task}.jsonl
prompt: "{{{{ a }}}} and one is"
target: "{{{{ a + 1 }}}}"
cluster: "{{{{ c }}}}"
method: {{generate: {{max_tokens: 8, stop: []}}}}
scorers: [exact_match]
"""


class Served:
    """A site on a port, and requests to it as they are: no client mends a path or a header."""

    def __init__(self, site: Site) -> None:
        self._server = LocalServer(site, listening(), TOKEN)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Host": f"127.0.0.1:{self.port}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = json.dumps(body) if body is not None else None
        client.request(method, path, data, {name: value for name, value in sent.items() if value})
        answer = client.getresponse()
        found = answer.status, answer.read().decode(errors="replace")
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "no-referrer"
        client.close()
        return found

    def post(self, path: str, body: Any) -> tuple[int, str]:
        origin = f"http://127.0.0.1:{self.port}"
        return self("POST", f"/{TOKEN}/{path}", body, Origin=origin, Content_Type="application/json")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def sample(number: int, *, right: bool = True) -> Record:
    """A record whose digests are digests, as a run's are."""
    return replace(record(number, right=right), prompt_digest="", sample_digest="")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs, one of them deep; a link to a run elsewhere; a damaged one; a secret next to and above them."""
    outside = tmp_path_factory.mktemp("outside")
    write_run(outside / "elsewhere", [record(1)], model="elsewhere")
    (outside / "secret.txt").write_text("the secret")
    folder = tmp_path_factory.mktemp("home") / "runs"
    for name, model, right in (("a", "alpha", 3), ("b", "beta", 2), ("deep/er/c", "gamma <b>", 4)):
        write_run(folder / name, (sample(n, right=n % right > 0) for n in range(40)), model=model)
    (folder / "linked").symlink_to(outside / "elsewhere")
    (folder / "broken").mkdir()
    (folder / "broken" / "manifest.json").write_text("{")
    (folder / "secret.txt").write_text("the secret")
    (folder.parent / "secret.txt").write_text("the secret")
    return folder


@pytest.fixture(scope="module")
def view(runs: Path) -> Iterator[Served]:
    served = Served(ViewSite(runs))
    yield served
    served.close()


def ids(runs: Path) -> dict[str, str]:
    return {row["folder"]: row["id"] for row in Listing(runs).rows()}


# ---------------------------------------------------------------- who gets an answer


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/{TOKEN}/", {}, 200),
        (f"/{TOKEN}/", {"Host": "localhost:{port}"}, 200),
        (f"/{TOKEN}", {}, 308),
        ("/", {}, 403),
        ("/favicon.ico", {}, 403),
        (f"/{TOKEN[:-1]}/", {}, 403),
        (f"/{TOKEN}x/", {}, 403),
        (f"/{TOKEN.upper()}/", {}, 403),
        (f"/rows.json?token={TOKEN}", {}, 403),
        (f"/%ff{TOKEN}/", {}, 403),
        (f"/{TOKEN}/", {"Host": "evil.example"}, 403),
        (f"/{TOKEN}/", {"Host": "evil.example:{port}"}, 403),
        (f"/{TOKEN}/", {"Host": "127.0.0.1"}, 403),
        (f"/{TOKEN}/", {"Host": "127.0.0.1.evil.example:{port}"}, 403),
        (f"/{TOKEN}/", {"Origin": "http://evil.example"}, 403),
        (f"/{TOKEN}/", {"Origin": "null"}, 403),
        (f"/{TOKEN}/", {"Origin": "http://localhost:{port}"}, 403),
        (f"/{TOKEN}/", {"Origin": "http://127.0.0.1:{port}"}, 200),
    ],
)
def test_only_this_machine_with_the_token_gets_an_answer(
    view: Served, path: str, headers: dict[str, str], status: int
) -> None:
    found, body = view("GET", path, **{name: value.format(port=view.port) for name, value in headers.items()})
    assert found == status
    assert "alpha" not in body or status == 200


def test_it_listens_on_loopback_alone(view: Served) -> None:
    with listening() as found:
        assert found.getsockname()[0] == "127.0.0.1"
    with pytest.raises(UsageError, match="cannot serve on port"):
        listening(view.port)


@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "..%5csecret.txt",
        "/etc/passwd",
        "run/{a}/../../secret.txt",
        "run/{a}/..%2f..%2fsecret.txt",
        "run/{a}/%2fetc%2fpasswd",
        "run/{a}/manifest.json",
        "run/{a}/records.jsonl",
        "run/{a}/.",
        "run/../report.html",
        "run/a/report.html",
        "run/deep%2fer%2fc/report.html",
        "run/{linked}/report.html",
        "compare/{a}/{linked}/report.html",
        "live/{a}/report/0/..%2fmanifest.json",
        "live/{a}/report/9/report.html",
        "live/{linked}/",
        "several/../{a}/report.html",
        "several/html,name=x/{a}/report.html",
        "labels/{a}",
        "rows.json/",
    ],
)
def test_nothing_but_pages_of_listed_runs_is_served(view: Served, runs: Path, path: str) -> None:
    from evalkit.core import digest_of

    status, body = view("GET", f"/{TOKEN}/{path.format(a=ids(runs)['a'], linked=digest_of('linked'))}")
    assert (status, "secret" in body, "root:" in body) == (404, False, False)


# ---------------------------------------------------------------- the index


def test_the_index_has_every_run_below_the_folder_and_none_from_elsewhere(view: Served, runs: Path) -> None:
    status, body = view("GET", f"/{TOKEN}/rows.json")
    rows = {row["folder"]: row for row in json.loads(body)["rows"]}
    assert status == 200
    assert set(rows) == {"a", "b", "deep/er/c", "broken"}
    assert rows["a"]["tasks"][0] | {"value": 0} == {
        "task": "t",
        "toy": False,
        "metric": "acc",
        "value": 0,
        "text": "65.0%",
        "n": 40,
        "failed": 0,
        "interval": "55.0 – 75.0",
    }
    version = json.loads(body)["version"]
    assert json.loads(view("GET", f"/{TOKEN}/rows.json?have={version}")[1])["rows"] is None
    labels.write(runs / "b", labels.Labels(("new",)))
    assert json.loads(view("GET", f"/{TOKEN}/rows.json?have={version}")[1])["rows"][0]
    labels.write(runs / "b", labels.Labels())
    assert rows["broken"]["status"] == "damaged" and "damaged" in rows["broken"]["problem"]


def test_reports_and_comparisons_are_made_when_they_are_opened_and_again_when_a_run_changes(runs: Path) -> None:
    served, found = Served(ViewSite(runs)), ids(runs)
    for path in (
        f"run/{found['a']}",
        f"compare/{found['a']}/{found['b']}",
        f"several/leaderboard/{found['a']}+{found['b']}",
    ):
        status, body = served("GET", f"/{TOKEN}/{path}/report.html")
        assert (status, "alpha" in body) == (200, True), (path, body[:500])
    _, before = served("GET", f"/{TOKEN}/run/{found['b']}/report.html")
    assert served("GET", f"/{TOKEN}/run/{found['b']}/report.html")[1] == before
    with Journal(runs / "b") as journal:
        journal.append(sample(777))
    assert served("GET", f"/{TOKEN}/run/{found['b']}/report.html")[1] != before
    status, body = served("GET", f"/{TOKEN}/live/{found['b']}/state.json")
    assert json.loads(body)["runs"][0]["done"] == 41
    served.close()


def test_tags_and_notes_are_kept_in_the_run_and_only_its_own_page_writes_them(view: Served, runs: Path) -> None:
    own = f"labels/{ids(runs)['a']}"
    assert view.post(own, {"tags": ["good", " good ", "ü"], "note": "a\nb"})[0] == 200
    assert labels.read(runs / "a") == labels.Labels(("good", "ü"), "a\nb")
    rows = json.loads(view("GET", f"/{TOKEN}/rows.json")[1])["rows"]
    assert next(row for row in rows if row["folder"] == "a")["tags"] == ["good", "ü"]
    body = {"tags": ["bad"], "note": ""}
    assert view("POST", f"/{TOKEN}/{own}", body, Content_Type="application/json")[0] == 403  # no Origin
    assert (
        view("POST", f"/{TOKEN}/{own}", body, Content_Type="text/plain", Origin=f"http://127.0.0.1:{view.port}")[0]
        == 403
    )
    mistakes: tuple[Any, ...] = (
        {"tags": "bad", "note": ""},
        {"tags": [1], "note": ""},
        {"tags": []},
        [],
        {"tags": ["x" * 61], "note": ""},
    )
    for wrong in mistakes:
        assert view.post(own, wrong)[0] == 400, wrong
    assert view.post(own, {"tags": [], "note": "x" * 70_000})[0] == 413
    assert view.post("labels/0123456789abcdef", body)[0] == 404
    assert labels.read(runs / "a").tags == ("good", "ü")
    assert view.post(own, {"tags": [], "note": ""})[0] == 200
    assert not (runs / "a" / labels.FILE).exists()


# ---------------------------------------------------------------- a run that goes on


def test_a_journal_is_read_as_it_grows_each_record_once_and_again_after_a_new_file(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        tail = Tail(tmp_path)
        for number in range(3):
            journal.append(record(number))
        journal.flush()
        assert [one.index for one in tail.look(1).records] == [0, 1, 2]
        assert tail.look(1).records == []
        journal.append(record(3, right=False))
        journal.flush()
        path = tmp_path / "records.jsonl"
        with path.open("ab") as torn:
            torn.write(b'{"task": "t", "id"')
        assert [one.index for one in tail.look(1).records] == [3]
        assert tail.look(1).records == []
    with Journal(tmp_path) as journal:  # opened again, it cuts the torn line off
        journal.append(record(4))
        journal.flush()
        assert [one.index for one in tail.look(1).records] == [4]
        journal.keep_only(lambda one: one.index != 3)
        found = tail.look(1)
        assert (found.again, [one.index for one in found.records]) == (True, [0, 1, 2, 4])
        journal.keep_only(lambda one: one.index != 0)
        for number in (5, 6):  # the new file has grown beyond where the old one was left
            journal.append(record(number))
        journal.flush()
        found = tail.look(1)
        assert (found.again, [one.index for one in found.records]) == (True, [1, 2, 4, 5, 6])
    with path.open("ab") as damaged:
        damaged.write(b"{}\n")
    assert (tail.look(1).records, tail.damaged) == ([], 1)


def test_the_estimates_of_a_whole_journal_are_those_that_the_run_wrote(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    for task, rows in (("one", 30), ("two", 24)):
        (tmp_path / f"{task}.yaml").write_text(TASK.format(task=task))
        (tmp_path / f"{task}.jsonl").write_text("".join(json.dumps({"a": n, "c": n // 3}) + "\n" for n in range(rows)))
    arguments = ("run", "one.yaml", "two.yaml", "--model", "model.py:answer", "--out", "r", "--max-failures", "0.5")
    done = evalkit(*arguments, "--no-cache", cwd=tmp_path)
    assert done.code == 0, done
    path = tmp_path / "r" / "manifest.json"
    whole = json.loads(path.read_text())
    estimates = {task["name"]: task["result"]["metrics"][0]["estimate"] for task in whole["tasks"]}
    for task in whole["tasks"]:
        task["result"] = None
    path.write_text(json.dumps(whole | {"status": "running"}))
    state = LiveRun(path.parent).state()
    assert (state["status"], state["done"], state["total"]) == ("stopped", 54, 54)  # nobody holds its journal
    for task in state["tasks"]:
        found, wanted = task["estimate"], estimates[task["task"]]
        assert not task["final"]
        assert [found[key] for key in ("value", "low", "high", "n")] == [
            wanted[key] for key in ("value", "low", "high", "n")
        ]


def test_asking_whether_a_run_is_held_never_keeps_one_from_beginning(tmp_path: Path) -> None:
    path, stop = tmp_path / "records.jsonl", threading.Event()
    path.touch()

    def ask() -> None:
        while not stop.is_set():
            is_held(path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            descriptor = os.open(path, os.O_RDWR)
            lock(descriptor, "it")
            assert is_held(path)
            os.close(descriptor)
    finally:
        stop.set()
        asking.join()
    assert not is_held(path)
    # One that asks for as long as a processor may be away is waited for.
    asked = os.open(path, os.O_RDONLY)
    fcntl.flock(asked, fcntl.LOCK_SH)
    later = threading.Timer(0.06, os.close, (asked,))
    later.start()
    descriptor = os.open(path, os.O_RDWR)
    lock(descriptor, "it")
    os.close(descriptor)
    later.join()


@pytest.mark.slow("starts processes")
@pytest.mark.parametrize("end", ["close", "kill"])
def test_the_server_next_to_a_run_ends_with_it_however_it_ends(tmp_path: Path, end: str) -> None:
    code = """
import sys
from pathlib import Path
from evalkit.reporting.serving.beside import Beside
made = Beside(Path(sys.argv[1]))
print(made.address, made._process.pid, flush=True)
sys.stdin.readline()
made.close()
"""
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert run.stdout is not None and run.stdin is not None
    address, pid = run.stdout.readline().split()
    assert (tmp_path / "x").as_posix() not in address and len(address.split("/")[3]) >= 32
    port, token = int(address.split(":")[2].split("/")[0]), address.split("/")[3]
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", f"/{token}/state.json")
    assert json.loads(client.getresponse().read())["runs"][0]["status"] == "waiting"
    assert token not in Path(f"/proc/{pid}/cmdline").read_text() if Path("/proc").is_dir() else True
    if end == "kill":
        run.send_signal(signal.SIGKILL)
    else:
        run.stdin.write("\n")
        run.stdin.flush()
    run.wait(20)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect()
        except OSError:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the server goes on without its run")
    assert not list(tmp_path.glob("evalkit-pages-*"))
    run.stdin.close()
    run.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("watch", "nowhere"), "folder nowhere does not exist"),
        (("watch",), "no run lies under runs"),
        (("watch", "other"), "other holds no run"),
        (("view", "nowhere"), "folder nowhere does not exist"),
        (("view", "other", "--port", "70000"), "70000"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    done = evalkit(*arguments, cwd=tmp_path)
    assert done.code == 2 and said in done.err


def test_a_watched_folder_may_hold_several_models_and_changes_nothing(tmp_path: Path) -> None:
    for model in ("a", "b"):
        write_run(tmp_path / "r" / model, (sample(n) for n in range(5)), model=model)
    site = WatchSite(tmp_path / "r")
    state = site.state()
    assert ([one["model"] for one in state["runs"]], state["over"]) == (["a", "b"], True)
    assert site.post(["labels", "x"], b"{}").status == 404
