"""The data sheet of `gemm`."""

from gemmule.gen.package.sheet import Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.hw.systolic.command import packets
from gemmule.hw.systolic.params import GemmParams, ProductParams

from .order_sheet import product_faults, product_throughput, tile_loops
from .product_sheet import (
    ENDED,
    REFERENCE,
    ahead,
    command_stream,
    narrowed,
    product_constants,
    product_limits,
    requantized,
    result_stream,
    scale_streams,
    scaling_arrays,
    small,
)

__all__ = ["gemm_sheet"]


def gemm_sheet(params: GemmParams) -> Sheet:
    """Say what `gemm` computes, and how it is driven."""
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
    return (
        text(f"""
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
    """)
        + "\n\n"
        + requantized(params).strip()
        + "\n\n"
        + REFERENCE
    )


def _zero_term(params: ProductParams) -> str:
    return " - b_zero_point[n] * (sum over k of a[m, k])" if params.b_zero_points else ""


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
