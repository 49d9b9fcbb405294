"""The scripts in docs/how-to: the Slurm script under a stand-in of two nodes, the server script with a server's."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RECIPES = ROOT / "docs" / "how-to"


def program(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/bash\n{text}\n")
    file.chmod(0o755)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def stand_in(tmp_path: Path) -> dict[str, str]:
    """An environment whose `srun` runs here, whichever node is named, and writes down which; evalkit and ray are those
    of this Python."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    program(bin_, "scontrol", '[[ "$1 $2" == "show hostnames" ]] || exit 1; printf "node1\\nnode2\\n"')
    program(
        bin_,
        "srun",
        f'while [[ $1 == -* && $1 != -w ]]; do shift; done; echo "$2 $3 $4" >> {tmp_path}/srun; exec "${{@:3}}"',
    )
    program(bin_, "hostname", 'echo "127.0.0.1 10.0.0.1"')
    program(bin_, "evalkit", f'exec {sys.executable} -m evalkit.cli "$@"')
    program(bin_, "ray", f'exec {Path(sys.executable).parent}/ray "$@"')
    return {
        **os.environ,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "EVALKIT_CACHE": str(tmp_path / "cache"),
        "SLURM_JOB_ID": "17",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_CPUS_PER_TASK": "1",
        "RAY_PORT": str(free_port()),
        "RAY_raylet_start_wait_time_s": "180",
        "RAY_worker_niceness": "0",
        "EVALKIT_OUT": str(tmp_path / "run"),
    }


@pytest.mark.slow("starts two Ray nodes as processes")
def test_the_slurm_script_runs_over_two_nodes(stand_in: dict[str, str], tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("torch") is None:
        pytest.skip("pip install 'evalkit-harness[local,ray]'")
    from ray.util import get_node_ip_address

    # Ray puts a machine's own address in the place of 127.0.0.1.
    program(tmp_path / "bin", "hostname", f"echo {get_node_ip_address()}")
    words = [str(RECIPES / "evalkit-ray.sbatch"), "toy_mmlu", "--model", "tiny", "--no-cache"]
    done = subprocess.run(words, env=stand_in, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert written["status"] == "finished"
    assert written["model"]["computed"]["replicas"].startswith("2, 2 started")
    ran = (tmp_path / "srun").read_text().splitlines()
    assert ran.count("node1 ray start") == 1 and ran.count("node2 ray start") == 1
    assert not listens(stand_in["RAY_PORT"]), "Ray is stopped along with the script"


def listens(port: str) -> bool:
    from ray.util import get_node_ip_address

    with socket.socket() as one:
        return one.connect_ex((get_node_ip_address(), int(port))) == 0


def test_the_slurm_script_ends_where_ray_does_not_start(stand_in: dict[str, str], tmp_path: Path) -> None:
    program(tmp_path / "bin", "ray", 'echo "no port is free" >&2; exit 1')
    words = [str(RECIPES / "evalkit-ray.sbatch"), "toy"]
    done = subprocess.run(words, env=stand_in, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "no port is free" in done.stderr
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(("begun", "expected"), [(False, "run toy --replicas auto"), (True, "run --resume")])
def test_the_slurm_script_resumes_what_was_begun(
    stand_in: dict[str, str], tmp_path: Path, begun: bool, expected: str
) -> None:
    for name in ("ray", "evalkit"):
        program(tmp_path / "bin", name, f'echo "{name} $*" >> {tmp_path}/asked')
    if begun:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "manifest.json").write_text("{}")
    words = [str(RECIPES / "evalkit-ray.sbatch"), "toy"]
    done = subprocess.run(words, env=stand_in, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (asked,) = [line for line in (tmp_path / "asked").read_text().splitlines() if line.startswith("evalkit")]
    assert asked.startswith(f"evalkit {expected}") and f"--ray 127.0.0.1:{stand_in['RAY_PORT']}" in asked
    assert str(tmp_path / "run") in asked


@pytest.mark.parametrize(("engine", "program_name"), [("tgi", "text-generation-launcher"), ("sglang", "python")])
def test_the_server_script_starts_asks_and_stops(
    stand_in: dict[str, str], tmp_path: Path, engine: str, program_name: str
) -> None:
    pid = tmp_path / "pid"
    program(tmp_path / "bin", program_name, f'echo "$*" > {tmp_path}/served; echo $$ > {pid}; exec sleep 60')
    program(tmp_path / "bin", "curl", f"[[ -f {pid} ]]")
    program(tmp_path / "bin", "evalkit", f'echo "$*" > {tmp_path}/asked')
    words = [str(RECIPES / "serve-and-run.sh"), engine, "org/m", "toy_squad"]
    env = {**stand_in, "PORT": "4000"}
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (
        tmp_path / "asked"
    ).read_text() == f"run toy_squad --model {engine}/org/m,base_url=http://127.0.0.1:4000/v1\n"
    assert "org/m --port 4000" in (tmp_path / "served").read_text()
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_the_ray_job_is_yaml_that_resumes() -> None:
    job = yaml.safe_load((RECIPES / "evalkit-rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert "--resume" in job["spec"]["entrypoint"] and "--replicas auto" in job["spec"]["entrypoint"]
    assert job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["maxReplicas"] > 1
