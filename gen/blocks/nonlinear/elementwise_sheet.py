"""The data sheet of the blocks that compute a function of each element."""

from typing import NamedTuple

import numpy as np

from gemmule.gen.package.sheet import ANY, Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, text
from gemmule.golden.nonlinear.elementwise import Unit
from gemmule.golden.nonlinear.exponential import HeatvitExp, TwoTableExp
from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.golden.nonlinear.piecewise import Piecewise
from gemmule.golden.nonlinear.slope import Slope
from gemmule.golden.nonlinear.units import Lines, Powers, RectifiedTable, Reflected, Table
from gemmule.hw.nonlinear.params import ElementwiseParams

__all__ = ["elementwise_sheet"]


def elementwise_sheet(params: ElementwiseParams) -> Sheet:
    """Say what a function of each element computes, and how it is driven."""
    unit, lanes = params.unit, params.lanes
    how, tables, constants = _datapath(unit)
    error = params.error
    return Sheet(
        equation="\n\n".join([
            text(f"""
            With x and y the real values, integer / 2^{params.in_format.frac} and
            integer / 2^{params.out_format.frac}:

                y = {_real(params)}

            saturated to {params.out_format.low}..{params.out_format.high}
            (`coefficients` = {params.coefficients}). The greatest error over all inputs is
            {error.steps[0]:.4g} steps of y. In integers, x and y being those of the streams
            (`div` and `>>` round down, `clamp` is to the range of y; `reference(x)` in
            `{{name}}.py` computes every bit, and has the tables):
            """),
            "```text\n" + how + "\n```",
        ]),
        streams={
            "x": Stream(
                "The elements, in packets of any length.",
                {"data": Field("elements", numbers(params.in_format))},
            ),
            "y": Stream(
                "A beat for each beat of `x`, with TLAST where that has it.",
                {"data": Field("the function of the same lane", numbers(params.out_format))},
            ),
        },
        order=text(f"""
        ```text
        for i = 0, {lanes}, {2 * lanes}, ...:
          x:  one beat: lane j = x[i + j]
          y:  one beat: lane j = f(x[i + j])
        ```

        Lanes that you do not need may hold anything, and give anything.
        """),
        faults="There are no commands, and TLAST only passes through: nothing can be malformed.",
        limits=(("beats of a packet", "any"),),
        latency="{latency} cycles from a beat of `x` to its beat of `y`.",
        throughput=f"One beat, {lanes} elements, a cycle.",
        back_pressure="Both streams may stall at any time.",
        ahead={"x": ANY},
        examples=(_example(params),),
        constants={
            "LANES": lanes,
            "IN_FRAC": params.in_format.frac,
            "OUT_FRAC": params.out_format.frac,
            "OUT_LOW": params.out_format.low,
            "OUT_HIGH": params.out_format.high,
            **constants,
        },
        tables=tables,
        encoder=(*_KINDS[type(unit)], "encode_elementwise.py"),
    )


def _real(params: ElementwiseParams) -> str:
    alpha, beta = (f"({each})" if "/" in str(each) else str(each) for each in params.line)
    return FUNCTIONS[params.FUNCTION].formula.format(alpha=alpha, beta=beta)


_KINDS = {
    Table: ("elementwise_table.py",),
    RectifiedTable: ("elementwise_rectified_table.py",),
    Reflected: ("elementwise_polynomial.py", "elementwise_reflected.py"),
    Powers: ("elementwise_polynomial.py", "elementwise_powers.py"),
    TwoTableExp: ("elementwise_product.py",),
    HeatvitExp: ("elementwise_parabola.py",),
    Lines: ("elementwise_lines.py",),
    Slope: ("elementwise_slope.py",),
}


class _Datapath(NamedTuple):
    """A datapath in words, its tables, and the constants of its reference."""

    words: str
    tables: dict[str, list[int]]
    constants: dict[str, int]


def _datapath(unit: Unit) -> _Datapath:
    """Return what a unit is."""
    width, fin, fout = unit.in_format.width, unit.in_format.frac, unit.out_format.frac
    if isinstance(unit, RectifiedTable):
        how = f"y = max(x, 0) * 2^{fout - fin} - VALUES[x mod {1 << width}]"
        return _Datapath(how, {"VALUES": unit.values.tolist()}, {"IN_BITS": width})
    if isinstance(unit, Table):
        how = f"y = VALUES[x mod {1 << width}]"
        return _Datapath(how, {"VALUES": unit.values.tolist()}, {"IN_BITS": width})
    if isinstance(unit, TwoTableExp):
        how = text(f"""
        d = min(max({unit.top} - x, 0), {(1 << unit.bits) - 1})
        p = HIGH[d div {len(unit.low)}] * LOW[d mod {len(unit.low)}]
        y = clamp({_rounded("p", unit.shift)})
        """)
        tables = {"HIGH": unit.high.tolist(), "LOW": unit.low.tolist()}
        return _Datapath(how, tables, {"TOP": unit.top, "SHIFT": unit.shift})
    if isinstance(unit, HeatvitExp):
        how = text(f"""
        d = min(max(-x, 0), {(1 << unit.bits) - 1})
        z = d * {unit.RECIPROCAL_LN2} >> {fin + unit.FRAC}
        p = z * {unit.LN2} - d * 2^{unit.FRAC - fin} + {unit.OFFSET}
        q = ({unit.SCALE} * (p * p >> 16) >> 16) + {unit.FLOOR}
        y = clamp({_rounded("(q >> z)", unit.FRAC - fout)})
        """)
        return _Datapath(how, {}, {"GREATEST_DISTANCE": (1 << unit.bits) - 1})
    if isinstance(unit, Lines):
        steps = [int(each * 2**fin) for each in unit.BREAKS]
        how = text(f"""
        m = x if x >= 0 else -x - 1
        r = how many of {steps} are at or below m
        c = {list(unit.CONSTANTS)}[r] * 2^{unit.frac - 5};  if x < 0: c = 2^{unit.frac} - c
        y = clamp((x * {[1 << unit.frac - fin - s for s in unit.SHIFTS] + [0]}[r] + c)
                  >> {unit.frac - fout})
        """)
        return _Datapath(how, {"BREAKS": steps, "SHIFTS": list(unit.SHIFTS)}, {"FRAC": unit.frac})
    if isinstance(unit, Slope):
        how = text(f"""
        v = (x * {unit.factor} + {unit.offset}) >> {unit.shift}
        y = clamp(min(max(v, 0), {1 << fout}))
        """)
        return _Datapath(
            how, {}, {"FACTOR": unit.factor, "OFFSET": unit.offset, "SHIFT": unit.shift}
        )
    if not isinstance(unit, Powers | Reflected):
        raise TypeError(f"no sheet tells of {type(unit).__name__}")
    tables, constants = _pieces(unit.pieces)
    poly = _polynomial(unit.pieces)
    frac = unit.pieces.frac
    if isinstance(unit, Powers):
        joint = f"\nif (k - {fin}) is odd: p = p + {1 << width - 1}" if unit.root == 2 else ""
        how = (
            text(f"""
        if x <= 0: y = {unit.out_format.high}, else
        k = floor(log2(x));  p = x * 2^({width - 1} - k) - {1 << width - 1}{{joint}}
        {{poly}}
        e = {frac - fout} + ((k - {fin}) div {unit.root})
        y = clamp(floor(t / 2^e + 1/2))
        """)
            .replace("{joint}", joint)
            .replace("{poly}", poly)
        )
        return _Datapath(how, tables, constants | {"ROOT": unit.root, "IN_BITS": width})
    value = {
        "rectified": f"max(x, 0) * 2^{frac - fin} - t",
        "complement": f"t if x < 0 else {1 << frac} - t",
        "odd": "-t if x < 0 else t",
    }[unit.symmetry]
    how = "\n".join([
        f"p = min(|x|, {(1 << unit.domain) - 1})",
        poly,
        f"v = {value}",
        f"y = clamp({_rounded('v', frac - fout)})",
    ])
    names = ("rectified", "complement", "odd")
    more = {"GREATEST": (1 << unit.domain) - 1, "SYMMETRY": names.index(unit.symmetry)}
    return _Datapath(how, tables, constants | more)


def _rounded(value: str, bits: int) -> str:
    if bits < 0:
        return f"{value} * 2^{-bits}"
    return f"({value} + {1 << bits >> 1}) >> {bits}" if bits else value


def _pieces(pieces: Piecewise) -> tuple[dict[str, list[int]], dict[str, int]]:
    tables = {
        f"C{power}": pieces.coefficients[:, power].tolist() for power in range(pieces.degree + 1)
    }
    return tables, {"FRAC": pieces.frac, "OFFSET_BITS": pieces.offset_bits}


def _polynomial(pieces: Piecewise) -> str:
    bits = pieces.offset_bits
    value = f"C{pieces.degree}[s]"
    for power in reversed(range(pieces.degree)):
        value = f"C{power}[s] + ({value} * u >> {bits})"
    split = f"s = p div {1 << bits};  u = p mod {1 << bits} - {1 << bits >> 1}"
    return f"{split}\nt = {value}"


def _example(params: ElementwiseParams) -> Example:
    count = params.lanes + 1 if params.lanes <= 8 else 5
    fmt = params.in_format
    x = np.linspace(fmt.low, fmt.high, count).astype(np.int64)
    if params.coefficients == "heatvit" and params.FUNCTION == "exp":
        x = np.minimum(x, 0)
    return Example("1: from the least to the greatest input", {"x": x})
