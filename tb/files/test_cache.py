"""The cache (F8): what it finds is checked, what is over is swept, others have no part in it."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.files import cache, sweep
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.errors import UsageError

NAME = f"model-{'0' * 24}"
HOUR = 3600


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMMULE_CACHE", str(tmp_path / "cache"))
    return cache.folder()


def fill(folder):
    (folder / "program").write_text("the program")
    (folder / "program").chmod(0o755)
    (folder / "data").write_text("the data")


def never(_folder):
    pytest.fail("what was as it was built is built again")


def remove(path):
    shutil.rmtree(path)


def plant(path):
    """Put a program of somebody else's where there was no entry."""
    shutil.rmtree(path)
    path.mkdir(mode=0o700)
    (path / "program").write_text("planted")


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


DAMAGES = {
    "as it was": None,
    "gone": remove,
    "planted": plant,
    "truncated": lambda path: (path / "program").write_text("the"),
    "of the same length": lambda path: (path / "program").write_text("the pr0gram"),
    "empty": lambda path: (path / "data").write_text(""),
    "missing": lambda path: (path / "data").unlink(),
    "no program": lambda path: (path / "program").chmod(0o644),
    "a folder": lambda path: [(path / "data").unlink(), (path / "data").mkdir()],
    "more than was built": lambda path: (path / "more").touch(),
    "without digests": lambda path: (path / cache.DIGESTS).unlink(),
    "digests that are none": lambda path: (path / cache.DIGESTS).write_text("[1]"),
    "digests of a wrong kind": lambda path: (path / cache.DIGESTS).write_text('{"data": 1}'),
    "open to others": lambda path: path.chmod(0o777),
    "a file": lambda path: [shutil.rmtree(path), path.write_text("a file")],
    "a link": link,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_f8_what_is_not_as_it_was_built_is_built_again(home, damage):
    path = cache.kept(NAME, fill)
    if DAMAGES[damage]:
        DAMAGES[damage](path)
    again = cache.kept(NAME, fill if DAMAGES[damage] else never)
    assert again == path
    assert (path / "program").read_text() == "the program"
    assert os.access(path / "program", os.X_OK)
    assert (path / "data").read_text() == "the data"
    assert not list(home.glob(f"{sweep.PREFIX}*"))


def test_f8_it_is_the_users_alone(home, tmp_path, monkeypatch):
    assert home.stat().st_mode & 0o777 == 0o700
    assert cache.kept(NAME, fill).stat().st_mode & 0o777 == 0o700
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv("GEMMULE_CACHE", str(tmp_path / "open"))
    inner = cache.folder()
    assert inner.parent == tmp_path / "open"
    assert inner.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o777  # it may be /tmp
    (tmp_path / "trap").mkdir()
    (tmp_path / "trap").chmod(0o777)
    (tmp_path / "trap" / f"gemmule-{os.geteuid()}").symlink_to(tmp_path / "open")
    monkeypatch.setenv("GEMMULE_CACHE", str(tmp_path / "trap"))
    assert tmp_path not in cache.folder().parents


KILLED = """
import os, signal
from gemmule.gen.files import cache
cache.kept("model-x", lambda folder: os.kill(os.getpid(), signal.SIGKILL))
"""
SLOW = """
import time
from gemmule.gen.files import cache
cache.kept("model-y", lambda folder: (print(folder, flush=True), time.sleep(60)))
"""


def test_f8_what_killed_builds_left_goes_and_running_ones_stay(home):
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(home.glob(f"{sweep.PREFIX}*"))
    running = subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True)
    try:
        at_work = running.stdout.readline().strip()
        for name, age in ((f"{sweep.UNLOCKED}old", 25 * HOUR), (f"{sweep.UNLOCKED}new", HOUR)):
            (home / name).mkdir()
            os.utime(home / name, (time.time() - age,) * 2)
        cache.kept(NAME, fill)
        left = {path.name for path in home.glob(".build*")}
        assert left == {Path(at_work).parent.name, f"{sweep.UNLOCKED}new"}
    finally:
        running.kill()
        running.communicate()


def test_f8_what_was_not_used_for_longest_goes(home, monkeypatch):
    names = [f"model-{number:024x}" for number in range(5)]
    for age, name in enumerate(names):
        path = cache.kept(name, lambda folder: (folder / "data").write_bytes(bytes(300)))
        if age < 4:
            os.utime(path, (time.time() - (10 - age) * HOUR,) * 2)
    (home / "mine").mkdir()
    cache.kept(names[0], never)  # is in use now
    monkeypatch.setenv("GEMMULE_CACHE_SIZE", "1K")
    cache.kept(f"model-{'f' * 24}", fill)
    assert {path.name for path in home.iterdir()} == {
        "mine",
        names[0],
        names[4],
        f"model-{'f' * 24}",
    }
    monkeypatch.setenv("GEMMULE_CACHE_SIZE", "much")
    with pytest.raises(UsageError, match="GEMMULE_CACHE_SIZE must be a size like 500M or 4G"):
        cache.kept(NAME, fill)


def test_f9_a_full_disk_is_a_sentence(home, monkeypatch):
    def full(_folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UsageError, match=r"the cache .* holds no more, .*GEMMULE_CACHE"):
        cache.kept(NAME, full)
    usage = shutil.disk_usage(home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=0))

    def compiler(_folder):
        raise RuntimeError("g++ failed: no space left on device")

    with pytest.raises(UsageError, match=r"its disk is full"):
        cache.kept(NAME, compiler)
    assert not list(home.iterdir())


def test_f8_a_damaged_model_runs_all_the_same(tmp_path, monkeypatch):
    """End to end: every file of each entry that a simulation uses, truncated."""
    params = AdderParams(lanes=2)
    build(ADDER, params)
    for runtime in cache.folder().glob("runtime-*"):  # compiling it is not what is tested here
        shutil.copytree(runtime, tmp_path / runtime.name)
    runtimes = {path for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setenv("GEMMULE_CACHE", str(tmp_path))
    model = build(ADDER, params)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path not in runtimes:
            os.truncate(path, path.stat().st_size // 2)
    again = build(ADDER, params)
    assert again.program == model.program
    arrays = dict.fromkeys("xy", np.ones((3, 8), np.int8))
    job = ADDER.adapter.plan(params, ADDER.adapter.Run(), arrays)
    assert again.run(job.send, job.receive).cycles
