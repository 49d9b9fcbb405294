"""How fast an evaluation behind an API goes: evalkit beside lm-eval and Inspect, the same rows, the same server.

    python benchmarks/api_speed.py --lm-eval PYTHON --inspect PYTHON --client-cpu 0 --server-cpu 1 --out speed.json

A peer is measured where the interpreter that has it is given. Every harness asks the same questions of a server that
replies after 50 ms and scores them by exact match. What was measured is written to --out, part by part, and not
measured again: a command that was stopped goes on. `--parts` names those wanted (2000, 20000, 200000, or all; the first
two by default, about five minutes with both peers).

Told are, per harness and number in flight: the wall time of the whole command, the request phase as the server saw it
against the ideal (samples / in flight × delay), CPU time a sample (that of a run of few samples taken off, so that
start-up does not count) and the peak of resident memory; then how many times faster evalkit's command is. On one
processor, client and server share it, and the request phase says what both need.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FEW = 20
PARTS = (2000, 20_000, 200_000)

EVALKIT_TASK = """\
name: say
data: say.jsonl
prompt: "{{ question }}"
answer: "{{ answer }}"
stop: "\\n"
max_tokens: 10
scorers: [exact_match]
"""
LM_EVAL_TASK = """\
task: say
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 10, do_sample: false}}
metric_list: [{{metric: exact_match}}]
"""
INSPECT_TASK = """\
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import exact
from inspect_ai.solver import generate


@task
def say():
    fields = FieldSpec(input="question", target="answer")
    return Task(dataset=json_dataset("{rows}", fields), solver=generate(), scorer=exact())
"""


@dataclass(frozen=True)
class Measured:
    wall: float
    cpu: float
    memory: float
    phase: float
    answered: int
    peak: int
    server_cpu: float


@dataclass(frozen=True)
class Part:
    harness: str
    flight: int
    samples: int

    @property
    def key(self) -> str:
        return f"{self.harness}, {self.samples} samples, {self.flight} in flight"


@contextmanager
def server(delay: float, cpu: int | None) -> Iterator[str]:
    command = [sys.executable, str(HERE / "api_server.py"), "--delay", str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if cpu is not None:
            os.sched_setaffinity(process.pid, {cpu})
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def measured(command: list[str], folder: Path, url: str, cpu: int | None, environment: dict[str, str]) -> Measured:
    """One command from its start to its end, with what the kernel and the server counted of it."""
    urllib.request.urlopen(f"{url}/reset").read()
    started = time.perf_counter()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **environment})
        if cpu is not None:
            os.sched_setaffinity(process.pid, {cpu})
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()[-3000:]}")
    seen: dict[str, Any] = json.loads(urllib.request.urlopen(f"{url}/stats").read())
    return Measured(
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1e3,
        seen["seconds"],
        seen["answered"],
        seen["peak"],
        seen["cpu"],
    )


Command = Callable[[Path, str, int], list[str]]


def evalkit_command(folder: Path, url: str, flight: int) -> list[str]:
    (folder / "say.yaml").write_text(EVALKIT_TASK)
    model = f"openai/m,api=chat,base_url={url}/v1,concurrency={flight}"
    return [sys.executable, "-m", "evalkit.cli", "run", "say.yaml", "--model", model, "--out", "run"]


def lm_eval_command(python: str) -> Command:
    def command(folder: Path, url: str, flight: int) -> list[str]:
        (folder / "say.yaml").write_text(LM_EVAL_TASK.format(rows=folder / "say.jsonl"))
        arguments = f"model=m,base_url={url}/v1/chat/completions,num_concurrent={flight},max_retries=3"
        asked = ["--model", "local-chat-completions", "--model_args", arguments, "--apply_chat_template"]
        return [python, "-m", "lm_eval", "run", *asked, "--tasks", "say", "--include_path", str(folder)]

    return command


def inspect_command(python: str) -> Command:
    def command(folder: Path, url: str, flight: int) -> list[str]:
        (folder / "say.py").write_text(INSPECT_TASK.format(rows=folder / "say.jsonl"))
        program = str(Path(python).with_name("inspect"))
        limits = ["--max-connections", str(flight), "--max-samples", str(flight), "--display", "none"]
        return [program, "eval", "say.py", "--model", "openai-api/local/m", "--model-base-url", f"{url}/v1", *limits]

    return command


def write_rows(folder: Path, samples: int) -> None:
    with (folder / "say.jsonl").open("w") as out:
        for number in range(samples):
            row = {"question": f"Repeat the last word of this line, please: word{number}", "answer": f"word{number}"}
            out.write(json.dumps(row) + "\n")


def parts_of(given: argparse.Namespace, harnesses: Sequence[str]) -> list[Part]:
    """The few samples of every harness first, then each number of samples beside each number in flight."""
    wanted = list(PARTS) if given.parts == "all" else [int(part) for part in given.parts.split(",")]
    flights = [int(flight) for flight in given.in_flight.split(",")]
    parts = [Part(name, flights[0], FEW) for name in harnesses]
    for samples in wanted:
        # The peers take minutes for what evalkit does in seconds: only the first size is measured with them.
        names = harnesses if samples == PARTS[0] else ["evalkit"]
        inside = flights if samples < PARTS[-1] else flights[-1:]
        parts += [Part(name, flight, samples) for flight in inside for name in names]
    return parts


def table(done: Mapping[str, Measured], parts: Sequence[Part], delay: float) -> Iterator[str]:
    yield "harness   samples  in flight   wall s   phase s   x ideal   CPU ms/sample   memory MB   server CPU s"
    for part in parts:
        if part.samples == FEW or part.key not in done:
            continue
        found = done[part.key]
        few = next(done[other.key] for other in parts if other.harness == part.harness and other.samples == FEW)
        cpu = 1e3 * (found.cpu - few.cpu) / (part.samples - FEW)
        ideal = part.samples / part.flight * delay
        yield (
            f"{part.harness:<8}  {part.samples:7,}  {part.flight:9}  {found.wall:7.2f}  {found.phase:8.2f}"
            f"  {found.phase / ideal:8.2f}  {cpu:14.3f}  {found.memory:10.0f}  {found.server_cpu:13.2f}"
        )
    for part in parts:
        ours = done.get(Part("evalkit", part.flight, part.samples).key)
        if part.harness != "evalkit" and part.samples != FEW and ours is not None and part.key in done:
            times = done[part.key].wall / ours.wall
            yield f"{part.harness}, {part.flight} in flight: evalkit's whole command is {times:.1f} times as fast"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=f"{PARTS[0]},{PARTS[1]}")
    parser.add_argument("--in-flight", default="64,256")
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--lm-eval", metavar="PYTHON")
    parser.add_argument("--inspect", metavar="PYTHON")
    parser.add_argument("--client-cpu", type=int)
    parser.add_argument("--server-cpu", type=int)
    parser.add_argument("--out", type=Path, metavar="FILE", help="what was measured; read first, so that it goes on")
    given = parser.parse_args()
    harnesses: dict[str, Command] = {"evalkit": evalkit_command}
    if given.lm_eval:
        harnesses["lm-eval"] = lm_eval_command(given.lm_eval)
    if given.inspect:
        harnesses["inspect"] = inspect_command(given.inspect)
    parts = parts_of(given, list(harnesses))
    done: dict[str, Measured] = {}
    if given.out and given.out.is_file():
        done = {key: Measured(**found) for key, found in json.loads(given.out.read_text()).items()}
    with server(given.delay, given.server_cpu) as url, tempfile.TemporaryDirectory() as bytecode:
        one_run(evalkit_command, url, 1, FEW, None, bytecode)  # compiles
        for part in parts:
            if part.key in done:
                continue
            own = bytecode if part.harness == "evalkit" else ""
            found = one_run(harnesses[part.harness], url, part.flight, part.samples, given.client_cpu, own)
            assert found.answered >= part.samples, f"{part.harness}: {found.answered} answers"
            done[part.key] = found
            print(f"measured: {part.key} in {found.wall:.1f} s", file=sys.stderr, flush=True)
            if given.out:
                given.out.write_text(json.dumps({key: asdict(one) for key, one in done.items()}, indent=1))
    print("\n".join(table(done, parts, given.delay)))


def one_run(command: Command, url: str, flight: int, samples: int, cpu: int | None, bytecode: str = "") -> Measured:
    """`bytecode`: a folder for evalkit's, which is compiled where it is installed, but not where it is developed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder, samples)
        offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": f"{name}/hf", "EVALKIT_CACHE": f"{name}/cache"}
        keys = {"OPENAI_API_KEY": "none", "LOCAL_API_KEY": "none", "NO_PROXY": "*", "OMP_NUM_THREADS": "1"}
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode} if bytecode else {}
        return measured(command(folder, url, flight), folder, url, cpu, {**offline, **keys, **compiled})


if __name__ == "__main__":
    main()
