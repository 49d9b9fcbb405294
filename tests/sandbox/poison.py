"""What a program may try to leave for the next one on its worker, a resource a row: a line here is a test.

`leave` runs first and does its worst; an error ends it and is no matter. `see` is the body of an honest function that
returns what the resource looks like from inside. It has "7\\n" as standard input, and must see after `leave` what it
saw on a worker that nobody had used.
"""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    leave: str
    see: str


_C = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
_TWO_FOLDERS = "return sorted(os.listdir('/tmp')), sorted(os.listdir('/dev/shm'))"
_MODES = "return [oct(os.stat(p).st_mode) for p in ('/tmp', '/dev/shm', '/dev/pts', '/dev/pts/ptmx')]"
_AGES = """
made = os.stat('/dev').st_mtime
return [abs(t - made) < 0.25 for p in ('/tmp', '/dev/shm') for t in (os.stat(p).st_mtime, os.stat(p).st_ctime)]
"""
_LISTENING = """
import socket
s = socket.socket(socket.AF_UNIX)
try:
    s.connect('\\0left')
except OSError as error:
    return error.errno
"""
_IN_A_CHILD = "if os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n"
_FLAGS = "import fcntl\nreturn [fcntl.fcntl(n, fcntl.F_GETFL) for n in range(3)], fcntl.fcntl(0, fcntl.F_GETOWN)"
_SIGNALS = """
import signal
mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
return [str(signal.getsignal(n)) for n in range(1, 32)], sorted(mask), sorted(signal.sigpending())
"""
_LIMITS = """
import resource
kinds = [n for n in dir(resource) if n.startswith('RLIMIT_') and n != 'RLIMIT_AS']
space = resource.getrlimit(resource.RLIMIT_AS)[0]
return [(n, resource.getrlimit(getattr(resource, n))) for n in kinds], space > 1 << 27
"""
_SYSCTLS = """
names = ('kernel/shmmax', 'kernel/msgmax', 'fs/mqueue/msg_max', 'user/max_user_namespaces', 'kernel/ns_last_pid')
return [open('/proc/sys/' + n).read() for n in names[:4] if os.path.exists('/proc/sys/' + n)]
"""
_SCHEDULING = """
return os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0)), \
    open('/proc/self/oom_score_adj').read(), open('/proc/self/comm').read(), open('/proc/self/timerslack_ns').read()
"""
_GROUPS = """
processes = [p for p in os.listdir('/proc') if p.isdigit()]
return os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid(), len(processes)
"""

PAIRS: dict[str, Pair] = {
    # ------------------------------------------------ files and folders
    "files": Pair("open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x')", _TWO_FOLDERS),
    "a tree nobody may enter": Pair("os.makedirs('/tmp/a/b/c'); os.chmod('/tmp/a', 0)", _TWO_FOLDERS),
    "a name in the folder that is a link": Pair("os.symlink('/usr', '/tmp/usr'); os.mkfifo('/tmp/pipe')", _TWO_FOLDERS),
    "a folder that takes no files": Pair(
        "os.chmod('/tmp', 0o555)", "open('/tmp/mine', 'w').write('x'); return os.listdir('/tmp')"
    ),
    "a folder nobody may list": Pair("os.chmod('/dev/shm', 0)", _TWO_FOLDERS),
    "folders open to all": Pair("for p in ('/tmp', '/dev/shm'): os.chmod(p, 0o7777)", _MODES),
    "terminals": Pair("os.chmod('/dev/pts/ptmx', 0); os.chmod('/dev/pts', 0)", _MODES),
    "an open terminal": Pair("import pty\npty.openpty()\n" + _IN_A_CHILD, "return os.listdir('/dev/pts')"),
    "times of the folders": Pair("time.sleep(0.4)\nfor p in ('/tmp', '/dev/shm'): os.utime(p, (7, 7))", _AGES),
    "times after a file that is gone": Pair("time.sleep(0.4); open('/tmp/x', 'w'); os.remove('/tmp/x')", _AGES),
    "extended attributes": Pair(
        "os.setxattr('/tmp', 'user.left', b'x')", "return os.listxattr('/tmp'), os.listxattr('/dev/shm')"
    ),
    "a full folder": Pair(
        "with open('/tmp/x', 'wb') as f:\n    while True: f.write(bytes(1 << 20))", "return os.statvfs('/tmp').f_bavail"
    ),
    "a device of the system": Pair("os.chmod('/dev/null', 0)", "return oct(os.stat('/dev/null').st_mode)"),
    # ------------------------------------------------ descriptors
    "modes of the standard streams": Pair(
        "for n in range(3): os.fchmod(n, 0)", "return open('/dev/stdin').read(), oct(os.fstat(1).st_mode)"
    ),
    "flags of the standard streams": Pair(
        "import fcntl\nfor n in range(3): fcntl.fcntl(n, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)", _FLAGS
    ),
    "an owner for signals of the streams": Pair("import fcntl\nfcntl.fcntl(0, fcntl.F_SETOWN, 1)", _FLAGS),
    "a lock on the standard input": Pair(
        "import fcntl\nfcntl.flock(0, fcntl.LOCK_EX)",
        "import fcntl\nreturn fcntl.flock(open('/dev/stdin'), fcntl.LOCK_EX | fcntl.LOCK_NB)",
    ),
    "offsets and sizes of the streams": Pair(
        "os.lseek(0, 3, 0); os.ftruncate(1, 5000); os.lseek(1, 900, 0); os.ftruncate(2, 77)",
        "return os.lseek(0, 0, 1), os.lseek(1, 0, 1), os.fstat(1).st_size, os.fstat(2).st_size, os.read(0, 9)",
    ),
    "times of the streams": Pair("os.utime(0, (7, 7))", "return os.fstat(0).st_mtime == 7"),
    "seals on the streams": Pair("import fcntl\nfcntl.fcntl(1, 1033, 15)", "import fcntl\nreturn fcntl.fcntl(1, 1034)"),
    "attributes of the streams": Pair("os.setxattr(0, 'user.left', b'x')", "return os.listxattr(0)"),
    "open descriptors": Pair(
        "for n in range(4, 100): os.dup2(1, n, inheritable=True)",
        "return [n for n in range(200) if os.path.exists('/proc/self/fd/%d' % n) and n != 3]",
    ),
    "a file in memory": Pair("os.dup2(os.memfd_create('left', 0), 77)", "return os.path.exists('/proc/self/fd/77')"),
    # ------------------------------------------------ the process
    "environment": Pair("os.environ['LEFT'] = 'x'; os.putenv('TZ', 'x')", "return dict(os.environ), os.getenv('TZ')"),
    "signals": Pair(
        "import signal\nfor n in range(1, 32):\n    if n not in (9, 17, 19): signal.signal(n, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))",
        _SIGNALS,
    ),
    "signals to everybody": Pair(
        "for n in (10, 12, 17, 18, 23, 28, 34, 64):\n    for p in (1, -1): os.kill(p, n)", _SIGNALS
    ),
    "timers": Pair(
        "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.05); signal.setitimer(signal.ITIMER_VIRTUAL, 9)",
        "import signal\ntime.sleep(0.1)\nreturn [signal.getitimer(n) for n in range(3)]",
    ),
    "resource limits": Pair(
        "import resource\nfor n in range(16):\n    try: resource.setrlimit(n, (8, 8))\n    except ValueError: pass",
        _LIMITS,
    ),
    "working folder": Pair("os.chdir('/usr')", "return os.getcwd()"),
    "umask": Pair("os.umask(0o777)", "return os.umask(0)"),
    "locale": Pair(
        "import locale\nlocale.setlocale(locale.LC_ALL, 'C.UTF-8')",
        "import locale\nreturn locale.setlocale(locale.LC_ALL)",
    ),
    "time zone": Pair("os.environ['TZ'] = 'XXX-7'; time.tzset()", "return time.tzname, time.timezone, time.ctime(0)"),
    "modules": Pair(
        "sys.modules['left'] = sys; sys.modules['heapq'] = sys; sys.path.append('/left')",
        "import heapq\nreturn sorted(sys.modules), sys.path, heapq.__name__",
    ),
    "built-ins": Pair(
        "import builtins, json\nbuiltins.left = builtins.len = builtins.print = id\njson.dumps = id",
        "import builtins, json\nreturn len([1]), hasattr(builtins, 'left'), json.dumps([1])",
    ),
    "settings of the interpreter": Pair(
        "import gc\nsys.setrecursionlimit(77); gc.disable(); sys.set_int_max_str_digits(0); sys.setswitchinterval(1)",
        "import gc\nnumbers = sys.getrecursionlimit(), sys.get_int_max_str_digits(), sys.getswitchinterval()\n"
        "return numbers, gc.isenabled()",
    ),
    "niceness and scheduling": Pair(
        "open('/proc/self/oom_score_adj', 'w').write('1000'); open('/proc/self/comm', 'w').write('left')\n"
        "os.sched_setaffinity(0, [0]); os.nice(5)",
        _SCHEDULING,
    ),
    "niceness of everybody": Pair("for p in (1, os.getppid()): os.setpriority(os.PRIO_USER, 65534, 9)", _SCHEDULING),
    "process groups": Pair("os.setpgid(os.fork(), 0)", _GROUPS),
    "a process that stays": Pair(_IN_A_CHILD, _GROUPS),
    "an orphan that stays": Pair(
        "if os.fork() == 0:\n    " + _IN_A_CHILD.replace("\n", "\n    ") + "os._exit(0)", _GROUPS
    ),
    "a socket that listens": Pair(
        "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0left'); s.listen()\n" + _IN_A_CHILD, _LISTENING
    ),
    # ------------------------------------------------ objects of the kernel
    "System V shared memory": Pair(_C + "libc.shmget(4711, 4096, 0o1666)", _C + "return libc.shmget(4711, 4096, 0)"),
    "System V semaphores": Pair(_C + "libc.semget(4711, 1, 0o1666)", _C + "return libc.semget(4711, 1, 0)"),
    "System V message queues": Pair(_C + "libc.msgget(4711, 0o1666)", _C + "return libc.msgget(4711, 0)"),
    "POSIX shared memory": Pair(
        "import _posixshmem\n_posixshmem.shm_open('/left', os.O_CREAT | os.O_RDWR, mode=0o666)", _TWO_FOLDERS
    ),
    "POSIX semaphores": Pair(
        "import _multiprocessing\n_multiprocessing.SemLock(1, 0, 9, '/left', False)", _TWO_FOLDERS
    ),
    "POSIX message queues": Pair(
        _C + "libc.mq_open(b'/left', 0o102, 0o666, None)", _C + "return libc.mq_open(b'/left', 0)"
    ),
    "keys": Pair(
        _C + "for ring in (-1, -2, -3, -4): libc.syscall(248, b'user', b'left', b'x', 1, ring)",
        _C + "return [libc.syscall(250, 10, ring, b'user', b'left', 0) for ring in (-1, -2, -3, -4)]",
    ),
    "settings of the kernel": Pair(
        "for n in ('kernel/shmmax', 'fs/mqueue/msg_max', 'user/max_user_namespaces'):\n"
        "    try: open('/proc/sys/' + n, 'w').write('7')\n    except OSError: pass",
        _SYSCTLS,
    ),
    "the host's name": Pair(_C + "libc.sethostname(b'left', 4)", "return os.uname().nodename"),
}  # fmt: skip
