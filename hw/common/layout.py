"""Layouts of the golden model as Amaranth's, so that the bits of a program are said once."""

from collections.abc import Mapping

from amaranth import Shape, signed, unsigned
from amaranth.lib import data

from gemmule.golden.conv.layout import Lanes, Layout, Number

__all__ = ["laid_out"]


def laid_out(layout: Mapping[str, Layout]) -> data.StructLayout:
    """Return the same names and bits as Amaranth lays them out."""
    return data.StructLayout({name: _shape(each) for name, each in layout.items()})


def _shape(layout: Layout) -> Shape | data.Layout:
    if isinstance(layout, Number):
        return signed(layout.width) if layout.signed else unsigned(layout.width)
    if isinstance(layout, Lanes):
        return data.ArrayLayout(_shape(layout.layout), layout.count)
    return laid_out(layout)
