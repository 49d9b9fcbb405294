"""For teams whose CI is pytest: suite files named `*.evalkit.yaml` are collected, a test for every task of theirs.

The fixture `assert_no_regression` is `evalkit.assert_no_regression`. Nothing of evalkit is imported until a suite is
collected or the fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evalkit.comparing.gates.report import GateReport
    from evalkit.runs.store import Run

_SUFFIXES = (".evalkit.yaml", ".evalkit.yml")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of suites that are collected."""
    group = parser.getgroup("evalkit")
    group.addoption("--evalkit-model", metavar="MODEL", help="model of collected suites, instead of their own")
    group.addoption("--no-evalkit", action="store_true", help="collect no *.evalkit.yaml")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A suite file as a collector of its tasks."""
    if file_path.name.endswith(_SUFFIXES) and not parent.config.getoption("--no-evalkit", default=False):
        return SuiteFile.from_parent(parent, path=file_path)
    return None


@pytest.fixture
def assert_no_regression() -> Callable[..., GateReport]:
    """`evalkit.assert_no_regression`: fails the test where a candidate is worse than a baseline."""
    import evalkit

    return evalkit.assert_no_regression


class SuiteFile(pytest.File):
    """One suite. It is run once, when the first of its tasks is tested."""

    _outcome: _Outcome | BaseException | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """A test for every task. A mistake in the file is an error of the collection, with file and line."""
        from evalkit.cli.suite_file import read_suite
        from evalkit.core import UsageError

        try:
            suite = read_suite(self.path)
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        for spec in suite["tasks"]:
            yield TaskItem.from_parent(self, name=spec)

    def outcome(self) -> _Outcome:
        """What the suite's run and gate came to; a failure is kept, so that it is not run again for every task."""
        if self._outcome is None:
            try:
                self._outcome = _run(self.path, self.config.getoption("--evalkit-model"), self._folder())
            except Exception as error:  # noqa: BLE001 - every task of the suite reports it
                self._outcome = error
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def _folder(self) -> Path:
        """Where the run lies: in pytest's cache, so that the last one can be looked at; else a temporary folder."""
        import shutil
        import tempfile

        cache = getattr(self.config, "cache", None)
        if cache is None:
            return Path(tempfile.mkdtemp(prefix="evalkit-pytest-")) / "run"
        folder = Path(cache.mkdir("evalkit")) / self.path.name.partition(".")[0]
        shutil.rmtree(folder, ignore_errors=True)
        return folder


class TaskItem(pytest.Item):
    """One task of a suite: it was measured, and where the suite has a gate, it passes it."""

    def runtest(self) -> None:
        """Fail, skip or pass as the gate decided."""
        assert isinstance(self.parent, SuiteFile)
        self.parent.outcome().check(self.name)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The gate's table, or what was wrong; a traceback into evalkit would say nothing."""
        from evalkit.core import RunError, UsageError

        if isinstance(excinfo.value, AssertionError | UsageError | RunError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands and how it is called."""
        return self.path, None, f"evalkit: {self.name}"


class _Outcome:
    def __init__(self, run: Run, report: GateReport | None) -> None:
        self._run, self._report = run, report

    def check(self, spec: str) -> None:
        """Raise AssertionError where the task was not measured or does not pass."""
        entry = next(entry for entry in self._run.manifest.tasks if entry.spec == spec)
        if self._run.failed and entry.result is not None and entry.result.failed:
            raise AssertionError(f"{entry.result.failed} of {entry.result.samples} samples could not be measured")
        if self._report is None:
            return
        from dataclasses import replace

        from evalkit.comparing.gates.assertion import text_of
        from evalkit.comparing.gates.outcomes import GateOutcome
        from evalkit.comparing.gates.outputs.sentences import reason

        own = replace(
            self._report,
            rows=[row for row in self._report.rows if row.task == entry.name],
            findings=[found for found in self._report.findings if found.task == entry.name],
        )
        if own.exit_code != 0:
            raise AssertionError(text_of(own))
        if own.outcome is GateOutcome.INCONCLUSIVE:
            pytest.skip(f"INCONCLUSIVE, which the policy lets through: {reason(own.rows[0])}")


def _run(path: Path, model: str | None, folder: Path) -> _Outcome:
    from evalkit.cli.plan_from_words import plan_from
    from evalkit.cli.suite_file import gate_of
    from evalkit.comparing.gates import gate, open_any, open_run
    from evalkit.comparing.gates.assertion import text_of
    from evalkit.comparing.gates.freshness import fresh
    from evalkit.comparing.gates.preflight import preflight
    from evalkit.core import RunError
    from evalkit.runs.execution import run_plan
    from evalkit.runs.runner import Silent

    given = {"models": [model] if model else [], "task_options": (), "model_options": (), "no_cache": False}
    plan = plan_from([str(path)], {**given, "out": folder})
    policy = gate_of(path)
    if policy is None:
        (run,) = run_plan(plan, Silent())
        return _Outcome(run, None)
    plan, baseline = fresh(plan, policy), open_any(Path(policy.baseline))
    before = preflight(plan, baseline, policy).report
    if before.incomparable:
        raise RunError(text_of(before))
    (run,) = run_plan(plan, Silent())
    return _Outcome(run, gate(open_run(run), baseline, policy))
