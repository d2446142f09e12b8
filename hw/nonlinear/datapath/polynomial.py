"""Piecewise polynomials by Horner's rule."""

from amaranth import Cat, Value

from gemmule.golden.nonlinear.piecewise import Piecewise

from .arithmetic import product_in_fabric
from .flow import Flow, Timed, lookup

__all__ = ["polynomial"]


def polynomial(flow: Flow, pieces: Piecewise, position: Timed, *, fabric: bool = False) -> Timed:
    """Return ``c0 + ((c1 + (c2*u >> b))*u >> b)``: what :class:`Piecewise` computes of a position.

    The high bits of the position address the tables of coefficients, each read when its power is
    due; ``u`` is the rest with its highest bit turned around, which counts from the middle of the
    segment. A product and a sum take a cycle each, as in a DSP block; with ``fabric`` the products
    are made of adders.

    Latency: ``1 + 2 * pieces.degree`` cycles; with ``fabric`` more by the bits of ``u``.
    """
    bits = pieces.offset_bits

    def coefficient(power: int, time: int) -> Timed:
        def read(at: Value) -> Value:
            return lookup(pieces.coefficients[:, power], at[bits:])

        return flow.step(f"c{power}", read, position, since=time - 1)

    def offset(at: Value) -> Value:
        return Cat(at[: bits - 1], ~at[bits - 1]).as_signed() if bits else at[:0]

    value = coefficient(pieces.degree, position.time + 1)
    for power in reversed(range(pieces.degree)):
        u = flow.step("offset", offset, position, since=value.time - 1)
        name = f"product_{power}"
        if fabric:
            product = product_in_fabric(flow, name, value, u)
        else:
            product = flow.step(name, lambda a, b: a * b, value, u)
        constant = coefficient(power, product.time)
        value = flow.step(f"sum_{power}", lambda c, p: c + (p >> bits), constant, product)
    return value
