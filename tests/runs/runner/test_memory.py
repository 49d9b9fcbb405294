"""The most memory that a run took stands in its manifest: its own, the larger of two when it was resumed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evalkit import run
from evalkit.core import Generate, Prompt, Reply, Request, UsageError
from evalkit.models.response_cache import cached
from evalkit.models.usage import resident
from evalkit.runs.runner import Settings, Silent, begin, continued, execute, new_journal, prepare
from evalkit.runs.store import Journal, Run
from tests.runs.runner.scripted import Parrot, say_task

LARGE, SMALL = 200_000_000, 30_000_000
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


class Heavy(Parrot):
    """Takes `size` bytes for each answer and gives them back; its weights are in the process once it was asked."""

    def __init__(self, size: int, fails: Callable[[str], bool] = lambda text: False) -> None:
        super().__init__(fails)
        self.facts: dict[str, str] = {}
        self.size = size

    async def answer(self, request: Request) -> Reply:
        held = bytearray(self.size)
        held[::4096] = b"x" * len(held[::4096])
        del held
        self.facts = {"weight bytes": "10"}
        return await super().answer(request)


def go(folder: Path, model: Any, count: int = 3) -> Run:
    tasks = [prepare(say_task(count), "say", "src", model, Settings(max_failures=1.0))]
    resumed = (folder / "manifest.json").is_file()
    with Journal(folder) if resumed else new_journal(folder) as journal:
        plan = continued(folder, model, tasks) if resumed else begin(folder, "id", model, tasks, {})
        return asyncio.run(execute(journal, plan, model, tasks, Silent()))


def memory(found: Run) -> dict[str, int]:
    """As another process reads it."""
    told: dict[str, int] = json.loads((found.folder / "manifest.json").read_text())["model"].get("memory", {})
    return told


@pytest.fixture(autouse=True, scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a first run imports stays in memory, and would count as that run's."""
    go(tmp_path_factory.mktemp("first"), Parrot())


@linux
def test_each_run_of_a_process_has_the_peak_of_its_own(tmp_path: Path) -> None:
    before = resident() or 0
    large = memory(go(tmp_path / "large", Heavy(LARGE)))["resident"]
    small = memory(go(tmp_path / "small", Heavy(SMALL)))["resident"]
    assert before + 0.9 * LARGE < large < before + 1.5 * LARGE
    assert before < small < large - 0.6 * LARGE


@linux
def test_what_a_model_took_before_its_run_for_being_loaded_counts(tmp_path: Path) -> None:
    before = resident() or 0
    model = Heavy(LARGE)
    asyncio.run(model.answer(Generate(Prompt("x"), max_tokens=1, stop=())))
    model.size = 1
    assert memory(go(tmp_path, model))["resident"] > before + 0.9 * LARGE


@linux
@pytest.mark.parametrize("sizes", [(LARGE, SMALL), (SMALL, LARGE)])
def test_a_resumed_run_keeps_the_larger_peak(tmp_path: Path, sizes: tuple[int, int]) -> None:
    alone = memory(go(tmp_path / "alone", Heavy(LARGE)))["resident"]
    first = go(tmp_path / "run", Heavy(sizes[0], fails=lambda text: text.startswith("1")))
    assert first.manifest.tasks[0].result is not None
    assert first.manifest.tasks[0].result.failed == 1
    assert memory(go(tmp_path / "run", Heavy(sizes[1])))["resident"] == pytest.approx(alone, rel=0.1)
    asked_nothing = Heavy(LARGE)
    assert memory(go(tmp_path / "run", asked_nothing))["resident"] == pytest.approx(alone, rel=0.1)
    assert asked_nothing.asked == []


STOPPED = """
import asyncio, os, signal, sys
from pathlib import Path
from evalkit.runs.runner import Settings, Silent, begin, execute, new_journal, prepare
from scripted import Parrot, say_task

class Stops(Parrot):
    facts = {}

    async def answer(self, request):
        held = bytearray(200_000_000)
        held[::4096] = b"x" * len(held[::4096])
        self.facts = {"weight bytes": "10"}
        if len(self.asked) == 3:
            os.kill(os.getpid(), int(sys.argv[2]))
        del held
        return await super().answer(request)

async def work():
    model = Stops()
    tasks = [prepare(say_task(3, name), name, "src", model, Settings()) for name in ("one", "two")]
    with new_journal(Path(sys.argv[1])) as journal:
        await execute(journal, begin(Path(sys.argv[1]), "id", model, tasks, {}), model, tasks, Silent())

asyncio.run(work())
"""


@pytest.mark.slow("a process that is killed")
@linux
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGKILL, "running"), (signal.SIGINT, "interrupted")])
def test_a_run_that_stops_early_has_said_so_far(tmp_path: Path, sent: signal.Signals, status: str) -> None:
    """A real signal in the second of two tasks; a process that is killed has no time to say anything."""
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(tmp_path), str(int(sent))],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        # Tests that run in the background inherit a Ctrl-C that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )
    assert done.returncode == -sent, done.stderr
    found = Run.open(tmp_path)
    assert (found.manifest.status, found.manifest.tasks[0].result is None) == (status, False)
    assert memory(found)["resident"] > LARGE


@linux
def test_a_run_that_ends_in_an_error_says_what_it_took(tmp_path: Path) -> None:
    class Breaks(Heavy):
        async def answer(self, request: Request) -> Reply:
            await super().answer(request)
            raise UsageError("the model can't be run")

    with pytest.raises(UsageError):
        go(tmp_path, Breaks(LARGE))
    assert Run.open(tmp_path).manifest.status == "failed"
    assert memory(Run.open(tmp_path))["resident"] > LARGE


def test_out_of_the_cache_and_from_elsewhere_nothing_is_recorded(tmp_path: Path) -> None:
    kept: dict[str, bytes] = {}
    cache: Any = SimpleNamespace(get=kept.get, put=kept.__setitem__)
    first = go(tmp_path / "computed", cached(Heavy(SMALL), cache))
    idle = Heavy(SMALL)
    again = go(tmp_path / "cached", cached(idle, cache))
    assert (bool(memory(first)), memory(again), idle.asked) == (True, {}, [])
    # Like an API's model: it answers, and its weights are not here.
    assert memory(go(tmp_path / "elsewhere", Parrot())) == {}


def test_it_tells_no_measurement_from_another(tmp_path: Path) -> None:
    runs = [go(tmp_path / name, Heavy(size)) for name, size in (("a", LARGE), ("b", SMALL))]
    assert memory(runs[0]) != memory(runs[1])
    one, other = (found.manifest.tasks[0] for found in runs)
    assert one.result is not None
    assert other.result is not None
    assert (one.identity, one.result.signature) == (other.identity, other.result.signature)
    assert [r.manifest.model["digest"] for r in runs] == [Heavy(1).identity.digest] * 2


def test_what_the_system_does_not_let_go_of_is_not_told_of_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the files of /proc: a system where the peak can be read and not reset, as macOS's."""
    from evalkit.models import usage

    peaks = {"VmHWM": 500, "VmRSS": 100}
    monkeypatch.setattr(usage, "_status", peaks.get)
    monkeypatch.setattr(usage, "_RESET", tmp_path / "no" / "clear_refs")
    assert memory(go(tmp_path / "below", Heavy(10))) == {}
    watch = usage.Watch.begin(Parrot())
    watch.model.facts = {"weight bytes": "10"}  # type: ignore[attr-defined]
    peaks["VmHWM"] = 700
    assert watch.most() == {"resident": 700}


def test_a_gpu_has_a_peak_of_its_own_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for torch with two GPUs; what torch itself says is tested where there is one."""
    peaks = {0: 9_000, 1: 8_000}
    cuda = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        device_count=lambda: 2,
        max_memory_allocated=peaks.__getitem__,
        reset_peak_memory_stats=lambda number: peaks.update({number: 300}),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert memory(go(tmp_path / "gpu", Heavy(10)))["device"] == 600
    peaks.update({0: 0, 1: 0})
    cuda.reset_peak_memory_stats = lambda number: None
    assert "device" not in memory(go(tmp_path / "unused", Heavy(10)))


def test_several_processes_with_a_part_each_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert memory(go(tmp_path, Heavy(10))) == {}


@linux
def test_the_embedded_models_run_says_what_it_took_and_out_of_the_cache_nothing(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    found = run(["toy_mmlu"], "tiny,device=cpu", out=tmp_path / "computed", limit=4)
    assert memory(found)["resident"] > int(found.manifest.model["computed"]["weight bytes"])
    again = run(["toy_mmlu"], "tiny,device=cpu", out=tmp_path / "cached", limit=4)
    assert again.manifest.tasks[0].result is not None
    assert again.manifest.tasks[0].result.cached == 4
    assert memory(again) == {}


def test_on_a_gpu_torchs_own_peak_is_told(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    found = run(["toy_mmlu"], "tiny,device=cuda", out=tmp_path / "gpu", limit=4, cache=False)
    told = memory(found)
    assert int(found.manifest.model["computed"]["weight bytes"]) <= told["device"] < 4e9


def test_torch_is_not_imported_for_it() -> None:
    code = "import sys; from types import SimpleNamespace; import evalkit.runs.runner.session\n"
    code += "from evalkit.models.usage import Watch\n"
    code += "print(Watch.begin(SimpleNamespace(facts={'weight bytes': '1'})).most(), 'torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.endswith(" False\n")
