"""Expressions of fixed-point arithmetic that the units share."""

from amaranth import Const, Mux, Value

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.units import Datapath

from .flow import Flow, Timed

__all__ = ["rounded", "saturate", "times", "times_in_fabric"]


def times(value: Value, constant: int) -> Value:
    """``value * constant`` in adders: a term for each digit of the canonical signed form."""
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


def times_in_fabric(a: Value, b: Value) -> Value:
    """``a * b``, ``b`` unsigned, as a tree of adders: where DSP blocks are kept for the lanes."""
    terms = [Mux(b[place], a << place, 0) for place in range(len(b))]
    while len(terms) > 1:
        odd = terms[len(terms) & ~1 :]
        terms = [x + y for x, y in zip(terms[::2], terms[1::2], strict=False)] + odd
    return terms[0]


def saturate(value: Value, fmt: Format, low: int, high: int) -> Value:
    """The nearest value of ``fmt``; ``value`` is known to lie in ``low..high``. Pass a signal."""
    if high > fmt.high:
        value = Mux(value > fmt.high, fmt.high, value)
    if low < fmt.low:
        value = Mux(value < fmt.low, fmt.low, value)
    # A value of fewer bits keeps its sign, and is extended where it is assigned.
    return value[: fmt.width] if len(value) > fmt.width else value


def rounded(flow: Flow, value: Timed, bits: int, unit: Datapath) -> Timed:
    """``clamp(floor(value / 2**bits + 1/2))`` to the output of ``unit``, in two steps."""
    half = 1 << bits >> 1 if bits > 0 else 0

    def nearest(value: Value) -> Value:
        return value << -bits if bits < 0 else value + half >> bits

    low, high = unit.span()
    near = flow.step("rounded", nearest, value)
    return flow.step("y", lambda v: saturate(v, unit.out_format, low, high), near)
