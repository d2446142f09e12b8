"""The data sheet of the bare arrays, which have slots in place of streams."""

from gemmule.gen.package.sheet import Sheet
from gemmule.gen.package.sheet.parts import text
from gemmule.hw.systolic.params import ArrayParams

__all__ = ["array_sheet", "array_slots"]


def array_sheet(params: ArrayParams) -> Sheet:
    """Describe the dense array's ports and slots."""
    a, b = params.a_format.width, params.b_format.width
    return array_slots(
        params,
        a=f"an element of {a} bits a row: row r at bit {a} * r",
        b=f"an element of {b} bits a column: column j at bit {b} * j",
        product="a[r] * weight[r, j]",
        pair="a[r] * b[j]",
    )


def array_slots(params: ArrayParams, *, a: str, b: str, product: str, pair: str) -> Sheet:
    """Describe an array of cells, each of which adds ``product``, or ``pair``, to a sum."""
    rows, cols, flows = params.rows, params.cols, params.dataflows
    width = params.psum_width
    two = params.m_lanes == 2
    lane = f"; two such vectors, of two rows of `a`, {rows * _width(params)} bits apart" * two
    ports = {
        "a": a + lane,
        "b": b,
        "sums": f"a signed number of {width} bits a column: column j at bit {width} * j"
        + f"; two such vectors, {cols * width} bits apart" * two,
    }
    if "ws" in flows:
        ports["shift"] = "bit r: row r takes a row of weights from above in this slot"
        ports["swap"] = "the weights shifted in by earlier slots are those of this slot's `a`"
    if "os" in flows:
        ports["clear"] = "see the order of slots"
    if params.dataflow == "both":
        ports["ws"] = "this slot's `a` is weight-stationary"
    if params.drains_down:
        ports["drain"] = "see the order of slots"
    return Sheet(
        equation=_equation(params, product, pair),
        streams={},
        order="\n".join(_slots(params)),
        faults="",
        limits=(
            ("products of a sum before it could overflow", params.largest_k),
            ("rows, columns", f"{rows}, {cols}"),
        ),
        latency=(
            f"sums[j] of a weight-stationary slot in cycle t stand at `sums` in cycle"
            f" t + {{latency}} + {rows - 1}; they stay one cycle."
            if "ws" in flows
            else "row r of a tile cleared in slot t stands at `sums` in cycle t + r + {latency}."
        ),
        throughput="One slot a cycle.",
        back_pressure="There is none: the array runs free. Nothing in it waits.",
        ahead={},
        constants={"ROWS": rows, "COLS": cols, "SUM_BITS": width, "LARGEST_K": params.largest_k},
        source=(
            "H. T. Kung, Why systolic architectures?, Computer 15(1), 1982; the weights' second"
            " register: Jouppi et al., ISCA 2017"
        ),
        ports=ports,
    )


def _width(params: ArrayParams) -> int:
    elements = params.groups.size if hasattr(params, "groups") else 1
    return params.a_format.width * elements


def _equation(params: ArrayParams, product: str, pair: str) -> str:
    rows = params.rows
    parts = ["Exact integers; nothing is rounded. A slot is what the ports hold in one cycle."]
    if "ws" in params.dataflows:
        parts.append(
            f"**Weight-stationary**, of one slot:\n\n    sums[j] = sum over r = 0..{rows - 1} of"
            f" {product}"
        )
    if "os" in params.dataflows:
        parts.append(
            "**Output-stationary**, of row r, over all slots since the `clear` before:\n\n"
            f"    sums[j] = sum over slots of {pair}"
        )
    return "\n\n".join(parts)


def _slots(params: ArrayParams) -> list[str]:
    rows = params.rows
    found = []
    if "ws" in params.dataflows:
        found.append(
            text(f"""
        - `shift[r]` moves `b` down into row r. The {rows} rows of weights of a tile come as `b`,
          bottom row first, one a slot; row r takes all of them but the last r, and so keeps the
          one that is meant for it: beat i of d (i = 0..d - 1) has `shift[r]` = 1 for r = 0..d - 1
          - i. A tile may have fewer rows, d < {rows}; `a` is 0 in the others.
        - `swap` makes the values that earlier slots shifted in the weights of this slot's `a` and
          of those behind it. Shifting for the next tile may begin in this same slot.
        """)
        )
        if params.cell != "generic":
            found.append(
                "- Row r takes its last `shift` of a tile at least r slots before the tile's last"
                " weight."
            )
    if params.dataflow == "both":
        found.append(
            "- `ws` marks a weight-stationary `a`. In slots without it the sums of the cells are"
            " kept, with `a` times the weight added: an idle slot has `a` = 0. A slot with `ws`"
            " leaves 0 in every cell."
        )
    if "os" in params.dataflows and not params.drains_down:
        found.append(
            text(f"""
        - Output-stationary beats of `b` go to all rows{
                " (`shift` all ones)" if params.dataflow == "both" else ""
            }, **one slot before** the `a` that they meet.
        - `clear` ends an output-stationary sum: it comes in the slot behind the last `a`, which may
          hold the first `a` of the next sum. Row r is at `sums` r cycles after row 0. Two clears
          whose results are wanted, or a weight-stationary slot and a clear after it, are at least
          {rows} slots apart.
        """)
        )
    if params.drains_down:
        found.append(
            text(f"""
        - Output-stationary beats of `b` go to all rows, **one slot before** the `a` that they meet.
        - Sums leave through the rows below: `clear` comes with the first `a` of a sum, and `drain`
          in the {rows - 1} slots behind its last, which are idle. Row {rows - 1} - i leaves with
          the slot i after the last `a`, as a weight-stationary sum does.
        """)
        )
    return found
