"""What a VECTOR command computes, from what a user says of it: checked, and as its record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import ROUNDINGS, Requantization
from gemmule.golden.soc.commands import SIGNS, Combine, VectorFunction
from gemmule.golden.soc.functions import WHOLE, VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.vector import SMALL

__all__ = ["Chain", "unit_of"]

RESULT = ("zero_point", "c_format", "clamp", "rounding")
"""Options of every result."""

BEFORE: Mapping[Combine, tuple[str, ...]] = {
    Combine.NONE: ("multiplier", "shift", "a_zero_point"),
    Combine.ADD: (
        "a_multiplier",
        "b_multiplier",
        "multiplier",
        "shift",
        "a_zero_point",
        "b_zero_point",
    ),
    Combine.MULTIPLY: ("multiplier", "shift", "a_zero_point", "b_zero_point"),
    Combine.MASK: ("multiplier", "shift", "a_zero_point"),
}
"""Options of what is in front of the function, by how operands are combined."""

AFTER = ("result_multiplier", "result_shift")
"""Options of what is behind a function."""

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
    """

    record: dict[str, int]
    format: Format
    plain: bool
    combine: Combine = field(default=Combine.NONE)

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
        known = (*BEFORE[combine], *(AFTER if function != "none" else ()), *RESULT)
        if strange := sorted(set(options) - set(known)):
            raise UsageError(f"there is no {strange[0]!r}; what there is: {', '.join(known)}")
        given = {name: value for name, value in options.items() if value is not None}
        if combine is not Combine.ADD:
            _both(given, "multiplier", "shift")
        _both(given, *AFTER)
        scale = BEFORE[combine] if function == "none" else AFTER
        scaled = any("zero_point" not in name for name in set(scale) & set(given))
        fmt = (S8 if scaled else S32) if result is None or scaled else result
        said: dict[str, Any] = {name: given[name] for name in RESULT if name in given}
        said.setdefault("c_format", fmt)
        end = Requantization.check(1, **said, out_width=hardware.out_width)
        if end.format.high > WHOLE.high:
            raise UsageError(f"c_format must be s32 or narrower, not {end.format}")
        numbers = {name: _number(name, given, hardware) for name in (*BEFORE[Combine.ADD], *AFTER)}
        return cls(
            {
                **numbers,
                "combine": combine,
                "function": VectorFunction[function.upper()],
                "rounding": ROUNDINGS.index(end.rounding),
                "zero_point": end.zero_point,
                "low": end.low,
                "high": end.high,
            },
            end.format,
            combine in (Combine.NONE, Combine.MASK) and not set(BEFORE[combine]) & set(given),
            combine,
        )

    def check_reach(self, arrays: Iterable[NDArray]) -> None:
        """Refuse a result that may leave 32 bits before its zero point, where that would show."""
        record = self.record
        zero, low, high = record["zero_point"], record["low"], record["high"]
        if low >= WHOLE.low + max(zero, 0) and high <= WHOLE.high + min(zero, 0):
            return
        ends = [_ends(each, record[f"{name}_zero_point"]) for name, each in _named(arrays)]
        if self.combine is Combine.MULTIPLY:
            z = [a * b for a in ends[0] for b in ends[1]]
        elif self.combine is Combine.ADD:
            factors = record["a_multiplier"], record["b_multiplier"]
            z = [a * factors[0] + b * factors[1] for a in ends[0] for b in ends[1]]
        else:
            z = list(ends[0])
        if any(each * record["multiplier"] >> record["shift"] not in INSIDE for each in z):
            raise UsageError(
                f"zero_point {zero} is added to what is kept to 32 bits, so results that may be"
                f" greater need --clamp LOW,HIGH within {WHOLE.low + max(zero, 0)},"
                f"{WHOLE.high + min(zero, 0)}"
            )


INSIDE = range(WHOLE.low, WHOLE.high)
"""Quotients, rounded down, that stay within 32 bits."""


def _named(arrays: Iterable[NDArray]) -> Iterable[tuple[str, NDArray]]:
    return zip(SIGNS, arrays, strict=False)


def _ends(array: NDArray, zero_point: int) -> tuple[int, int]:
    """Return the least and the greatest that elements can be, less the zero point."""
    limits = np.iinfo(array.dtype)
    return int(limits.min) - zero_point, int(limits.max) - zero_point


def _both(given: Mapping[str, Any], first: str, second: str) -> None:
    """Refuse a multiplier without its shift, and a shift without its multiplier."""
    if (first in given) != (second in given):
        there, lacking = (first, second) if first in given else (second, first)
        raise UsageError(f"{there} was given without {lacking}; give both or neither")


def _number(name: str, given: Mapping[str, Any], hardware: Hardware) -> int:
    """Return an option that is one number, given as such or as an array of one."""
    if name not in given:
        return int(name in ONE)
    if name.endswith("shift"):
        low, high = 0, hardware.max_shift
    elif name in ("multiplier", "result_multiplier"):
        low, high = 0, (1 << hardware.multiplier_width) - 1
    else:
        low, high = SMALL.low, SMALL.high
    array = np.asarray(given[name])
    if array.dtype.kind not in "iu" or array.size != 1:
        raise UsageError(f"{name} must be one whole number in {low}..{high}, not {given[name]!r}")
    number = int(array.reshape(())[()])
    if not low <= number <= high:
        raise UsageError(f"{name} must be in {low}..{high}, not {number}")
    return number
