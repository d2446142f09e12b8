"""The data sheet of `gemm`; `sparse_gemm` shares what the two have in common."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.package.sheet import Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import FAULTS, numbers, status, text
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import offset_width
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.golden.systolic.limits import SCALE_BANKS
from gemmule.hw.systolic.command import packets
from gemmule.hw.systolic.params import GemmParams, ProductParams

__all__ = [
    "ENDED",
    "REFERENCE",
    "REQUANTIZATION",
    "ahead",
    "command_stream",
    "gemm_sheet",
    "narrowed",
    "product_constants",
    "product_faults",
    "product_limits",
    "product_throughput",
    "requantized",
    "result_stream",
    "scale_streams",
    "scaling_arrays",
    "small",
    "stretches",
    "tile_loops",
]  # fmt: skip

ENDED = (
    " **It comes when the command's operands were taken; `c` may still be on its way**: a job has"
    " ended with the TLAST of `c`. A packet that is too long is told at the beat that should have"
    " been its last: the word does not wait for its TLAST."
)
"""What the word of a product does not say."""

REFERENCE = (
    "`{name}.py` makes the words of a product (`encode`), reads those of `c` (`decode`), and"
    " computes what they must be (`reference`), of settings by column."
)
"""What the encoder of a product does."""

REQUANTIZATION = """
The host makes `offset` of the bias and of the zero points, once for each column, from its own copy
of `b` (K rows; za, zb, bias are 0 where you have none):

    offset[n] = bias[n] - za * (sum over k of b[k, n] - K * zb[n])

and folds `multiplier / 2^shift` (multiplier of {bits} bits unsigned, shift 0..{max_shift}) into the
two fields that the hardware takes, which shifts right by whole bytes:

    scale.multiplier = multiplier * 2^(8 - shift mod 8)      # {wide} bits
    scale.drop       = floor(shift / 8)
    result           = total * scale.multiplier / 2^(8 * (scale.drop + 1)), then rounded once

So **no scaling at all is multiplier 256, drop 0**; multiplier 3, shift 9 is 3 * 2^7 = 384, drop 1.
"""


BY_ROW = """
With `by_row` and `beside`, row m has a multiplier and a shift of its own beside the columns',
folded in the same way into `row_scale.multiplier` and `row_scale.drop`. shift[n] + row_shift[m]
is at most the largest shift, and the result is rounded once:

    result = (acc + offset) * scale.multiplier * row_scale.multiplier
             / 2^(8 * (scale.drop + 1) + 8 * (row_scale.drop + 1))
"""


def requantized(params: ProductParams) -> str:
    """How bias, zero points, multiplier and shift become the fields of `scale`."""
    found = REQUANTIZATION.format(
        bits=params.multiplier_width, wide=params.multiplier_width + 8, max_shift=params.max_shift
    )
    return found + (BY_ROW if params.row_scales else "")


LAST_FIRST = (
    " Weight-stationary tiles of `b` come last row first, so that of the tile in which a packet of"
    " `b` ends early the **lower k** are zeros; of all tiles after it every k is."
)


def gemm_sheet(params: GemmParams) -> Sheet:
    """What `gemm` computes, and how it is driven."""
    return Sheet(
        equation=_equation(params),
        streams={
            "command": command_stream(params, "K, the inner dimension"),
            "a": Stream(
                f"The left operand. One packet a command. A beat has {params.rows} lanes"
                + (" for each of two rows of `a`" if params.m_lanes == 2 else "")
                + "; see the order of beats.",
                {"data": Field("elements of `a`", numbers(params.a_format))},
            ),
            "b": Stream(
                f"The right operand. One packet a command. A beat has {params.cols} lanes: a row of"
                " `b` in the columns of a tile.",
                {"data": Field("elements of `b`", numbers(params.b_format))},
            ),
            **scale_streams(params),
            "c": result_stream(params),
            "status": status(packets(params), more=ENDED),
        },
        order=tile_loops(params, "k", "a[m, k0 + r]", "b[k, n0 + j]", "a[m0 + r, k]"),
        faults=product_faults(params),
        limits=product_limits(params, params.largest_k, "K of a command"),
        latency=(
            "{latency} cycles from the beat of `a` in the last tile of K to the beat"
            " of `c` that it completes, if `c` is taken at once."
        ),
        throughput=product_throughput(params),
        back_pressure=(
            "Every stream may stall at any time. Operands are taken only while there is room for"
            " what they will give."
        ),
        ahead=ahead(params),
        examples=_examples(params),
        constants=product_constants(params, params.largest_k),
        encoder=("encode_dense.py", "encode_gemm.py", "gemm_reference.py"),
    )


def _equation(params: GemmParams) -> str:
    return text(f"""
        For every row m and column n, in exact integers:

            acc[m, n] = sum over k of a[m, k] * b[k, n]
            total     = acc[m, n] + offset[n]{_zero_term(params)}
            c[m, n]   = clamp(round(total * multiplier[n] / 2^shift[n]) + zero_point, low, high)

        `round` is to the nearest integer, once; where the quotient lies halfway between two, the
        command's `rounding` says which (0: the even one). `clamp(x, low, high)` is
        `min(max(x, low), high)`. No sum overflows: the accumulator has {params.acc_width} bits and
        longer K are refused.
        That is `requantize((a - za) @ (b - zb) + bias)` for a zero point `za` of `a` and zero
        points `zb` of `b`{"" if params.b_zero_points else " (this hardware has none: zb = 0)"}.
    """) + "\n\n" + requantized(params).strip() + "\n\n" + REFERENCE  # fmt: skip


def _zero_term(params: ProductParams) -> str:
    return " - b_zero_point[n] * (sum over k of a[m, k])" if params.b_zero_points else ""


def command_stream(params: ProductParams, inner: str) -> Stream:
    """One product."""
    low, high = -(1 << params.out_width - 1), (1 << params.out_width) - 1
    least = (
        f"{low}..{high - (1 << params.out_width - 1)} for signed results, 0..{high} for unsigned"
    )
    size = f"1..{(1 << DIM_WIDTH) - 1}"
    flow = {
        "ws": "0: weight-stationary (this hardware has no other)",
        "os": "1: output-stationary (this hardware has no other)",
        "both": "0: weight-stationary; 1: output-stationary. Which order of beats you send",
    }[params.dataflow]
    rows = "beats of two rows of `a`: ceil(M / 2)" if params.m_lanes == 2 else "M, the rows of `a`"
    fields = {
        "m": Field(rows, size),
        "n": Field("N, the columns of `b`", size),
        "k": Field(inner, f"1..{min(params.largest_k, (1 << DIM_WIDTH) - 1)}"),
        "output_stationary": Field(flow, {"ws": "0", "os": "1", "both": "0, 1"}[params.dataflow]),
        "rounding": Field("what happens to ties", "see the codes"),
        "zero_point": Field("added to the scaled result", least),
        "low": Field("the least result", f"{least}; at most `high`"),
        "high": Field("the greatest result", least),
    }
    if params.row_scales:
        fields["by_row"] = Field(
            "1: settings come by `row_scale`, one a row of `c`, and `scale` has no packet, unless"
            " `beside` is 1; 0: they come by `scale`, and `row_scale` has no packet", "0, 1",
        )  # fmt: skip
        fields["beside"] = Field(
            "with `by_row` = 1, 1: both `scale` and `row_scale` have a packet, and results are"
            " multiplied by both; 0: only `row_scale` has one. Without `by_row` it means nothing",
            "0, 1",
        )
    return Stream(
        "One word for each product. Send it first, or beside its operands on a channel of its own:"
        " without it `a` and `b` take at most a few words, and `scale` none.",
        fields,
    )


def scale_streams(params: ProductParams) -> Mapping[str, Stream]:
    """Settings of requantization by column and, where there are any, by row."""
    offset = offset_width(params.acc_width)
    shared = {
        "data.offset": Field(
            "added to the sum: bias and corrections", f"signed {offset} bits; 0 without a bias"
        ),
        "data.multiplier": Field(
            "what the total is multiplied by", f"0..{(1 << params.multiplier_width + 8) - 1};"
            " 256 (with drop 0) for a factor of one",
        ),
        "data.drop": Field(
            "bytes less one that the product is shifted right by", f"0..{params.max_shift // 8}"
        ),
    }  # fmt: skip
    zero = {}
    if params.b_zero_points:
        zero["data.b_zero_point"] = Field("zero point of this column of `b`", "as `b`, signed")
    streams = {
        "scale": Stream(
            "What each column is requantized with. One packet a command, ceil(N / "
            f"{params.cols}) beats; lane j is column n0 + j.", shared | zero,
        )
    }  # fmt: skip
    if params.row_scales:
        streams["row_scale"] = Stream(
            "With `by_row` = 1: what each row is requantized with, by itself or, with `beside` = 1,"
            " besides its columns; then `offset` here counts for nothing. One packet a command: a"
            " beat for each beat of `c`.", shared,
        )  # fmt: skip
    return streams


def result_stream(params: ProductParams) -> Stream:
    """The product."""
    return Stream(
        f"The product. One packet a command. A lane holds the low {params.out_width} bits of the"
        " result: read it as unsigned if your results are (`low` is 0).",
        {"data": Field("elements of `c`", "low..high")},
    )


def stretches(params: ProductParams, m: str) -> str:
    """How the rows of a weight-stationary product are cut, as pseudo-code."""
    rows, depth = params.rows, params.acc_depth
    lines = [
        f"stretches: m0 = 0; left = {m}",
        f"  while left > {depth}:",
        f"    size = {depth}",
        f"    if left < {depth + rows}: size = {depth - rows}   # so that the rest has {rows} rows",
        "    stretch (m0, size); m0 += size; left -= size",
        "  stretch (m0, left)",
    ]
    return "\n".join(line for line in lines if depth >= 2 * rows or "if left" not in line)


def tile_loops(params: ProductParams, k: str, a_ws: str, b: str, a_os: str) -> str:
    """The order of beats on all streams."""
    rows, cols = params.rows, params.cols
    big = k.upper()
    parts = [
        text(f"""
        Lanes are numbered r = 0..{rows - 1} in `a` and j = 0..{cols - 1} in `b`, `scale` and `c`.
        Lanes beyond an edge of a matrix (a row, column or {k} that there is not) may hold anything
        in operands, and are 0 in `c`. TLAST is on the last beat that a command sends or gets on a
        stream, and nowhere else.
        """)
    ]
    if params.m_lanes == 2:
        parts.append(
            f"A beat of `a` and of `c` holds two rows: number i holds row 2i in lanes 0..{rows - 1}"
            f" of `a` (0..{cols - 1} of `c`) and row 2i + 1 in the lanes behind them. Below, m"
            " counts such beats, and M is the `m` of the command."
        )
    if "ws" in params.dataflows:
        parts.append(
            text(f"""
        **Weight-stationary** (`output_stationary` = 0): the rows of `b` of each tile come **last
        first**, and a last tile of {big} has only as many rows of `b` as are left.
        """)
            + "\n\n```text\n"
            + stretches(params, "M")
            + "\n\n"
            + text(f"""
            for n0 = 0, {cols}, {2 * cols}, ... below N:
              scale:  one beat: lane j = settings of column n0 + j
              for each stretch (m0, size) of M:
                for {k}0 = 0, {rows}, {2 * rows}, ... below {big}:
                  depth = min({rows}, {big} - {k}0)
                  b:  for {k} = {k}0 + depth - 1 down to {k}0:  one beat: lane j = {b}
                  a:  for m = m0 .. m0 + size - 1:  one beat: lane r = {a_ws}
            for n0 = 0, {cols}, {2 * cols}, ... below N:
              c:      for m = 0 .. M - 1:  one beat: lane j = c[m, n0 + j]
            """)
            + "\n```"
        )
    if "os" in params.dataflows:
        mirrored = params.drains_down and not params.mirrors_rows
        lane = a_os.replace("m0 + r", f"m0 + {rows - 1} - r") if mirrored else a_os
        parts.append(
            text("""
        **Output-stationary** (`output_stationary` = 1): `a` and `b` advance together.
        """)
            + "\n\n```text\n"
            + text(f"""
            for n0 = 0, {cols}, {2 * cols}, ... below N:
              scale:  one beat: lane j = settings of column n0 + j
              for m0 = 0, {rows}, {2 * rows}, ... below M:
                for {k} = 0 .. {big} - 1:
                  a:  one beat: lane r = {lane}
                  b:  one beat: lane j = {b}
            for n0 = 0, {cols}, {2 * cols}, ... below N:
              c:      for m = 0 .. M - 1:  one beat: lane j = c[m, n0 + j]
            """)
            + "\n```"
        )
    if params.row_scales:
        parts.append(
            "With `by_row` = 1 there is no beat of `scale`, unless `beside` = 1; `row_scale` has,"
            " for each n0, all of m = 0 .. M - 1: one beat with the settings of row m"
            + (" (two lanes: rows 2m and 2m + 1)." if params.m_lanes == 2 else ".")
        )
    return "\n\n".join(parts)


def product_throughput(params: ProductParams) -> str:
    """Cycles of tiles."""
    texts = []
    if "ws" in params.dataflows:
        texts.append(
            "weight-stationary, a stretch of M by a tile of K takes max(rows of `a`, rows of `b`,"
            " 3) cycles"
        )
    if "os" in params.dataflows:
        tile = f"K + {params.rows - 1}" if params.drains_down else f"max(K, {params.rows})"
        texts.append(f"output-stationary, a tile of {params.rows} rows takes {tile} cycles")
    return (
        "; ".join(texts)
        + ". Tiles follow each other without a gap while operands are offered and results are"
        f" taken, but at most {SCALE_BANKS} tiles of N, of one command or of several, are on their"
        f" way: where {SCALE_BANKS} of them take fewer cycles than a beat takes from `a` to `c`,"
        " the next waits for the first to leave."
    )


def product_faults(params: ProductParams) -> str:
    """What is refused, and what that consumes."""
    both = "`a`, `b` and `scale` or `row_scale` (whichever `by_row` and `beside` say, or both)"
    others = both if params.row_scales else (
        "`a`, `b` and `scale`"
    )  # fmt: skip
    return text(f"""
        - `m`, `n` or `k` is 0: refused (`ZERO_SIZE`). **It consumes no packet**: send none.
        - Refused for any other reason (see the codes of `refused`): **it consumes one packet each
          of {others}**, of any length, up to and with TLAST, and throws them away; its status comes
          only after it has all of them.
        - Only what the codes of `refused` name is checked; other fields are used as they are.
        - A refused command gives no beat of `c`. A command that is carried out gives all of its
          beats, whatever its packets were like.
    """) + "\n\n" + FAULTS + (
        " Settings that are missing are zeros, too: such a column holds `zero_point`, clamped."
    ) + (LAST_FIRST if "ws" in params.dataflows else "")  # fmt: skip


def product_limits(params: ProductParams, largest: int, what: str) -> tuple:
    """The largest sizes."""
    return (
        (what, min(largest, (1 << DIM_WIDTH) - 1)),
        ("M, N of a command" + (" (M in beats of two rows)" if params.m_lanes == 2 else ""),
         (1 << DIM_WIDTH) - 1),
        ("commands in flight", 4),
        ("tiles of N whose `scale` beats are held", 4),
    )  # fmt: skip


def product_constants(params: ProductParams, largest: int) -> dict[str, int]:
    """What software needs to cut a product."""
    return {
        "ROWS": params.rows,
        "COLS": params.cols,
        "M_LANES": params.m_lanes,
        "ACC_DEPTH": params.acc_depth,
        "LARGEST_K": min(largest, (1 << DIM_WIDTH) - 1),
        "LARGEST_SIZE": (1 << DIM_WIDTH) - 1,
        "MULTIPLIER_BITS": params.multiplier_width,
        "MAX_SHIFT": params.max_shift,
        "OUT_BITS": params.out_width,
        "HAS_WEIGHT_STATIONARY": int("ws" in params.dataflows),
        "HAS_OUTPUT_STATIONARY": int("os" in params.dataflows),
        "ROWS_MIRRORED": int(params.drains_down and not params.mirrors_rows),
        "HAS_ROW_SCALE": int(params.row_scales),
        "HAS_B_ZERO_POINTS": int(params.b_zero_points),
    }


def ahead(params: ProductParams) -> dict[str, int]:
    """Beats that each stream takes by itself, whatever the command."""
    found = {"command": 4, "a": 2, "b": 2, "scale": 4}
    if params.row_scales:
        found["row_scale"] = 0
    return found


def scaling_arrays(params: ProductParams, n: int) -> dict[str, NDArray]:
    """Bias, multiplier, shift and zero points that any hardware takes."""
    most = (1 << params.multiplier_width) - 1
    arrays = {
        "bias": np.arange(n) - 1,
        "multiplier": np.minimum(np.arange(3, 3 + n), most),
        "shift": np.minimum(np.arange(n) % 2 + 1, params.max_shift),
        "zero_point": np.array([1]),
        "a_zero_point": np.array([1]),
    }
    if params.b_zero_points:
        arrays["b_zero_point"] = np.array([1])
    return arrays


def small(fmt: Format, shape: tuple[int, ...]) -> NDArray:
    """Integers around zero that cover a narrow format and a bit of a wide one."""
    low, high = max(fmt.low, -5), min(fmt.high, 7)
    return (np.arange(np.prod(shape)) * 5 % (high - low + 1) + low).reshape(shape)


def narrowed(out_width: int, default: int = 8) -> dict[str, str]:
    """The run option that an example needs where lanes are narrower than the default format."""
    return {"c_format": f"s{out_width}"} if out_width < default else {}


def _examples(params: GemmParams) -> tuple[Example, ...]:
    most = min(params.largest_k, 1 << 16)
    k = min(params.rows + 1 if params.rows <= 4 else 3, most)
    n = params.cols + 1 if params.cols <= 4 else 2
    arrays = {"a": small(params.a_format, (3, k)), "b": small(params.b_format, (k, n))}
    scaled = arrays | scaling_arrays(params, n)
    flows = params.dataflows
    run = {"run_dataflow": flows[0], "swap": "never"}
    first = Example("1: requantized", scaled, run | narrowed(params.out_width))
    if len(flows) == 1:
        return (first,)
    plain = {name: array[:, :2] if name == "b" else array for name, array in arrays.items()}
    run = {"run_dataflow": "os", "swap": "never"} | narrowed(params.out_width, 32)
    return (first, Example("2: output-stationary, plain sums", plain, run))
