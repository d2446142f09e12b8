"""Folders that are built once and kept: in the user's cache, or for this process alone."""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

__all__ = ["folder", "kept", "key"]


def key(*parts: str | bytes) -> str:
    """A short name for ``parts``."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:24]


def folder() -> Path:
    """``GEMMULE_CACHE``, else ``gemmule`` in the user's cache; where neither can be written, a
    temporary folder that goes with the process.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return _writable(Path(os.environ.get("GEMMULE_CACHE") or Path(home, "gemmule")).absolute())


def kept(name: str, build: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache; where there is none yet, ``build`` fills it.

    It is built aside and renamed: another process sees all of it or nothing, and where two build
    at once, the first to finish has it.
    """
    home = folder()
    path = home / name
    if path.is_dir():
        return path
    aside = Path(tempfile.mkdtemp(prefix=".building-", dir=home))
    try:
        build(aside)
        aside.chmod(0o755)
        aside.rename(path)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return path


@cache
def _writable(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        temporary = Path(tempfile.mkdtemp(prefix="gemmule-"))
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary
