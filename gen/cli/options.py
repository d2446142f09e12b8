"""The options of a block on the command line, made from the fields of its two dataclasses."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import typer

from gemmule.gen.block import Block
from gemmule.gen.boards import Board, load_board
from gemmule.gen.catalog import catalog, find
from gemmule.gen.files.toml import parse_toml, read_text
from gemmule.gen.synthesis.choose import AUTO, Choice, automatic, choose
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options, flag

__all__ = [
    "BLOCK",
    "allowed",
    "block_command",
    "block_in",
    "chosen_settings",
    "flags_of",
    "settings",
    "spell_out_flags",
]


def block_command(verb: Callable[..., int], block: Block | None) -> Callable[..., int]:
    """Make ``verb(block, params, run, **rest)`` a Typer command that has the options of ``block``.

    A verb without a parameter ``run`` gets no run options. With ``block=None`` the command has
    the verb's own options only, as `gemmule VERB --help` shows them.
    """
    own = dict(inspect.signature(verb).parameters)
    for name in ("block", "params", "choice"):
        own.pop(name, None)
    kinds = _kinds(block) if own.pop("run", None) else _kinds(block)[:1]
    panels = zip(kinds, ("Hardware options", "Run options"), strict=False)
    options = [_parameter(each, kind, panel) for kind, panel in panels for each in fields(kind)]

    def command(block_name: str, config: Path | None, preset: str | None, **values: Any) -> int:
        given = {each.name: values.pop(each.name) for each in options}
        given = {name: value for name, value in given.items() if value is not None}
        block = find(block_name)
        target = values.get("board")
        board = None if target is None else load_board(target)
        chosen = chosen_settings(block, given, preset=preset, config=config, board=board)._asdict()
        wanted = inspect.signature(verb).parameters
        return verb(block, **{k: v for k, v in chosen.items() if k in wanted}, **values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    made: Any = command
    made.__signature__ = inspect.Signature([
        inspect.Parameter("block_name", keyword, annotation=BLOCK),
        *own.values(),
        inspect.Parameter("config", keyword, default=None, annotation=CONFIG),
        inspect.Parameter("preset", keyword, default=None, annotation=PRESET),
        *options,
    ])
    made.__doc__ = verb.__doc__
    return made


BLOCK = Annotated[
    str, typer.Argument(metavar="BLOCK", help="Name of a block; `gemmule list` has them all.")
]
CONFIG = Annotated[
    Path | None, typer.Option(metavar="FILE.toml", help="TOML file to read options from.")
]
PRESET = Annotated[
    str | None, typer.Option(metavar="NAME", help="Named set of options; `gemmule show` has them.")
]


class Settings(NamedTuple):
    """What the words of a command come to; ``choice`` says what multiplies, where that is open."""

    params: Options
    run: Options | None
    choice: Choice | None


def settings(
    block: Block,
    given: Mapping[str, Any],
    *,
    preset: str | None = None,
    config: Path | None = None,
    board: Board | None = None,
) -> tuple[Options, Options | None]:
    """Return parameters and run options of ``block``: defaults, then preset, file, ``given``."""
    found = chosen_settings(block, given, preset=preset, config=config, board=board)
    return found.params, found.run


def chosen_settings(
    block: Block,
    given: Mapping[str, Any],
    *,
    preset: str | None = None,
    config: Path | None = None,
    board: Board | None = None,
) -> Settings:
    """Return what :func:`settings` does, and what multiplies where the block has a choice."""
    values: dict[str, Any] = {}
    if preset is not None:
        if preset not in block.presets:
            known = ", ".join(block.presets) or "none"
            raise UsageError(f"--preset: {block.name} has no {preset!r}; its presets are {known}")
        values |= block.presets[preset]
    if config is not None:
        values |= _read_config(block, config)
    values |= given
    kinds = _kinds(block)
    if lacking := [
        flag(each.name)
        for kind in kinds
        for each in fields(kind)
        if each.default is MISSING and each.name not in values
    ]:
        raise UsageError(f"{block.name} needs {', '.join(lacking)}")
    parts = [{k: v for k, v in values.items() if k in _names(kind)} for kind in kinds]
    params, choice = choose(block, parts[0], parts[-1], board)
    run = kinds[1](**parts[1]) if len(kinds) > 1 else None
    return Settings(params, run, choice)


def block_in(verb: Callable[..., int], words: Sequence[str]) -> str | None:
    """Return the first of a verb's ``words`` that is neither an option nor the value of one."""
    flags = {"--help", *flags_of(verb), *_switches()}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return word
        if "=" not in word and word not in flags:
            next(rest, None)
    return None


def flags_of(verb: Callable[..., int]) -> set[str]:
    """Return those of a verb's own options that take no value.

    Examples
    --------
    >>> def tell(*, board: str = "", as_json: Annotated[bool, typer.Option("--json")] = False):
    ...     return 0
    >>> flags_of(tell)
    {'--json'}
    """
    app = typer.Typer(add_completion=False)
    app.command()(block_command(verb, None))
    options = typer.main.get_command(app).params
    return {
        word
        for each in options
        if getattr(each, "is_flag", False)
        for word in (*each.opts, *each.secondary_opts)
    }


def spell_out_flags(words: Sequence[str]) -> list[str]:
    """Turn ``--dense true`` in ``words`` to ``--dense``, ``--dense false`` to ``--no-dense``."""
    spelled: list[str] = []
    on_off = _switches()
    for word in words:
        value = word.lower()
        if spelled and spelled[-1] in on_off and value in ("true", "false"):
            spelled[-1] = spelled[-1] if value == "true" else on_off[spelled[-1]]
        else:
            spelled.append(word)
    return spelled


def allowed(each: Field, hint: Any, *, auto: bool = False) -> str:
    """Say what a field takes, in few words: ``1..64``, ``ws|os|both``, ``integer format``."""
    checks = each.metadata
    if checks.get("choices"):
        return "|".join([*([AUTO] if auto else []), *checks["choices"]])
    if checks.get("widths"):
        low, high = checks["widths"]
        return f"s{low}..s{high}, u{low}..u{high}"
    low, high = checks.get("low"), checks.get("high")
    noun = "list" if "tuple" in str(hint) else "format" if "Format" in str(hint) else ""
    if low is None and high is None:
        plain = next((each for each in get_args(hint) if each is not type(None)), hint)
        return noun or getattr(plain, "__name__", str(plain))
    numbers = f"{low}.." if high is None else f"..{high}" if low is None else f"{low}..{high}"
    return f"{numbers} {noun}".strip()


def _kinds(block: Block | None) -> list[type[Options]]:
    if block is None:
        return []
    return [block.params, block.runs.Run] if block.runs else [block.params]


def _names(kind: type[Options]) -> set[str]:
    return {each.name for each in fields(kind)}


def _switches() -> dict[str, str]:
    """Return each option of any block that is on or off, with the one that says the opposite."""
    return {
        word: other
        for block in catalog().values()
        for kind in _kinds(block)
        for name in _booleans(kind)
        for word, other in _both_ways(name)
    }


def _booleans(kind: type[Options]) -> Iterator[str]:
    hints = get_type_hints(kind)
    return (each.name for each in fields(kind) if hints[each.name] in (bool, bool | None))


def _both_ways(name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    yes, no = flag(name), flag(f"no_{name}")
    return (yes, no), (no, yes)


def _parameter(each: Field, kind: type[Options], panel: str) -> inspect.Parameter:
    hint = get_type_hints(kind)[each.name]
    switch = each.name in set(_booleans(kind))
    name = f"{flag(each.name)}/{flag(f'no_{each.name}')}" if switch else flag(each.name)
    option = typer.Option(
        name,
        help=f"{each.metadata.get('help')}{_default(each, kind)}",
        metavar=None if switch else allowed(each, hint, auto=each.name in automatic(kind)),
        show_default=False,
        rich_help_panel=panel,
    )
    annotation: Any = Annotated[(bool if switch else str) | None, option]
    return inspect.Parameter(
        each.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _default(each: Field, kind: type[Options]) -> str:
    if each.default is MISSING:
        return " (required)"
    if each.name in automatic(kind):
        return f" ({AUTO})"
    return "" if each.default is None else f" ({each.default})"


def _read_config(block: Block, path: Path) -> dict[str, Any]:
    """Read the options in a TOML file: flat keys, above them those in the table of the block."""
    data = parse_toml("--config", str(path), read_text("--config", path))
    tables = {name: value for name, value in data.items() if isinstance(value, dict)}
    if strange := sorted(set(tables) - set(catalog())):
        raise UsageError(f"--config: there is no block {strange[0]!r} for a table (in {path})")
    flat = {name: value for name, value in data.items() if name not in tables}
    return _known(block, path, flat) | _known(block, path, tables.get(block.name, {}))


def _known(block: Block, path: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    names = set().union(*map(_names, _kinds(block)))
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = key.replace("-", "_")
        if name not in names:
            raise UsageError(f"--config: {block.name} has no option {key} (in {path})")
        if name in found:
            raise UsageError(f"--config: {flag(name)} is given twice (in {path})")
        found[name] = value
    return found
