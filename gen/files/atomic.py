"""Files that appear whole or not at all, and only where a regular file may be.

Everything is written aside first, beside its target, where a full disk or a missing right shows;
then the old files are renamed aside and the new ones into place. Where one of these steps fails, or
the process is told to end, those done are undone.
"""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gemmule.golden.common.errors import UsageError

__all__ = [
    "Content",
    "check_folder",
    "check_writable",
    "folder_at",
    "is_stdout",
    "replacing",
    "write_file",
    "write_folder",
]

Content = str | bytes | Callable[[BinaryIO], None]
"""What a file holds, or a function that writes it."""

STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def is_stdout(path: Path | None) -> bool:
    """Tell whether ``path`` is a name of the standard output."""
    return path is not None and str(path) in STDOUT


def write_file(path: Path, content: Content) -> None:
    """Write ``content`` to ``path``, through a symbolic link to its target, or to stdout.

    :class:`UsageError` where it is no regular file or cannot be written; it is as before then.
    """
    if is_stdout(path):
        sys.stdout.flush()
        _fill(sys.stdout.buffer, content)
        sys.stdout.buffer.flush()
        return
    try:
        _replace({Path(path): content})
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def write_folder(
    folder: Path, contents: Mapping[str, Content], *, remove: Iterable[str] = ()
) -> None:
    """Write each name in ``contents`` into ``folder`` and take away those in ``remove``.

    All of it is done or nothing is. A name may have folders in it: ``sim/dsp48e2.v``.
    :class:`UsageError` where the folder cannot be made or written.
    """
    folder = Path(folder)
    try:
        _replace(
            {folder / name: content for name, content in contents.items()},
            [folder / name for name in remove],
        )
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise UsageError(f"cannot write into {folder}: {error.strerror}{where}") from None
    for name in remove:
        for parent in list(Path(name).parents)[:-1]:
            if (folder / parent).is_dir() and not any((folder / parent).iterdir()):
                (folder / parent).rmdir()


@contextmanager
def replacing(path: Path | None) -> Iterator[Path | None]:
    """Yield a name beside ``path`` to write to; what is there in the end replaces ``path``.

    An exception leaves ``path`` as it was.
    """
    if path is None:
        yield None
        return
    real = _destination(Path(path))
    with tempfile.TemporaryDirectory(dir=real.parent, prefix=".gemmule-") as aside:
        place = Path(aside, real.name)
        yield place
        if place.exists():
            place.replace(real)


def check_writable(option: str, path: Path | None, *, stdout: bool = False) -> None:
    """Refuse, before the work begins, a file ``path`` that could not be written at its end.

    With ``stdout`` it may be a name of the standard output.
    """
    if path is None or (stdout and is_stdout(path)):
        return
    try:
        real = _destination(path)
        if real.exists() and not os.access(real, os.W_OK):
            raise UsageError(f"{str(path)!r} cannot be overwritten")
        _try_folder(real.parent)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None
    except OSError as error:
        raise UsageError(f"{option}: cannot write {str(path)!r}: {error.strerror}") from None


def folder_at(option: str, text: str | Path) -> Path:
    """Return the folder that ``text`` names; none at all is not the current one."""
    if not str(text):
        raise UsageError(f"{option} needs the name of a folder, not ''")
    return Path(text)


def check_folder(option: str, path: Path) -> None:
    """Refuse a folder ``path`` that cannot be made or written into; none is made yet."""
    try:
        _try_folder(next(each for each in (path, *path.absolute().parents) if each.exists()))
    except OSError as error:
        raise UsageError(f"{option}: cannot write {str(path)!r}: {error.strerror}") from None


def _destination(path: Path) -> Path:
    """Return the regular file or new name that ``path`` writes to."""
    real = Path(os.path.realpath(path))
    try:
        mode = real.stat().st_mode
    except FileNotFoundError:
        return real
    if not stat.S_ISREG(mode):
        raise UsageError(f"{str(path)!r} is {KINDS.get(stat.S_IFMT(mode), 'no file')}, not a file")
    return real


def _try_folder(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


def _fill(file: BinaryIO, content: Content) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content.encode() if isinstance(content, str) else content)


def _replace(contents: Mapping[Path, Content], remove: Iterable[Path] = ()) -> None:
    made: list[Path] = []
    asides: dict[Path, Path] = {}
    done: list[tuple[Path, Path, bool]] = []
    try:
        new = {_destination(path): content for path, content in contents.items()}
        old = {real for path in remove if (real := _destination(path)).exists()} - set(new)
        for real in new:
            _make(real.parent, made)
        for parent in {real.parent for real in (*new, *old)}:
            asides[parent] = Path(tempfile.mkdtemp(dir=parent, prefix=".gemmule-"))
        staged = {}
        for number, (real, content) in enumerate(new.items()):
            staged[real] = asides[real.parent] / f"new-{number}"
            with staged[real].open("wb") as file:
                _fill(file, content)
            if real.exists():
                shutil.copymode(real, staged[real])
        for number, real in enumerate((*new, *old)):
            backup = asides[real.parent] / f"old-{number}"
            was = real.exists()
            done.append((real, backup, was))
            if was:
                real.rename(backup)
            if real in staged:
                staged[real].rename(real)
    except BaseException:
        _undo(done)
        for aside in asides.values():
            shutil.rmtree(aside, ignore_errors=True)
        for folder in reversed(made):
            folder.rmdir()
        raise
    for aside in asides.values():
        shutil.rmtree(aside, ignore_errors=True)


def _undo(done: list[tuple[Path, Path, bool]]) -> None:
    for real, backup, was in reversed(done):
        if backup.exists():
            backup.replace(real)
        elif not was:
            real.unlink(missing_ok=True)


def _make(folder: Path, made: list[Path]) -> None:
    """Make ``folder`` and its parents; ``made`` gets those that there were not."""
    for each in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        each.mkdir()
        made.append(each)
