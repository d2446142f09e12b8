"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gemmule.golden.common.errors import UsageError

__all__ = ["write_files"]


def write_files(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write each name in ``contents`` into ``folder``, aside first, then all renamed into place.

    :class:`UsageError` where the folder cannot be made or written; nothing is left then.
    """
    folder = Path(folder)
    aside: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            aside.append(Path(temporary))
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
        umask = os.umask(0)
        os.umask(umask)
        for name, temporary in zip(contents, aside, strict=True):
            temporary.chmod(0o666 & ~umask)
            temporary.replace(folder / name)
    except OSError as error:
        for temporary in aside:
            temporary.unlink(missing_ok=True)
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from None
