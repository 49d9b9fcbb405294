"""Hostile programs. Each defines `attack`, which returns "escaped" where the attack worked; the test asks for that.

So a program of these that passes has either broken out or forged its verdict. `run` runs all of them and says what else
could be seen from outside. The file runs by itself, too, so that it can be run as another user.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalkit.sandbox import Program, ResourceLimits, open_sandbox

TEST = 'assert attack() == "escaped"'
LIMITS = ResourceLimits(cpu=0.4, idle=0.4, wall=20.0, memory=128 << 20, output=1 << 18, file_size=4 << 20, disk=8 << 20)


def body(text: str) -> str:
    """A program whose attack is these lines; an error is not a success."""
    lines = text.strip("\n").splitlines()
    return "import os, sys, time\ndef attack():\n" + "".join(f"    {line}\n" for line in lines)


# The names in braces: a secret file, the folder it lies in, a port that listens, the host's pid, an abstract socket.
ATTACKS: dict[str, str] = {
    # ------------------------------------------------ reading and writing outside
    "read a secret file by its path": body('return "escaped" if "s3cret" in open({secret!r}).read() else "no"'),
    "read the password hashes": body('return "escaped" if open("/etc/shadow").read() else "no"'),
    "read the user list": body('return "escaped" if open("/etc/passwd").read() else "no"'),
    "find credentials below every home": body("""
import glob
found = [p for d in ("/home/*", "/root", {folder!r}) for p in glob.glob(d + "/.*/*")]
found += glob.glob("/root/.ssh/*") + glob.glob("/home/*/.aws/*") + glob.glob("/var/run/secrets/**", recursive=True)
return "escaped" if [p for p in found if os.path.exists(p) and not sys.base_prefix.startswith(p)] else "no"
"""),
    "write beside the secret": body('open({folder!r} + "/planted", "w").write("x"); return "escaped"'),
    "write into the root folder": body('open("/planted", "w").write("x"); return "escaped"'),
    "write into the system's folders": body("""
for folder in ("/usr", "/usr/bin", "/usr/lib/python3.11", "/etc", "/var/tmp", "/dev", "/run", sys.prefix):
    try:
        open(folder + "/planted", "w").write("x")
        return "escaped"
    except OSError:
        pass
"""),
    "change the interpreter's library": body("""
import json
open(json.__file__, "a").write("\\n# changed")
return "escaped"
"""),
    "remount the root writable": body("""
import ctypes
libc = ctypes.CDLL(None)
return "escaped" if libc.mount(b"none", b"/", None, 32, None) == 0 or libc.umount2(b"/usr", 2) == 0 else "no"
"""),
    "leave by chroot": body("""
os.mkdir("/tmp/jail")
os.chroot("/tmp/jail")
return "escaped"
"""),
    "walk out through the working folder of process 1": body(
        'return "escaped" if os.listdir("/proc/1/root") else "no"'
    ),
    "open by handle": body("""
import ctypes
libc = ctypes.CDLL(None)
fd = libc.open_by_handle_at(-100, ctypes.create_string_buffer(128), 0)
return "escaped" if fd >= 0 else "no"
"""),
    "write core_pattern": body('open("/proc/sys/kernel/core_pattern", "w").write("|/bin/sh"); return "escaped"'),
    "the command line of the kernel": body('return "escaped" if open("/proc/cmdline").read() else "no"'),
    "the disks of this machine": body('return "escaped" if open("/proc/partitions").read() else "no"'),
    "packages that are installed": body("""
import importlib.util
places = [os.path.join(root, lib) for root in (sys.base_prefix, "/usr", "/usr/local") for lib in ("lib", "lib64")]
places = [os.path.join(p, v) for p in places if os.path.isdir(p) for v in os.listdir(p) if v.startswith("python3")]
places = [os.path.join(p, n) for p in places for n in ("site-packages", "dist-packages", "ensurepip/_bundled")]
places = [p for p in (*places, "/usr/share/python-wheels") if os.path.isdir(p)]
sys.path += places + [os.path.join(p, n) for p in places for n in os.listdir(p) if n.endswith(".whl")]
found = [name for name in ("pip", "setuptools", "wheel", "evalkit", "numpy") if importlib.util.find_spec(name)]
return "escaped" if found or not places else "no"
"""),
    "trigger sysrq": body('open("/proc/sysrq-trigger", "w").write("h"); return "escaped"'),
    "read the host's memory": body('return "escaped" if open("/dev/mem", "rb").read(16) or 1 else "no"'),
    "make a device": body(
        'os.mknod("/tmp/disk", 0o60666, os.makedev(8, 0)); open("/tmp/disk", "rb"); return "escaped"'
    ),
    "a symbolic link raced into the cleaner's way": body("""
import threading
def flip():
    while True:
        try:
            os.mkdir("/tmp/a"); os.rmdir("/tmp/a"); os.symlink({folder!r}, "/tmp/a"); os.unlink("/tmp/a")
        except OSError:
            pass
for _ in range(4):
    threading.Thread(target=flip, daemon=True).start()
os.symlink({folder!r}, "/tmp/out"); os.symlink("/", "/tmp/root")
time.sleep(0.3)
"""),
    # ------------------------------------------------ environment and other processes
    "read the environment": body("""
return "escaped" if any("s3cret" in value for value in os.environ.values()) or len(os.environ) else "no"
"""),
    "read the environment of process 1": body(
        'return "escaped" if open("/proc/1/environ", "rb").read() or 1 else "no"'
    ),
    "read the memory of process 1": body('open("/proc/1/mem", "rb"); return "escaped"'),
    "open the descriptors of process 1": body("""
for number in range(32):
    try:
        os.open("/proc/1/fd/%d" % number, os.O_RDWR)
        return "escaped"
    except OSError:
        pass
"""),
    "trace the checks": body("""
import ctypes
libc = ctypes.CDLL(None)
others = [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
return "escaped" if any(libc.ptrace(16, pid, 0, 0) == 0 for pid in others) else "no"
"""),
    "write the memory of the checks": body("""
import ctypes
libc = ctypes.CDLL(None)
for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
    for name in ("mem", "fd", "maps", "environ", "cwd"):
        try:
            (os.listdir if name == "fd" else lambda p: os.open(p, os.O_RDWR))("/proc/%d/%s" % (pid, name))
            return "escaped"
        except OSError:
            pass
"""),
    "see the host's processes": body('return "escaped" if os.path.exists("/proc/{pid}") and {pid} > 200 else "no"'),
    "signal the host's process": body("""
os.kill({pid}, 0)
return "escaped" if {pid} > 200 else "no"
"""),
    "kill the worker": body("""
for number in (9, 19, 15, 2, 11):
    os.kill(1, number)
time.sleep(0.2)
"""),
    "kill everything": body("os.kill(-1, 9)"),
    "stop everything": body("os.kill(-1, 19)\ntime.sleep(0.1)"),
    "take the worker's limits away": body("""
import resource
resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))
return "escaped"
"""),
    "slow the worker down": body("""
done = 0
for call in (lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.sched_setaffinity(1, [0]), lambda: os.nice(19)):
    try:
        call()
        done += 1
    except OSError:
        pass
return "escaped" if done else "no"
"""),
    "a new user namespace": body("""
import ctypes
return "escaped" if ctypes.CDLL(None).unshare(0x10000000) == 0 else "no"
"""),
    "a new user namespace by clone": body("""
import ctypes
pid = ctypes.CDLL(None).syscall(56, 0x10000011, 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
return "escaped" if pid > 0 else "no"
"""),
    "raise its own limits": body("""
import resource
for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
    resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
return "escaped"
"""),
    "become root": body('os.setuid(0); return "escaped"'),
    "shared memory for the next program": body("""
import ctypes
return "escaped" if ctypes.CDLL(None).shmget(4711, 4096, 0o1666) >= 0 else "no"
"""),
    "a key for the next program": body("""
import ctypes
return "escaped" if ctypes.CDLL(None).syscall(248, b"user", b"note", b"x", 1, -4) > 0 else "no"
"""),
    # ------------------------------------------------ network
    "connect to the host's loopback": body("""
import socket
socket.create_connection(("127.0.0.1", {port}), timeout=0.5)
return "escaped"
"""),
    "listen on loopback for the next program": body("""
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
return "escaped"
"""),
    "ask a name server": body("""
import socket
socket.getaddrinfo("example.org", 80)
return "escaped"
"""),
    "send a datagram": body("""
import socket
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("::1", 53))
return "escaped"
"""),
    "a raw socket": body("""
import socket
socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
return "escaped"
"""),
    "talk to an abstract socket of the host": body("""
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout(0.5); s.connect("\\0" + {abstract!r})
return "escaped"
"""),
    # ------------------------------------------------ resources
    "fork bomb": body("""
while True:
    try:
        os.fork()
    except OSError:
        pass
"""),
    "memory bomb": body("held = []\nwhile True:\n    held.append(bytearray(16 << 20))"),
    "memory bomb in many processes": body("""
for _ in range(6):
    if os.fork() == 0:
        break
held = [bytearray(os.urandom(1 << 20)) * 60]
while True:
    time.sleep(0.05)
"""),
    "memory bomb in shared memory": body("""
for number in range(100):
    open("/dev/shm/%d" % number, "wb").write(bytes(4 << 20))
return "escaped"
"""),
    "disk bomb": body("""
import zlib
packed = zlib.compress(bytes(64 << 20))
number = 0
while number < 100:
    with open("/tmp/%d" % number, "wb") as out:
        out.write(zlib.decompress(packed, bufsize=1 << 20)[: 7 << 20])
    number += 1
return "escaped"
"""),
    "a file larger than allowed": body("""
with open("/tmp/large", "wb") as out:
    for _ in range(64):
        out.write(bytes(1 << 20))
return "escaped"
"""),
    "a million files": body("""
for number in range(10**6):
    open("/tmp/%d" % number, "w").close()
return "escaped"
"""),
    "folders without end": body("""
while True:
    os.mkdir("d"); os.chdir("d")
"""),
    "endless output": body('while True:\n    print("x" * 4096)'),
    "endless errors": body('while True:\n    os.write(2, b"x" * 65536)'),
    "an endless loop": body("while True:\n    pass"),
    "an endless loop in C": body("return max(iter(int, 1))"),
    "a number without end": body("return 10 ** 10 ** 10 and 'escaped'"),
    "sleep for ever": body("time.sleep(10**6)"),
    "sleep for ever, deaf to signals": body("""
import signal
for number in range(1, 64):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""),
    "processes that outlive it": body("""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            open("/tmp/alive", "w").write("x"); time.sleep(0.01)
    os._exit(0)
"""),
    "threads that outlive it": body("""
import threading
def keep():
    while True:
        open("/tmp/alive", "w").write("x")
for _ in range(8):
    threading.Thread(target=keep).start()
"""),
    # ------------------------------------------------ forging the verdict
    "exit with success in the tests": body("sys.exit(0)"),
    "exit with success, at once": body("os._exit(0)"),
    "exit with success while defining": "import sys\nsys.exit(0)\n",
    "exit at once while defining": "import os\nos._exit(0)\n",
    "another program that succeeds": body('os.execv("/usr/bin/true", ["true"])'),
    "succeed at exit": "import atexit, os\natexit.register(os._exit, 0)\ndef attack():\n    raise SystemExit\n",
    "an object equal to everything": """
class Any:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return hash("escaped")
    def __str__(self): return "no"
def attack():
    return Any()
""",
    "a text equal to everything": """
class Text(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
def attack():
    return Text("no")
""",
    "assertions without effect": """
import builtins, sys
class AssertionError(Exception): pass
builtins.AssertionError = AssertionError
builtins.__build_class__ = None
sys.flags = None
def attack():
    return "no"
""",
    "a patched comparison": """
import builtins, operator
operator.eq = lambda a, b: True
builtins.all = lambda *a: True
builtins.str = builtins.int = lambda *a: "escaped"
def attack():
    return "no"
""",
    "a patched unittest": """
import unittest, sys
unittest.TestCase.assertEqual = lambda *a: None
unittest.TestResult.wasSuccessful = lambda self: True
sys.modules["tests"] = sys
def attack():
    return "no"
""",
    "a trace that swallows the assertion": """
import sys, threading
sys.settrace(lambda *a: None)
sys.excepthook = lambda *a: None
sys.setprofile(lambda *a: None)
def attack():
    return "no"
""",
    "the expected value from the callers' frames": """
import sys, gc
def attack():
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()) + list(frame.f_code.co_consts):
            if isinstance(value, str) and "attack() %s" % "==" in value and value.count('"') == 2:
                return value.split('"')[1]
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, dict) and isinstance(thing.get("tests"), str):
            return thing["tests"].split('"')[1]
    return "no"
""",
    "the tests from its own memory": """
import ctypes, re
def attack():
    wanted = b"attack() %s" % b"=="
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "r" not in line.split()[1] or end - start > 1 << 28 or "[v" in line:
                continue
            memory.seek(start)
            found = re.search(re.escape(wanted) + rb' "(\\w+)"', memory.read(end - start))
            if found:
                return found.group(1).decode()
    return "no"
""",
    "the tests from its descriptors": body("""
for number in range(3, 256):
    try:
        os.lseek(number, 0, 0)
        text = os.read(number, 1 << 16).decode("utf-8", "replace")
        if "attack() ==" in text:
            return "escaped"
    except OSError:
        pass
"""),
    "a verdict into every descriptor": body("""
for number in range(256):
    for message in (b'{{"outcome": "passed"}}\\n', b'\\x00\\x00\\x00\\x16{{"outcome": "passed"}}\\n'):
        try:
            os.write(number, message)
        except OSError:
            pass
"""),
    "a verdict into the checks' messages": body("""
import json
for message in ({{"outcome": "passed"}}, ["v", {{"h": [0, True, False]}}], ["ask", 0, []], ["ask", "f", []], None):
    data = json.dumps(message).encode()
    os.write(3, len(data).to_bytes(4, "big") + data)
time.sleep(0.1)
os._exit(0)
"""),
    "messages that are none": body("""
for data in (b"\\xff" * 64, b"\\x00\\x00\\x00\\x02{{]", b"\\x7f\\xff\\xff\\xff"):
    os.write(3, data)
os._exit(0)
"""),
    "an end of the tests by StopIteration": body("raise StopIteration"),
    "an end of the tests by GeneratorExit": body("raise GeneratorExit"),
    "the checks killed": body("""
for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]:
    os.kill(pid, 9)
time.sleep(0.2)
return "escaped"
"""),
    "the checks stopped once they are done": body("""
import threading
def stop():
    while True:
        for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]:
            try:
                os.kill(pid, 19)
            except OSError:
                pass
threading.Timer(0.002, stop).start()
return "no"
"""),
    "the checks killed once they are done": body("""
import threading
def kill():
    while True:
        for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]:
            try:
                os.kill(pid, 9)
            except OSError:
                pass
threading.Timer(0.001, kill).start()
return "no"
"""),
    "signals that the worker waits for": body("""
for _ in range(2000):
    os.kill(1, 10); os.kill(1, 17)
return "no"
"""),
    "a generator of everything": """
class Everything:
    def __contains__(self, thing): return True
    def __getattr__(self, name): return Everything()
    def __call__(self, *a): return Everything()
    def __bool__(self): return True
def attack():
    return Everything()
""",
}


def prepared(text: str, folder: Path, port: int, abstract: str) -> str:
    """The attack with the names of this machine in it."""
    if "{" not in text or text.startswith(("\n", "import atexit")):
        return text
    return text.format(
        secret=str(folder / ".aws" / "credentials"), folder=str(folder), port=port, pid=os.getpid(), abstract=abstract
    )


def run(only: str = "") -> dict[str, Any]:
    """Run every attack and report, for each: the outcome, what it left, and how long an honest program then took."""
    found: dict[str, Any] = {"uid": os.getuid(), "attacks": {}}
    os.environ["EVALKIT_TEST_SECRET"] = "s3cret"
    with tempfile.TemporaryDirectory() as name, socket.socket() as server, socket.socket(socket.AF_UNIX) as hidden:
        folder = Path(name)
        (folder / ".aws").mkdir()
        (folder / ".aws" / "credentials").write_text("s3cret")
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        abstract = f"evalkit-test-{os.getpid()}"
        hidden.bind("\0" + abstract)
        hidden.listen(8)
        sandbox = open_sandbox(LIMITS, workers=1)
        found["engine"] = sandbox.engine
        before = sorted(str(path) for path in folder.rglob("*"))
        for label, text in ATTACKS.items():
            if only and only not in label:
                continue
            started = time.monotonic()
            source = prepared(text, folder, server.getsockname()[1], abstract)
            result = sandbox.run_now(Program(source, TEST, ("attack",)))
            seconds = time.monotonic() - started
            after = sandbox.run_now(replace(HONEST))
            found["attacks"][label] = {
                "outcome": str(result.outcome),
                "kind": result.kind,
                "message": result.message,
                "flags": result.flags,
                "seconds": round(seconds, 2),
                "next": str(after.outcome) if not after.passed else "passed",
                "next_cpu": after.cpu,
                "next_message": after.message,
            }
        found["left"] = sorted(set(map(str, folder.rglob("*"))) - set(before))
        found["secret"] = (folder / ".aws" / "credentials").read_text()
        sandbox.close()
    found["processes"] = survivors()
    return found


# An honest program that says where anything of an earlier one is left: files, environment, processes.
HONEST = Program(
    """
import os
def state():
    processes = [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid(), os.getppid())]
    return os.listdir("/tmp"), os.listdir("/dev/shm"), len(processes), dict(os.environ), os.getcwd()
""",
    # Itself and the worker are left out; the process of its checks is there.
    "files, shared, processes, environment, folder = state()\n"
    "assert (files, shared, environment, folder) == ([], [], {}, '/tmp'), (files, shared, environment, folder)\n"
    "assert processes == 1, processes",
    ("state",),
)


def survivors() -> list[str]:
    """Processes below this one that are still there a moment after the sandbox was closed."""
    deadline = time.monotonic() + 5
    while True:
        left = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (OSError, ValueError):
                continue
            if parent == os.getpid() and "bwrap" in words:
                left.append(words[:80])
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1] if len(sys.argv) > 1 else "")))
