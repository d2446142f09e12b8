"""What goes from the cache: what killed builds left, and what was not used for longest."""

import fcntl
import os
import re
import shutil
import time
from pathlib import Path

from gemmule.golden.common.errors import UsageError

__all__ = ["PREFIX", "room", "sweep"]

PREFIX = ".build-"
"""Of folders that are being built. Their builder holds a lock on them, which ends with it."""

UNLOCKED = ".building-"
"""The same, of earlier versions: without a lock."""

ENTRY = re.compile(r"[a-z]+-[0-9a-f]{24}")

DEFAULT = "4G"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

RECENT = 3600
"""Seconds since its last use within which an entry may be in use, and stays."""

OLD = 86_400
"""Seconds after which a build without a lock is over."""


def room() -> int:
    """Return the bytes that the cache may take: ``GEMMULE_CACHE_SIZE``, as 500M or 4G."""
    text = os.environ.get("GEMMULE_CACHE_SIZE") or DEFAULT
    match = re.fullmatch(r"(\d{1,12})([KMGT]?)", text.upper())
    if not match:
        raise UsageError(f"GEMMULE_CACHE_SIZE must be a size like 500M or 4G, not {text!r}")
    return int(match[1]) * UNITS[match[2]]


def sweep(home: Path, room: int, new: Path) -> None:
    """Remove what no build will finish, and the entries least lately used beyond ``room`` bytes.

    Not ``new``, and nothing that was used within the last hour.
    """
    entries = []
    for each in os.scandir(home):
        try:
            if each.stat(follow_symlinks=False).st_uid != os.geteuid() or not each.is_dir():
                continue
            path = Path(each.path)
            if each.name.startswith((PREFIX, UNLOCKED)):
                _remove_abandoned(path)
            elif ENTRY.fullmatch(each.name):
                used = each.stat(follow_symlinks=False).st_mtime
                entries.append((used, sum(it.stat().st_size for it in os.scandir(path)), path))
        except OSError:  # another process removes it as well
            continue
    total = sum(size for _used, size, _path in entries)
    for used, size, path in sorted(entries):
        if total <= room or time.time() - used < RECENT:
            break
        if path != new:
            shutil.rmtree(path, ignore_errors=True)
            total -= size


def _remove_abandoned(path: Path) -> None:
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locks = path.name.startswith(PREFIX)
    except BlockingIOError:
        return
    except OSError:
        locks = False
    if locks or time.time() - path.stat().st_mtime > OLD:
        shutil.rmtree(path, ignore_errors=True)
    os.close(lock)
