"""What a VECTOR command does, once more: bytes, fractions, and the blocks' own golden models."""

from fractions import Fraction

import numpy as np

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.elementwise import build_unit
from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.golden.nonlinear.layernorm import NormFormats, layernorm
from gemmule.golden.nonlinear.softmax import softmax
from gemmule.golden.soc.commands import Combine, VectorFunction
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.tb.soc.test_machine import BASE, number, rounded

from .common import F

__all__ = ["expected"]


def expected(memory: np.ndarray, command: dict[str, int], hardware: Hardware) -> np.ndarray:
    """Return what memory is after a legal command, element by element."""
    at = command["settings"]
    combine, function, rounding, signs = (number(memory, at + n, 1, False) for n in range(4))
    zeros_and_factors = [number(memory, at + 4 + 4 * n, 4, True) for n in range(4)]
    shifts = number(memory, at + 24, 1, False), number(memory, at + 25, 1, False)
    multipliers = number(memory, at + 20, 4, False), number(memory, at + 28, 4, False)
    zero_point, low, high, offset = (number(memory, at + 32 + 4 * n, 4, True) for n in range(4))
    name = VectorFunction(function).name.lower()
    given = formats(hardware.vector, name)[0]
    after = memory.copy()
    for row in range(command["m"]):
        numbers, kept = [], []
        for column in range(command["n"]):
            a, b = (
                element(memory, command, each, row, column, bool(signs >> bit & 1))
                for bit, each in enumerate("ab")
            )
            kept.append(combine != Combine.MASK or b != 0)
            z = combined(combine, a, b, *zeros_and_factors)
            t = rounded(Fraction(z * multipliers[0], 2 ** shifts[0]), rounding) + offset
            numbers.append(min(max(t, given.low), given.high))
        results = computed(memory, at, name, numbers, kept, bool(signs & 4), hardware.vector)
        for column, y in enumerate(results):
            c = rounded(Fraction(y * multipliers[1], 2 ** shifts[1]), rounding) + zero_point
            octets = 1 << command["c_size"]
            down, across = (column, row) if name == "transpose" else (row, column)
            place = command["c"] + down * command["c_stride"] + across * octets - BASE
            cut = min(max(c, low), high) % (1 << 8 * octets)
            after[place : place + octets] = list(cut.to_bytes(octets, "little"))
    return after


def element(memory, command, name: str, row: int, column: int, signed: bool) -> int:
    """Return an element of a or b, 0 where there is no b."""
    size = command["sizes"] >> 2 * (name == "b") & 3
    if size == 3:
        return 0
    place = command[name] + row * command[f"{name}_stride"] + (column << size)
    return number(memory, place, 1 << size, signed)


def combined(combine: int, a: int, b: int, a_zero, b_zero, a_factor, b_factor) -> int:
    """Return z, as the texts of :class:`Combine` have it."""
    a, b = a - a_zero, b - b_zero
    return {
        0: a,
        1: a * a_factor + b * b_factor,
        2: a * b,
        3: a,
        4: max(a, b),
        5: min(a, b),
    }[combine]


def formats(unit: VectorHardware, name: str) -> tuple[Format, Format]:
    """Return the formats of a function, from the table of the blocks' own."""
    if name in ("none", "transpose"):
        return F("s32"), F("s32")
    rows = {"softmax": ("sq7.9", "uq1.15"), "layernorm": ("sq8.8", "sq6.10")}
    rows["rmsnorm"] = rows["layernorm"]
    if name in FUNCTIONS:
        rows[name] = FUNCTIONS[name].in_format, FUNCTIONS[name].out_format
    given, result = map(F, rows[name])
    return unit.in_format or given, unit.out_format or result


def computed(
    memory, at: int, name: str, row: list[int], kept: list[bool], log2: bool, unit: VectorHardware
) -> list[int]:
    """Return a row of a function's results, by its block's golden model."""
    x = np.array([row], np.int64)
    if name in ("none", "transpose"):
        return row
    sets = FUNCTIONS[name].sets if name in FUNCTIONS else ("exact", "heatvit")
    coefficients = unit.coefficients if unit.coefficients in sets else "exact"
    given, result = formats(unit, name)
    if name in FUNCTIONS:
        return build_unit(name, given, result, coefficients)(x)[0].tolist()
    if name == "softmax":
        options = {"mask": np.array([kept]), "log2": log2, "coefficients": coefficients}
        delta = number(memory, at + 26, 2, False)
        return softmax(x, given, result, code=delta, **options)[0].tolist()
    gamma, beta = (
        np.array([
            number(memory, at + 64 + 4 * n + 2 * place, 2, fmt.signed, fmt.width)
            for n in range(len(row))
        ])
        for place, fmt in enumerate((unit.gamma_format, unit.beta_format))
    )
    fmts = NormFormats(given, unit.gamma_format, unit.beta_format, result)
    code = number(memory, at + 48, 8, False)
    kind = {"layernorm": "layer", "rmsnorm": "rms"}[name]
    return layernorm(x, gamma, beta, fmts, kind=kind, code=code)[0].tolist()
