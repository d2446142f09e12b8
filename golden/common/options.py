"""Options: frozen dataclasses that check themselves; the command line is made from their fields.

A block has two: its parameters (hardware options, they change the Verilog) and its run options.
"""

import types
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, get_args, get_type_hints

from .errors import UsageError
from .formats import Format

__all__ = ["Options", "flag", "option", "option_of"]


FAR = 2**53
"""Numbers without bounds of their own are kept within these, where sums do not wrap."""


def option(
    default: Any = MISSING,
    *,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    widths: tuple[int, int] | None = None,
) -> Any:
    """Make a field of :class:`Options`.

    It keeps numbers in ``low..high`` and formats in ``widths``.
    """
    checks = {"help": help, "low": low, "high": high, "choices": choices, "widths": widths}
    return field(default=default, metadata=checks)


def option_of(kind: type["Options"], name: str, **changed: Any) -> Any:
    """Return the option of this name that ``kind`` has, but for what is ``changed``.

    Examples
    --------
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Small(Options):
    ...     size: int = option(4, low=1, high=8, help="bytes")
    >>> made = option_of(Small, "size", default=2)
    >>> made.default, made.metadata["high"]
    (2, 8)
    """
    (given,) = (each for each in fields(kind) if each.name == name)
    return option(**{"default": given.default, **given.metadata, **changed})


def flag(name: str) -> str:
    """Return the option that sets the field ``name``; one that ends in _ was a Python keyword."""
    return "--" + name.rstrip("_").replace("_", "-")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of parameters and run options.

    Fields are ``int``, ``float``, ``bool``, ``str`` (with choices), :class:`Format`, a tuple of
    ints (``tuple[int, ...]``, given as a number, a sequence or ``"2,3"``), each perhaps ``| None``.
    Text, as from a command line, is converted. A subclass adds checks that join fields in
    :meth:`check`.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            value = _convert(each, hints[each.name], getattr(self, each.name))
            object.__setattr__(self, each.name, value)
        self.check()

    def check(self) -> None:
        """Raise :class:`UsageError` where fields that are legal alone do not go together."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain data, formats as text, as a manifest holds them."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: str(value)
            if isinstance(value, Format)
            else list(value)
            if isinstance(value, tuple)
            else value
            for name, value in values.items()
        }


def _convert(each: Field, hint: Any, value: Any) -> Any:
    kinds = set(get_args(hint)) if isinstance(hint, types.UnionType) else {hint}
    if value is None and type(None) in kinds:
        return None
    kind = next(k for k in kinds if k is not type(None))
    name, checks = flag(each.name), each.metadata
    if kind is Format:
        return _format(name, checks.get("widths"), value)
    if kind is str:
        return _choice(name, checks.get("choices"), value)
    if kind is bool:
        return _bool(name, value)
    if kind in (int, float):
        return _number(name, kind, checks.get("low"), checks.get("high"), value)
    parts = value.split(",") if isinstance(value, str) else value
    parts = parts if isinstance(parts, list | tuple) else [parts]
    bounds = checks.get("low"), checks.get("high")
    try:
        return tuple(_number(name, int, *bounds, part) for part in parts)
    except UsageError:
        if len(parts) < 2:
            raise
        words = _bounds(*bounds).replace(" in ", " each in ")
        given = value if isinstance(value, str) else list(parts)
        raise UsageError(
            f"{name} must be whole numbers{words}, with commas between them, not {given!r}"
        ) from None


def _format(name: str, widths: tuple[int, int] | None, value: Any) -> Format:
    try:
        fmt = Format.parse(value)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    low, high = widths or (1, 64)
    if not low <= fmt.width <= high or fmt.frac > fmt.width:
        raise UsageError(f"{name} must be {low} to {high} bits wide, not {value}")
    return fmt


def _choice(name: str, choices: tuple[str, ...] | None, value: Any) -> str:
    if not isinstance(value, str) or (choices and value not in choices):
        raise UsageError(f"{name} must be one of {', '.join(choices or ('text',))}, not {value!r}")
    return value


def _bool(name: str, value: Any) -> bool:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false, not {value!r}")
    return value


def _bounds(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return (
        f" at most {high}"
        if low is None
        else (f" at least {low}" if high is None else f" in {low}..{high}")
    )


def _number(name: str, kind: type, low: float | None, high: float | None, value: Any) -> Any:
    noun = "a whole number" if kind is int else "a number"
    try:
        number = kind(value) if isinstance(value, str) else value
    except ValueError:
        raise UsageError(f"{name} must be {noun}{_bounds(low, high)}, not {value!r}") from None
    fits = isinstance(number, int) or (kind is float and isinstance(number, float))
    if isinstance(number, bool) or not fits:
        raise UsageError(f"{name} must be {noun}{_bounds(low, high)}, not {value!r}")
    least = -FAR if low is None else low
    most = FAR if high is None else high
    if not least <= number <= most:  # NaN compares false
        there = (low if number >= least else least), (high if number <= most else most)
        raise UsageError(f"{name} must be{_bounds(*there)}, not {value}")
    return kind(number)
