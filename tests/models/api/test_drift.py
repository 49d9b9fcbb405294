"""Another model behind the same name: within a run, between baseline and candidate, and out of the cache."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from evalkit import Run
from evalkit.core import Prompt, Record, Reply, Sample
from evalkit.runs.runner.collect import Collector
from evalkit.runs.store import codec
from tests.cli.console import evalkit
from tests.comparing.sides import side
from tests.models.api.faultserver import FaultServer, chat
from tests.models.api.test_runs import project
from tests.runs.runner.scripted import say_task


def record(number: int, served: str, source: Any = "model") -> Record:
    reply = Reply(texts=("x",), finish=("stop",), served=served, source=source)
    return Record("t", number, Sample(str(number), "q"), prompt=Prompt("q"), replies=(reply,))


def test_served_models_are_counted_and_kept_on_every_record() -> None:
    collector = Collector.of(say_task())
    for number, (served, source) in enumerate(
        [("a (f1)", "model"), ("a (f2)", "cache"), ("a (f1)", "model"), ("", "model")]
    ):
        collector.add(record(number, served, source))
    result = collector.result(0.0)
    assert (result.served, result.served_earlier) == ({"a (f1)": 2, "a (f2)": 1}, {"a (f2)": 1})
    kept = codec.decode(codec.encode(record(1, "a (f1)"), lambda text: text), lambda digest: digest)
    assert kept.replies[0].served == "a (f1)"


def test_a_server_that_names_every_reply_otherwise_fills_no_memory() -> None:
    collector = Collector.of(say_task())
    for number in range(1000):
        collector.add(record(number, f"id-{number}"))
    assert len(collector.served) <= 20


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ("gpt (fp_1)", "gpt (fp_1)", []),
        ("gpt (fp_1)", "", []),
        ("gpt (fp_1)", "gpt (fp_2)", ["the server calls the model behind m@1 something else: gpt (fp_1) → gpt (fp_2)"]),
        ("a; b", "a; b", ["several models answered under the baseline's name: a; b",
                          "several models answered under the candidate's name: a; b"]),
    ],
)  # fmt: skip
def test_a_gate_warns_of_another_model_behind_the_name(then: str, now: str, told: list[str]) -> None:
    from evalkit.comparing import pair_task
    from evalkit.comparing.gates.integrity import findings

    before, after = side([1.0] * 4), side([1.0] * 4)
    before.facts, after.facts = {**before.facts, "served": then}, {**after.facts, "served": now}
    found = findings(pair_task(before, after))
    assert [(one.level, one.what) for one in found] == [("warn", what) for what in told]
    other = side([1.0] * 4, model="another")
    other.facts = {**other.facts, "served": "another (fp_9)"}
    assert "something else" not in str(findings(pair_task(before, other))), "two models have two names"


class Renaming(FaultServer):
    """Has a fingerprint, and another one from the nth request on."""

    def __init__(self, change_at: int) -> None:
        super().__init__()
        self.change_at, self.marks = change_at, ("fp_1", "fp_2")

    async def _answer(self, request: web.Request, body: dict[str, Any], prompt: str) -> web.StreamResponse:
        mark = self.marks[len(self.bodies) > self.change_at]
        return web.json_response({**chat(prompt, body, "1"), "model": "parrot-2031", "system_fingerprint": mark})


@pytest.mark.slow("three runs, a comparison, a gate and a report by the command line")
def test_run_compare_gate_and_report_say_it(tmp_path: Path) -> None:
    folder, cache = project(tmp_path, 40), {"EVALKIT_CACHE": str(tmp_path / "cache")}
    server = Renaming(60)
    with server:
        asked = f"openai/parrot,api=chat,concurrency=1,base_url={server.url}"
        first = evalkit("run", "say.yaml", "--model", asked, "--out", "first", "--no-cache", cwd=folder)
        mixed = evalkit("run", "say.yaml", "--model", asked, "--out", "mixed", "--no-cache", cwd=folder)
        part = evalkit("run", "say.yaml", "--model", asked, "--out", "part", "--limit", "10", cwd=folder, **cache)
        server.marks = ("", "fp_3")
        later = evalkit("run", "say.yaml", "--model", asked, "--out", "later", cwd=folder, **cache)
    assert "answered under one name" not in first.out + part.out
    words = "2 models answered under one name: parrot-2031 (fp_3) 30, parrot-2031 (fp_2) 10 (10 from the cache)"
    assert words in " ".join(later.out.split())
    words = "2 models answered under one name: parrot-2031 (fp_1) 20, parrot-2031 (fp_2) 20"
    assert words in " ".join(mixed.out.split())
    result = Run.open(folder / "mixed").manifest.tasks[0].result
    assert result is not None and result.served == {
        "parrot-2031 (fp_1)": 20,
        "parrot-2031 (fp_2)": 20,
    }
    compared = evalkit("compare", "first", "mixed", cwd=folder)
    assert "several models answered under the candidate's name" in " ".join(compared.out.split())
    gated = evalkit("gate", "run", "mixed", "--baseline", "first", cwd=folder)
    assert "several models answered" in " ".join((gated.out + gated.err).split())
    reported = evalkit("report", "mixed", cwd=folder)
    assert "answered under one name" in reported.out
    evalkit("report", "mixed", "-o", "page.html", cwd=folder)
    assert "answered under one name" in (folder / "page.html").read_text("utf-8")
