"""What an earlier run left in a folder: known by the digests in its manifest."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gemmule.golden.common.errors import UsageError

__all__ = ["digest", "leftovers"]

LARGEST = 1 << 24
"""Bytes of a manifest: no file beyond it is one."""


def digest(content: str | bytes) -> str:
    """Return what a manifest says of a file's content."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def leftovers(folder: Path, name: str, texts: Mapping[str, str], *, force: bool) -> list[str]:
    """Return the files of an earlier package ``name`` in ``folder`` that ``texts`` no longer has.

    Raise :class:`UsageError` where ``texts`` would overwrite a file that is no package's of this
    name, or that was changed since, unless ``force`` says so. A file of another package stays; one
    that both packages have in common is no obstacle where it is the same in both.
    """
    try:
        packages = _packages(folder) if folder.is_dir() else {}
        own = packages.pop(name, {})
        others = {each for files in packages.values() for each in files}
        ours = {each for each, known in own.items() if _digest(folder / each) == known}
        foreign = [
            each
            for each, text in texts.items()
            if each not in ours and _digest(folder / each) not in (None, digest(text))
        ]
    except OSError as error:
        raise UsageError(f"--out: cannot read {str(folder)!r}: {error.strerror}") from None
    if own:
        foreign = [each for each in foreign if each != f"{name}.json"]
    theirs = sorted(set(foreign) & others)
    if theirs and not force:
        raise UsageError(
            f"--out: {folder} holds {theirs[0]} of another package, and {name} has one too; give"
            " each a folder of its own, or --force"
        )
    if foreign and not force:
        raise UsageError(
            f"--out: {folder} holds {foreign[0]}, which gemmule did not write, or which was changed"
            " since; --force overwrites it"
        )
    gone = ours - set(texts) - others
    return sorted(each for each in gone if not (folder / each).is_symlink())


def _packages(folder: Path) -> dict[str, dict[str, str]]:
    """Return each package's files in ``folder`` and their digests, as its manifest has them."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        if not path.is_file() or path.stat().st_size > LARGEST:
            continue
        try:
            manifest = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            continue
        if isinstance(manifest, dict) and manifest.get("name") == path.stem:
            found[path.stem] = _files(manifest.get("files"))
    return {name: files for name, files in found.items() if files}


def _files(listed: Any) -> dict[str, str]:
    """Return ``listed`` without names that lead out of the folder: a manifest may be anybody's."""
    if not isinstance(listed, dict):
        return {}
    return {
        name: known
        for name, known in listed.items()
        if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    }


def _digest(path: Path) -> str | None:
    """Return the digest of the file ``path``; None where there is no file."""
    return digest(path.read_bytes()) if path.is_file() else None
