"""Signals (F10) and the ends of output (F9): quick, quiet, with nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

LIMIT = 3.0
MARK = "GEMMULE_TEST_MARK"
GEMMULE = [sys.executable, "-m", "gemmule.gen"]
EXITS = {
    signal.SIGINT: (130, "gemmule: interrupted\n"),
    signal.SIGTERM: (143, "gemmule: terminated\n"),
    signal.SIGHUP: (129, "gemmule: hung up\n"),
}
SIZE = "--rows 5 --cols 3 --acc-depth 33"

# What to run, and the program that shows that it is at work; "" for its own.
SITUATIONS = {
    "simulate, compiling": (f"simulate gemm {SIZE} --inputs in.npz --out o.npz", "cc1plus"),
    "simulate, running": ("simulate adder --inputs long.npz --waves w.fst", "simulation"),
    "synth": ("synth gemm --rows 9 --cols 9 --board vc709", "-c"),
    "fit": ("fit array --board zcu102", "-c"),
    "generate": ("generate gemm --rows 128 --cols 128 --out ip", ""),
    "verify": (f"verify gemm {SIZE} --inputs in.npz", "cc1plus"),
    "bench": ("bench gemm-cycles --quick --out b", "cc1plus"),
    "demo": ("demo", ""),
}
QUICK = {
    "simulate, compiling": signal.SIGTERM,
    "synth": signal.SIGINT,
    "verify": signal.SIGHUP,
    "generate": signal.SIGTERM,
}


def marked(mark: str) -> dict[int, list[str]]:
    """Return the processes that carry ``mark`` in their environment, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
    return found


def at_work(mark: str, program: str, began: float) -> bool:
    if not program:
        return time.monotonic() - began > 4
    words = [word for command in marked(mark).values() for word in command[:2]]
    return any(Path(word).name == program for word in words)


def check(tmp_path, words: list[str], program: str, number: int) -> None:
    rng = np.random.default_rng(3)
    np.savez(tmp_path / "in.npz", a=rng.integers(-9, 9, (9, 9)), b=rng.integers(-9, 9, (9, 9)))
    (tmp_path / "cache").mkdir()
    (tmp_path / "tmp").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    mark = f"{MARK}={os.getpid()}-{time.monotonic_ns()}"
    variables = {"TMPDIR": str(tmp_path / "tmp"), "GEMMULE_CACHE": str(tmp_path / "cache")}
    environment = os.environ | variables | dict([mark.split("=")])
    began = time.monotonic()
    process = subprocess.Popen(
        words,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not at_work(mark, program, began):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() - began < 120, marked(mark)
            time.sleep(0.05)
        sent = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        seconds = time.monotonic() - sent
    finally:
        process.kill()
        left = marked(mark)
        for each in left:
            os.kill(each, signal.SIGKILL)
    assert (process.returncode, err) == EXITS[number]
    assert out == ""
    assert seconds < LIMIT
    assert not left
    assert not list((tmp_path / "tmp").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", QUICK)
def test_f10_a_signal_ends_it_all(tmp_path, name):
    words, program = SITUATIONS[name]
    check(tmp_path, [*GEMMULE, *words.split()], program, QUICK[name])


@pytest.mark.full
@pytest.mark.parametrize("number", EXITS)
@pytest.mark.parametrize("name", [each for each in SITUATIONS if "running" not in each])
def test_f10_any_signal_ends_any_verb(tmp_path, name, number):
    words, program = SITUATIONS[name]
    check(tmp_path, [*GEMMULE, *words.split()], program, number)


# What a library computes for long, deaf to signals, with a child that ignores them.
DEAF = """
import os, subprocess, sys, tempfile, time
from gemmule.gen.cli.supervise import supervised
def work():
    tempfile.mkdtemp()
    subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 60; true"])
    import ctypes
    ctypes.PyDLL(None).sleep(30)  # holds the interpreter
    return 0
sys.exit(supervised(work))
"""


@pytest.mark.parametrize("number", EXITS)
def test_f10_what_hears_nothing_is_killed(tmp_path, number):
    check(tmp_path, [sys.executable, "-c", DEAF], "sleep", number)


def test_f10_the_death_of_the_supervisor_is_the_end_as_well(tmp_path):
    script = DEAF.replace("ctypes.PyDLL(None).sleep(30)", "time.sleep(30)").replace("trap", "true")
    mark = f"{MARK}={os.getpid()}-{time.monotonic_ns()}"
    environment = os.environ | {"TMPDIR": str(tmp_path)} | dict([mark.split("=")])
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as process:
        while not at_work(mark, "sleep", 0):
            time.sleep(0.05)
        process.kill()
    deadline = time.monotonic() + LIMIT
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not marked(mark)
    assert not list(tmp_path.iterdir())


def test_f10_a_signal_while_it_starts_is_a_line(tmp_path):
    for number, (code, line) in EXITS.items():
        script = (
            "import os, sys; sys.argv = ['gemmule']\n"
            "from importlib.abc import MetaPathFinder\n"
            "class Finder(MetaPathFinder):\n"
            "    def find_spec(self, name, *_):\n"
            f"        if name == 'gemmule.gen.catalog':\n"
            f"            os.kill(os.getpid(), {int(number)})\n"
            "sys.meta_path.insert(0, Finder())\n"
            "import gemmule.gen.cli.app\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (code, line)


def shell(line: str) -> subprocess.CompletedProcess:
    line = line.replace("gemmule", " ".join(GEMMULE))
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True)


def test_f9_output_that_nobody_reads_is_no_failure():
    for words in ("list --json", "show gemm", "show gemm --help"):
        done = shell(f"{{ gemmule {words}; echo $? >&2; }} | true")
        assert done.stderr == "141\n"
    done = shell("gemmule list >/dev/full")
    assert (done.returncode, done.stderr) == (2, "gemmule: stdout: No space left on device\n")
    done = shell("gemmule list --json >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert shell("gemmule list nothing 2>/dev/full").returncode == 2
    assert shell("gemmule list nothing 2>&-").returncode == 2
