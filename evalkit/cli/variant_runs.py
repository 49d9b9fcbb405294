"""Runs every variant that has no result yet, each in a process of its own, and says what became of it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from evalkit import models
from evalkit.cli.variant_process import plan_of, sentence
from evalkit.comparing.variant_file import Listed, VariantList
from evalkit.core import Model, RunError, UnavailableError, UsageError, spec
from evalkit.core.formatting import duration
from evalkit.runs.execution import sessions
from evalkit.runs.store import folder_name, manifest

_PATIENCE = 20.0
"""Seconds for a variant to write down what it has when it is interrupted."""


def spec_of(model: str, variant: str) -> str:
    """The whole model that a variant stands for: options over `model`, `gguf=FILE`, or a model of its own.

    Raises UsageError for what is none of these.
    """
    name, equals, value = variant.partition("=")
    if not equals or "/" in name or "," in name:
        return variant
    if name.strip() == "gguf":
        return f"gguf/{value}"
    base, said = spec.parse(model), spec.parse(f"variant,{variant}")
    return str(spec.Spec(base.name, {**base.options, **said.options}))


def listed(model: str, variants: Sequence[str]) -> tuple[Listed, list[Listed]]:
    """The full model and its variants, each with a folder. Raises UsageError for one that is named twice."""
    whole = Listed(model, model, folder_name(model))
    taken: set[str] = {whole.folder}
    found: list[Listed] = []
    for name in variants:
        named = spec_of(model, name)
        if any(named == other.spec for other in found):
            raise UsageError(f"the variant {name!r} is given twice", fix="name each once")
        folder, number = folder_name(named), 1
        while folder in taken:
            number += 1
            folder = f"{folder_name(named)}-{number}"
        taken.add(folder)
        found.append(Listed(name, named, folder))
    return whole, found


def open_models(asked: VariantList) -> dict[str, Model]:
    """Every model that this machine has what it takes for, by its spec, without its weights.

    A variant that is not possible here is marked so. Raises UsageError for a mistake in any of them, and where it is
    the full model that cannot be run.
    """
    project = Path(asked.project)
    found = {asked.full.spec: models.resolve(asked.full.spec, project=project)}
    for one in asked.variants:
        try:
            found[one.spec] = models.resolve(one.spec, project=project)
        except UnavailableError as error:
            one.state, one.problem = "unavailable", sentence(error)
        except UsageError as error:
            raise UsageError(f"the variant {one.name!r}: {error.wrong}", found=error.found, fix=error.fix) from None
    return found


def check(asked: VariantList, opened: dict[str, Model]) -> None:
    """Find what a run would find before its first request: tasks, data and settings that cannot be (UsageError). A
    variant that cannot be asked so is marked, and leaves `opened`."""
    for one in (asked.full, *asked.variants):
        if one.spec not in opened:
            continue
        try:
            sessions(plan_of(asked.tasks, asked.settings, asked.project, one.spec, opened[one.spec]))
        except UsageError as error:
            if one is asked.full:
                raise
            one.state, one.problem = "unavailable", sentence(error)
            del opened[one.spec]


def run_all(
    folder: Path, asked: VariantList, opened: dict[str, Model], *, quiet: bool, say: Callable[[str], None]
) -> None:
    """Run what has no result yet, the full model first, and keep the list in `folder` true.

    Raises RunError where the full model has no result, UsageError where a run that is there measured something else.
    """
    every = [asked.full, *asked.variants]
    for one in every:
        if one.spec in opened and is_finished(folder / one.folder, opened[one.spec], asked):
            one.state, one.problem = "finished", ""
        elif one.spec in opened:
            one.state, one.problem = "waiting", ""
    asked.write(folder)
    waiting = [one for one in every if one.state == "waiting"]
    begun = time.monotonic()
    for done, one in enumerate(waiting):
        if not quiet:
            left = _left(done, len(waiting), time.monotonic() - begun)
            say(f"{every.index(one) + 1}/{len(every)} {one.name}{left}")
        one.state, one.problem = _run(folder, one, asked, quiet=quiet)  # type: ignore[assignment]
        asked.write(folder)
        if one is asked.full and one.state != "finished":
            raise RunError(f"the full model {one.name} has no result to compare with: {one.problem}")


def _left(done: int, total: int, seconds: float) -> str:
    """How long the rest takes if each variant takes as long as the mean of those before it; nothing before the first
    ended."""
    return f", about {duration(seconds / done * (total - done))} left in all" if done else ""


def is_finished(folder: Path, model: Model, asked: VariantList) -> bool:
    """Whether there is a whole result of that model. Raises UsageError where it is one of something else."""
    if not (folder / manifest.FILE).is_file():
        return False
    written = manifest.read(folder)
    differences = []
    if written.request["tasks"] != asked.tasks:
        differences.append(f"tasks {', '.join(map(str, written.request['tasks']))} then")
    if written.model["digest"] != model.identity.digest:
        differences.append("other weights or options of the model then")
    if differences:
        raise UsageError(
            f"{folder} holds a run of something else", found="; ".join(differences), fix="another --out for this check"
        )
    most = float(written.settings.get("max_failures", 0.0))
    lost = any(entry.result is None or entry.result.failed > most * entry.result.samples for entry in written.tasks)
    return written.status == "finished" and "measured" in written.model and not lost


def _run(folder: Path, one: Listed, asked: VariantList, *, quiet: bool) -> tuple[str, str]:
    request = {
        "spec": one.spec,
        "tasks": asked.tasks,
        "settings": asked.settings,
        "out": str(folder / one.folder),
        "project": asked.project,
        "quiet": quiet,
    }
    # -P: what lies in the working directory is not a module, as for `evalkit` itself.
    command = [sys.executable, "-P", "-m", "evalkit.cli.variant_process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(orjson.dumps(request) + b"\n")
            process.stdin.flush()
            answer = process.stdout.read()
            code = process.wait()
        except KeyboardInterrupt:
            # A terminal has interrupted the variant, too; else it is told by the end of its stdin.
            process.stdin.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
        except BrokenPipeError:
            # What could not be written would be tried again, and fail again, when the pipe is closed.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            answer, code = b"", process.wait()
    if code == 0 and answer:
        said = orjson.loads(answer.splitlines()[-1])
        return said["state"], said["problem"]
    if code == 130:
        raise KeyboardInterrupt
    return "failed", _ended(code)


def _ended(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        why = ", as where memory runs out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{why}"
    return f"its process ended with exit code {code}"
