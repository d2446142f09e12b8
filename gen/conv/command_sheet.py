"""What a data sheet says of a convolution's commands: fields, memory, and a layer's program."""

import re
from textwrap import indent

from gemmule.golden.conv.order import Kind
from gemmule.hw.common.memory_port import LENGTH_WIDTH
from gemmule.hw.conv.command import variants
from gemmule.hw.conv.control import PATIENCE
from gemmule.hw.conv.params import LayerParams
from gemmule.hw.conv.walk_params import GeneratorParams
from gemmule.hw.systolic.command import DIM_WIDTH

from ..sheet import Field, Variant
from ..sheet.parts import numbers, text
from ..systolic.sheet import stretches

__all__ = [
    "command_variants",
    "memory_text",
    "program_faults",
    "program_text",
    "walk_fields",
    "walk_text",
]


def command_variants(params: LayerParams) -> tuple[Variant, ...]:
    """What ``content`` holds in each kind of command."""
    fields = {
        Kind.PRODUCT: _product(params),
        Kind.X_PASS: _pass(params, params.x_depth, numbers(params.core.a_format)),
        Kind.W_PASS: _pass(params, params.w_depth, numbers(params.core.b_format)),
        Kind.X_LOAD: _load(params, params.x_depth, params.rows, turns=False),
        Kind.W_LOAD: _load(params, params.w_depth, params.cols, turns=params.turns),
        Kind.PLACES: _places(params),
        Kind.FENCE: {},
    }
    return tuple(
        Variant(
            kind.name,
            f"`data.kind` is {kind.value}",
            kind.text,
            layout,
            fields[kind],
        )
        for kind, layout in variants(params).items()
    )


def _product(params: LayerParams) -> dict[str, Field]:
    size = f"1..{(1 << DIM_WIDTH) - 1}"
    low, high = -(1 << params.out_width - 1), (1 << params.out_width) - 1
    flow = {"ws": "0", "os": "1", "both": "0, 1"}[params.dataflow]
    return {
        "m": Field("rows of the result: beats of results that the product gives", size, "rows"),
        "n": Field("columns of the result", f"1..{params.cols}", "columns"),
        "k": Field(
            "length of the sums, masked beats and idle lanes counted; weight-stationary:"
            f" a multiple of {params.rows}", size, "products"),
        "output_stationary": Field(
            "0: weights stay in the array (all but the weight gradient); 1: sums stay", flow),
        "rounding": Field("what happens to ties", "see the codes"),
        "zero_point": Field("added to the scaled result", f"{low}..{high}"),
        "low": Field("the least result", f"{low}..{high}, at most `high`"),
        "high": Field("the greatest result", f"{low}..{high}"),
    }  # fmt: skip


def walk_fields(
    params: GeneratorParams | LayerParams, room: str, *, spread: bool
) -> dict[str, Field]:
    """Of an address generator: the fields of ``walk``, whose lanes are the spatial axes."""
    most = (1 << params.size_width) - 1
    fields = {
        "walk.origin.step": Field("address of the first beat", f"modulo {room}"),
        "walk.origin.whole": Field(
            "along each axis, slowest first: the pixel of the first beat, rounded down where zeros"
            " are inserted", f"{-most - 1}..{most}", "pixels"),
        "walk.loops.turns": Field(
            "turns of each loop, innermost first, **less one**; 0: the loop is not there",
            f"0..{most}", "turns"),
        "walk.loops.jump.step": Field(
            "added to the address when this loop advances and those inside it begin anew, carries"
            " of `part` not counted", f"modulo {room}"),
        "walk.loops.jump.whole": Field(
            "added to each axis's pixel then, rounded down", f"{-most - 1}..{most}", "pixels"),
        "walk.axes.limit": Field(
            "pixels of the axis: a beat is real where each pixel is in 0..limit - 1, and else"
            " masked", f"0..{most}", "pixels"),
    }  # fmt: skip
    if spread:
        largest = (1 << params.stride_width) - 1
        fields |= {
            "walk.origin.part": Field("what `whole` was rounded down by", "0..spread - 1"),
            "walk.loops.jump.part": Field("what `whole` was rounded down by", "0..spread - 1"),
            "walk.axes.spread": Field(
                "positions of a pixel: 1, or one more than the zeros that are inserted between two"
                " pixels, whose beats are masked", f"1..{largest}"),
            "walk.axes.pitch": Field(
                "what a carry of this axis's `part` adds to the address", f"modulo {room}"),
        }  # fmt: skip
    return fields


def _pass(params: LayerParams, depth: int, values: str) -> dict[str, Field]:
    return walk_fields(params, str(depth), spread=True) | {
        "pad": Field("what each lane of a masked beat holds: the zero point", values),
        "release": Field(
            "1: the bank is free after the last beat, and the next one's turn", "0, 1"
        ),
        "final": Field("1: the last beat is the last one of its product, or copy", "0, 1"),
    }


def _load(params: LayerParams, depth: int, lanes: int, *, turns: bool) -> dict[str, Field]:
    longest = min(depth, ((1 << LENGTH_WIDTH) - 1) // lanes)
    fields = {
        "base": Field("address of the first request", "any", "bytes"),
        "vectors": Field(
            f"length of each request, in vectors of {lanes} elements; those of a bank are at most"
            f" {depth}", f"1..{longest}" + (f"; turned: 1..{lanes}" if turns else ""), "vectors"),
        "loops.count": Field(
            "requests of each loop, innermost first; 1: the loop is not there",
            f"1..{(2 << params.size_width) - 1}", "turns"),
        "loops.stride": Field("from one request of the loop to its next", "modulo 2^32", "bytes"),
        "requests": Field("the product of the counts", f"1..{depth}", "requests"),
        "closes": Field("1: the bank is complete with this load; 0: the next one goes on", "0, 1"),
    }  # fmt: skip
    if turns:
        fields["turned"] = Field(
            "1: each request is a square, which comes into the bank transposed, as"
            f" {lanes} vectors",
            "0, 1")  # fmt: skip
    return fields


def _places(params: LayerParams) -> dict[str, Field]:
    return walk_fields(params, "2^32 bytes", spread=False) | {
        "length": Field(
            "elements of each row that are written",
            f"1..{params.cols}; copied: 1..{params.rows}", "elements"),
        "size": Field("an element takes 2^size bytes, low byte first", "0..3"),
        "copied": Field(
            "0: rows of the next product; 1: beats of the next pass over `x`, which then goes to"
            " memory and not to a product", "0, 1"),
    }  # fmt: skip


def memory_text(params: LayerParams) -> str:
    """How maps, weights and results lie in memory."""
    rows, cols = params.rows, params.cols
    return text(f"""
        Elements are little-endian and take 1, 2, 4 or 8 bytes, the least that holds their format.
        Where a region begins is free; nothing needs to be aligned but to its element.

        - **Maps** (`x`, `dy`, `y`, `dx`) are channel-last: `[group][image][row][column][channel]`
          (with a plane before the row in three dimensions). The channels of a group are padded up
          to a multiple of both {rows} and {cols}; what is behind the last channel holds the zero
          point. A vector of the streamed operand is {rows} neighboring channels of a pixel, one of
          `dy` in a weight gradient {cols} of them.
        - **Weights**, and `dw`, are `[group][tile of {cols} filters][tap][channel of the
          group][lane]`: a vector is one tap and channel of {cols} filters, 0 behind the last one.
        - With C channels in a group and floor({rows} / C) = f of 2 or more, the host may put f
          neighboring kernel columns into the lanes: pixel p then holds the pixels p, p + dilation,
          ... behind each other as channels, and the kernel is as much narrower.
    """)


def program_text(params: LayerParams) -> str:
    """The order of commands and beats, and a layer's program."""
    rows, cols = params.rows, params.cols
    beat = "give a beat: bank[address] if real, else pad in all lanes"
    walk = indent(walk_text(beat, spread=True), " " * 12).strip()
    cut, depth = indent(stretches(params.core, "m"), " " * 12).strip(), params.acc_depth
    return text(f"""
        A program is one packet of `command` (TLAST on its last command, a fence), and one packet of
        `scale` with a beat for each product, in their order. It gives one word of `status` and one
        of `counters`. A walk is this, whose innermost loop is number 0:

            {walk}

        A load asks for its `requests` in the same way: `base` plus, for each loop, its index times
        its `stride`. Both operands have two banks. A load goes to the oldest bank that is free; a
        pass reads the oldest one that was loaded and not released, from address 0 on, in the order
        in which its vectors came.

        The beats that a product takes, in this order, are those of its passes up to `final`:

            {cut}

            weight-stationary:
                for each stretch (m0, size) of m:
                    for each tile of {rows} in k:
                        `w`: {rows} beats, **the last row first**
                        `x`: size beats
            output-stationary:
                for each tile of {rows} in m:
                    for each of k:
                        `x`: 1 beat, `w`: 1 beat
            results: m rows of n columns

        So `w` is walked again for each stretch of a product with m above {depth}.

        A forward convolution whose `x` and whose weights of {cols} filters fit their banks, with
        blocks of {rows} channels, is:

            X_LOAD  the pixels of x, all blocks of each; closes
            for each tile of {cols} filters:
                PRODUCT m = pixels of y, n = filters of the tile, k = taps * blocks * {rows}
                PLACES  a walk over the pixels of y: the byte of the tile's first filter
                W_LOAD  [tap][channel] vectors of the tile; closes
                W_PASS  for each tap, block: rows {rows - 1} .. 0 of it; releases; final
                X_PASS  for each tap, block, pixel of y: pixel * stride + tap * dilation - padding;
                        final; releases with the last tile
            FENCE   with TLAST

        Each kind of command has a queue of its own, and they are handed out in order: a command
        whose queue is full holds up those behind it. So a load belongs behind the commands that
        must run to free its bank, and a product and its places before its passes. FENCE within a
        program waits until all that was to be written was taken by memory: use it between copies
        and those who read them.
    """)


def walk_text(beat: str, *, spread: bool) -> str:
    """A walk's beats as pseudo-code; ``beat`` is what each of them gives."""
    lines = [
        "address, pixel[] = origin.step, origin.whole[]",
        "part[] = origin.part[]",
        "left[l] = loops[l].turns for all l",
        "forever:",
        "    real = 0 <= pixel[a] < limit[a] for all axes a",
        "           and part[a] == 0 for all axes a",
        f"    {beat}",
        "    l = the innermost loop with left[l] > 0; if there is none, the walk has ended",
        "    left[i] = loops[i].turns for all i < l;  left[l] = left[l] - 1",
        "    address = address + loops[l].jump.step",
        "    for each axis a:",
        "        pixel[a] = pixel[a] + loops[l].jump.whole[a]",
        "        part[a]  = part[a] + loops[l].jump.part[a]",
        "        if part[a] >= spread[a]:",
        "            part[a] = part[a] - spread[a];  pixel[a] = pixel[a] + 1",
        "            address = address + pitch[a]",
    ]
    return "\n".join(line for line in lines if spread or not re.search(r"\bpart\b|pitch", line))


def program_faults() -> str:
    """What becomes of programs that are wrong."""
    return text(f"""
        The first thing that is wrong ends a program: a command that is illegal by itself, as soon
        as its turn comes (it is not begun), or what several commands bring about, as soon as it
        shows. `refused` of `status` says what it was, `command` at which command, counted from 0:
        for codes up to 8 the wrong one, for those above the one whose turn it was when it showed,
        which is often the fence: the cause is there or before.
        Then nothing else of the program is begun; a request that is offered is finished, what
        memory still owes is taken and thrown away, results that were on their way are dropped, and
        the rest of the program's packets of `command` and `scale` is taken and thrown away, up to
        and with TLAST. `counters` tell what was done until then. The next program is not affected.

        Nothing moving for {PATIENCE} cycles, although there is a command and neither memory nor
        `scale` nor a reader is awaited, is a fault (`STUCK`); so is a program of more than 2^32 - 1
        cycles (`TIME`). The last fence also waits until every bank that was loaded was released:
        one that is not is `STUCK`. Packets of memory must end with TLAST on the last vector of
        their request: one that does not ends the program (`PACKET`, with `x` or `w` telling where
        TLAST stood). Memory's vectors are awaited until as many packets ended as were asked for,
        or, if one has no TLAST, until nothing came for {PATIENCE} cycles. Vectors that nobody
        asked for are thrown away.

        A packet of `scale` that ends before all products have their beat ends the program, too
        (`scale.early`); of one that goes on, the rest is thrown away, the results are right,
        `refused` is 0 and `scale.late` is set. A packet of `command` without its TLAST makes one
        program of two, and takes one packet of `scale`.
    """)
