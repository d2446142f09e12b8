"""Parts that both row units have: trees over the lanes, sums over the beats of a row."""

from collections.abc import Callable

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.hdl import ShapeLike

from gemmule.hw.common.pipeline import delay, wire
from gemmule.hw.nonlinear.datapath.arithmetic import PART, plus
from gemmule.hw.nonlinear.datapath.flow import Flow, Timed

__all__ = [
    "QUEUE",
    "add",
    "buffer_depth",
    "framed",
    "greater",
    "over_row",
    "sum_cycles",
    "sum_over_row",
    "tree",
]

QUEUE = 2
"""Cycles from writing a queue to reading what was written."""


def tree(
    flow: Flow, name: str, function: Callable[[Value, Value], Value], values: list[Timed]
) -> Timed:
    """Join the values two by two, a level a cycle."""
    level = 0
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=False)
        joined = [
            flow.step(f"{name}_{level}_{n}", function, a, b) for n, (a, b) in enumerate(pairs)
        ]
        values = joined + values[len(values) & ~1 :]
        level += 1
    return values[0]


def greater(a: Value, b: Value) -> Value:
    """Return the greater of two values of one shape."""
    return Mux(a > b, a, b)


def over_row(
    m: Module,
    name: str,
    function: Callable[[Value, Value], Value],
    value: Timed,
    shape: ShapeLike,
    frame: tuple[Value, Value],
) -> tuple[Signal, Value]:
    """Join the values of a row's beats; return that, and a strobe when it is all of them.

    ``frame`` is ``valid`` and ``last`` of the beat at time 0. The result changes with the next row.
    """
    valid, last = framed(m, name, *frame, value.time)
    so_far, begin = Signal(shape, name=f"{name}_so_far", reset_less=True), Signal(init=1)
    done = Signal(name=f"{name}_done")
    m.d.sync += done.eq(valid & last)
    with m.If(valid):
        m.d.sync += [
            so_far.eq(Mux(begin, value.value, function(so_far, value.value))),
            begin.eq(last),
        ]
    return so_far, done


def sum_cycles(width: int) -> int:
    """Count the cycles from a beat's value to its row's sum: one for each :data:`PART` bits."""
    return -(-width // PART)


def sum_over_row(
    m: Module, name: str, value: Timed, shape: ShapeLike, frame: tuple[Value, Value], cycles: int
) -> tuple[Value, Value]:
    """Return the sum of a row's beats, and a strobe as :func:`over_row` has it.

    It is cut in as many parts as there are ``cycles``; each is a cycle behind the one below it,
    from which it takes the carry.
    """
    shape = Shape.cast(shape)
    valid, last = framed(m, name, *frame, value.time)
    begin = Signal(init=1, name=f"{name}_begin")
    with m.If(valid):
        m.d.sync += begin.eq(last)
    addend = Signal(shape, name=f"{name}_addend")
    m.d.comb += addend.eq(value.value)

    width, parts, carry = -(-shape.width // cycles), [], Const(0, 1)
    for index in range(cycles):
        here = f"{name}_part_{index}"
        enable = delay(m, f"{here}_enable", valid, index, reset=True)
        first = delay(m, f"{here}_first", begin, index)
        more = delay(m, f"{here}_addend", addend[index * width : (index + 1) * width], index)
        # One bit more than the part: the carry into the next, which adds it a cycle later.
        so_far = Signal(len(more) + 1, name=here, reset_less=True)
        before = so_far[:-1] & (~first).replicate(len(more))
        with m.If(enable):
            m.d.sync += so_far.eq(plus(more, before, carry if index else None))
        carry = so_far[-1]
        parts.append(delay(m, f"{here}_late", so_far[:-1], cycles - 1 - index))
    total = wire(m, f"{name}_so_far", Cat(*parts))
    done = delay(m, f"{name}_done", valid & last, cycles, reset=True)
    return total.as_signed() if shape.signed else total, done


def framed(m: Module, name: str, valid: Value, last: Value, cycles: int) -> tuple[Value, Value]:
    """Return ``valid`` and ``last`` of what entered a pipeline so many cycles ago."""
    frame = delay(m, f"{name}_frame", Cat(valid, last), cycles, reset=True)
    return frame[0], frame[1]


def add(a: Value, b: Value) -> Value:
    """Return the sum."""
    return a + b


def buffer_depth(beats: int, latency: int) -> int:
    """Count the places that hold a row while what is computed of it is awaited: a power of two."""
    return 1 << (beats + latency + 3).bit_length()
