"""Ways to isolate a worker: bubblewrap, a container engine, or, where the user insists, nothing but limits."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import UsageError
from evalkit.sandbox import cgroups
from evalkit.sandbox.bundle import BOOT
from evalkit.sandbox.program import ResourceLimits

NOBODY = 65534
IMAGE = "python:3.11-slim"
UNSAFE = "subprocess"
# Folders that hold nothing a sandbox needs, to be covered in the mount namespace of one process.
_STAGES = ("/mnt", "/media", "/srv", "/tmp")
# What /proc tells of this machine rather than of the sandbox, and programs have no use for.
_TOLD_BY_FILES = (
    *("cmdline", "config.gz", "diskstats", "interrupts", "kallsyms", "key-users", "keys", "modules", "partitions"),
    *("sched_debug", "swaps", "timer_list"),
)
_TOLD_BY_FOLDERS = ("acpi", "asound", "bus", "driver", "fs", "irq", "scsi")
# Where an interpreter has packages that were installed.
_INSTALLED = ("site-packages", "dist-packages", "ensurepip/_bundled")
_PYTHON = ["-s", "-S", "-P", "-B", "-u", "-c", BOOT]


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one worker: the command, and what the worker is told of its surroundings."""

    command: list[str]
    folders: tuple[str, ...] = ("/tmp", "/dev/shm")
    paths: tuple[str, ...] = ()
    own_users: bool = False
    """Whether the worker's user is its own, so that a limit on that user's processes counts no others."""
    scratch: str = ""
    """A folder on this machine to be removed with the worker."""


def launch(engine: str, limits: ResourceLimits, packages: Sequence[str] = ()) -> Launch:
    """The command that starts a worker under this engine; raises UsageError for packages that are not here."""
    if engine == "bubblewrap":
        return _bubblewrap(limits, packages)
    if engine in ("docker", "podman"):
        return _container(engine, limits)
    if sys.platform != "linux":
        raise UsageError("without isolation, programs can be limited on Linux only", found=sys.platform, fix=INSTALL)
    scratch = tempfile.mkdtemp(prefix="evalkit-unsafe-")
    paths = tuple(dict.fromkeys(str(folder.parent) for name in packages for folder in _package(name)))
    command = ["/usr/bin/env", "-i", "PYTHONHASHSEED=0", sys.executable, *_PYTHON]
    return Launch(command, folders=(scratch,), paths=paths, scratch=scratch)


# ---------------------------------------------------------------- bubblewrap


def _bubblewrap(limits: ResourceLimits, packages: Sequence[str]) -> Launch:
    found = shutil.which("bwrap")
    if found is None:
        raise UsageError("bubblewrap is not installed", fix=INSTALL)
    shown = {folder: folder for folder in _interpreter_folders()}
    for name in packages:
        shown |= {str(folder): f"/packages/{folder.name}" for folder in _package(name)}
    hidden = [folder for folder in shown if os.getuid() == 0 and not _reachable(Path(folder))]
    base = next((folder for folder in _STAGES if Path(folder).is_dir()), _STAGES[0])
    command = [found, *_walls(), *_system()]
    for folder, place in shown.items():
        source = f"{base}/{hidden.index(folder)}" if folder in hidden else folder
        command += ["--ro-bind", source, place]
    for folder in _installed(["/usr", "/usr/local", *_interpreter_folders()]):
        command += ["--size", "4096", "--tmpfs", folder, "--remount-ro", folder]
    command += _rooms(limits)
    command += ["--setenv", "PYTHONHASHSEED", "0", "--", _interpreter(), *_PYTHON]
    if os.getuid() == 0:
        # Root in a user namespace is still root to the files outside; nobody has nothing to lose.
        stage = [_reachable_python(), "-I", "-S", str(Path(__file__).with_name("stage.py"))]
        command = [*stage, str(NOBODY), base, str(len(hidden)), *hidden, *command]
    return Launch(command, paths=("/packages",) if packages else (), own_users=True)


def _walls() -> list[str]:
    user = str(NOBODY)
    namespaces = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    life = ["--as-pid-1", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    return [*namespaces, "--unshare-cgroup-try", *life, "--uid", user, "--gid", user, "--hostname", "sandbox"]


def _system() -> list[str]:
    """The system's libraries and programs, read-only; nothing of /etc, /home, /root, /var, /run or /opt."""
    found = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/") / name
        if path.is_symlink():
            found += ["--symlink", str(path.readlink()), f"/{name}"]
        elif path.is_dir():
            found += ["--ro-bind", f"/{name}", f"/{name}"]
    if Path("/etc/ld.so.cache").is_file():
        found += ["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    return found


def _installed(roots: list[str]) -> list[str]:
    found = (path for root in roots for name in _INSTALLED for path in Path(root).glob(f"lib*/python3*/{name}"))
    wheels = Path("/usr/share/python-wheels")
    return sorted({str(path) for path in (*found, wheels) if path.is_dir() and not path.is_symlink()})


def _proc() -> list[str]:
    """/proc of the sandbox without what it tells of this machine, and without settings to change."""
    found = ["--proc", "/proc"]
    for name in _TOLD_BY_FILES:
        if Path("/proc", name).is_file():
            found += ["--ro-bind", "/dev/null", f"/proc/{name}"]
    for name in _TOLD_BY_FOLDERS:
        if Path("/proc", name).is_dir():
            found += ["--size", "4096", "--tmpfs", f"/proc/{name}", "--remount-ro", f"/proc/{name}"]
    # The kernel lets the owner of these namespaces change their settings, which would outlast a program.
    return [*found, "--ro-bind", "/proc/sys", "/proc/sys"]


def _rooms(limits: ResourceLimits) -> list[str]:
    """/proc, /dev and two small folders in memory; everything else is read-only."""
    disk = str(limits.disk)
    small = ["--size", disk, "--tmpfs", "/tmp", "--size", disk, "--tmpfs", "/dev/shm"]
    return [*_proc(), "--dev", "/dev", *small, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _interpreter() -> str:
    """The interpreter below this environment's, whose folder has its library."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path = Path(sys.base_prefix) / "bin" / name
    return str(path if path.exists() else Path(os.path.realpath(sys.executable)))


def _interpreter_folders() -> list[str]:
    prefix = os.path.realpath(sys.base_prefix)
    return [] if prefix == "/usr" or prefix.startswith("/usr/") else [sys.base_prefix]


def _reachable_python() -> str:
    return os.path.realpath(sys.executable)


def _reachable(path: Path) -> bool:
    """Whether everyone may enter this folder."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _package(name: str) -> list[Path]:
    """The folder of an importable package and the one next to it that holds its libraries."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"the checks need the package {name!r}, which is not installed", fix=f"pip install {name}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    libraries = folder.with_name(f"{name}.libs")
    return [folder, libraries] if libraries.is_dir() else [folder]


# ---------------------------------------------------------------- containers


def _container(engine: str, limits: ResourceLimits) -> Launch:
    user = f"{NOBODY}:{NOBODY}"
    disk = f"rw,noexec,nosuid,nodev,size={limits.disk},uid={NOBODY},gid={NOBODY},mode=0700"
    memory = str(2 * limits.memory)
    command = [
        *(shutil.which(engine) or engine, "run", "--rm", "--interactive", "--pull", "never"),
        *("--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--user", user, "--ipc", "private", "--hostname", "sandbox", "--workdir", "/tmp"),
        *("--memory", memory, "--memory-swap", memory, "--pids-limit", str(limits.processes + 8)),
        *("--cpus", "1", "--tmpfs", f"/tmp:{disk}", "--tmpfs", f"/dev/shm:{disk}"),
        *("--env", "PYTHONHASHSEED=0", "--entrypoint", "python3", image(), *_PYTHON),
    ]
    return Launch(command)


def in_own_cgroup(engine: str) -> bool:
    """Whether workers under this engine need a control group made for them; a container has one."""
    return engine not in ("docker", "podman")


def accounting(engine: str) -> str:
    """How what a program uses is counted under this engine, in words."""
    if in_own_cgroup(engine) and (folder := cgroups.parent()):
        return f"processor time and memory of programs are counted by the kernel, in a cgroup a worker below {folder}"
    counted = "processor time and memory of programs are added up from /proc, ten times a second"
    return counted + (
        "; no cgroup can be made here" if in_own_cgroup(engine) else "; the container's cgroup is a second limit"
    )


def image() -> str:
    """The container image: `EVALKIT_SANDBOX_IMAGE`, or the one named in the documentation."""
    return os.environ.get("EVALKIT_SANDBOX_IMAGE") or IMAGE


INSTALL = "apt-get install bubblewrap (dnf, pacman, apk and zypper have it under this name), or docker or podman"


def answers(engine: str) -> str:
    """Why a container engine cannot be used, or "" where it answers and has the image."""
    if shutil.which(engine) is None:
        return f"{engine} is not installed"
    try:
        done = subprocess.run([engine, "image", "inspect", image()], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{engine} does not answer: {error}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    if "no such image" in said[-1].lower() or "not known" in said[-1].lower():
        return f"{engine} has no image {image()}: {engine} pull {image()}"
    return f"{engine}: {said[-1][:200]}"
