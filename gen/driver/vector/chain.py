"""What a VECTOR command computes, from what a user says of it: checked, and as its record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import ROUNDINGS, Requantization
from gemmule.golden.soc.commands import TRANSPOSED, Combine
from gemmule.golden.soc.functions import WHOLE, VectorHardware, code_of
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.vector import SMALL

__all__ = ["Chain", "apart", "number_of", "unit_of"]

ORDER = ("wait", "wait_value", "signal")
"""Options that say when commands begin, and what they count."""

RESULT = ("zero_point", "c_format", "clamp", "rounding")
"""Options of every result."""

SCALED = ("multiplier", "shift", "a_zero_point")
TWO = (*SCALED, "b_zero_point")

BEFORE: Mapping[Combine, tuple[str, ...]] = {
    Combine.NONE: SCALED,
    Combine.ADD: ("a_multiplier", "b_multiplier", *TWO),
    Combine.MULTIPLY: TWO,
    Combine.MASK: SCALED,
    Combine.MAXIMUM: TWO,
    Combine.MINIMUM: TWO,
}
"""Options of what is in front of the function, by how operands are combined."""

AFTER = ("result_multiplier", "result_shift")
"""Options of what is behind a function."""

OFFSET = "offset"
"""The option of what is added right in front of a function."""

ONE = ("a_multiplier", "b_multiplier", "multiplier", "result_multiplier")
"""Those that are 1 where nothing is said; all others are 0."""

S8, S32 = Format(True, 8), Format(True, 32)


def unit_of(hardware: Hardware, name: str, function: str) -> VectorHardware:
    """Return the vector unit if it can do what the method ``name`` needs."""
    unit = hardware.vector
    if unit is None:
        raise UsageError(f"{name}: this hardware has no vector unit; --vector-lanes 16 has one")
    if function != "none" and function not in unit.functions:
        has = ", ".join(unit.functions) or "no function"
        raise UsageError(
            f"{name}: this hardware's vector unit has {has}, not {function}; --functions names what"
            " is built in"
        )
    return unit


@dataclass(frozen=True)
class Chain:
    """Combine, scale, a function, scale: the pass over memory that one command is.

    Attributes
    ----------
    record : fields of the settings
    format : of results
    plain : whether what goes into the function is operand a as it is
    sizes : bits of the command's field that name no size
    """

    record: dict[str, int]
    format: Format
    plain: bool
    sizes: int

    @classmethod
    def make(
        cls,
        hardware: Hardware,
        function: str,
        combine: Combine,
        result: Format | None,
        options: Mapping[str, Any],
    ) -> "Chain":
        """Return the chain of a function, or of ``none``, with the options that it has.

        ``result`` is the format of results where nothing is said of them; None stands for s8 with a
        scale and s32 without one, as of products.
        """
        computes = function not in ("none", "transpose")
        before = BEFORE[combine] + ((OFFSET,) if computes else ())
        after = AFTER if computes else ()
        known = (*before, *after, *RESULT)
        if strange := sorted(set(options) - set(known)):
            raise UsageError(f"there is no {strange[0]!r}; what there is: {', '.join(known)}")
        given = {name: value for name, value in options.items() if value is not None}
        if combine is not Combine.ADD:
            _both(given, "multiplier", "shift")
        _both(given, *AFTER)
        scaled = any("zero_point" not in name for name in {*(after or before)} & {*given})
        fmt = (S8 if scaled else S32) if result is None or scaled else result
        said: dict[str, Any] = {name: given[name] for name in RESULT if name in given}
        said.setdefault("c_format", fmt)
        end = Requantization.check(1, **said, out_width=hardware.out_width)
        if end.format.high > WHOLE.high:
            raise UsageError(f"c_format must be s32 or narrower, not {end.format}")
        numbers = {
            name: number_of(name, given, hardware)
            for name in (*BEFORE[Combine.ADD], OFFSET, *AFTER)
        }
        if not after:  # so that nothing is clamped in front of the zero point
            numbers[OFFSET] = end.zero_point
        return cls(
            {
                **numbers,
                "combine": combine,
                "function": code_of(function),
                "rounding": ROUNDINGS.index(end.rounding),
                "zero_point": end.zero_point if after else 0,
                "low": end.low,
                "high": end.high,
            },
            end.format,
            combine in (Combine.NONE, Combine.MASK) and not {*before} & {*given},
            TRANSPOSED if function == "transpose" else 0,
        )


def _both(given: Mapping[str, Any], first: str, second: str) -> None:
    """Refuse a multiplier without its shift, and a shift without its multiplier."""
    if (first in given) != (second in given):
        there, lacking = (first, second) if first in given else (second, first)
        raise UsageError(f"{there} was given without {lacking}; give both or neither")


def number_of(name: str, given: Mapping[str, Any], hardware: Hardware) -> int:
    """Return an option that is one number, given as such or as an array of one."""
    if name not in given:
        return int(name in ONE)
    if name.endswith("shift"):
        low, high = 0, hardware.max_shift
    elif name in ("multiplier", "result_multiplier"):
        low, high = 0, (1 << hardware.multiplier_width) - 1
    elif name == OFFSET:
        low, high = WHOLE.low, WHOLE.high
    else:
        low, high = SMALL.low, SMALL.high
    array = np.asarray(given[name])
    if array.dtype.kind not in "iu" or array.size != 1:
        raise UsageError(f"{name} must be one whole number in {low}..{high}, not {given[name]!r}")
    number = int(array.reshape(())[()])
    if not low <= number <= high:
        raise UsageError(f"{name} must be in {low}..{high}, not {number}")
    return number


def apart(options: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, Any]]:
    """Return when commands begin, and what else is said."""
    order = {name: options.get(name, 0) for name in ORDER}
    return order, {name: value for name, value in options.items() if name not in ORDER}
