"""Real servers in processes of their own, for tests that need one: started, waited for, ended."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

__all__ = ["ECHO", "ENVIRONMENT", "announced", "needs", "serving", "transformers_serve"]

ECHO = Path(__file__).parent / "models" / "api" / "echoserver.py"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
PATIENCE_S = 90.0


def needs(packages: Sequence[str], why: str) -> None:
    """Skips the test where one of the packages is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(why.format(package=package))


@contextlib.contextmanager
def serving(command: Sequence[str], health: str) -> Iterator[str]:
    """The address (http://127.0.0.1:<port>) of a server that is told its port by `--port`, once `health` answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [*command, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(server, f"{address}{health}")
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _await(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).read()
            return
        assert server.poll() is None, f"{server.args!r} ended"
        time.sleep(0.25)
    raise AssertionError(f"{url} does not answer after {PATIENCE_S:.0f} s")


@contextlib.contextmanager
def announced(command: Sequence[str]) -> Iterator[str]:
    """The address of a server that picks its port and prints it as its first line."""
    server = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.kill()
        server.wait(20)
        server.stdout.close()


def transformers_serve() -> contextlib.AbstractContextManager[str]:
    """`transformers serve` on the CPU; the model is named by each request."""
    why = "transformers serve is the server and needs {package}: pip install 'transformers[serving]'"
    needs(("torch", "transformers", "fastapi", "uvicorn", "openai", "aiohttp"), why)
    program = Path(sys.executable).with_name("transformers")
    return serving([str(program), "serve", "--device", "cpu"], "/health")
