"""What a command says: results on stdout, as a table or as JSON; progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

__all__ = ["JSON", "pairs", "print_json", "progress", "table"]

JSON = Annotated[bool, typer.Option("--json", help="Print the results as JSON.")]


def print_json(data: Any) -> None:
    """Print ``data`` on stdout, and never anything else with it."""
    typer.echo(json.dumps(data, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Print ``rows`` under ``columns``; numbers to the right."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    rows = [list(row) for row in rows]
    for number, column in enumerate(columns):
        numeric = rows and all(isinstance(row[number], int | float) for row in rows)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(_text, row))
    _console().print(made)


def pairs(values: Mapping[str, Any]) -> None:
    """Print ``name  value`` lines."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        typer.echo(f"{name:<{width}}  {_text(value)}")


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Show ``text`` on stderr, if that is a terminal, until the work is done; give its update."""
    from rich.console import Console

    with Console(stderr=True).status(text) as status:
        yield status.update


def _console() -> Any:
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    return Console(markup=False, highlight=False, width=width)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
