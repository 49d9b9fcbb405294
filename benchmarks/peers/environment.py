"""One virtual environment for both harnesses, so that they run on the same versions of everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Read, not imported: these scripts run with a Python that has no evalkit.
NAME = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
REQUIREMENTS = (
    "lm-eval[hf,ifeval]==0.4.13",
    "torch>=2.4,<2.14",
    "transformers>=5,<6",
    "accelerate>=1.2,<2",
    "gguf>=0.17,<1",
)
_REPORTED = (NAME, "lm-eval", "torch", "transformers", "tokenizers")


@dataclass(frozen=True)
class Environment:
    """A folder with both harnesses installed."""

    folder: Path

    @property
    def python(self) -> str:
        return self.program("python")

    def program(self, name: str) -> str:
        """The path of a command of the environment."""
        return str(self.folder / ("Scripts" if os.name == "nt" else "bin") / name)

    def versions(self) -> dict[str, str]:
        """What is installed, by the names that matter for the result."""
        code = (
            "import importlib.metadata as m, json, sys; "
            f"print(json.dumps({{'python': sys.version.split()[0], **{{n: m.version(n) for n in {_REPORTED}}}}}))"
        )
        found = subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True)
        versions: dict[str, str] = json.loads(found.stdout)
        return versions


def ready(folder: Path) -> Environment:
    """The environment in that folder, made where it is missing or was made for other requirements."""
    environment = Environment(folder)
    stamp = folder / "installed.txt"
    wanted = "\n".join([*REQUIREMENTS, str(CHECKOUT), (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return environment
    print(f"installing lm-eval and evalkit into {folder} (the first time takes some minutes)", flush=True)
    if not Path(environment.python).exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [environment.python, "-m", "pip", "install", "--quiet", *REQUIREMENTS]
    install += ["--editable", f"{CHECKOUT}[local,embeddings]"]
    subprocess.run(install, check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return environment
