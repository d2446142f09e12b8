"""The data sheets of `conv2d` and `conv3d`."""

import numpy as np

from gemmule.gen.blocks.systolic.product_sheet import narrowed, requantized, scale_streams, small
from gemmule.gen.package.sheet import ANY, Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.golden.common.formats import Format, accumulator_width
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.golden.systolic.gemm import largest_k
from gemmule.hw.conv.counters import COUNTS
from gemmule.hw.conv.params import LayerParams

from .command_sheet import command_variants
from .program_sheet import memory_text, program_faults, program_text

__all__ = ["conv_sheet"]

COUNTED = {
    "busy_cycles": "cycles from the first request to the end of the program",
    "x_reads": "beats of the streamed operand that were read from its buffer",
    "x_masked": "beats of it that were masked: padding, or inserted zeros",
    "x_loaded": "vectors of it that memory gave",
    "w_reads": "beats of the other operand that were read from its buffer",
    "w_masked": "beats of it that were masked",
    "w_loaded": "vectors of it that memory gave",
    "c_written": "vectors that were handed to memory",
}


def conv_sheet(params: LayerParams) -> Sheet:
    """Say what a convolution computes, and how it is driven."""
    core = params.core
    rows, cols = params.rows, params.cols
    return Sheet(
        equation=_equation(params),
        streams={
            "command": Stream(
                "A program: one packet of commands, whose last one is a fence.",
                {
                    "data.kind": Field("what the command is", f"0..{len(Opcode) - 1}"),
                    "data.content": Field(
                        "what it carries, by its kind, as below; bits above are ignored", "below"
                    ),
                },
            ),
            "x_request": _request(f"`x`, in vectors of {rows} elements", "read"),
            "x": _answer(
                "the streamed operand: `x`, or `dy` for the input gradient", rows, core.a_format
            ),
            "w_request": _request(f"`w`, in vectors of {cols} elements", "read"),
            "w": _answer(
                "the other operand: `w`, or `dy` for the weight gradient", cols, core.b_format
            ),
            "c_request": _request("`c`", "written"),
            "c": Stream(
                "What is written: one word for each word of `c_request`; its first `length` lanes"
                " go to memory, each as 2^`size` bytes. TLAST is on the last row of a product.",
                {"data": Field("results, or elements that are copied", "as `low` and `high` say")},
            ),
            "scale": _scale(params),
            "status": _status(),
            "counters": Stream(
                "One word a program: what it cost. As `status`, it never stops the block.",
                {name: Field(COUNTED[name], "modulo 2^32") for name in COUNTS}
                | {"lost": Field("words before this one were dropped", "0, 1")},
            ),
        },
        order=f"{memory_text(params)}\n\n{PORT}\n\n{program_text(params)}",
        faults=program_faults(),
        limits=(
            ("vectors in a bank of `x`", params.x_depth),
            ("vectors in a bank of `w`", params.w_depth),
            ("columns of a product", cols),
            ("`k` of a product", (1 << DIM_WIDTH) - 1),
            (
                "products of a sum, masked beats not counted; more may overflow, unnoticed",
                largest_k(core.a_format, core.b_format, core.acc_width),
            ),
            ("iterations of a loop, pixels of an axis", (1 << params.size_width) - 1),
            ("rows of results that wait for memory", params.c_depth),
            ("bytes of memory", 1 << 32),
        ),
        latency=(
            f"memory's, a bank of each operand, then about {core.result_latency + rows} cycles from"
            " a beat of `x` to its row of results."
        ),
        throughput=(
            f"{rows} x {cols} products a cycle while the banks of the next pass load; a"
            f" weight-stationary tile of {rows} steps takes max(m, {rows}, 3) cycles."
        ),
        back_pressure=(
            "Every stream may stall at any time; requests are offered without waiting for answers."
        ),
        ahead=_ahead(),
        examples=_examples(params),
        variants={"command.data.content": command_variants(params)},
        constants={
            "ROWS": rows,
            "COLS": cols,
            "X_DEPTH": params.x_depth,
            "W_DEPTH": params.w_depth,
            "AXES": params.AXES,
            "MULTIPLIER_BITS": params.multiplier_width,
            "MAX_SHIFT": params.max_shift,
            **{f"KIND_{kind.name}": kind.value for kind in Opcode},
        },
        encoder=("walk_fields.py", "encode_program.py"),
    )


PORT = text("""
**Requests.** A word of `x_request` or `w_request` asks for `length` elements of 2^`size` bytes from
byte `address` on. Answer on `x` or `w` with ceil(length / lanes) words, element after element in
ascending lanes, TLAST on the last of them; answer requests of a stream in their order. The two
streams do not wait for each other. A word of `c_request` says where the next word of `c` goes.
""")


def _equation(params: LayerParams) -> str:
    axes = params.AXES
    place = ", ".join("pqr"[:axes])
    taps = ", ".join("uvt"[:axes])
    pixel = ", ".join(f"{p} * s + {u} * d - pad" for p, u in zip("pqr", "uvt", strict=False))
    pixel = ", ".join(pixel.split(", ")[:axes])
    backward = (
        ""
        if axes > 2
        else "\n\n"
        + text("""
        The gradient by `x` (which is also the transposed convolution), where h and l are the row
        and the column of a pixel of x, and the sum is over all o, u, v, p, q that meet it, those
        with p * s + u * d - pad = h and q * s + v * d - pad = l:

            dx[n, c, h, l] = sum of dy[n, o, p, q] * w[o, c, u, v]

        The gradient by `w`:

            dw[o, c, u, v] = sum over n, p, q of
                dy[n, o, p, q] * x[n, c, p * s + u * d - pad, q * s + v * d - pad]
        """)
    )
    return (
        text(f"""
        The block multiplies matrices that it reads from memory by walks over maps; a layer is a
        program of such products. Forward, in exact integers, over all channels c of the group and
        all taps that meet a pixel (stride s, dilation d and padding pad are those of each axis;
        padding and its beats hold the zero point zx):

            acc[n, o, {place}] = sum over c, {taps} of
                (x[n, c, {pixel}] - zx) * (w[o, c, {taps}] - zw[o]) + bias[o]
            y[n, o, {place}] = clamp(round(acc * multiplier[o] / 2^shift[o]) + zero_point,
                                low, high)
        """)
        + backward
        + "\n\n"
        + text("""
        `round` is to the nearest integer, once; where the quotient lies halfway between two, the
        `rounding` of the product says which (0: the even one).
        """)
        + "\n\n"
        + requantized(params.core).strip()
        + "\n\n"
        + text("""
        For a product of a convolution, `a` above is its streamed operand and `b` the matrix of its
        weights: column n is filter n of the tile, and K is the `k` of its command. Rows of `b` that
        are there for padded channels, masked taps and lanes that idle count, too, in the sum and
        in K. `za` is zx, and `zb` is zw; `total` is acc + offset, less zb times the sum of `a`.
        """)
    )


def _request(what: str, how: str) -> Stream:
    return Stream(
        f"One word for each part of memory that is {how} as {what}.",
        {
            "address": Field("of the first element", "any", "bytes"),
            "length": Field("how many elements", "1 or more", "elements"),
            "size": Field("an element takes 2^size bytes, low byte first", "0..3"),
        },
    )


def _answer(what: str, lanes: int, fmt: Format) -> Stream:
    return Stream(
        f"What memory answers for {what}: one packet a request, {lanes} elements a word. An element"
        " of memory that is wider than its lane is cut; a narrower one is extended, with the sign"
        " if the lane has one.",
        {"data": Field("elements in ascending order of addresses", numbers(fmt))},
    )


def _scale(params: LayerParams) -> Stream:
    made = scale_streams(params.core)["scale"]
    return Stream(
        "What the columns of each product are requantized with: one packet a program, a beat a"
        " product, in their order; one beat that nobody reads where there is no product.",
        made.fields,
    )


def _status() -> Stream:
    made = status(["x", "w", "scale"])
    command = Field(
        "number of the refused command within its program, from 0 on; of a program that was carried"
        " out, that of its last fence",
        "any",
        "commands",
    )
    meaning = made.meaning.replace("a command, refused ones included", "a program").replace(
        "of the commands. All zeros: the command", "of the programs. `refused` 0: the program"
    )
    refused = Field(
        "why the program was refused; 0: carried out; of several reasons see below", "see the codes"
    )
    return Stream(meaning, {**made.fields, "refused": refused, "command": command})


def _ahead() -> dict[str, int | None]:
    return {"command": 2, "x": ANY, "w": ANY, "scale": 0}


def _examples(params: LayerParams) -> tuple[Example, ...]:
    axes, formats = params.AXES, (params.x_format, params.w_format)
    # Sums of eight products, where there is room for them, or of one, for which there always is.
    wide = accumulator_width(*formats, 8) <= params.acc_width
    channels, kernel = (2, 2) if wide else (1, 1)
    arrays = {
        "x": small(params.x_format, (1, channels, *[1] * (axes - 2), 2, 3)),
        "bias": np.array([3, -2]),
        "multiplier": np.array([min(3, (1 << params.multiplier_width) - 1)]),
        "shift": np.array([min(2, params.max_shift)]),
    }
    run: dict[str, object] = {**narrowed(params.out_width)}
    if params.core.dataflow == "os":  # which has no other operation
        arrays["x"] = small(params.x_format, (1, 2, 2, 3))
        arrays["dy"] = small(params.format_of("dy"), (1, 2, 1, 2))
        run |= {"op": "weight_grad", "kernel": 2}
        filters = "two channels, two filters of 2 x 2"
        return (Example(f"1: the gradient by `w`, {filters}", arrays, run),)
    arrays["w"] = small(params.w_format, (2, channels, *[1] * (axes - 2), kernel, kernel))
    shape = "two channels, two filters of 2 x 2" if wide else "one channel, two filters of 1 x 1"
    return (Example(f"1: forward, {shape}", arrays, run),)
