"""`evalkit doctor`: what this machine can evaluate, and what to install for the rest."""

from __future__ import annotations

import os
import platform
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click

from evalkit import plugins
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.core import UsageError, paths
from evalkit.core.distribution import installed, pip_install, version
from evalkit.core.terminal import say
from evalkit.models.hf.loading.abilities import abilities
from evalkit.models.sqlite_cache import SqliteCache

_GIB = 1 << 30
_MARKS = {"ok": ("✓", "green"), "note": ("·", None), "missing": ("✗", "yellow")}


FOREIGN = (
    "the distribution evalkit {} lies in this environment. It is another project (EVolutionary ALgorithms KITs) "
    "and shares the folder evalkit/: pip uninstall evalkit, then install evalkit-harness again"
)


class Diagnosis(NamedTuple):
    status: Literal["ok", "note", "missing"]
    what: str
    details: str


@click.command("doctor", epilog=examples("evalkit doctor", "evalkit doctor --quantization"))
@click.option("--quantization", is_flag=True, help="List quantization methods and whether they run here.")
@json_option
def command(quantization: bool, as_json: bool) -> None:
    """Show what works on this machine, what is missing and how to install it."""
    if quantization:
        _quantization_json() if as_json else _list_quantization()
        return
    parts = (_machine, _packages, _quantization, _gguf, _keys, _devices, _sandbox, _data, _plugins)
    findings = [finding for part in parts for finding in part()]
    if as_json:
        print_json(findings=[finding._asdict() for finding in findings])
        return
    for finding in findings:
        mark, color = _MARKS[finding.status]
        if color and "NO_COLOR" not in os.environ:
            mark = click.style(mark, fg=color)
        say(f"{mark} {finding.what:<14} {finding.details}")
    say("next: evalkit quickstart")


def _machine() -> Iterator[Diagnosis]:
    yield Diagnosis("ok", "evalkit", f"{version()} on Python {platform.python_version()}, {platform.system()}")
    if foreign := installed("evalkit"):
        yield Diagnosis("missing", "name clash", FOREIGN.format(foreign))
    memory = _memory()
    yield Diagnosis("note", "processors", f"{os.cpu_count()}" + (f", {memory / _GIB:.1f} GiB memory" if memory else ""))
    free = shutil.disk_usage(Path.cwd()).free
    yield Diagnosis("ok" if free > _GIB else "missing", "disk", f"{free / _GIB:.1f} GiB free here")


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _packages() -> Iterator[Diagnosis]:
    extras = {
        "local": ("torch", "transformers", "accelerate", "bert-score", "evaluate"),
        "adapters": ("peft",),
        "rag": ("bm25s", "faiss-cpu", "sentence-transformers"),
        "api": ("aiohttp", *(("uvloop",) if os.name != "nt" else ())),
    }
    for extra, names in extras.items():
        found = {name: installed(name) for name in names}
        have = ", ".join(f"{name} {number}" for name, number in found.items() if number)
        lacking = [name for name, number in found.items() if not number]
        if lacking:
            yield Diagnosis("missing", extra, f"no {', '.join(lacking)}: {pip_install(extra)}")
        if have:
            yield Diagnosis("ok", extra, have)


def _gguf() -> Iterator[Diagnosis]:
    """Whether llama.cpp is here, and what it was built for."""
    from evalkit.models.llamacpp.library import INSTALL, is_installed, library, version

    if not is_installed():
        yield Diagnosis("note", "gguf", f"no llama-cpp-python: {INSTALL} (compiles for 5 to 12 minutes)")
        return
    try:
        on_gpu = library().llama_supports_gpu_offload()
    except UsageError as error:
        yield Diagnosis("missing", "gguf", str(error).replace("\n", " "))
    else:
        where = "a GPU and the CPU" if on_gpu else "the CPU alone"
        yield Diagnosis("ok", "gguf", f"llama-cpp-python {version()}, built for {where}")


def _keys() -> Iterator[Diagnosis]:
    """The providers whose key is in the environment: names, never values."""
    from evalkit.models.api.providers import PRESETS

    found = [preset.name for preset in PRESETS.values() if any(os.environ.get(name) for name in preset.keys)]
    yield Diagnosis("note", "keys", ", ".join(found) if found else "none set (OPENAI_API_KEY, ANTHROPIC_API_KEY, …)")


def _devices() -> Iterator[Diagnosis]:
    try:
        import torch
    except ImportError:
        return
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            yield Diagnosis("ok", f"cuda:{number}", f"{card.name}, {card.total_memory / _GIB:.0f} GiB")
    elif torch.backends.mps.is_available():
        yield Diagnosis("ok", "mps", "Apple GPU")
    else:
        threads = torch.get_num_threads()
        words = f"{threads} thread" + "s" * (threads != 1)
        yield Diagnosis("note", "device", f"no GPU: local models run on the CPU ({words})")


def _quantization() -> Iterator[Diagnosis]:
    methods, stored = abilities()
    can = [method for method in methods if method.runs]
    installs = list(dict.fromkeys(method.install for method in methods if method.install))
    status: Literal["ok", "missing"] = "ok" if can else "missing"
    more = installs[0] if installs else "evalkit doctor --quantization"
    yield Diagnosis(status, "quantization", f"{len(can)} of {len(methods)} methods run here: {more}")
    forms = ", ".join(form.name for form in stored if form.runs) or "none"
    yield Diagnosis("note", "stored forms", forms)


def _list_quantization() -> None:
    """A table of methods and of stored forms, within 80 columns, and the commands that help."""
    methods, stored = abilities()
    for title, rows in (("quant=", methods), ("checkpoints stored as", stored)):
        say(title)
        for row in rows:
            mark, color = _MARKS["ok" if row.runs else "missing"]
            if color and "NO_COLOR" not in os.environ:
                mark = click.style(mark, fg=color)
            say(f"{mark} {row.name:<23} {row.why_not or row.summary}")
        say()
    for install in dict.fromkeys(row.install for row in (*methods, *stored) if row.install):
        names = ", ".join(row.name for row in (*methods, *stored) if row.install == install)
        say(textwrap.fill(f"for {names}:", 80, subsequent_indent="  "))
        say("  " + " \\\n    ".join(textwrap.wrap(install, 76, break_on_hyphens=False)))
    say("next: evalkit run TASK --model hf/<repo or path>,quant=nf4")


def _quantization_json() -> None:
    methods, stored = abilities()

    def shown(rows: Iterable[Any]) -> list[dict[str, object]]:
        return [
            {"name": row.name, "runs": row.runs, "summary": row.summary, "why_not": row.why_not, "install": row.install}
            for row in rows
        ]

    print_json(methods=shown(methods), stored=shown(stored))


def _sandbox() -> Iterator[Diagnosis]:
    """What could run the programs that a model writes: the engine to be taken, and why the others are not."""
    from evalkit import sandbox
    from evalkit.sandbox.engines import INSTALL

    wanted = os.environ.get("EVALKIT_SANDBOX", "")
    if wanted and wanted not in sandbox.ENGINES:
        engines = ", ".join(sandbox.ENGINES)
        yield Diagnosis("missing", "sandbox", f"EVALKIT_SANDBOX names no engine: {wanted!r} (one of {engines})")
        return
    reasons = {engine: sandbox.why_not(engine) for engine in ((wanted,) if wanted else sandbox.ENGINES)}
    usable = [engine for engine, reason in reasons.items() if not reason]
    if wanted and not usable:
        yield Diagnosis("missing", "sandbox", f"EVALKIT_SANDBOX={wanted}: {reasons[wanted]}")
        return
    if not usable:
        yield Diagnosis("missing", "sandbox", f"nothing isolates generated code: {INSTALL}")
    for engine, reason in reasons.items():
        if not reason:
            yield Diagnosis("ok", "sandbox", f"{engine} isolates generated code" + ", unused" * (engine != usable[0]))
        elif not usable or engine == "bubblewrap":
            yield Diagnosis("note", "sandbox", reason)
    if usable:
        yield Diagnosis("note", "sandbox", sandbox.accounting(usable[0]))


def _data() -> Iterator[Diagnosis]:
    try:
        mirror = paths.data_mirror()
    except UsageError as error:
        yield Diagnosis("missing", "EVALKIT_DATA", str(error).replace("\n", " "))
    else:
        if mirror is None:
            yield Diagnosis("note", "EVALKIT_DATA", "not set: data sets come from the hub")
        else:
            sets = sum(1 for _ in mirror.glob("*/*/"))
            yield Diagnosis("ok" if sets else "missing", "EVALKIT_DATA", f"{mirror}: {sets} data sets")
    cache = SqliteCache(paths.cache_dir())
    size = cache.size()
    cache.close()
    yield Diagnosis("ok", "cache", f"{size.entries:,} replies, {size.bytes / 1e6:.1f} MB in {size.path.parent}")


def _plugins() -> Iterator[Diagnosis]:
    problems: dict[str, str] = {}
    for name, kind in plugins.KINDS.items():
        try:
            entries = plugins.index(name)
        except UsageError as error:
            yield Diagnosis("missing", kind.folder, str(error).replace("\n", " "))
            continue
        good = [entry for entry in entries if not entry.problem]
        if good:
            yield Diagnosis("ok", kind.folder, f"{len(good)} found")
        # A package without its folder is a problem once, not once for every kind.
        problems |= {entry.problem: kind.folder for entry in entries if entry.problem and entry.problem not in problems}
    for problem, folder in problems.items():
        yield Diagnosis("missing", folder, problem)
