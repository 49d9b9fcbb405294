"""Provider batches: everything in one job, waited for across processes, nothing sent twice."""

import asyncio
import gc
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit import Run
from evalkit.core import Model, ModelError, Reply, UsageError
from evalkit.models import resolve
from evalkit.models.api.batches import BatchClient
from tests.cli.console import EVALKIT, ONE_THREAD, evalkit
from tests.models.api.batchserver import BatchServer
from tests.models.api.test_client import ask
from tests.models.api.test_runs import project

PROVIDERS = ("openai", "anthropic")


def spec(provider: str, server: BatchServer, **more: str) -> dict[str, str]:
    own = {"api": "chat", "base_url": f"{server.url}/v1"} if provider == "openai" else {"base_url": server.url}
    return {**own, "batch": "on", **more}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.models.api.batches._POLL_SECONDS", (0.02, 0.05))
    monkeypatch.setattr("evalkit.models.api.batches._QUIET_SECONDS", 0.05)
    monkeypatch.setattr("evalkit.models.api.batches._SETTLED_SECONDS", 0.05)
    monkeypatch.setattr("evalkit.models.api.client._FIRST_WAIT", 0.01)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_asked_together_is_one_batch(provider: str) -> None:
    texts = [f"say word{number}" for number in range(200)]
    with BatchServer(expires=frozenset({texts[3]}), wrong=frozenset({texts[5]})) as server:
        model = resolve(f"{provider}/m", spec(provider, server, price="2/4"))
        replies = ask(model, texts)
    assert [len(requests) for requests in server.batches.values()] == [200, 1]  # what expired is sent again
    assert isinstance(replies[5], ModelError)
    assert "this is too long" in str(replies[5])
    for text, reply in zip(texts, replies, strict=True):
        if text != texts[5]:
            assert isinstance(reply, Reply), reply
            assert reply.texts == (text.split()[-1],)
            assert reply.usage.cost == pytest.approx((2 * 2 + 1 * 4) / 2 / 1e6)  # half the price
            assert server.answered[text] == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_another_process_waits_for_the_batch_that_was_sent(provider: str) -> None:
    texts = [f"say word{number}" for number in range(20)]

    async def abandoned(model: Model) -> None:
        from evalkit.core import Generate, Prompt

        tasks = [asyncio.ensure_future(model.answer(Generate(Prompt(text)))) for text in texts]
        while not server.polled:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # As a killed process does: the connection ends, and nothing is tidied up.
        await model._client._session.close()  # type: ignore[attr-defined]

    with BatchServer(polls=10) as server:
        asyncio.run(abandoned(resolve(f"{provider}/m", spec(provider, server))))
        assert len(server.batches) == 1
        replies = ask(resolve(f"{provider}/m", spec(provider, server)), texts)
        assert [reply.texts[0] for reply in replies if isinstance(reply, Reply)] == [text.split()[-1] for text in texts]
        assert len(server.batches) == 1
        # Its replies were used: who asks once more asks anew.
        ask(resolve(f"{provider}/m", spec(provider, server)), texts)
        assert len(server.batches) == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_batch_whose_making_was_not_answered_is_found_and_not_made_again(provider: str) -> None:
    texts = [f"say word{number}" for number in range(20)]
    with BatchServer() as server:
        server.silent = 1
        replies = ask(resolve(f"{provider}/m", spec(provider, server)), texts)
        assert [reply.texts[0] for reply in replies if isinstance(reply, Reply)] == [text.split()[-1] for text in texts]
        assert (len(server.batches), server.asked) == (1, 1)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_batch_that_a_server_failed_to_make_is_made_again(provider: str) -> None:
    texts = [f"say word{number}" for number in range(20)]
    with BatchServer() as server:
        server.unmade = 2
        replies = ask(resolve(f"{provider}/m", spec(provider, server)), texts)
        assert all(isinstance(reply, Reply) for reply in replies)
        assert (len(server.batches), server.asked) == (1, 3)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("reached", [True, False], ids=["the server made it", "the server never heard of it"])
def test_who_died_between_making_a_batch_and_writing_it_down_pays_once(
    provider: str, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is left as it is at that instant: an intent, and no batch. Other batches of the same time, one of them
    of the same size, stand in the provider's list."""
    texts = [f"say word{number}" for number in range(20)]
    others = [[f"say other{number}" for number in range(size)] for size in (20, 3, 7)]

    def died(*_: object) -> None:
        raise KeyboardInterrupt

    with BatchServer() as server:
        for other in others:
            ask(resolve(f"{provider}/other", spec(provider, server)), other)
        with monkeypatch.context() as at, pytest.raises(KeyboardInterrupt):
            at.setattr("evalkit.models.api.batch_store.BatchStore.sent", died)
            if not reached:
                at.setattr("evalkit.models.api.batches.BatchClient.ask_once", cut_off(BatchClient.ask_once, died))
            ask(resolve(f"{provider}/m", spec(provider, server)), texts)
        # What was under way tells of its end now: while a later test is compiled, Python 3.11 would take that for an
        # error of its own (its issue 106905).
        gc.collect()
        assert len(server.batches) == len(others) + reached
        replies = ask(resolve(f"{provider}/m", spec(provider, server)), texts)
        assert [reply.texts[0] for reply in replies if isinstance(reply, Reply)] == [text.split()[-1] for text in texts]
        assert len(server.batches) == len(others) + 1


def cut_off(ask_once: Any, died: Callable[[], None]) -> Any:
    """`ask_once` that dies before a batch is asked for."""

    async def asked(self: BatchClient, method: str, path: str, *more: Any) -> bytes:
        if method == "POST" and path.endswith("/batches"):
            died()
        result: bytes = await ask_once(self, method, path, *more)
        return result

    return asked


def test_a_run_that_is_killed_while_its_batch_is_under_way_pays_once(tmp_path: Path) -> None:
    project(tmp_path, 30)
    with BatchServer(polls=1) as server:
        model = f"openai/m,api=chat,base_url={server.url}/v1"
        command = [*EVALKIT, "run", "say.yaml", "--model", model, "--batch", "--out", "run"]
        killed = subprocess.Popen(command, cwd=tmp_path, env=os.environ | ONE_THREAD, stderr=subprocess.DEVNULL)
        while not server.polled:
            assert killed.poll() is None
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        killed.wait(20)
        done = evalkit("run", "--resume", "run", cwd=tmp_path)
        assert done.code == 0, done.err
        assert len(server.batches) == 1
    assert len(list(Run.open(tmp_path / "run").records())) == 30


def test_a_model_without_batches_is_refused_on_the_command_line(tmp_path: Path) -> None:
    done = evalkit("run", "say.yaml", "--model", "tiny", "--batch", cwd=project(tmp_path, 3))
    assert (done.code, "batch" in done.err) == (2, True), done.err
    done = evalkit("run", "say.yaml", "--model", "openai/m,batch=off", "--batch", cwd=tmp_path)
    assert (done.code, "cannot be combined" in done.err) == (2, True), done.err


def test_who_has_no_batches_says_so() -> None:
    with pytest.raises(UsageError, match="has no batches"):
        resolve("vllm/m", {"base_url": "http://localhost:8000/v1", "batch": "on"})
