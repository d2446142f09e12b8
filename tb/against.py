"""Two tables of one benchmark: what moved from the earlier one to this."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gemmule.gen.files.toml import read_text
from gemmule.golden.common.errors import UsageError

__all__ = ["COLUMNS", "earlier", "moved"]

COLUMNS = ("row", "column", "before", "now", "change")

Row = dict[str, Any]


def earlier(path: Path) -> list[Row]:
    """Read a table as `gemmule bench --json` prints it, and as it lies in the folder ``--out``."""
    text = read_text("--against", path)
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"--against: {str(path)!r} is not JSON") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(
            f"--against: {str(path)!r} is not a table, a list of rows as `bench --json` prints"
        )
    return rows


def moved(before: Sequence[Row], now: Sequence[Row]) -> Iterator[Row]:
    """Yield each figure that differs, with its change in percent, and rows that came or went.

    Rows are the same where their texts are; several with the same texts go by their order.

    Examples
    --------
    >>> old = [{"cell": "ws", "LUT": 200}, {"cell": "os", "LUT": 7}]
    >>> new = [{"cell": "ws", "LUT": 190}, {"cell": "both", "LUT": 9}]
    >>> for each in moved(old, new):
    ...     print(*each.values())
    ws LUT 200 190 -5.00 %
    os None there gone None
    both None None new None
    """
    left = _by_texts(before)
    came = []
    for row in now:
        waiting = left.get(_texts(row))
        if waiting:
            yield from _figures(waiting.pop(0), row)
        else:
            came.append(row)
    gone = [row for rows in left.values() for row in rows]
    yield from (_entry(row, None, "there", "gone") for row in gone)
    yield from (_entry(row, None, None, "new") for row in came)


def _figures(before: Row, now: Row) -> Iterator[Row]:
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if old != new:
            yield _entry(now, name, old, new, _percent(old, new))


def _percent(old: Any, new: Any) -> str | None:
    numbers = all(isinstance(each, int | float) for each in (old, new))
    return f"{100 * (new / old - 1):+.2f} %" if numbers and old else None


def _entry(row: Row, column: str | None, before: Any, now: Any, change: str | None = None) -> Row:
    values = (_label(row), column, before, now, change)
    return dict(zip(COLUMNS, values, strict=True))


def _label(row: Row) -> str:
    return ", ".join(each for each in row.values() if isinstance(each, str)) or str(row)


def _texts(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, each) for name, each in row.items() if isinstance(each, str)))


def _by_texts(rows: Sequence[Row]) -> dict[tuple, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[_texts(row)].append(row)
    return found
