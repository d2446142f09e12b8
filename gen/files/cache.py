"""Folders that are built once and kept: in the user's cache, or for this process alone.

An entry of the cache holds the digest of each of its files, and belongs to the user alone. One that
is not as it was built is built again.
"""

import atexit
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from gemmule.golden.common.errors import UsageError

from . import sweep

__all__ = ["folder", "kept", "key"]

FORMAT = "2"
"""Of an entry; a part of every key."""

DIGESTS = ".digests"
"""The file of an entry with the digests of all others, and whether they are programs."""

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG}


def key(*parts: str | bytes) -> str:
    """Return a short name for ``parts``."""
    digest = hashlib.sha256()
    for part in (FORMAT, *parts):
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:24]


def folder() -> Path:
    """Return ``GEMMULE_CACHE``, else ``gemmule`` in the user's cache; if that cannot be written, a
    temporary folder that goes with the process.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    given = os.environ.get("GEMMULE_CACHE")
    return _writable(Path(given or Path(home, "gemmule")).absolute(), not given)


def kept(name: str, build: Callable[[Path], None]) -> Path:
    """Return the folder ``name`` of the cache; where it is not as it was built, ``build`` fills it.

    It is built aside and renamed: another process sees all of it or nothing, and where two build
    at once, the first to finish has it. What others left unfinished goes then, and so do entries
    that were not used for long where all take more than the cache may.
    """
    home, room = folder(), sweep.room()
    path = home / name
    if _whole(path):
        with suppress(OSError):
            os.utime(path)
        return path
    try:
        with _locked(home) as aside:
            made = aside / "made"
            made.mkdir(0o700)
            build(made)
            _seal(made)
            _place(made, path, aside / "replaced")
    except Exception as error:
        full = shutil.disk_usage(home).free < 1 << 20
        said = error.strerror if isinstance(error, OSError) and error.errno in NO_ROOM else None
        if full or said:
            why = "its disk is full" if full else f"it cannot be written: {said}"
            raise UsageError(
                f"the cache {home} holds no more, {why}; GEMMULE_CACHE names another folder"
            ) from None
        raise
    sweep.sweep(home, room, path)
    return path


def _whole(path: Path) -> bool:
    """Tell whether ``path`` is ours and as it was built."""
    try:
        if not _private(path):
            return False
        known = json.loads((path / DIGESTS).read_bytes())
        if {each.name for each in path.iterdir()} != {DIGESTS, *known}:
            return False
        return all(_described(path / name) == [*each] for name, each in known.items())
    except (OSError, ValueError, TypeError):
        return False


def _private(path: Path) -> bool:
    found = path.lstat()
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return own and not found.st_mode & 0o077


def _seal(path: Path) -> None:
    known = {each.name: _described(each) for each in sorted(path.iterdir())}
    (path / DIGESTS).write_text(json.dumps(known))


def _described(path: Path) -> list[str | bool]:
    """Return the digest of a regular file, and whether it is a program."""
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is no regular file")
    with path.open("rb") as file:
        return [hashlib.file_digest(file, "sha256").hexdigest(), bool(mode & stat.S_IXUSR)]


def _place(made: Path, path: Path, replaced: Path) -> None:
    for _attempt in range(9):
        with suppress(OSError):
            made.rename(path)
            return
        if _whole(path):  # another process was faster
            return
        with suppress(FileNotFoundError):
            path.rename(replaced)
        shutil.rmtree(replaced, ignore_errors=True)
        if replaced.exists() or replaced.is_symlink():
            replaced.unlink()
    made.rename(path)


@contextmanager
def _locked(home: Path) -> Iterator[Path]:
    """Yield a new folder in ``home`` that nobody sweeps as long as this process lives."""
    while True:
        aside = Path(tempfile.mkdtemp(prefix=sweep.PREFIX, dir=home))
        lock = os.open(aside, os.O_RDONLY)
        with suppress(OSError):  # a file system without locks; sweeping goes by age there
            fcntl.flock(lock, fcntl.LOCK_EX)
        if aside.exists():  # and was not swept before it was locked
            break
        os.close(lock)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(lock)


@cache
def _writable(path: Path, ours: bool) -> Path:
    """Return ``path``, or, where others may write, a folder in it that is private."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        own = found.st_uid == os.geteuid()
        if ours and own:
            path.chmod(0o700)
        elif not own or found.st_mode & 0o022:
            path = path / f"gemmule-{os.geteuid()}"
            path.mkdir(mode=0o700, exist_ok=True)
            if not _private(path):
                raise PermissionError
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        temporary = Path(tempfile.mkdtemp(prefix="gemmule-"))
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary
