"""A user's TOML files, read with suspicion."""

import tomllib
from pathlib import Path
from typing import Any

from gemmule.golden.common.errors import UsageError

__all__ = ["LARGEST", "parse_toml", "read_text"]

LARGEST = 1 << 20
"""Bytes of a file of options or of a board."""


def read_text(option: str, path: Path) -> str:
    """Return the text of the file ``path``; raise :class:`UsageError` where none can be read."""
    try:
        with path.open("rb") as file:  # a pipe will do, and a device ends here as well
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UsageError(f"{option}: {str(path)!r} is larger than {LARGEST:,} bytes")
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{option}: {str(path)!r} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{option}: cannot read {str(path)!r}: {error.strerror}") from None


def parse_toml(option: str, source: str, text: str) -> dict[str, Any]:
    """Return the table that ``text`` holds; ``source`` is its file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{option}: {source} is not TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{option}: {source} is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"{option}: {source} cannot be read: {error}") from None
