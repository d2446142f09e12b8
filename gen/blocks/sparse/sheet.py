"""The data sheets of `sparse_gemm` and `prune24`."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.blocks.systolic.array_sheet import array_slots
from gemmule.gen.blocks.systolic.order_sheet import product_faults, product_throughput, tile_loops
from gemmule.gen.blocks.systolic.product_sheet import (
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
from gemmule.gen.package.sheet import Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.golden.systolic.gemm import largest_k
from gemmule.hw.sparse.params import Prune24Params, SparseArrayParams, SparseGemmParams
from gemmule.hw.systolic.command import packets

__all__ = ["prune24_sheet", "sparse_array_sheet", "sparse_gemm_sheet"]


def sparse_gemm_sheet(params: SparseGemmParams) -> Sheet:
    """Say what `sparse_gemm` computes, and how it is driven."""
    kept, size, rows, cols = params.groups.kept, params.groups.size, params.rows, params.cols
    products = largest_k(params.a_format, params.b_format, params.acc_width)
    groups = min(params.largest_k, (1 << DIM_WIDTH) - 1)
    two = " (for each of two rows of `a`)" if params.m_lanes == 2 else ""
    return Sheet(
        equation=_equation(params),
        streams={
            "command": command_stream(params, f"groups of K: ceil(K / {size})"),
            "a": Stream(
                f"The left operand, dense. One packet a command. A beat has {rows} groups{two} of"
                f" {size} consecutive elements of a row.",
                {"data": Field("elements of `a`, group after group", numbers(params.a_format))},
            ),
            "b": Stream(
                f"The weights, compressed. One packet a command. A beat has a group of each of"
                f" {cols} columns: {kept} values and their places among {size} rows.",
                {
                    "data.values": Field("the weights that are kept", numbers(params.b_format)),
                    "data.indices": Field(
                        f"place of each value in its group: its row of `b` is {size} * g + index",
                        f"0..{size - 1}; all of a group different",
                    ),
                },
            ),
            **scale_streams(params),
            "c": result_stream(params),
            "status": status(packets(params), more=ENDED),
        },
        order=_order(params),
        faults=product_faults(params),
        limits=(
            *product_limits(params, params.largest_k, "`k` of a command, in groups"),
            ("products of a sum that may be other than 0", min(products, groups * kept)),
        ),
        latency=(
            "{latency} cycles from the beat of `a` in the last tile of K to the beat of `c` that it"
            " completes, if `c` is taken at once."
        ),
        throughput=product_throughput(params),
        back_pressure=(
            "Every stream may stall at any time. Operands are taken only while there is room for"
            " what they will give."
        ),
        ahead=ahead(params),
        examples=_examples(params),
        constants=product_constants(params, params.largest_k) | {"GROUP": size, "KEPT": kept},
        encoder=("encode_sparse.py", "encode_gemm.py", "gemm_reference.py"),
    )


def _equation(params: SparseGemmParams) -> str:
    kept, size = params.groups.kept, params.groups.size
    zero = " - b_zero_point[n] * (sum over k of a[m, k])" if params.b_zero_points else ""
    return (
        text(f"""
        `b` has at most {kept} elements other than 0 in each group of {size} consecutive rows, in
        every column. For every row m and column n, in exact integers:

            acc[m, n] = sum over groups g and s = 0..{kept - 1} of
                        a[m, {size} * g + indices[g, s, n]] * values[g, s, n]
                      = sum over k of a[m, k] * b[k, n]
            total     = acc[m, n] + offset[n]{zero}
            c[m, n]   = clamp(round(total * multiplier[n] / 2^shift[n]) + zero_point, low, high)

        `round` is to the nearest integer, once; where the quotient lies halfway between two, the
        command's `rounding` says which (0: the even one). `clamp(x, low, high)` is
        `min(max(x, low), high)`.

        **How to compress.** For each column and group take the rows that are not 0, and fill up
        with the lowest rows that are 0 until there are {kept}; sort by row. `values` are these
        elements, `indices` their rows within the group. Where K is not a multiple of {size}, rows
        of zeros are added to `b` and columns of zeros to `a`. A **dense** `b` runs too: put {kept}
        rows of `b` into each group, at indices 0..{kept - 1}, and the {kept} columns of `a` that
        they meet into places 0..{kept - 1} of its group, zeros into the others.
        """)
        + "\n\n"
        + requantized(params).strip()
        + f"\n\n`b` is the dense matrix here, and K its rows, without what fills up the last group"
        f" of {size}.\n\n{REFERENCE}"
    )


def _order(params: SparseGemmParams) -> str:
    kept, size = params.groups.kept, params.groups.size
    head = text(f"""
    The order of a dense product, with a group in place of each step of K: `k` and K count groups of
    {size} below; a[m, k] is a group of {size} elements of row m, and b[k, n] the {kept} values and
    indices of group k in column n. Lane r of `a` is elements {size} * r .. {size} * r + {size - 1}
    of `data`; lane j of `b` is values and indices {kept} * j .. {kept} * j + {kept - 1}.
    """)
    return head + "\n\n" + tile_loops(params, "k", "a[m, k0 + r]", "b[k, n0 + j]", "a[m0 + r, k]")


def _examples(params: SparseGemmParams) -> tuple[Example, ...]:
    size, kept = params.groups.size, params.groups.kept
    n = params.cols + 1 if params.cols <= 4 else 2
    groups = min(params.rows + 1 if params.rows <= 4 else 2, params.largest_k)
    a = small(params.a_format, (2, size * groups))
    b = small(params.b_format, (size * groups, n))
    for first in range(0, len(b), size):
        for column in range(n):
            chosen = [(first + column + place) % size for place in range(kept)]
            for place in set(range(size)) - set(chosen):
                b[first + place, column] = 0
    if largest_k(params.a_format, params.b_format, params.acc_width) < groups * kept:
        a, b = a[:, :1], b[:1]
    arrays = {"a": a, "b": b} | scaling_arrays(params, n)
    run = {"run_dataflow": params.dataflows[0]} | narrowed(params.out_width)
    return (Example("1: requantized", arrays, run),)


def sparse_array_sheet(params: SparseArrayParams) -> Sheet:
    """Describe the sparse array's ports and slots."""
    kept, size = params.groups.kept, params.groups.size
    element, weight = params.a_format.width, params.b_format.width
    index = params.groups.index_width
    cell = kept * (weight + index)
    return array_slots(
        params,
        a=f"a group of {size} elements of {element} bits a row: element i of row r at bit"
        f" {size * element} * r + {element} * i",
        b=f"a group of weights a column: column j at bit {cell} * j, and in it {kept} values of"
        f" {weight} bits, above them their {kept} places of {index} bits",
        product=f"sum over s = 0..{kept - 1} of a[r][index[r, j, s]] * value[r, j, s]",
        pair=f"sum over s = 0..{kept - 1} of a[r][index[j, s]] * value[j, s]",
    )


def prune24_sheet(params: Prune24Params) -> Sheet:
    """Say what `prune24` computes, and how it is driven."""
    lanes = params.lanes
    return Sheet(
        equation=text(f"""
        For each column n of `w` [K, N] and each group of four consecutive rows 4g .. 4g + 3:

            metric[i] = |w[4g + i, n]|, or what comes by `metric`, i = 0..3
            j beats i   where metric[j] > metric[i], or where they are equal and j < i
            kept are the two i that fewer than two others beat, in ascending order: i0 < i1
            values  = w[4g + i0, n], w[4g + i1, n];   indices = i0, i1

        |x| of the least integer, {params.w_format.low}, is exact.
        Rows that K lacks to a multiple of four are to be sent as zeros, with a metric of 0.
        """),
        streams={
            "command": Stream(
                "One word for each matrix.",
                {"metric": Field("0: rank by |w|; 1: by the packet of `metric`", "0, 1")},
            ),
            "w": Stream(
                f"The weights: one packet a matrix. A beat has {lanes} columns of one group, the"
                " four rows of a column side by side.",
                {
                    "data": Field(
                        "weight of row i of column j: lane 4j + i", numbers(params.w_format)
                    )
                },
            ),
            "metric": Stream(
                "What to rank by, beat by beat as `w`; there is a packet only for a command with"
                " `metric` = 1.",
                {"data": Field("as `w`", numbers(params.metric_format))},
            ),
            "out": Stream(
                "What is kept: a beat for each beat of `w`, one packet a matrix.",
                {
                    "data.values": Field("column j: lanes 2j and 2j + 1", numbers(params.w_format)),
                    "data.indices": Field("their rows in the group, ascending", "0..3"),
                },
            ),
            "status": status(("metric",), refuses=False),
        },
        order=text(f"""
        ```text
        for each matrix:
          command: one word
          for g = 0 .. ceil(K / 4) - 1:
            for n0 = 0, {lanes}, {2 * lanes}, ... below N:
              w:       one beat: lane 4j + i = w[4g + i, n0 + j]
              metric:  one beat, if the command says so: lane 4j + i = metric[4g + i, n0 + j]
              out:     one beat: values and indices 2j, 2j + 1 of column n0 + j
        ```

        Columns beyond N may hold anything, and give anything. TLAST ends a matrix.
        """),
        faults=text("""
        The packet of `w` may have any length, and decides that of `out`. A packet of `metric` that
        ends early counts as zeros from there on, and its `early` is set; what one that ends late
        has too much is dropped before the next packet, up to and with TLAST, and its `late` is
        set. No command is refused: both values are legal.
        """),
        limits=(("rows and columns of a matrix", "any"),),
        latency="{latency} cycles from a beat of `w` to its beat of `out`.",
        throughput=f"A beat of {lanes} groups a cycle, packets back to back.",
        back_pressure=(
            "Every stream may stall at any time. With `metric` = 1 a beat of `w` and one of"
            " `metric` are taken together; with 0, `w` needs no other stream."
        ),
        ahead={"command": 1, "w": 0, "metric": 0},
        examples=_prune_examples(params),
        constants={"LANES": lanes},
    )


def _prune_examples(params: Prune24Params) -> tuple[Example, ...]:
    n = params.lanes + 1 if params.lanes <= 4 else 2
    w = small(params.w_format, (5, n))
    metric: NDArray = np.arange(5 * n).reshape(5, n) * 3 % min(7, params.metric_format.high + 1)
    return (
        Example("1: by magnitude", {"w": w}),
        Example("2: by a metric", {"w": w, "metric": metric}),
    )
