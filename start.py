"""Sets evalkit up in .venv and does one thing with it. Needs Python 3.11 or newer and nothing else.

python3 start.py quickstart    evaluate the embedded model on the bundled sample sets
python3 start.py test          check style and types, run the tests
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
NEEDED = (3, 11)
EXTRAS = {"quickstart": "local", "test": "local,dev"}


def main() -> int:
    """Set up, then run what was asked for; the exit code is that of the first step that fails."""
    if len(sys.argv) < 2 or sys.argv[1] not in EXTRAS:
        print(__doc__)
        return 2
    job, rest = sys.argv[1], sys.argv[2:]
    if sys.version_info < NEEDED:
        return use_newer_python()
    python = install(EXTRAS[job])
    if job == "test":
        install_system("bwrap", "bubblewrap", "the tests of generated programs")
        install_system("chromium", "chromium", "the tests of reports")
    if job == "quickstart":
        return subprocess.call([python, "-m", "evalkit.cli", "quickstart", *rest], cwd=HERE)
    steps = [
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [python, "-m", "pytest", *rest],
    ]
    for step in steps:
        print("$", " ".join(step[1:]), flush=True)
        code = subprocess.call(step, cwd=HERE)
        if code:
            return code
    return 0


def use_newer_python() -> int:
    """Hand over to a newer interpreter on the PATH, if there is one."""
    for minor in range(14, NEEDED[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return subprocess.call([found, str(HERE / "start.py"), *sys.argv[1:]])
    print(f"evalkit needs Python {NEEDED[0]}.{NEEDED[1]} or newer; this is {sys.version.split()[0]}")
    return 2


def install_system(program: str, package: str, needed_by: str) -> None:
    """Install a Debian package where it is missing and root and apt allow; else those tests say so and skip."""
    may = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if shutil.which(program) or not may:
        return
    print(f"installing {package}, for {needed_by}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", package]):
        if subprocess.call(["apt-get", "-qq", *step], env=environment, stdout=subprocess.DEVNULL):
            print(f"{package} could not be installed; those tests will be skipped")
            return


def install(extras: str) -> str:
    """Make .venv where it is missing and install evalkit in it with these extras; returns its interpreter."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print("making", VENV, flush=True)
        made = subprocess.call([sys.executable, "-m", "venv", str(VENV)])
        if made:
            print("cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv")
            raise SystemExit(made)
    print(f"installing evalkit[{extras}] (the first time takes some minutes)", flush=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--editable", f"{HERE}[{extras}]"]
    code = subprocess.call(command)
    if code:
        raise SystemExit(code)
    return str(python)


if __name__ == "__main__":
    sys.exit(main())
