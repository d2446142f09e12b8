"""Files that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gemmule.golden.common.errors import UsageError

__all__ = ["write_folder"]


def write_folder(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write each name in ``contents`` into ``folder``, aside first, then all renamed into place.

    A name may have folders in it: ``sim/dsp48e2.v``.
    :class:`UsageError` where the folder cannot be made or written; nothing is left then.
    """
    folder = Path(folder)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".gemmule-") as aside:
            for name, content in contents.items():
                path = Path(aside, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            for name in contents:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                Path(aside, name).replace(folder / name)
    except OSError as error:
        if made:
            shutil.rmtree(made[-1], ignore_errors=True)
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from None
