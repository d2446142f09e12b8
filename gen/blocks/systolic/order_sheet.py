"""What the data sheets of all products say of the order of beats, its cycles and its faults."""

from gemmule.gen.package.sheet.parts import FAULTS, text
from gemmule.golden.systolic.limits import SCALE_BANKS
from gemmule.hw.systolic.params import ProductParams

__all__ = ["product_faults", "product_throughput", "stretches", "tile_loops"]

LAST_FIRST = (
    " Weight-stationary tiles of `b` come last row first, so that of the tile in which a packet of"
    " `b` ends early the **lower k** are zeros; of all tiles after it every k is."
)


def stretches(params: ProductParams, m: str) -> str:
    """Say how the rows of a weight-stationary product are cut, as pseudo-code."""
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
    """Describe the order of beats on all streams."""
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
    """Say how many cycles tiles take."""
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
    """Say what is refused, and what that consumes."""
    both = "`a`, `b` and `scale` or `row_scale` (whichever `by_row` and `beside` say, or both)"
    others = both if params.row_scales else ("`a`, `b` and `scale`")
    return (
        text(f"""
        - `m`, `n` or `k` is 0: refused (`ZERO_SIZE`). **It consumes no packet**: send none.
        - Refused for any other reason (see the codes of `refused`): **it consumes one packet each
          of {others}**, of any length, up to and with TLAST, and throws them away; its status comes
          only after it has all of them.
        - Only what the codes of `refused` name is checked; other fields are used as they are.
        - A refused command gives no beat of `c`. A command that is carried out gives all of its
          beats, whatever its packets were like.
    """)
        + "\n\n"
        + FAULTS
        + (" Settings that are missing are zeros, too: such a column holds `zero_point`, clamped.")
        + (LAST_FIRST if "ws" in params.dataflows else "")
    )
