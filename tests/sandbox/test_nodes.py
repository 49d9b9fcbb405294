"""Programs on nodes that come, go and lose them: where each runs, and what its caller gets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from evalkit.core import RunError, UsageError
from evalkit.sandbox import Program, ProgramOutcome, ResourceLimits, Result, SandboxWorkers, open_sandbox, spread
from evalkit.sandbox.nodes import LostNodeError, NodeSandbox
from evalkit.sandbox.on_node import Greeting

LIMITS = ResourceLimits()


@dataclass
class ScriptedNodes:
    """`cpus`: the nodes that are there. A program's source says for how many seconds it runs."""

    cpus: dict[str, int]
    greetings: dict[str, Greeting] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    running: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    ran: list[tuple[str, str]] = field(default_factory=list)
    closed: bool = False

    def there(self) -> dict[str, int]:
        return dict(self.cpus)

    async def greet(self, node: str) -> Greeting:
        if node in self.dead:
            raise LostNodeError("gone")
        return self.greetings.get(node, Greeting(node, "bubblewrap", "3.11.2", "j"))

    async def run(self, node: str, program: Program, output: int) -> Result:
        self.running[node] += 1
        self.most[node] = max(self.most[node], self.running[node])
        try:
            end = time.monotonic() + float(program.source)
            while time.monotonic() < end:
                await asyncio.sleep(0.002)
                if node in self.dead:
                    raise LostNodeError("gone")
        finally:
            self.running[node] -= 1
        if node in self.dead:
            raise LostNodeError("gone")
        self.ran.append((node, program.stdin))
        return Result(ProgramOutcome.PASSED, message=f"{program.stdin} {output}")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def opened() -> Iterator[list[NodeSandbox]]:
    made: list[NodeSandbox] = []
    yield made
    for one in made:
        one.close()


def sandbox_on(
    opened: list[NodeSandbox], nodes: ScriptedNodes, count: int | None = None, patience: float = 60.0
) -> NodeSandbox:
    opened.append(NodeSandbox(nodes, LIMITS, count, patience=patience, watch=0.01))
    return opened[-1]


def asked(sandbox: NodeSandbox, number: int, seconds: float = 0.01) -> list[Result]:
    async def all_of_them() -> list[Result]:
        return await asyncio.gather(
            *(sandbox.run(Program(str(seconds), stdin=str(n)), output=n) for n in range(number))
        )

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(("count", "most"), [(None, 10), (4, 4), (1, 1), (64, 10)])
def test_as_many_at_a_time_as_there_are_processors_or_as_are_wanted(
    opened: list[NodeSandbox], count: int | None, most: int
) -> None:
    nodes = ScriptedNodes({"a": 8, "b": 2, "head": 0})
    found = asked(sandbox_on(opened, nodes, count), 40)
    assert [one.message for one in found] == [f"{n} {n}" for n in range(40)]
    assert sum(nodes.most.values()) <= most and nodes.most["a"] <= 8 and nodes.most["b"] <= 2 and not nodes.most["head"]
    if most == 10:
        assert (nodes.most["a"], nodes.most["b"]) == (8, 2)


def test_a_lost_nodes_programs_run_elsewhere_and_a_new_node_helps(opened: list[NodeSandbox]) -> None:
    nodes = ScriptedNodes({"a": 2, "b": 2})
    sandbox = sandbox_on(opened, nodes)

    def change() -> None:
        time.sleep(0.1)
        nodes.dead.add("b")
        time.sleep(0.05)
        del nodes.cpus["b"]
        nodes.cpus["c"] = 4

    changing = threading.Thread(target=change)
    changing.start()
    found = asked(sandbox, 100, 0.03)
    changing.join()
    assert [one.message for one in found] == [f"{n} {n}" for n in range(100)]
    assert sorted(n for _, n in nodes.ran) == sorted(map(str, range(100)))
    assert sandbox.lost == 2 and {node for node, _ in nodes.ran} == {"a", "b", "c"}
    assert nodes.most["c"] == 4


def test_a_process_that_is_lost_costs_no_node(opened: list[NodeSandbox]) -> None:
    # Each program loses its process once: how soon the programs arrive must not decide who loses it three times.
    left = {str(n) for n in range(5)}

    class Trips(ScriptedNodes):
        async def run(self, node: str, program: Program, output: int) -> Result:
            await asyncio.sleep(0)
            if program.stdin in left:
                left.remove(program.stdin)
                raise LostNodeError("WorkerCrashedError")
            return await super().run(node, program, output)

    nodes = Trips({"a": 3})
    sandbox = sandbox_on(opened, nodes)
    found = asked(sandbox, 50, 0.001)
    assert len(nodes.ran) == 50 and all(one.passed for one in found)
    assert not left and sandbox.lost == 5 and nodes.there() == {"a": 3}


def test_a_program_that_loses_every_process_is_a_sandbox_error_alone(opened: list[NodeSandbox]) -> None:
    class Trips(ScriptedNodes):
        async def run(self, node: str, program: Program, output: int) -> Result:
            if program.stdin == "3":
                raise LostNodeError("WorkerCrashedError: out of memory")
            return await super().run(node, program, output)

    found = asked(sandbox_on(opened, Trips({"a": 2, "b": 2})), 20)
    (bad,) = [one for one in found if not one.passed]
    assert bad.outcome is ProgramOutcome.SANDBOX_ERROR and "out of memory" in bad.message and not found[3].passed


def test_where_no_node_is_left_the_caller_is_told_what_to_do(opened: list[NodeSandbox]) -> None:
    nodes = ScriptedNodes({"a": 2})
    sandbox = sandbox_on(opened, nodes, patience=0.1)
    nodes.dead.add("a")
    nodes.cpus.clear()
    with pytest.raises(RunError, match="--resume"):
        sandbox.run_now(Program("0"))


def test_nodes_that_cannot_isolate_are_left_out_and_those_that_differ_are_refused(opened: list[NodeSandbox]) -> None:
    nodes = ScriptedNodes({"a": 2, "b": 2}, {"b": Greeting("b", why="bubblewrap is not installed")})
    sandbox = sandbox_on(opened, nodes)
    asked(sandbox, 10)
    assert {node for node, _ in nodes.ran} == {"a"} and sandbox.greeting["python"] == "3.11.2"
    # One that comes later and differs is left out as well.
    nodes.greetings["c"] = Greeting("c", "bubblewrap", "3.12.1", "j")
    nodes.cpus["c"] = 8
    time.sleep(0.1)
    asked(sandbox, 10)
    assert {node for node, _ in nodes.ran} == {"a"}
    with pytest.raises(UsageError, match="bubblewrap is not installed"):
        sandbox_on(opened, ScriptedNodes({"b": 2}, nodes.greetings))
    for other in (
        Greeting("c", "bubblewrap", "3.12.1", "j"),
        Greeting("c", "docker", "3.11.2", "j"),
        Greeting("c", "bubblewrap", "3.11.2", "k"),
    ):
        with pytest.raises(UsageError, match="differently"):
            sandbox_on(opened, ScriptedNodes({"a": 2, "c": 2}, {"c": other}))
    with pytest.raises(UsageError, match="no node has a processor"):
        sandbox_on(opened, ScriptedNodes({"head": 0}))


def test_who_gives_up_waiting_leaves_the_place_to_others(opened: list[NodeSandbox]) -> None:
    nodes = ScriptedNodes({"a": 1})
    sandbox = sandbox_on(opened, nodes)

    async def ask() -> None:
        tasks = [asyncio.create_task(sandbox.run(Program("60"))) for _ in range(5)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await asyncio.wait_for(sandbox.run(Program("0")), 10)).passed

    asyncio.run(ask())


def test_closing_gives_up_what_runs() -> None:
    nodes = ScriptedNodes({"a": 1})
    sandbox = NodeSandbox(nodes, LIMITS, None)
    failed: list[BaseException] = []

    def wait() -> None:
        try:
            sandbox.run_now(Program("60"))
        except BaseException as error:
            failed.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    sandbox.close()
    waiting.join(10)
    assert failed and nodes.closed and not nodes.running["a"]


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", "٤"])
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sandbox-workers"):
        SandboxWorkers.parse(text)


def test_without_a_cluster_the_number_is_that_of_workers_here(engine: str) -> None:
    with spread(SandboxWorkers.parse("3")):
        sandbox = open_sandbox(ResourceLimits(cpu=2.0, memory=204 << 20))
        assert sandbox.workers == 3  # type: ignore[attr-defined]
    assert open_sandbox(ResourceLimits(cpu=2.0, memory=204 << 20)) is not sandbox
    sandbox.close()
