"""What every test shares: a cache folder of its own, where the real benchmark rows lie, and which tests are slow."""

import gc
import gzip
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# One thread a process, set before torch and numpy are imported: workers share the processors, and threads that wait
# for each other cost more than they bring. Processes that tests start inherit it.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# A loaded machine is not a failure; and the same examples for everyone, so that a red run means a change.
settings.register_profile(
    "evalkit", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
# Other examples every night, and many of them; a failure prints how to repeat it (start.py test --nightly).
settings.register_profile(
    "nightly", settings.get_profile("evalkit"), max_examples=3000, derandomize=False, print_blob=True
)
settings.load_profile("evalkit")

REPOSITORY = Path(__file__).resolve().parent.parent

# What makes every test slow that uses it, whatever else it does. Other slow tests say so themselves, one or a module:
# `pytestmark = pytest.mark.slow("why")`.
SLOW_FIXTURES = {
    "browser": "opens pages in a browser",
}


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a slow fixture; and every slow test says why it is."""
    for item in items:
        for name in SLOW_FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow(SLOW_FIXTURES[name]))
        for mark in item.iter_markers("slow"):
            if len(mark.args) != 1 or not isinstance(mark.args[0], str):
                raise pytest.UsageError(f'{item.nodeid}: say why it is slow, as in pytest.mark.slow("trains a model")')


@pytest.fixture(autouse=True, scope="module")
def _little_to_search_for_garbage() -> None:
    """Take what lives before a module's first test out of the garbage collector's sight.

    Models that are closed collect garbage, and so do some libraries; with torch, transformers and the collected tests
    in memory that takes a quarter of a second each time. What a module's tests make is collected as ever.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("EVALKIT_DATA", raising=False)


@pytest.fixture(scope="session")
def hub_mirror() -> Path:
    """The local mirror of real rows (EVALKIT_TEST_DATA, or shared/data/hub beside the checkout)."""
    folder = Path(os.environ.get("EVALKIT_TEST_DATA") or REPOSITORY.parent / "shared" / "data" / "hub")
    if not folder.is_dir():
        pytest.skip(f"no real benchmark rows at {folder}; set EVALKIT_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def real_replies(hub_mirror: Path) -> Callable[[str], list[dict[str, Any]]]:
    """real_replies(name) gives the rows of stored model outputs with published readings, `reference/replies`."""
    folder = hub_mirror.parent / "reference" / "replies"
    if not folder.is_dir():
        pytest.skip(f"no stored replies: {folder} is missing")

    def rows(name: str) -> list[dict[str, Any]]:
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return rows


@pytest.fixture(scope="session")
def ask_lm_eval() -> Callable[[str, object], Any]:
    """Run a script where lm-evaluation-harness 0.4.13 is installed (EVALKIT_TEST_LM_EVAL: that interpreter).

    The script finds what it is asked as `asked` and leaves what it found in `found`, both plain JSON values.
    """
    python = os.environ.get("EVALKIT_TEST_LM_EVAL")
    if not python:
        pytest.skip("lm-eval is the oracle; set EVALKIT_TEST_LM_EVAL to the interpreter that has it")
    frame = "import json, sys\nasked = json.load(sys.stdin)\n{}\nprint('\\n' + json.dumps(found))"

    def ask(script: str, asked: object) -> Any:
        done = subprocess.run(
            [python, "-c", frame.format(script)], input=json.dumps(asked), capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return ask


@pytest.fixture(scope="session")
def lm_eval() -> Path:
    """A Python that has lm-evaluation-harness; skips where there is none."""
    cached = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalkit-bench" / "env" / "bin" / "python"
    )
    python = Path(os.environ.get("EVALKIT_TEST_LM_EVAL") or cached)
    if not python.is_file():
        pytest.skip("no Python with lm-eval; set EVALKIT_TEST_LM_EVAL")
    return python
