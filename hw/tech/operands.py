"""Operands and sums of packed multipliers as Amaranth values: see :mod:`golden.tech.packing`."""

from amaranth import Shape, Value, signed
from amaranth.lib import data

from gemmule.golden.tech.packing import Packing, product_range
from gemmule.hw.common.stream.payload import shape_of

__all__ = ["joined", "moving_layout", "signed_width", "split", "sum_shape"]


def moving_layout(packing: Packing) -> data.ArrayLayout:
    """Lay out what moves along a row: one ``a``, for a quad two joined, or two side by side."""
    if packing.kind == "quad":
        return data.ArrayLayout(signed(packing.spacing + packing.a_format.width + 1), 1)
    return data.ArrayLayout(shape_of(packing.a_format), packing.rows)


def joined(parts: list[Value], step: int) -> Value:
    """Join ``parts`` into one operand, ``step`` bits apart."""
    total = parts[0]
    for index, part in enumerate(parts[1:], 1):
        total = total + (part << step * index)
    return total


def sum_shape(packing: Packing, depth: int) -> Shape:
    """Return what holds the sum of ``depth`` products."""
    low, high = product_range(packing.a_format, packing.b_format)
    return Shape.cast(range(min(0, depth * low), depth * high + 1))


def signed_width(shape: Shape) -> int:
    """Count the bits that hold every value of ``shape`` as a signed number."""
    return shape.width + (not shape.signed)


def split(total: Value, packing: Packing, depth: int) -> list[Value]:
    """Split a chain's ``total`` into fields, lowest first.

    The bias is still in all but the uppermost.
    """
    spacing = packing.spacing
    low, high = product_range(packing.a_format, packing.b_format)
    width = min(spacing, (depth * (high - low)).bit_length())
    fields = [total[spacing * i :][:width] for i in range(packing.fields - 1)]
    top = total[spacing * (packing.fields - 1) :]
    shape = sum_shape(packing, depth)
    upper = top[: shape.width]
    return [*fields, upper.as_signed() if shape.signed else upper]
