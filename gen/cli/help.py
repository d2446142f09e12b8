"""Help in plain text: wrapped to the terminal, at most 80 columns, with nothing cut."""

from collections.abc import Iterable
from typing import Any

import typer.core

__all__ = ["PlainCommand", "PlainGroup"]

FIRST = 26
"""The widest first column; what is wider has its text on the next line."""


class PlainCommand(typer.core.TyperCommand):
    """A command whose help has a section for each kind of option."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_options(self.get_params(ctx), ctx, formatter)


class PlainGroup(typer.core.TyperGroup):
    """The verbs, each with its whole sentence."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_options(self.get_params(ctx), ctx, formatter)
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        commands = {name: each for name, each in found if each is not None}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.help or "") for name, each in commands.items() if not each.hidden],
                col_max=FIRST,
            )


def _write_options(params: Iterable[Any], ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {}
    for each in params:
        if record := each.get_help_record(ctx):
            title = getattr(each, "rich_help_panel", None)
            default = "Options" if each.param_type_name == "option" else "Arguments"
            sections.setdefault(title or default, []).append(record)
    for title, records in sections.items():
        with formatter.section(title):
            formatter.write_dl(records, col_max=FIRST)
