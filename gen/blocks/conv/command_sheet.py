"""What a data sheet says of a convolution's commands, field by field."""

from gemmule.gen.package.sheet import Field, Variant
from gemmule.gen.package.sheet.parts import numbers
from gemmule.golden.common.memory import LENGTH_WIDTH
from gemmule.golden.conv.commands import Opcode
from gemmule.hw.conv.command import variants
from gemmule.hw.conv.params import LayerParams
from gemmule.hw.conv.walk_params import GeneratorParams
from gemmule.hw.systolic.command import DIM_WIDTH

__all__ = ["command_variants", "walk_fields"]


MORE = {
    Opcode.PLACES: (
        ". A row whose place is masked is dropped: it is not written. There is no spread here: it"
        " is 1"
    )
}
"""What the text of a kind leaves out."""


def command_variants(params: LayerParams) -> tuple[Variant, ...]:
    """Describe what ``content`` holds in each kind of command."""
    fields = {
        Opcode.PRODUCT: _product(params),
        Opcode.A_PASS: _pass(params, params.x_depth, numbers(params.core.a_format)),
        Opcode.B_PASS: _pass(params, params.w_depth, numbers(params.core.b_format)),
        Opcode.A_LOAD: _load(params, params.x_depth, params.rows, transposes=False),
        Opcode.B_LOAD: _load(params, params.w_depth, params.cols, transposes=params.transposes),
        Opcode.PLACES: _places(params),
        Opcode.FENCE: {},
    }
    return tuple(
        Variant(
            kind.name,
            f"`data.kind` is {kind.value}",
            kind.text + MORE.get(kind, ""),
            layout,
            fields[kind],
        )
        for kind, layout in variants(params).items()
    )


def _product(params: LayerParams) -> dict[str, Field]:
    size = f"1..{(1 << DIM_WIDTH) - 1}"
    low, high = -(1 << params.out_width - 1), (1 << params.out_width) - 1
    flow = {"ws": "0", "os": "1", "both": "0, 1"}[params.core.dataflow]
    return {
        "m": Field("rows of the result: beats of results that the product gives", size, "rows"),
        "n": Field("columns of the result", f"1..{params.cols}", "columns"),
        "k": Field(
            "length of the sums, masked beats and idle lanes counted; weight-stationary:"
            f" a multiple of {params.rows}, or the last tile takes only as many beats of `w` as"
            " are left (passes with more or fewer: `PASSES`)",
            size,
            "products",
        ),
        "output_stationary": Field(
            "0: weights stay in the array (all but the weight gradient); 1: sums stay", flow
        ),
        "rounding": Field("what happens to ties", "see the codes"),
        "zero_point": Field("added to the scaled result", f"{low}..{high}"),
        "low": Field("the least result", f"{low}..{high}, at most `high`"),
        "high": Field("the greatest result", f"{low}..{high}"),
    }


def walk_fields(
    params: GeneratorParams | LayerParams, room: str, *, spread_width: int
) -> dict[str, Field]:
    """Describe an address generator's fields of ``walk``, whose lanes are the spatial axes.

    ``spread_width``: bits of a stride between real pixels; 0 where no zeros are inserted.
    """
    most = (1 << params.size_width) - 1
    fields = {
        "walk.origin.step": Field("address of the first beat", f"modulo {room}"),
        "walk.origin.whole": Field(
            "along each axis, slowest first: the pixel of the first beat, rounded down where zeros"
            " are inserted",
            f"{-most - 1}..{most}",
            "pixels",
        ),
        "walk.loops.turns": Field(
            "iterations of each loop, innermost first, **less one**; 0: the loop is not there",
            f"0..{most}",
            "iterations",
        ),
        "walk.loops.jump.step": Field(
            "added to the address when this loop advances and those inside it begin anew, carries"
            " of `part` not counted",
            f"modulo {room}",
        ),
        "walk.loops.jump.whole": Field(
            "added to each axis's pixel then, rounded down", f"{-most - 1}..{most}", "pixels"
        ),
        "walk.axes.limit": Field(
            "pixels of the axis: a beat is real where each pixel is in 0..limit - 1, and else"
            " masked",
            f"0..{most}",
            "pixels",
        ),
    }
    if spread_width:
        largest = (1 << spread_width) - 1
        fields |= {
            "walk.origin.part": Field("what `whole` was rounded down by", "0..spread - 1"),
            "walk.loops.jump.part": Field("what `whole` was rounded down by", "0..spread - 1"),
            "walk.axes.spread": Field(
                "positions of a pixel: 1, or one more than the zeros that are inserted between two"
                " pixels, whose beats are masked",
                f"1..{largest}",
            ),
            "walk.axes.pitch": Field(
                "what a carry of this axis's `part` adds to the address", f"modulo {room}"
            ),
        }
    return fields


def _pass(params: LayerParams, depth: int, values: str) -> dict[str, Field]:
    return walk_fields(params, str(depth), spread_width=params.stride_width) | {
        "pad": Field("what each lane of a masked beat holds: the zero point", values),
        "release": Field(
            "1: the bank is free after the last beat, and the next one's turn", "0, 1"
        ),
        "final": Field("1: the last beat is the last one of its product, or copy", "0, 1"),
    }


def _load(params: LayerParams, depth: int, lanes: int, *, transposes: bool) -> dict[str, Field]:
    longest = min(depth, ((1 << LENGTH_WIDTH) - 1) // lanes)
    fields = {
        "base": Field("address of the first request", "any", "bytes"),
        "vectors": Field(
            f"length of each request, in vectors of {lanes} elements; those of a bank are at most"
            f" {depth}",
            f"1..{longest}" + (f"; turned: 1..{lanes}" if transposes else ""),
            "vectors",
        ),
        "loops.count": Field(
            "requests of each loop, innermost first; 1: the loop is not there",
            f"1..{(2 << params.size_width) - 1}",
            "iterations",
        ),
        "loops.stride": Field("from one request of the loop to its next", "modulo 2^32", "bytes"),
        "requests": Field("the product of the counts", f"1..{depth}", "requests"),
        "closes": Field("1: the bank is complete with this load; 0: the next one goes on", "0, 1"),
    }
    if transposes:
        fields["turned"] = Field(
            "1: each request is a square, which comes into the bank transposed, as"
            f" {lanes} vectors",
            "0, 1",
        )
    return fields


def _places(params: LayerParams) -> dict[str, Field]:
    return walk_fields(params, "2^32 bytes", spread_width=0) | {
        "length": Field(
            "elements of each row that are written; those from the product's n on are 0",
            f"1..{params.cols}; copied: 1..{params.rows}",
            "elements",
        ),
        "size": Field(
            "an element takes 2^size bytes, low byte first", f"0..{params.golden.largest_size}"
        ),
        "copied": Field(
            "0: rows of the next product; 1: beats of the next pass over `x`, which then goes to"
            " memory and not to a product",
            "0, 1",
        ),
    }
