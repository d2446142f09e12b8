"""The data sheet of softmax."""

from math import ceil

import numpy as np

from gemmule.gen.package.sheet import ANY, Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.golden.nonlinear.exponential import HeatvitExp, TwoTableExp
from gemmule.golden.nonlinear.softmax import DELTA_FRAC, EXP_FORMAT, Reciprocal, exp_unit
from gemmule.golden.nonlinear.softmax_error import error_bound, greatest_result
from gemmule.hw.nonlinear.row.commands import ROWS_WIDTH
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams

__all__ = ["softmax_sheet"]


def softmax_sheet(params: SoftmaxParams) -> Sheet:
    """Say what softmax computes, and how it is driven."""
    lanes, longest = params.lanes, params.max_length
    one = 1 << DELTA_FRAC
    unit = exp_unit(params.in_format, params.coefficients)
    parabola = isinstance(unit, HeatvitExp)
    beats = f"ceil(n / {lanes})"
    return Sheet(
        equation=_equation(params),
        streams={
            "command": Stream(
                "One word for a number of rows.",
                {
                    "rows": Field("how many rows follow", f"1..{(1 << ROWS_WIDTH) - 1}", "rows"),
                    "delta": Field(
                        f"what results are multiplied by: {one} is 1.0. With `log2` = 1 it is"
                        f" divided by the square root of 2: {round(one / 2**0.5)} is 1.0",
                        f"0..{one}",
                        f"1/{one}",
                    ),
                    "log2": Field(
                        "0: results are probabilities; 1: 4-bit codes of their -log2", "0, 1"
                    ),
                },
            ),
            "x": Stream(
                f"The rows, one packet each. A row of n entries is {beats} beats; TLAST is on the"
                " last.",
                {
                    "data.x": Field("entries of the row", numbers(params.in_format)),
                    "data.keep": Field(
                        "a bit a lane, bit j of lane j: 1: the entry counts; 0: it is masked, or"
                        " lies beyond the end of the row (in its last beat)",
                        f"{lanes} bits",
                    ),
                },
            ),
            "y": Stream(
                f"The results, one packet for each row, {beats} beats.",
                {
                    "data": Field(
                        "results; 0 (with `log2`: 15) where `keep` was 0",
                        numbers(params.out_format) + "; with `log2`: 0..15 in the low bits",
                    )
                },
            ),
            "status": status(
                ["x"],
                never=["x.early"],
                more=" A command has a packet for each row: `x.late` is set if any was too long.",
            ),
        },
        order=text(f"""
        ```text
        for each command:
          command: one word
          for row = 0 .. rows - 1:
            for i = 0, {lanes}, {2 * lanes}, ... below n:
              x:  one beat: lane j = x[row, i + j], bit j of keep = mask[row, i + j],
                                                or 0 where i + j >= n
              y:  one beat: lane j = y[row, i + j]
          status:  one word, after the last beat of y
        ```

        Rows of one command may have different lengths. Lanes with `keep` = 0 may hold anything.
        """),
        faults=text(f"""
        - A row may have 1 to {longest} entries, in at most {params.beats} beats, and rows of a
          command may differ: TLAST ends a row, so none is ever too short, and `x.early` is always
          0. If beat {params.beats} of a row has no TLAST, the row ends there all the same; what
          follows is taken and thrown away up to and with the beat that has TLAST, and `x.late` is
          set. The rows after it, and the next command, are not affected.
        - A command with `rows` = 0 is refused, and has no packets. One with `delta` above {one} is
          refused, and its `rows` packets of `x` are taken and thrown away, each up to its TLAST;
          nothing comes at `y`. Each refused command has its word in `status`.
        - A row of which every entry is masked gives zeros (with `log2`: 15).
        """),
        limits=(
            ("entries of a row", longest),
            ("beats of a row", params.beats),
            ("rows of a command", (1 << ROWS_WIDTH) - 1),
        ),
        latency=(
            "{latency} cycles from a row's beat to its result if a row is one beat; {latency} +"
            " 2 * (beats - 1) cycles from the first beat of a row to its first result."
        ),
        throughput="One beat a cycle; rows follow each other without a gap.",
        back_pressure=(
            "Every stream may stall at any time. A command waits until all rows of the one before"
            " it have left."
        ),
        ahead={"command": 1, "x": ANY},
        examples=_examples(params),
        constants={
            "LANES": lanes,
            "MAX_LENGTH": longest,
            "MAX_BEATS": params.beats,
            "DELTA_ONE": one,
            "DELTA_ONE_LOG2": round(one / 2**0.5),
            "IN_FRAC": params.in_format.frac,
            "OUT_FRAC": params.out_format.frac,
            "OUT_HIGH": params.out_format.high,
            "GREATEST_DISTANCE": (1 << unit.bits) - 1,
            "EXP_SHIFT": unit.shift if isinstance(unit, TwoTableExp) else 0,
            "SEGMENT_BITS": Reciprocal().pieces.segment_bits,
        },
        tables=_tables(params),
        encoder=(
            "softmax_heatvit.py" if parabola else "softmax_exact.py",
            "softmax_reference.py",
            "encode_softmax.py",
        ),
        source=(
            "delta and the parabola of `coefficients` = heatvit: P. Dong et al., HeatViT, HPCA"
            " 2023, arXiv 2211.08110, equations 13 and 14; the 4-bit logarithm: X. Shen et al.,"
            " Agile-Quant, AAAI 2024"
        ),
    )


def _equation(params: SoftmaxParams) -> str:
    fmt, out, unit = (
        params.in_format,
        params.out_format,
        exp_unit(params.in_format, params.coefficients),
    )
    if isinstance(unit, HeatvitExp):
        power = text(f"""
            d = min(max - x[i], {(1 << unit.bits) - 1})
            z = floor(d * {unit.RECIPROCAL_LN2} / 2^{fmt.frac + unit.FRAC})
            p = z * {unit.LN2} - d * 2^{unit.FRAC - fmt.frac} + {unit.OFFSET}
            q = floor({unit.SCALE} * floor(p * p / 2^{unit.FRAC}) / 2^{unit.FRAC}) + {unit.FLOOR}
            e[i] = floor(q / 2^z) * 2^{EXP_FORMAT.frac - unit.FRAC}
        """)
    else:
        power = text(f"""
            d    = min(max - x[i], {(1 << unit.bits) - 1})
            h, l = d div {len(unit.low)}, d mod {len(unit.low)}
            e[i] = floor(HIGH[h] * LOW[l] / 2^{unit.shift} + 1/2)
        """)
    pieces = Reciprocal().pieces
    half = 1 << pieces.offset_bits >> 1
    frac = EXP_FORMAT.frac + Reciprocal().frac
    tables = (
        ""
        if isinstance(unit, HeatvitExp)
        else (
            f" HIGH[i] = round(exp(-i * {len(unit.low)} / 2^{fmt.frac}) * 2^20) and LOW[i] ="
            f" round(exp(-i / 2^{fmt.frac}) * 2^16)."
        )
    )
    result = f"floor(e[i] * inverse / 2^{frac - out.frac} + 1/2)"
    if greatest_result(fmt, out, params.coefficients) > out.high:
        result = f"min({result}, {out.high})"
    bounds = ", ".join(
        f"{ceil(100 * error_bound(fmt, out, length, params.coefficients)) / 100} in rows of up to"
        f" {length} entries"
        for length in sorted({min(64, params.max_length), params.max_length})
    )
    return text(f"""
    For each row, over the entries i with `keep` = 1; `max` is the greatest of them and e[i] is
    about exp(x[i] - max), {EXP_FORMAT.frac} fractional bits; e[i] = 0 where `keep` is 0:

    ```text
    {power.replace(chr(10), chr(10) + "    ")}
    S    = sum of e[i]
    if S < 2^{EXP_FORMAT.frac}:  all of the row is masked and inverse = 0; else
      k        = floor(log2(S))
      mantissa = floor(S * 2^16 / 2^k) - 2^16
      s, u     = mantissa div {2 * half}, mantissa mod {2 * half} - {half}
      line     = CONSTANT[s] + floor(SLOPE[s] * u / {2 * half})
      inverse  = floor(line * delta / 2^(k - {EXP_FORMAT.frac - DELTA_FRAC}) + 1/2)
    y[i] = {result}
    with log2:  y[i] = 15 if e[i] * inverse = 0, else
                min(max({frac} - (floor(log2(e[i] * inverse)) + 1), 0), 15)
    ```

    That is y = delta * exp(x - max) / sum(exp(x - max)), or clamp(round(-log2 y), 0, 15). **How
    near**: no result is further from the exact real number, in its steps of 2^-{out.frac}, than
    {bounds}; that holds for all rows, of which most stay far below.{tables}
    `{{name}}.py` and `{{name}}.h` hold the tables (CONSTANT and SLOPE have
    {len(pieces.coefficients)} entries each); `{{name}}.py` has a function `reference` that computes
    every bit.
    With f(t) = 2^16 / (1 + t / 128) they are, for s = 0 .. 127, SLOPE[s] = round(f(s + 1) - f(s))
    and CONSTANT[s] = round((f(s) + f(s + 1)) / 4 + f(s + 1/2) / 2).
    With `log2`, 1.0 is 2^12 / sqrt(2) = 2896.3, since then the floor of the logarithm of what is
    smaller by sqrt(2) is the logarithm rounded to nearest: `delta` = round(2896.3 * the factor).
    """)


def _tables(params: SoftmaxParams) -> dict[str, list[int]]:
    pieces = Reciprocal().pieces
    tables = {
        "CONSTANT": pieces.coefficients[:, 0].tolist(),
        "SLOPE": pieces.coefficients[:, 1].tolist(),
    }
    unit = exp_unit(params.in_format, params.coefficients)
    if not isinstance(unit, HeatvitExp):
        tables |= {"HIGH": unit.high.tolist(), "LOW": unit.low.tolist()}
    return tables


def _examples(params: SoftmaxParams) -> tuple[Example, ...]:
    n = min(params.max_length, params.lanes + 1 if params.lanes <= 4 else 3)
    low, high = max(params.in_format.low, -500), min(params.in_format.high, 700)
    x = (np.arange(2 * n) * 287 % (high - low + 1) + low).reshape(2, n)
    mask = np.ones((2, n), np.int64)
    mask[1, 0] = 0
    return (
        Example("1: probabilities", {"x": x, "mask": mask}),
        Example("2: codes of the logarithm", {"x": x}, {"log2": True, "delta": 0.5}),
    )
