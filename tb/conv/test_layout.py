"""The bits of a program as golden has them, against those of the hardware."""

from collections.abc import Iterator

import pytest
from amaranth import Shape
from amaranth.lib import data

from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.layout import KIND, command_width, contents, decoded, flat, lane, width
from gemmule.hw.conv.command import command_layout, variants
from gemmule.hw.conv.params import ConvParams, LayerParams, VolumeParams

PARAMS = [
    ConvParams(),
    ConvParams(rows=3, cols=5, dataflow="ws", size_width=5, stride_width=1, x_depth=16, w_depth=64),
    ConvParams(rows=4, cols=4, dataflow="os", drain="cascade", dy_format="u5", x_format="s3"),
    ConvParams(x_format="u7", w_format="s11", acc_width=37, out_width=19, max_shift=5),
    ConvParams(rows=2, cols=2, x_format="u4", dy_format="s2", w_format="u13", max_shift=63),
    ConvParams(multiplier_width=31, max_shift=8, acc_width=48, out_width=48, size_width=16),
    VolumeParams(),
    VolumeParams(rows=5, cols=2, x_format="u9", size_width=9, stride_width=8, x_depth=1 << 16),
]


def numbers(layout: data.Layout, name: str = "", at: int = 0) -> Iterator[tuple]:
    """Yield path, first bit, width and sign of the numbers of an Amaranth layout."""
    for key, field in layout:
        path, shape = f"{name}.{key}" if name else str(key), field.shape
        if isinstance(shape, data.Layout):
            yield from numbers(shape, path, at + field.offset)
        else:
            yield path, at + field.offset, field.width, Shape.cast(shape).signed


def golden(layout) -> Iterator[tuple]:
    at = 0
    for path, number in flat(layout):
        yield path, at, number.width, number.signed
        at += number.width
    assert at == width(layout)


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_layouts_are_the_same_bits(params: LayerParams):
    hardware = params.golden
    made, wanted = contents(hardware), variants(params)
    assert made.keys() == wanted.keys() == set(Opcode)
    for opcode, layout in wanted.items():
        assert list(golden(made[opcode])) == list(numbers(layout))
    command = command_layout(params)
    assert command_width(hardware) == command.size
    assert KIND.width == command["content"].offset
    assert list(golden(lane(hardware))) == list(numbers(params.core.requantizer.lane_layout))


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_numbers_are_read_as_they_are_packed(params: LayerParams):
    """Each number alone is all ones, and nothing of its neighbors is."""
    for layout in (*contents(params.golden).values(), lane(params.golden)):
        for path, at, bits, signed in golden(layout):
            whole = decoded(layout, (1 << bits) - 1 << at)
            assert [path] == [name for name, value in _values(whole) if value]
            assert dict(_values(whole))[path] == (-1 if signed else (1 << bits) - 1)


def _values(found, name: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(found, int):
        yield name, found
        return
    pairs = enumerate(found) if isinstance(found, list) else found.items()
    for key, each in pairs:
        yield from _values(each, f"{name}.{key}" if name else str(key))


def test_hardware_says_what_parameters_do():
    for params in PARAMS:
        hardware = params.golden
        assert hardware.transposes == params.transposes
        assert hardware.drains_down == params.core.drains_down
        assert hardware.dataflows == params.core.dataflows
        for name in ("a_walks", "b_walks", "places"):
            assert getattr(hardware, name) == getattr(params, name).golden
        names = {name for pair in params.pairs for name in pair}
        assert all(hardware.format_of(name) == params.format_of(name) for name in names)
    assert PARAMS[-1].golden.dy_format is None
