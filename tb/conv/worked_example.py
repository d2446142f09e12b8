"""The worked example of `hw/conv/README.md`, as it comes out of the compiler."""

from functools import cache

import numpy as np

from gemmule.gen.compile.convolution.lower.lowering import lowered
from gemmule.gen.compile.convolution.lower.operands import Operands
from gemmule.gen.compile.convolution.lower.program import Product
from gemmule.gen.compile.convolution.lower.schedule import Fill, scheduled
from gemmule.gen.compile.convolution.lower.target import Hardware, Target, Zeros
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method, Operation
from gemmule.golden.conv.pattern import Walk

__all__ = ["REGIONS"]

SIDE, KERNEL, LANES = 5, 3, 4


@cache
def product() -> tuple[Product, tuple]:
    """Return the one product of the layer, and its commands."""
    layer = Geometry(
        batch=1, channels=LANES, filters=LANES, size=(SIDE,) * 2, kernel=KERNEL, stride=2, padding=1
    )
    hardware = Hardware(rows=LANES, cols=LANES, a_bank=64, b_bank=64, acc_depth=32)
    zeros = Zeros(0, np.zeros(LANES, np.int64))
    target = Target(layer, Operation.FORWARD, Method.ZERO_FREE, hardware, zeros)
    x = np.zeros((1, LANES, SIDE, SIDE), np.int8)
    (made,) = lowered(Operands(target, x, np.zeros((LANES, LANES, KERNEL, KERNEL), np.int8)))
    return made, tuple(scheduled([made], hardware))


def _fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def commands() -> str:
    """Return the program as a block of text, a command a line."""
    _, order = product()
    return _fenced("\n".join(f"{opcode.name:8}{_content(opcode, each)}" for opcode, each in order))


def _content(opcode: Opcode, content: object) -> str:
    if opcode is Opcode.PRODUCT:
        return f"m {content.m}, n {content.n}, k {content.k}"
    if opcode is Opcode.PLACES:
        return f"elements {content.places.base}; {_loops(content.places)}"
    if opcode is Opcode.FENCE:
        return ""
    if isinstance(content, Fill):
        burst = content.burst
        return (
            f"elements {burst.first} to {burst.first + burst.length - 1}, {content.vectors} vectors"
        )
    return _loops(content.walk)


def _loops(walk: Walk) -> str:
    """List the loops that go on, innermost first: their bounds, moves and steps."""
    told = []
    for loop in walk.loops:
        if loop.bound > 1:
            move = f" pixel {loop.moves}" if any(loop.moves) else ""
            told.append(f"{loop.bound} x{move}{f' address {loop.step}' if loop.step else ''}")
    return ", ".join(told)


def banks() -> str:
    """Return the numbers of the vectors in both banks."""
    made, _ = product()
    (a,), (b,) = made.a_loads, made.b_loads
    pixels = np.arange(len(a)).reshape(SIDE, SIDE)
    left = ["bank of a: pixel (row, column) of x"]
    left += [" ".join(f"{number:3}" for number in row) for row in pixels]
    right = ["bank of b: tap (row, column), and its channels of w"]
    right += [
        f"({tap // KERNEL}, {tap % KERNEL}): " + " ".join(f"{tap * LANES + c:3}" for c in range(4))
        for tap in range(len(b) // LANES)
    ]
    return _fenced("\n".join([*left, "", *right]))


def pattern() -> str:
    """Return the addresses of the beats of `a`, a line a tap; masked ones are dots."""
    made, _ = product()
    (each,) = made.a_passes
    address, real = each.walk.beats()
    taps = KERNEL * KERNEL
    lines = ["tap     pixels of y, row by row"]
    for tap in range(taps):
        cells = zip(address.reshape(taps, -1)[tap], real.reshape(taps, -1)[tap], strict=True)
        text = " ".join(f"{at:3}" if keep else "  ." for at, keep in cells)
        lines.append(f"({tap // KERNEL}, {tap % KERNEL})  {text}")
    (other,) = made.b_passes
    beats = other.walk.beats()[0].tolist()
    rest = " ".join(map(str, beats[: 2 * LANES]))
    lines += ["", f"b, the last row of each tile first: {rest} ... ({len(beats)} beats)"]
    return _fenced("\n".join(lines))


REGIONS = {"commands": commands, "banks": banks, "pattern": pattern}
"""Region of the page -> what makes it."""
