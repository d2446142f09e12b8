"""What the data sheets of all products say of their streams, settings and sizes."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.package.sheet import Field, Stream
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import offset_width
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.systolic.params import ProductParams

__all__ = [
    "ENDED",
    "REFERENCE",
    "ahead",
    "command_stream",
    "narrowed",
    "product_constants",
    "product_limits",
    "requantized",
    "result_stream",
    "scale_streams",
    "scaling_arrays",
    "small",
]

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

and normalizes `multiplier / 2^shift` (multiplier of {bits} bits unsigned, shift 0..{max_shift}) to
the two fields that the hardware takes, which shifts right by whole bytes:

    scale.multiplier = multiplier * 2^(8 - shift mod 8)      # {wide} bits
    scale.drop       = floor(shift / 8)
    result           = total * scale.multiplier / 2^(8 * (scale.drop + 1)), then rounded once

So **no scaling at all is multiplier 256, drop 0**; multiplier 3, shift 9 is 3 * 2^7 = 384, drop 1.
"""


BY_ROW = """
With `by_row` and `beside`, row m has a multiplier and a shift of its own beside the columns',
normalized in the same way to `row_scale.multiplier` and `row_scale.drop`. shift[n] + row_shift[m]
is at most the largest shift, and the result is rounded once:

    result = (acc + offset) * scale.multiplier * row_scale.multiplier
             / 2^(8 * (scale.drop + 1) + 8 * (row_scale.drop + 1))
"""


def requantized(params: ProductParams) -> str:
    """Say how bias, zero points, multiplier and shift become the fields of `scale`."""
    found = REQUANTIZATION.format(
        bits=params.multiplier_width, wide=params.multiplier_width + 8, max_shift=params.max_shift
    )
    return found + (BY_ROW if params.row_scales else "")


def command_stream(params: ProductParams, inner: str) -> Stream:
    """Describe the stream of commands, each of which is one product."""
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
            " `beside` is 1; 0: they come by `scale`, and `row_scale` has no packet",
            "0, 1",
        )
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
    """Describe the settings of requantization by column and, where there are any, by row."""
    offset = offset_width(params.acc_width)
    shared = {
        "data.offset": Field(
            "added to the sum: bias and corrections", f"signed {offset} bits; 0 without a bias"
        ),
        "data.multiplier": Field(
            "what the total is multiplied by",
            f"0..{(1 << params.multiplier_width + 8) - 1}; 256 (with drop 0) for a factor of one",
        ),
        "data.drop": Field(
            "bytes less one that the product is shifted right by", f"0..{params.max_shift // 8}"
        ),
    }
    zero = {}
    if params.b_zero_points:
        zero["data.b_zero_point"] = Field("zero point of this column of `b`", "as `b`, signed")
    streams = {
        "scale": Stream(
            "What each column is requantized with. One packet a command, ceil(N / "
            f"{params.cols}) beats; lane j is column n0 + j.",
            shared | zero,
        )
    }
    if params.row_scales:
        streams["row_scale"] = Stream(
            "With `by_row` = 1: what each row is requantized with, by itself or, with `beside` = 1,"
            " besides its columns; then `offset` here counts for nothing. One packet a command: a"
            " beat for each beat of `c`.",
            shared,
        )
    return streams


def result_stream(params: ProductParams) -> Stream:
    """Describe the stream of the product."""
    return Stream(
        f"The product. One packet a command. A lane holds the low {params.out_width} bits of the"
        " result: read it as unsigned if your results are (`low` is 0).",
        {"data": Field("elements of `c`", "low..high")},
    )


def product_limits(params: ProductParams, largest: int, what: str) -> tuple:
    """List the largest sizes."""
    return (
        (what, min(largest, (1 << DIM_WIDTH) - 1)),
        (
            "M, N of a command" + (" (M in beats of two rows)" if params.m_lanes == 2 else ""),
            (1 << DIM_WIDTH) - 1,
        ),
        ("commands in flight", 4),
        ("tiles of N whose `scale` beats are held", 4),
    )


def product_constants(params: ProductParams, largest: int) -> dict[str, int]:
    """Return what software needs to cut a product."""
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
    """Return how many beats each stream takes by itself, whatever the command."""
    found = {"command": 4, "a": 2, "b": 2, "scale": 4}
    if params.row_scales:
        found["row_scale"] = 0
    return found


def scaling_arrays(params: ProductParams, n: int) -> dict[str, NDArray]:
    """Return bias, multiplier, shift and zero points that any hardware takes."""
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
    """Return integers around zero that cover a narrow format and a bit of a wide one."""
    low, high = max(fmt.low, -5), min(fmt.high, 7)
    return (np.arange(np.prod(shape)) * 5 % (high - low + 1) + low).reshape(shape)


def narrowed(out_width: int, default: int = 8) -> dict[str, str]:
    """Return the run option that an example needs where lanes are narrower than the default."""
    return {"c_format": f"s{out_width}"} if out_width < default else {}
