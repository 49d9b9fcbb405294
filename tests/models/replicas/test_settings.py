"""What --replicas says, what a replica takes, and what is never imported without it."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.core import Generate, Prompt, UnavailableError, UsageError
from evalkit.models import resolve
from evalkit.models.replicas.model import ReplicatedModel, everywhere, replicated
from evalkit.models.replicas.ray_cluster import RayCluster
from evalkit.models.replicas.settings import Need, Replicas
from evalkit.models.stack import Stack, share_cluster
from evalkit.models.tiny import TINY
from evalkit.models.wrapper import Wrapper
from tests.models.replicas.scripted_cluster import ScriptedCluster, ScriptedWorker, worker


def test_a_number_or_auto_and_what_each_takes() -> None:
    assert Replicas.parse("4") == Replicas(4)
    assert Replicas.parse("auto,gpus=0.5,memory=20,a100=1", "ray:1") == Replicas(
        None, {"gpus": 0.5, "memory": 20, "a100": 1}, "ray:1"
    )


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "auto,gpus=many", "2,cpus=-1", "2,memory=nan", ""])
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Replicas.parse(text)


@pytest.mark.parametrize(
    ("said", "gpus", "has_gpus", "resources"),
    [
        ("2", 1, False, {"CPU": 1, "memory": 800}),
        ("2", 1, True, {"CPU": 1, "GPU": 1}),
        ("2", 4, True, {"CPU": 1, "GPU": 4}),
        ("2", 0, True, {"CPU": 1, "memory": 800}),
        ("2,gpus=0.25", 1, True, {"CPU": 1, "GPU": 0.25}),
        ("2,gpus=0", 1, True, {"CPU": 1, "memory": 800}),
        ("2,cpus=3,memory=2,a100=1", 1, False, {"CPU": 3, "memory": 2 * 2**30, "a100": 1}),
    ],
)
def test_what_a_replica_takes(said: str, gpus: int, has_gpus: bool, resources: dict[str, float]) -> None:
    need = Replicas.parse(said).need(gpus=gpus, has_gpus=has_gpus, weight_bytes=800)
    assert dict(need.resources) == resources


def test_how_many_fit_on_a_node() -> None:
    need = Need({"CPU": 1, "GPU": 0.1})
    assert need.times_in({"CPU": 16, "GPU": 1}) == 10
    assert need.times_in({"CPU": 4, "GPU": 8}) == 4
    assert need.times_in({"CPU": 4}) == 0


def test_a_replica_on_several_gpus_is_on_one_node_where_one_has_room_and_else_on_several() -> None:
    need = Need({"CPU": 2, "GPU": 4, "a100": 1})
    assert need.gpus == 4 and Need({"GPU": 0.5}).gpus == Need({"CPU": 8}).gpus == 1
    assert need.bundles == [{"CPU": 2, "GPU": 1, "a100": 1}, *[{"GPU": 1}] * 3]
    big, small = {"CPU": 16, "GPU": 8, "a100": 8}, {"CPU": 16, "GPU": 2, "a100": 2}
    assert need.times_over([big, small, small]) == 2
    assert need.times_over([small] * 3) == 1 and need.times_over([small] * 4) == 2
    assert need.times_over([small]) == need.times_over([]) == 0
    assert Need({"CPU": 1}).times_over([big, small]) == 32
    assert Need({"GPU": 1}).times_over([{"GPU": 0.5}] * 2) == 0


def test_models_on_one_device_take_a_part_of_it_each() -> None:
    assert dict(Need({"CPU": 1, "GPU": 1, "memory": 800}).shared_by(2).resources) == {
        "CPU": 0.5,
        "GPU": 0.5,
        "memory": 800,
    }
    assert dict(Need({"GPU": 4}).shared_by(2).resources) == {"GPU": 4}


def test_a_judge_and_what_it_judges_share_the_cluster() -> None:
    cluster = ScriptedCluster(worker, places=1)
    model, judge = (ReplicatedModel(resolve("tiny"), "tiny", Replicas(), cluster) for _ in range(2))
    share_cluster(Wrapper(model), None, resolve("tiny"), Wrapper(judge))
    for one in (model, judge):
        pool = asyncio.run(one._open())
        assert pool._wanted.models == 2 and pool._wanted.need.resources["CPU"] == 0.5
    share_cluster(model, None)
    assert asyncio.run(model._open())._wanted.models == 1


def test_paths_are_those_of_this_folder_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    assert everywhere("hf/./m,adapter=a,dtype=float32") == f"hf/{tmp_path / 'm'},adapter={tmp_path / 'a'},dtype=float32"
    assert everywhere("hf/org/name") == "hf/org/name"
    assert everywhere("tiny,chat=on") == "tiny,chat=on"


def test_local_models_are_replicated_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    local, served = Stack(replicas=Replicas(2)).open(["tiny", "openai/gpt-5"])
    assert isinstance(local, ReplicatedModel) and not isinstance(served, ReplicatedModel)
    assert local.identity == resolve("tiny").identity
    assert local.capabilities.features == resolve("tiny").capabilities.features
    assert resolve(f"hf/{TINY}").takes == (1, (TINY / "model.safetensors").stat().st_size)  # type: ignore[attr-defined]


def test_one_gpu_by_its_number_is_refused() -> None:
    model = resolve("tiny")
    assert isinstance(replicated(model, "hf/m,device=cuda", Replicas(2)), ReplicatedModel)
    with pytest.raises(UsageError, match="Ray chooses the GPU"):
        replicated(model, "hf/m,device=cuda:1", Replicas(2))


def test_asked_again_in_another_event_loop_it_has_other_replicas() -> None:
    def make(number: int) -> ScriptedWorker:
        made = worker(number)
        made.about = replace(made.about, digest=resolve("tiny").identity.digest)
        return made

    cluster = ScriptedCluster(make)
    model = ReplicatedModel(resolve("tiny"), "tiny", Replicas(1), cluster)
    for _ in range(2):
        assert asyncio.run(model.answer(Generate(Prompt("a")))).texts == ("A",)
    assert len(cluster.workers) == 2 and cluster.workers[0].gone.is_set()
    asyncio.run(model.close())


def test_without_ray_the_error_names_the_extra() -> None:
    if importlib.util.find_spec("ray"):
        pytest.skip("ray is installed")
    with pytest.raises(UnavailableError, match=r"\[ray\]"):
        RayCluster()


def test_a_run_without_replicas_imports_neither_ray_nor_vllm(tmp_path: Path) -> None:
    """Folders of these names that must not be looked into come first on the path."""
    for name in ("ray", "vllm"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('imported')")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from evalkit.cli.group import main\n"
        "for words in (['--help'], ['run', '--help'], ['run', 'toy_mmlu', '--model', 'tiny', '--limit', '2',"
        " '--quiet', '--no-cache', '--out', sys.argv[1] + '/run']):\n"
        "    sys.argv[1:] = words if words[0] != 'x' else words\n"
        "    try:\n        main()\n    except SystemExit as end:\n        assert not end.code, end.code\n"
        "    assert not {'ray', 'vllm'} & sys.modules.keys()\n"
        "print('done')"
    ).replace("sys.argv[1:] = words if words[0] != 'x' else words", "sys.argv = ['evalkit', *words]")
    program = program.replace("sys.argv[1] + '/run'", f"{str(tmp_path / 'run')!r}")
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("done\n"), done.stderr
