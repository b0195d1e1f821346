"""Cutting a process off: what it can't do any more, it can't do for whoever takes it over.

Works for any user and in an ordinary container: no namespaces, no root, no helper program. Linux
only.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import struct
from collections.abc import Callable
from typing import Any, Final

# Imported here, not in the child: once Landlock is on, no module can be read any more.
seccomp: Any = None
NO_SECCOMP = ""
try:
    import pyseccomp

    seccomp = pyseccomp
except Exception as missing:  # the wheel, or the system's libseccomp.so.2, which it loads
    NO_SECCOMP = f"seccomp is missing: {missing}"

Lock = Callable[[int], object]

NOBODY: Final = 65534

# All that numpy, onnx and onnxruntime need once they are imported. No open, socket, fork, exec; no
# stat either, which would tell what files there are.
ALLOWED: Final = """
    read readv pread64 write writev close fstat lseek poll ppoll
    mmap munmap mremap mprotect madvise brk futex membarrier
    sched_yield sched_getaffinity getcpu getrusage sysinfo uname
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday getrandom
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    getpid gettid getuid geteuid set_robust_list rseq exit exit_group
"""

# Seccomp sees the flags of clone, but not those of clone3, which lie in memory. A new thread has
# CLONE_THREAD, and so shares everything; none of what else clone can make is a thread.
CLONE_THREAD: Final = 0x10000
_CLONE_NO_THREAD: Final = {
    "NEWTIME": 0x80,
    "PTRACE": 0x2000,
    "VFORK": 0x4000,
    "NEWNS": 0x20000,
    "NEWCGROUP": 0x2000000,
    "NEWUTS": 0x4000000,
    "NEWIPC": 0x8000000,
    "NEWUSER": 0x10000000,
    "NEWPID": 0x20000000,
    "NEWNET": 0x40000000,
}
TASKS_MOST: Final = 4096  # of the user's: threads take little else that has a limit

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_LANDLOCK_CREATE_RULESET: Final = 444  # the same number on every architecture
_LANDLOCK_RESTRICT_SELF: Final = 446
# How many kinds of file access, by the kernel's Landlock version; 16 from the fifth on.
_FILE_ACCESSES: Final = {1: 13, 2: 14, 3: 15, 4: 15}


def die_with(parent: int) -> None:
    """End this process when `parent`, which forked it, ends; at once if it already has."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def bound(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit processor time, and memory to so much beyond what is in use now."""
    limits = (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_AS, in_use() + memory_bytes, in_use() + memory_bytes),
        # A second apart, so that SIGXCPU says which limit it was; SIGKILL would not.
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
    )
    for limit, soft, hard in limits:
        resource.setrlimit(limit, (soft, hard))


def drop_root() -> None:
    """Root becomes nobody, where the container has one; seccomp must hold for root too."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)


def no_new_privileges() -> None:
    """What Landlock and seccomp ask for before they let anyone but root use them."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def deny_files() -> int:
    """Landlock: no file can be opened, made or listed. → the kernel's version of it, 0 for none."""
    version = int(_LIBC.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1))
    if version < 1:
        return 0
    files = (1 << _FILE_ACCESSES.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0  # bind, connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets, signals
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("QQQ", files, network, scopes)[:size]
    rules = _LIBC.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if rules < 0 or _LIBC.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0) < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused its rules")
    os.close(rules)
    return version


def deny_calls(*, threads: bool = False) -> None:
    """Seccomp: every call but ALLOWED is refused with EPERM; `threads` of its own are not."""
    if seccomp is None:
        raise OSError(NO_SECCOMP)
    calls = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    equal, own = seccomp.EQ, os.getpid()
    for name in ALLOWED.split():
        with contextlib.suppress(OSError, ValueError):  # not every architecture has each
            calls.add_rule(seccomp.ALLOW, name)
    # abort() signals itself. Without the bound, whoever is root could kill any process by this.
    calls.add_rule(seccomp.ALLOW, "tgkill", seccomp.Arg(0, equal, own))
    # To read limits is harmless; to set them would lift ours, or, by root, another process's.
    own_limits = seccomp.Arg(0, equal, 0), seccomp.Arg(2, equal, 0)
    calls.add_rule(seccomp.ALLOW, "prlimit64", *own_limits)
    if threads:
        checked = CLONE_THREAD | sum(_CLONE_NO_THREAD.values())
        thread = seccomp.Arg(0, seccomp.MASKED_EQ, checked, CLONE_THREAD)
        calls.add_rule(seccomp.ALLOW, "clone", thread)
        with contextlib.suppress(OSError, ValueError):  # a kernel, or library, without it
            calls.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # libc then takes clone
    calls.load()


def lock(parent: int) -> None:
    """All of it, in the order in which one does not stand in the way of the next."""
    _lock(parent, threads=False)


def lock_but_for_threads(parent: int) -> None:
    """The same for libraries that work in threads: the process may start some of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most = TASKS_MOST if hard == resource.RLIM_INFINITY else min(hard, TASKS_MOST)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    _lock(parent, threads=True)


def _lock(parent: int, *, threads: bool) -> None:
    drop_root()
    die_with(parent)  # a change of user would take it back
    no_new_privileges()
    deny_files()
    deny_calls(threads=threads)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


def in_use() -> int:
    """The size of this process's address space, in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
