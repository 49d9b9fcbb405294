"""Sets evalkit up in .venv and does one thing with it. Needs Python 3.11 or newer and nothing else.

python3 start.py quickstart        evaluate the embedded model on the bundled sample sets
python3 start.py test              check style and types, run the tests; what follows is passed on to pytest
python3 start.py test --fast       the same without the slow tests: they train models, open a browser, start processes
python3 start.py test --nightly    try the property tests on many random examples
python3 start.py update            try the newest releases; where the tests pass, write constraints.txt

What is installed are the versions in constraints.txt, with which the tests passed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
CONSTRAINTS = HERE / "constraints.txt"
NEEDED = (3, 11)
EXTRAS = {"quickstart": "local", "test": "local,dev", "update": "local,dev"}


def main() -> int:
    """Set up, then run what was asked for; the exit code is that of the first step that fails."""
    if len(sys.argv) < 2 or sys.argv[1] not in EXTRAS:
        print(__doc__)
        return 2
    job, rest = sys.argv[1], sys.argv[2:]
    if sys.version_info < NEEDED:
        return use_newer_python()
    if job == "update":
        return update(rest)
    python = install(VENV, EXTRAS[job], CONSTRAINTS)
    if job == "quickstart":
        return subprocess.call([python, "-m", "evalkit.cli", "quickstart", *rest], cwd=HERE)
    return test(python, rest)


def test(python: str, rest: list[str]) -> int:
    """Check style and types and run the tests; the exit code is that of the first step that fails."""
    install_system("bwrap", "bubblewrap", "the tests of generated programs")
    install_system("chromium", "chromium", "the tests of reports")
    if "--nightly" in rest:
        many = [python, "-m", "pytest", "-m", "hypothesis", "--hypothesis-profile", "nightly"]
        return subprocess.call([*many, *(word for word in rest if word != "--nightly")], cwd=HERE)
    steps = [
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [python, "-m", "pytest", *how_to_test(rest)],
    ]
    for step in steps:
        print("$", " ".join(step[1:]), flush=True)
        code = subprocess.call(step, cwd=HERE)
        if code:
            return code
    return 0


def update(rest: list[str]) -> int:
    """Resolve every dependency anew, run the tests with what came out, and keep it where they pass.

    The environment .venv-update is made from nothing each time and stays, so that a failure can be looked into.
    """
    venv = HERE / ".venv-update"
    shutil.rmtree(venv, ignore_errors=True)
    python, new = make(venv), venv / "constraints.txt"
    resolver = [python, "-m", "uv", "pip", "compile", "pyproject.toml", "--output-file", str(new), "--quiet"]
    resolver += ["--all-extras", "--universal", "--python-version", ".".join(map(str, NEEDED))]
    resolver += ["--no-header", "--no-annotate"]
    for step in ([python, "-m", "pip", "install", "--quiet", "uv"], resolver):
        if code := subprocess.call(step, cwd=HERE):
            return code
    changes = changed(CONSTRAINTS.read_text(), new.read_text())
    print("\n".join(["newer releases:", *changes] if changes else ["every release is the newest already"]), flush=True)
    code = test(install(venv, EXTRAS["update"], new), rest)
    if code:
        print(f"the tests fail with these releases (above); {CONSTRAINTS.name} stays as it is, {new} has them")
        return code
    comment = [line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("#")]
    CONSTRAINTS.write_text("\n".join([*comment, new.read_text()]))
    print(f"the tests pass with these releases; {CONSTRAINTS.name} has them now")
    return 0


def changed(old: str, new: str) -> list[str]:
    """What differs between two constraints files, a package a line: `  pyyaml 6.0.3 → 6.0.4`."""

    def versions(text: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in text.splitlines():
            name, _, rest = line.partition("==")
            if rest and not line.startswith("#"):
                found.setdefault(name, []).append(rest.split(" ")[0])
        return found

    before, after = versions(old), versions(new)
    return [
        f"  {name} {' / '.join(before.get(name, ['–']))} → {' / '.join(after.get(name, ['–']))}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def how_to_test(rest: list[str]) -> list[str]:
    """pytest's arguments: a worker a processor, up to eight; a file's tests stay together and share what they make."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parallel = ["--numprocesses", str(min(count, 8)), "--dist", "loadfile"]
    chosen = ["-m", "not slow"] if "--fast" in rest else []
    return [*parallel, "--durations", "25", *chosen, *(one for one in rest if one != "--fast")]


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


def make(venv: Path) -> str:
    """Make a virtual environment where it is missing; returns its interpreter."""
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print("making", venv, flush=True)
        made = subprocess.call([sys.executable, "-m", "venv", str(venv)])
        if made:
            print("cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv")
            raise SystemExit(made)
    return str(python)


def install(venv: Path, extras: str, constraints: Path) -> str:
    """Install this checkout with these extras in an environment; returns its interpreter."""
    python = make(venv)
    print(f"installing evalkit with {extras} (the first time takes some minutes)", flush=True)
    command = [python, "-m", "pip", "install", "--quiet", "--constraint", str(constraints)]
    code = subprocess.call([*command, "--editable", f"{HERE}[{extras}]"])
    if code:
        raise SystemExit(code)
    return python


if __name__ == "__main__":
    sys.exit(main())
