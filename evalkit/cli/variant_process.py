"""One variant of `evalkit quantize-check`, in a process of its own: what it costs, then its tasks.

Its memory is then its own, a variant that is killed takes no other along, and the same is imported for each. The
request comes as a line of JSON on stdin, which stays open while the parent lives; the answer is a line on stdout.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from evalkit.core import Model, RunError, UnavailableError, UsageError

if TYPE_CHECKING:
    from evalkit.runs.plan import RunPlan

__all__ = ["main", "plan_of", "sentence"]

_LONG = 5.0
"""Seconds of silence that a person may take for a standstill."""


def main() -> int:
    """Answer one request; the exit code is 0 where there is an answer, also one that says why there is no result."""
    answer = os.fdopen(os.dup(1), "wb")
    # What libraries print belongs to the log.
    os.dup2(2, 1)
    asked = orjson.loads(sys.stdin.buffer.readline())
    # A background job of a shell ignores an interrupt, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main_thread = threading.get_ident()
    threading.Thread(target=_outlive_nobody, args=(main_thread,), daemon=True).start()
    try:
        said = _run(asked)
    except UnavailableError as error:
        said = {"state": "unavailable", "problem": sentence(error)}
    except (UsageError, RunError) as error:
        said = {"state": "failed", "problem": sentence(error)}
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get("EVALKIT_DEBUG"):
            raise
        said = {"state": "failed", "problem": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"}
    answer.write(orjson.dumps(said) + b"\n")
    answer.flush()
    return 0


def sentence(error: UsageError | RunError) -> str:
    """What is wrong, on one line, with what was found where the error says it."""
    wrong = error.wrong if isinstance(error, UsageError) else str(error)
    found = error.found if isinstance(error, UsageError) else ""
    return " ".join(f"{wrong}: {found}".split() if found else wrong.split())


def plan_of(tasks: Sequence[str], settings: Mapping[str, Any], project: str, spec: str, model: Model) -> RunPlan:
    """The plan of one variant. Every reply is computed, so that memory and speed are those of the whole run."""
    from evalkit.runs.plan import plan_with

    plan = plan_with(tasks, (spec,), {**settings, "cache": False, "project": project})
    return replace(plan, opened={spec: model})


def _outlive_nobody(main_thread: int) -> None:
    """Interrupt the run when the parent is gone: its end of stdin is closed then."""
    while os.read(0, 1024):
        pass
    signal.pthread_kill(main_thread, signal.SIGINT)


def _run(asked: dict[str, Any]) -> dict[str, str]:
    from evalkit import models
    from evalkit.cli.rendering.progress import progress
    from evalkit.models.usage import measure, peak
    from evalkit.runs.execution import resume, run_plan
    from evalkit.runs.store import manifest

    folder, spec = Path(asked["out"]), asked["spec"]
    model = models.resolve(spec, project=Path(asked["project"]))
    cost = asyncio.run(measure(model) if asked["quiet"] else measure(model, _told))
    watcher = progress(quiet=asked["quiet"])
    if (folder / manifest.FILE).is_file():
        run = resume(folder, watcher, opened={spec: model})[0]
    else:
        plan = plan_of(asked["tasks"], asked["settings"], asked["project"], spec, model)
        run = run_plan(replace(plan, out=folder), watcher)[0]
    run.manifest.model["measured"] = {**cost.as_json(), **peak()}
    manifest.write(folder, run.manifest)
    if run.failed:
        from evalkit.cli.commands.run import explain_failures

        why = explain_failures([run]).splitlines()[0].removeprefix("evalkit: ")
        return {"state": "failed", "problem": why}
    return {"state": "finished", "problem": ""}


def _told(what: str, seconds: float) -> None:
    """Say what takes long before the first sample is asked."""
    from evalkit.core.formatting import duration
    from evalkit.core.terminal import say

    if seconds >= _LONG:
        say(f"  timing how fast it {what}, about {duration(seconds)}", err=True)


if __name__ == "__main__":
    sys.exit(main())
