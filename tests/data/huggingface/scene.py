"""Scenes with a loopback hub, each in a process of its own: the client libraries read their settings when imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.data.huggingface.server import LoopbackHub

REPOSITORY = Path(__file__).resolve().parents[3]
UNREACHABLE = "http://127.0.0.1:9"

_RESOLVE = """
import json, sys
from evalkit.core import UsageError
from evalkit.models import resolve

for spec in json.loads(sys.argv[1]):
    try:
        said = dict(resolve(spec).identity.facts)
    except UsageError as error:
        said = {"refused": str(error)}
    print("SAID " + json.dumps(said))
"""


@dataclass
class Scene:
    """A hub, and a home folder in which the client libraries keep what they fetch and evalkit what it computed."""

    hub: LoopbackHub
    home: Path

    def run(self, *arguments: str, cwd: Path = REPOSITORY, **environment: str) -> subprocess.CompletedProcess[str]:
        """Python with these arguments; `environment` on top of one that knows this hub alone."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "EVALKIT_"))}
        clean |= {
            "HF_HOME": str(self.home),
            "HF_ENDPOINT": self.hub.endpoint,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "EVALKIT_CACHE": str(self.home / "evalkit"),
            "PYTHONPATH": str(REPOSITORY),
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return subprocess.run(
            [sys.executable, *arguments],
            env=clean | environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def said(self, script: str, calls: object, *, cwd: Path = REPOSITORY, **environment: str) -> list[dict[str, Any]]:
        """The lines that begin with SAID, as JSON, of a script that is given `calls`."""
        done = self.run("-c", script, json.dumps(calls), cwd=cwd, **environment)
        assert done.returncode == 0, done.stderr
        return [json.loads(line.removeprefix("SAID ")) for line in done.stdout.splitlines() if line.startswith("SAID ")]

    def resolve(self, *specs: str, **environment: Any) -> list[dict[str, Any]]:
        """The identity of each model, or what refuses it."""
        return self.said(_RESOLVE, specs, **environment)

    def evalkit(self, *arguments: str, cwd: Path = REPOSITORY, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command line."""
        return self.run("-m", "evalkit.cli", *arguments, cwd=cwd, **environment)
