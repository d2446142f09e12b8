"""The data sheets of the address generators."""

from dataclasses import replace
from textwrap import indent

from gemmule.gen.package.sheet import ANY, Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import status, text
from gemmule.hw.conv.walk_params import BpParams, GeneratorParams

from .command_sheet import walk_fields
from .walk_words import jumps_text, walk_text

__all__ = ["bp_im2col_sheet", "im2col_sheet", "zero_free_sheet"]


def im2col_sheet(params: GeneratorParams) -> Sheet:
    """Say what `im2col` gives, and how it is driven."""
    which = text("""
    **im2col, of the layer's input**, a map of H x W pixels, walked over for P x Q outputs, kernel
    U x V; `stride`, `dilation` and `padding` (at the begin) of each axis:

    | loop, innermost first | bound | moves of (row, column) | step |
    |---|---|---|---|
    | output column | Q | (0, stride) | 0 |
    | output row | P | (stride, 0) | 0 |
    | image | N | (0, 0) | H * W * B |
    | block | B | (0, 0) | 1 |
    | kernel column | V | (0, dilation) | 0 |
    | kernel row | U | (dilation, 0) | 0 |

    with start = -padding, limit = (H, W), pitch = (W * B, B).
    """)
    return _sheet(params, which, {}, "im2col, without a copy of the input")


def zero_free_sheet(params: GeneratorParams) -> Sheet:
    """Say what `zero_free` gives, and how it is driven."""
    which = text("""
    **The input gradient without a zero**, over `dy` of P x Q pixels, for dx of H x W. One walk for
    each phase: each first row r0 below min(stride, H) and first column c0 below min(stride, W); dx
    has the rows r0, r0 + stride, ... in it. Of an axis, with g = gcd(stride, dilation):

        taps  = all k with (r0 + padding - k * dilation) mod stride = 0, ascending
        first = (r0 + padding - taps[0] * dilation) / stride;   back = dilation / g

    | loop, innermost first | bound | moves of (row, column) | step |
    |---|---|---|---|
    | column of the phase | ceil((W - c0) / stride) | (0, 1) | 0 |
    | row of the phase | ceil((H - r0) / stride) | (1, 0) | 0 |
    | image | N | (0, 0) | P * Q * B |
    | block | B | (0, 0) | 1 |
    | tap of the columns | number of taps | (0, -back) | 0 |
    | tap of the rows | number of taps | (-back, 0) | 0 |

    with start = first of each axis, limit = (P, Q), pitch = (Q * B, B). A phase without taps has no
    walk: dx is 0 there. **The weight gradient** takes the pixels of `dy` themselves: the first four
    loops with bounds Q, P, N and 1, moves of 1, start 0.
    """)
    return _sheet(params, which, {"mode": "transposed"}, "zero-free backward passes")


def bp_im2col_sheet(params: BpParams) -> Sheet:
    """Say what `bp_im2col` gives, and how it is driven."""
    which = text("""
    **The input gradient**, over `dy` of P x Q pixels between which stride - 1 zeros are thought to
    lie, for dx of H x W, kernel U x V:

    | loop, innermost first | bound | moves of (row, column) | step |
    |---|---|---|---|
    | column of dx | W | (0, 1) | 0 |
    | row of dx | H | (1, 0) | 0 |
    | image | N | (0, 0) | P * Q * B |
    | block | B | (0, 0) | 1 |
    | kernel column | V | (0, -dilation) | 0 |
    | kernel row | U | (-dilation, 0) | 0 |

    with start = padding, limit = (P, Q), pitch = (Q * B, B), spread = stride of each axis. **The
    weight gradient** takes `dy` with its inserted zeros: the first four loops with bounds
    (Q - 1) * stride + 1, (P - 1) * stride + 1, N and 1, start 0.
    """)
    return _sheet(params, which, {"mode": "transposed"}, "BP-im2col (arXiv 2209.09434)")


def _sheet(params: GeneratorParams, which: str, run: dict[str, object], source: str) -> Sheet:
    spread = bool(params.spread_width)
    room = f"2^{params.address_width}"
    most = 1 << params.size_width
    fields = walk_fields(params, room, spread_width=params.spread_width)
    told = {name.removeprefix("walk."): each for name, each in fields.items()}
    told["origin.step"] = replace(told["origin.step"], meaning="address of the first beat")
    refusals = (
        "- A walk with a spread of 0, or a remainder (`part`) that is not below its spread, is"
        " refused: it is taken once the walk before it has ended, and has no beats.\n"
        if spread
        else "- No walk is refused: every word is one.\n"
    )
    return Sheet(
        equation=_equation(which, spread=spread),
        streams={
            "walk": Stream(
                "One word a walk.",
                told
                | {
                    "vectors": Field(
                        "vectors of the map: real addresses are below it", f"0..{room}", "vectors"
                    )
                },
            ),
            "o": Stream(
                "One beat for each iteration of the innermost loop; one packet a walk.",
                {
                    "data.address": Field(
                        "of the vector to read; means nothing where `real` is 0",
                        f"0..vectors - 1, below {room}",
                        "vectors",
                    ),
                    "data.real": Field(
                        "1: read the vector; 0: padding"
                        + (" or an inserted zero" if spread else "")
                        + ", take zeros instead",
                        "0, 1",
                    ),
                },
            ),
            "status": status((), meaning=MEANING),
        },
        order=_order(params),
        faults=refusals
        + text("""
        - A beat whose address is not below `vectors`, though its pixels are within their limits, is
          masked (`real` = 0), and `refused` is `OUTSIDE` at the walk's end: all its beats came.
        - Every walk ends: it has exactly as many beats as the iterations of its loops
          multiply to. There is nothing that a later walk inherits.
        """),
        limits=(
            ("loops", params.loops),
            ("axes", params.axes),
            ("iterations of a loop", most),
            ("pixels of an axis", most - 1),
            *([("spread", (1 << params.spread_width) - 1)] if spread else []),
            ("vectors of a map", 1 << params.address_width),
        ),
        latency="{latency} cycle from a walk to its first beat.",
        throughput="One beat a cycle, at the ends of loops and from one walk to the next, too.",
        back_pressure=(
            "A beat holds until it is taken; a walk is taken with the last beat of the one before."
        ),
        ahead={"walk": ANY},
        examples=_examples(params, run),
        constants={
            "AXES": params.axes,
            "LOOPS": params.loops,
            "ADDRESS_BITS": params.address_width,
            "SIZE_BITS": params.size_width,
            "HAS_SPREAD": int(spread),
        },
        encoder=("walk_fields.py", "encode_walk.py"),
        source=source,
    )


MEANING = (
    "One word a walk, in the order of the walks. `refused` 0: all its beats are as the walk says."
    " The stream never stops the block: behind the word that is offered 16 more wait, then the"
    " oldest of those is dropped and the word after the gap has `lost` set."
)


def _equation(which: str, *, spread: bool) -> str:
    whole = "position[a] div spread[a]" if spread else "position[a]"
    mask = "position[a] mod spread[a] = 0 and " if spread else ""
    note = (
        "`div` rounds down, `mod` is what is left, 0 .. spread - 1."
        if spread
        else "There is no spread here: it is 1."
    )
    general = text(f"""
    A walk is up to six nested loops (eight with three axes) over the pixels of a map. Each
    iteration is a beat: the address of a vector, and whether a pixel is there. With count[l] the
    number of the iteration in loop l, from 0 to bound[l] - 1, loop 0 the innermost, and the
    coordinates a:

        position[a] = start[a] + sum over l of count[l] * moves[l][a]
        pixel[a]    = {whole}
        address     = base + sum over l of count[l] * step[l] + sum over a of pixel[a] * pitch[a]
        real        = {mask}0 <= pixel[a] < limit[a] for all a

    {note}
    Maps lie in memory pixel after pixel, row after row, image after image; a pixel is B
    blocks, each a vector: vector ((n * H + row) * W + column) * B + block.
    """)
    return f"{general}\n\n{which}"


def _order(params: GeneratorParams) -> str:
    spread = bool(params.spread_width)
    walk = indent(walk_text("o: one beat: address, real", spread=spread), " " * 4)
    axes = "row, column" if params.axes == 2 else "plane, row, column"
    return (
        text("""
        For each word of `walk`, this gives its packet of `o` (TLAST on the last beat) and then one
        word of `status`. Nothing is multiplied: a loop that goes on adds its `jump`, in which the
        way back of the loops inside it is taken off.
        """)
        + f"\n\n{walk}\n\nFrom the loops above, with `turns` = bound - 1:\n\n"
        + indent(jumps_text(spread=spread), " " * 4)
        + "\n\n"
        + text(f"""
        Loops and axes that are not needed: `turns` 0, jumps 0; a first axis with limit 1
        {"and spread 1, all else 0" if spread else "and all else 0"}. The axes are {axes}.
        """)
    )


def _examples(params: GeneratorParams, run: dict[str, object]) -> tuple[Example, ...]:
    # A stride of 1 is all that a spread of one bit holds; maps of 4 vectors fit any address.
    strided = not params.spread_width or params.spread_width > 1
    layer = {
        "size": (2, 2),
        "kernel": (2,),
        "stride": (2 if strided else 1,),
        "padding": (int(strided),),
        "dilation": (1,),
    }
    return (Example("1: a kernel of 2 x 2 over 2 x 2 pixels", {}, {**layer, **run}),)
