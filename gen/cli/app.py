"""The command line: `gemmule VERB BLOCK --field-name value ...`, also `python -m gemmule.gen`."""

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated

from .supervise import starting, supervised

with starting():  # it takes a second
    import typer

    from gemmule.gen.catalog import find

    from . import evidence, export, fit, info, schedule, verbs
    from .ending import ended, refuse
    from .help import PlainCommand, PlainGroup
    from .options import block_command, block_in, spell_out_flags

__all__ = ["main"]

VERBS: dict[str, Callable[..., int]] = {
    "generate": verbs.generate,
    "simulate": verbs.simulate,
    "export": export.export,
    "synth": verbs.synth,
    "fit": fit.fit,
    "verify": evidence.verify,
}
"""What is done to a block: these take the options of the block that is named."""

COMMANDS: dict[str, Callable[..., int]] = {
    "list": info.list_blocks,
    "show": info.show,
    "schedule": schedule.schedule,
    "fusesoc": export.fusesoc,
    "bench": evidence.bench,
    "demo": evidence.demo,
    "doctor": info.doctor,
    "env": info.env,
}

HIDDEN = {"demo"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see :mod:`.ending`).

    The process's own words, ``argv=None``, are run in a process that can be stopped.
    """
    if argv is None:
        # An interrupted command leaves components behind that nothing has elaborated.
        warnings.filterwarnings("ignore", message=".* created but never used")
        return supervised(lambda: ended(lambda: _run(sys.argv[1:])))
    return ended(lambda: _run(argv))


def _run(argv: Sequence[str]) -> int:
    words = spell_out_flags(argv) or ["--help"]
    try:
        command = typer.main.get_command(_app(words))
        # Not its `main`, for which a closed pipe is a failure.
        with command.make_context("gemmule", list(words)) as context:
            return command.invoke(context) or 0
    except typer.TyperException as error:
        return refuse(error.format_message())
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None


def _app(words: Sequence[str]) -> typer.Typer:
    app = typer.Typer(
        epilog="`gemmule VERB BLOCK --help` lists the options of a block.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        cls=PlainGroup,
    )
    app.callback()(_versioned)
    name = block_in(VERBS[words[0]], words[1:]) if words[0] in VERBS else None
    block = find(name) if name else None
    for verb, function in COMMANDS.items():
        app.command(verb, cls=PlainCommand, hidden=verb in HIDDEN)(function)
    for verb, function in VERBS.items():
        app.command(verb, cls=PlainCommand)(block_command(function, block))
    if not block:
        app.command("verify", cls=PlainCommand)(evidence.verify_all)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gemmule {version('gemmule')}")
        raise typer.Exit


def _versioned(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Verified Verilog for neural networks on FPGAs, generated from Python."""


if __name__ == "__main__":
    sys.exit(main())
