"""What a data sheet says of a convolution's programs: memory, order, and what is wrong with one."""

from textwrap import indent

from gemmule.gen.blocks.systolic.order_sheet import stretches
from gemmule.gen.package.sheet.parts import text
from gemmule.golden.conv.refusal import Refusal
from gemmule.hw.conv.control import FOUND, PATIENCE
from gemmule.hw.conv.params import LayerParams

from .recipe_sheet import recipes
from .walk_words import walk_text

OWN = Refusal.LENGTH.value
"""The highest code of what is wrong with a command by itself."""

__all__ = ["memory_text", "program_faults", "program_text"]


def memory_text(params: LayerParams) -> str:
    """Say how maps, weights and results lie in memory."""
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
          Their channels are not padded: B_PASS masks rows beyond the last channel.
        - With C channels in a group and floor({rows} / C) = f of 2 or more, the host may put f
          neighboring kernel columns into the lanes: pixel p then holds the pixels p, p + dilation,
          ... behind each other as channels, and the kernel is as much narrower.
        - Groups of few channels are best put side by side: g neighboring ones as one dense group of
          g * C channels and g * F filters, whose weights are block-diagonal. Where the channels of
          one group meet the filters of another, a weight is the zero point of its column. With
          g = min(floor({rows} / C), floor({cols} / F)) the layer has a g-th of the tiles that it
          has group by group with no kernel columns in the lanes. Of a weight gradient, read the
          blocks on the diagonal alone. If g does not divide the groups, fill up the last one with
          channels and filters that hold their zero points.
    """)


def program_text(params: LayerParams) -> str:
    """Describe the order of commands and beats, and a layer's program."""
    rows = params.rows
    beat = "give a beat: bank[address] if real, else pad in all lanes"
    walk = indent(walk_text(beat, spread=True), " " * 12).strip()
    cut, depth = indent(stretches(params.core, "m"), " " * 12).strip(), params.acc_depth
    return (
        text(f"""
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

        Each kind of command has a queue of its own, and they are handed out in order: a command
        whose queue is full holds up those behind it. So a load belongs behind the commands that
        must run to free its bank, and a product and its places before its passes. FENCE within a
        program waits until all that was to be written was taken by memory: use it between copies
        and those who read them, and never between PLACES and the last of the passes that they are
        for: it would wait for rows that cannot come (`STUCK`).
    """)
        + "\n\n"
        + recipes(params)
    )


def program_faults() -> str:
    """Say what becomes of programs that are wrong."""
    order = ", ".join(f"`{each.name}`" for each in FOUND)
    return text(f"""
        The first thing that is wrong ends a program: a command that is illegal by itself, as soon
        as its turn comes (it is not begun), or what several commands bring about, as soon as it
        shows. `refused` of `status` says what it was, `command` at which command, counted from 0:
        for codes up to {OWN} the wrong one, for those above the one whose turn it was when it
        showed, which is often the fence: the cause is there or before. Of what is wrong with one
        command by itself, the lowest code is told; of what shows in the same cycle the first of
        {order}, then a command's own code.
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
        `refused` is 0 and `scale.late` is set.

        A packet of `command` without its TLAST makes one program of two, which takes one packet of
        `scale` and gives one status. **If the second packet of `scale` was sent as well, it is left
        over, and the next program takes it for its own**, without a fault where the numbers of
        products are the same. So a driver that sees fewer words of `status` than it sent programs
        must raise `clear` before it sends the next one.
    """)
