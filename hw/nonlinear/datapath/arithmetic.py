"""Expressions of fixed-point arithmetic that the units share."""

from amaranth import Cat, Const, Mux, Value

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.units import Datapath

from .flow import Flow, Timed

__all__ = [
    "PART",
    "above",
    "plus",
    "product_in_fabric",
    "rounded",
    "saturate",
    "sum_in_parts",
    "times",
]

PART = 32
"""Bits that are added within a cycle: a carry chain of eight, and a little logic around it."""


def above(value: Value, limit: int) -> Value:
    """Return ``value > limit`` of an unsigned value; a constant where it has too few bits to be."""
    return value > limit if limit < (1 << len(value)) - 1 else Const(0, 1)


def plus(a: Value, b: Value, carry: Value | None = None) -> Value:
    """Add two unsigned values of one width and ``carry`` by one adder, with the carry out."""
    if carry is None:
        return a + b
    return (Cat(Const(1, 1), a) + Cat(carry, b))[1:]


def sum_in_parts(
    flow: Flow, name: str, a: Timed, b: Timed, width: int, *, minus: bool = False
) -> Timed:
    """Give ``a + b`` or ``a - b``, modulo ``2**width``, at most :data:`PART` bits of it a cycle."""
    count = -(-width // PART)
    part = -(-width // count)
    parts, carry = [], Timed(Const(int(minus), 1))
    for index in range(count):

        def added(a: Value, b: Value, carry: Value, index: int = index) -> Value:
            place = slice(index * part, min(width, (index + 1) * part))
            x, y = stretched(a, width)[place], stretched(b, width)[place]
            return plus(x, ~y if minus else y, carry if index or minus else None)

        some = flow.step(f"{name}_{index}", added, a, b, carry)
        parts.append(Timed(some.value[:-1], some.time))
        carry = Timed(some.value[-1], some.time)
    return Timed(Cat(*(flow.at(each, some.time) for each in parts)), some.time)


def stretched(value: Value, width: int) -> Value:
    """Return the low ``width`` bits of a value, unsigned, after its sign or zeros above it."""
    above = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, above.replicate(max(0, width - len(value))))[:width]


def times(value: Value, constant: int) -> Value:
    """Return ``value * constant`` in adders: a term for each digit of the canonical signed form."""
    total, place = None, 0
    while constant:
        if constant & 1:
            digit = 2 - (constant & 3)
            term = value << place
            total = term * digit if total is None else total + term if digit > 0 else total - term
            constant -= digit
        constant >>= 1
        place += 1
    return Const(0, 1) if total is None else total


def product_in_fabric(flow: Flow, name: str, a: Timed, b: Timed) -> Timed:
    """Multiply in adders, two levels a cycle, where DSP blocks are kept for the lanes."""
    size = len(b.value)

    def term(a: Value, b: Value, place: int) -> Value:
        # The highest bit of a signed number counts negative.
        negative = place == size - 1 and b.shape().signed
        return Mux(b[place], -(a << place) if negative else a << place, 0)

    def some(a: Value, b: Value, low: int) -> Value:
        return _sum([term(a, b, place) for place in range(low, min(low + 4, size))])

    terms = [
        flow.step(f"{name}_{low}", lambda a, b, low=low: some(a, b, low), a, b)
        for low in range(0, size, 4)
    ]
    while len(terms) > 1:
        groups = [terms[n : n + 4] for n in range(0, len(terms), 4)]
        terms = [
            flow.step(f"{name}_of_{len(terms)}_{n}", lambda *terms: _sum(list(terms)), *group)
            for n, group in enumerate(groups)
        ]
    return terms[0]


def _sum(terms: list[Value]) -> Value:
    while len(terms) > 1:
        odd = terms[len(terms) & ~1 :]
        terms = [x + y for x, y in zip(terms[::2], terms[1::2], strict=False)] + odd
    return terms[0]


def saturate(value: Value, fmt: Format, low: int, high: int) -> Value:
    """Return the nearest value of ``fmt``; ``value`` must lie in ``low..high``. Pass a signal."""
    if high > fmt.high:
        value = Mux(value > fmt.high, fmt.high, value)
    if low < fmt.low:
        value = Mux(value < fmt.low, fmt.low, value)
    # A value of fewer bits keeps its sign, and is extended where it is assigned.
    return value[: fmt.width] if len(value) > fmt.width else value


def rounded(flow: Flow, value: Timed, bits: int, unit: Datapath) -> Timed:
    """Return ``clamp(floor(value / 2**bits + 1/2))`` to the output of ``unit``, in two steps."""
    half = 1 << bits >> 1 if bits > 0 else 0

    def nearest(value: Value) -> Value:
        return value << -bits if bits < 0 else value + half >> bits

    low, high = unit.span()
    near = flow.step("rounded", nearest, value)
    return flow.step("y", lambda v: saturate(v, unit.out_format, low, high), near)
