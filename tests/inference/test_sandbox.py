"""Nothing gets out of the child, whatever it takes is bounded, and the self-test knows if not."""

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from dml.inference import lockdown
from dml.inference.outcome import Ending, Limits
from dml.inference.sandbox import HungUp, run, self_test
from tests.inference.processes import children_of, my_new_children, wait_until

SMALL = Limits(cpu_seconds=1, wall_seconds=1.2, memory_bytes=128 << 20, output_bytes=1000)
LIBC = ctypes.CDLL(None, use_errno=True)
SOURCE = Path(__file__).parents[2] / "src"


def ending(function: Callable[[], object], limits: Limits = SMALL) -> tuple[Ending, str]:
    def work() -> bytes:
        function()
        return b"done"

    outcome = run(work, limits)
    return outcome.ending, outcome.detail


def spin() -> None:
    while True:
        pass


def sleep() -> bytes:
    time.sleep(60)
    return b""


def close_everything_and_sleep() -> None:
    os.closerange(0, 100)
    time.sleep(60)


def test_what_the_function_gives_comes_back_byte_for_byte() -> None:
    every = bytes(range(256)) * 3
    assert run(lambda: every, SMALL).output == every
    large = os.urandom(5 << 20)
    assert run(lambda: large, Limits(output_bytes=6 << 20)).output == large


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda: None, Ending.ANSWERED),
        (spin, Ending.TOO_SLOW),
        (sleep, Ending.TOO_SLOW),
        (close_everything_and_sleep, Ending.TOO_SLOW),
        (lambda: bytearray(1 << 30), Ending.TOO_MUCH_MEMORY),
        (os.abort, Ending.CRASHED),
        (lambda: ctypes.string_at(0), Ending.CRASHED),
        (lambda: os._exit(3), Ending.CRASHED),
        (lambda: 1 / 0, Ending.RAISED),
        (sys.exit, Ending.RAISED),
    ],
    ids=range(10),
)
def test_how_a_child_ends_is_told(function: Callable[[], object], expected: Ending) -> None:
    assert ending(function)[0] is expected


def test_the_detail_says_what_happened() -> None:
    assert ending(lambda: 1 / 0) == (Ending.RAISED, "ZeroDivisionError: division by zero")
    assert ending(os.abort) == (Ending.CRASHED, "by SIGABRT")
    assert ending(lambda: os._exit(3)) == (Ending.CRASHED, "with exit code 3")


def test_output_without_end_is_cut_off() -> None:
    assert run(lambda: bytes(1001), SMALL).ending is Ending.TOO_MUCH_OUTPUT


def test_a_child_that_somebody_kills_is_not_the_models_fault() -> None:
    before = children_of(os.getpid())

    def kill_soon() -> None:
        wait_until(lambda: my_new_children(before))
        os.kill(my_new_children(before).pop(), signal.SIGKILL)

    killer = threading.Thread(target=kill_soon)
    killer.start()
    outcome = run(sleep, Limits(wall_seconds=30))
    killer.join()
    assert outcome.ending is Ending.KILLED


def test_when_nobody_waits_any_longer_the_child_is_ended() -> None:
    mine, theirs = socket.socketpair()
    threading.Timer(0.2, theirs.close).start()
    start = time.monotonic()
    with mine, pytest.raises(HungUp):
        run(sleep, Limits(wall_seconds=30), hang_up=mine.fileno())
    assert time.monotonic() - start < 10


def call(name: str, *arguments: int | bytes | None) -> None:
    if getattr(LIBC, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


ATTACKS: dict[str, Callable[[], object]] = {
    "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "open for writing": lambda: os.open("/tmp/dml-escaped", os.O_CREAT | os.O_WRONLY),
    "list": lambda: os.listdir("/"),
    "stat": lambda: os.stat("/etc/passwd"),
    "access": lambda: call("access", b"/etc/passwd", 4),
    "readlink": lambda: os.readlink("/proc/self/exe"),
    "chdir": lambda: os.chdir("/"),
    "socket": socket.socket,
    "unix socket": socket.socketpair,
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": os.fork,
    "signal to the parent": lambda: os.kill(os.getppid(), 0),
    "signal to init": lambda: os.kill(1, 0),
    "signal to all": lambda: os.kill(-1, 0),
    "signal to a thread of the parent": lambda: call("tgkill", os.getppid(), os.getppid(), 0),
    "limits of the parent": lambda: call("prlimit", os.getppid(), 0, None, bytes(16)),
    "its own limits": lambda: call("prlimit", 0, 4, bytes(16), None),
    "ptrace": lambda: call("ptrace", 0x4206, os.getppid(), 0, 0),
    "the parent's memory": lambda: call("process_vm_readv", os.getppid(), None, 0, None, 0, 0),
    "a user namespace": lambda: call("unshare", 0x10000000),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "become root": lambda: call("setuid", 0),
    "its priority": lambda: os.nice(-5),
    "a file in memory": lambda: os.memfd_create("x"),
    "a pipe": os.pipe,
    "terminal": lambda: os.open("/dev/tty", os.O_RDWR),
    "kernel log": lambda: call("klogctl", 10, None, 0),
    "its name": lambda: call("prctl", 15, b"other", 0, 0, 0),
    "asynchronous input and output": lambda: call("syscall", 425, 1, bytes(120)),
}


LOCKS = [lockdown.lock, lockdown.lock_but_for_threads]


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("in_a_thread", [False, True])
def test_every_way_out_is_refused(lock: lockdown.Lock, in_a_thread: bool) -> None:
    if in_a_thread and lock is lockdown.lock:
        return  # it can start none

    def attack() -> bytes:
        got_out = {}
        for name, attempt in ATTACKS.items():
            try:
                got_out[name] = repr(attempt())
            except PermissionError:
                continue
            except OSError as error:  # "no such file" is no refusal
                got_out[name] = str(error)
        return json.dumps(got_out).encode()

    def attack_in_a_thread() -> bytes:
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(attack).result()

    outcome = run(attack_in_a_thread if in_a_thread else attack, SMALL, lock=lock)
    assert outcome.ending is Ending.ANSWERED, outcome
    assert json.loads(outcome.output) == {}


CLONE = {"x86_64": 56, "aarch64": 220}[platform.machine()]
CLONE_VM, CLONE_VFORK, CLONE_NEWUSER = 0x100, 0x4000, 0x10000000


@pytest.mark.parametrize("flags", [0, CLONE_VM, CLONE_VM | CLONE_VFORK, CLONE_NEWUSER])
def test_what_may_start_threads_can_start_nothing_else(flags: int) -> None:
    def clone() -> bytes:
        try:
            if LIBC.syscall(CLONE, flags | signal.SIGCHLD, None, None, None, None) == 0:
                os._exit(0)
        except OSError as error:
            return str(error.errno).encode()
        return str(ctypes.get_errno()).encode()

    outcome = run(clone, SMALL, lock=lockdown.lock_but_for_threads)
    assert outcome.output == str(errno.EPERM).encode(), outcome


def test_threads_share_the_limits_of_their_process() -> None:
    def spin_twice() -> None:
        threading.Thread(target=spin, daemon=True).start()
        spin()

    def many() -> None:
        for _ in range(10_000):
            threading.Thread(target=sleep, daemon=True).start()

    locked = lockdown.lock_but_for_threads
    for function, allowed in ((spin_twice, {Ending.TOO_SLOW}), (many, {Ending.RAISED})):
        work = cast(Callable[[], bytes], function)
        assert run(work, SMALL, lock=locked).ending in allowed


def test_the_child_has_no_file_of_its_parents_open() -> None:
    secret, inherited = os.pipe()
    os.write(inherited, b"secret")
    os.set_inheritable(secret, True)

    def read() -> bytes:
        for file in range(3, 1000):
            try:
                os.read(file, 1)
            except OSError:
                continue
            return b"read " + str(file).encode()
        return b"nothing"

    try:
        assert run(read, SMALL).output == b"nothing"
    finally:
        os.close(secret)
        os.close(inherited)


def test_the_child_is_nobody_where_its_parent_is_root() -> None:
    user = int(run(lambda: str(os.getuid()).encode(), SMALL).output)
    assert user == (lockdown.NOBODY if os.getuid() == 0 else os.getuid())


def test_the_self_test_holds_here() -> None:
    assert self_test() is None


def test_the_self_test_of_what_may_start_threads_holds_but_for_them() -> None:
    locked = lockdown.lock_but_for_threads
    assert self_test(locked, threads=True) is None
    assert self_test(locked) == "thread succeeded"
    assert self_test(lockdown.lock, threads=True) == "thread was refused"


def test_without_landlock_seccomp_alone_holds() -> None:
    def without_landlock(parent: int) -> None:
        lockdown.die_with(parent)
        lockdown.no_new_privileges()
        lockdown.deny_calls()

    assert self_test(without_landlock) is None


def test_without_seccomp_landlock_alone_does_not_hold() -> None:
    def without_seccomp(parent: int) -> None:
        lockdown.die_with(parent)
        lockdown.no_new_privileges()
        lockdown.deny_files()

    why = str(self_test(without_seccomp))
    assert "socket succeeded" in why
    assert "fork succeeded" in why
    assert "open" not in why


def test_without_either_the_self_test_says_all_that_got_out() -> None:
    why = str(self_test(lockdown.die_with))
    for attempt in ("open", "write", "list", "stat", "socket", "fork", "kill", "set limits"):
        assert f"{attempt} succeeded" in why
    assert "exec was not refused" in why
    assert "memory" not in why


def test_a_lock_that_fails_is_no_sandbox() -> None:
    def fail(_: int) -> None:
        raise OSError("libseccomp.so.2 is missing")

    assert "libseccomp.so.2 is missing" in str(self_test(fail))


OLD_KERNEL = """
import errno, json, sys
import pyseccomp
from dml.inference.runner import Sandbox, Unsafe
from tests.inference.models import digits_like_model, image_spec

calls = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
if "landlock" in sys.argv:
    calls.add_rule(pyseccomp.ERRNO(errno.ENOSYS), 444)
if "seccomp" in sys.argv:
    calls.add_rule(pyseccomp.ERRNO(errno.EINVAL), "seccomp")
    calls.add_rule(pyseccomp.ERRNO(errno.EINVAL), "prctl", pyseccomp.Arg(0, pyseccomp.EQ, 22))
calls.load()
with Sandbox() as sandbox:
    why = sandbox.self_test()
    try:
        sandbox.check(digits_like_model(), image_spec(), 10)
        refusal = None
    except Unsafe as unsafe:
        refusal = str(unsafe)
print(json.dumps([why, refusal]))
"""


def on_a_kernel_without(*features: str) -> tuple[str | None, str | None]:
    """What the self-test says, and what a check is refused with, where the kernel lacks these."""
    done = subprocess.run(
        [sys.executable, "-c", OLD_KERNEL, *features],
        env={**os.environ, "PYTHONPATH": f"{SOURCE}:{SOURCE.parent}"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    why, refusal = json.loads(done.stdout)
    return why, refusal


def test_on_a_kernel_without_landlock_models_run() -> None:
    assert on_a_kernel_without("landlock") == (None, None)


def test_on_a_kernel_without_seccomp_nothing_runs() -> None:
    why, refusal = on_a_kernel_without("seccomp")
    assert why is not None
    assert "could not be set up" in why
    assert refusal is not None
    assert why in refusal


def test_the_self_test_holds_whatever_memory_its_parent_has_freed() -> None:
    freed = [bytes(100_000) for _ in range(5_000)]
    kept = bytes(100_000)  # Above them, so that the allocator cannot give them back.
    freed.clear()
    assert self_test() is None
    assert len(kept) == 100_000
