"""A command that ends when it is told to, whatever it is doing.

It runs in a process and a process group of its own, with a folder for temporary files of its own,
and so does all that it starts: compilers, Yosys, simulations. This process waits for it. On SIGINT,
SIGTERM or SIGHUP it tells the group to end, kills what is left of it after :data:`GRACE` seconds
(Python looks at no signal while a library computes), and removes the folder.
"""

import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Stopped", "starting", "supervised"]

WORDS: dict[int, str] = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "hung up",
}

GRACE = 1.5
"""Seconds in which a command may clean up."""

INSIDE = "GEMMULE_SUPERVISED"
"""Set in the environment of a command that is supervised already."""

PARENT_DEATH = 1
"""Linux's ``prctl``: the signal that comes when the parent ends."""


class Stopped(BaseException):
    """The command was told to end: clean up and say nothing."""


def supervised(work: Callable[[], int]) -> int:
    """Run ``work`` as its own process; what it returns is the exit code, 128 + n after signal n."""
    if INSIDE in os.environ or not hasattr(os, "fork"):
        _stop_on_sigterm(lambda: None)
        return _until_stopped(work)
    _open_all()
    scratch = tempfile.mkdtemp(prefix="gemmule-")
    caught = [each for each in WORDS if signal.getsignal(each) != signal.SIG_IGN]
    inherited = {each: signal.getsignal(each) for each in (*caught, signal.SIGCHLD)}
    read, write = os.pipe()
    os.set_blocking(write, False)
    for each in (*inherited, signal.SIGTSTP):
        signal.signal(each, lambda _number, _frame: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    sys.stdout.flush()
    parent = os.getpid()
    child = os.fork()
    if child:
        with suppress(OSError):
            os.setpgid(child, child)
        try:
            code, told = _await(child, read)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if told:
            _say(WORDS[told])
        elif code < 0:
            _say(f"the command was killed by {signal.Signals(-code).name}")
        return 128 + (told or -code) if told or code < 0 else code
    signal.set_wakeup_fd(-1)
    for each, handler in inherited.items():
        signal.signal(each, handler)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # a terminal may stop background writers
    os.close(read)
    os.close(write)
    _begin(scratch, parent)
    try:
        return _until_stopped(work)
    finally:
        if os.getppid() != parent:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def starting() -> Iterator[None]:
    """End in a line, not in a traceback, where a signal comes while the command is imported."""
    ours = Path(sys.argv[0]).name == "gemmule" or sys.argv[0] == "-m"
    if not ours or INSIDE in os.environ:
        yield
        return
    before = {each: signal.getsignal(each) for each in WORDS}
    before = {each: handler for each, handler in before.items() if handler != signal.SIG_IGN}

    def stop(number: int, _frame: object) -> None:
        _say(WORDS[number])
        os._exit(128 + number)

    for each in before:
        signal.signal(each, stop)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def _await(child: int, read: int) -> tuple[int, int]:
    """Await ``child``; return its exit code, and the signal that told us to end it, or 0."""
    told, deadline = 0, None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([read], [], [], left)
        numbers = os.read(read, 512) if ready else b""
        stops = [each for each in numbers if each in WORDS]
        if signal.SIGTSTP in numbers:
            _stop_and_go(child)
        if stops and not told:
            told, deadline = stops[0], time.monotonic() + GRACE
            _signal(child, signal.SIGTERM)
        elif stops or (deadline and time.monotonic() >= deadline):
            _signal(child, signal.SIGKILL)
            deadline = time.monotonic() + GRACE
    if told:
        _signal(child, signal.SIGKILL)  # what its group may still hold
    return os.waitstatus_to_exitcode(status), told


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _stop_and_go(child: int) -> None:
    """Stop the command with us on Ctrl-Z, and let it go on with us."""
    _signal(child, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    _signal(child, signal.SIGCONT)


def _begin(scratch: str, parent: int) -> None:
    with suppress(OSError):
        os.setpgid(0, 0)
    os.environ |= {INSIDE: "1", "TMPDIR": scratch}
    tempfile.tempdir = None
    _stop_on_sigterm(lambda: _signal(0, signal.SIGTERM))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGTERM)
        if os.getppid() != parent:
            raise Stopped


def _stop_on_sigterm(also: Callable[[], None]) -> None:
    def stop(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        also()
        raise Stopped

    signal.signal(signal.SIGTERM, stop)


def _until_stopped(work: Callable[[], int]) -> int:
    try:
        return work()
    except Stopped:
        return 128 + signal.SIGTERM


def _open_all() -> None:
    """Give what the user closed to the void, or a file of ours would take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))


def _say(what: str) -> None:
    with suppress(OSError):
        os.write(2, f"gemmule: {what}\n".encode())
