"""What registers tell of a convolution unit, and what is made of it."""

from dataclasses import replace

import pytest

from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.words import (
    SHARED,
    convolution_hardware,
    convolution_words,
    unit_bits,
    word_of,
)
from gemmule.hw.conv.params import LayerParams
from gemmule.tb.conv.test_layout import PARAMS

NAMES = [
    "CONVOLUTION", "DATAFLOW", "DY_FORMAT", "ACC_DEPTH", "X_DEPTH", "W_DEPTH", "C_DEPTH",
    "SIZE_WIDTH", "STRIDE_WIDTH", "ROW_SUM_WIDTH",
]  # fmt: skip


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_words_tell_all_that_programs_see(params: LayerParams):
    """The formats of lanes follow from those of arrays; sums leave the array bubble-free."""
    unit = replace(params.golden, drain="bubble_free")
    own = {name.upper(): getattr(params, name) for name in SHARED}
    own |= {"A_FORMAT": word_of(params.x_format), "B_FORMAT": word_of(params.w_format)}
    words = convolution_words(unit)
    assert list(words) == NAMES
    assert words["CONVOLUTION"] == params.AXES
    assert convolution_hardware(own | words) == unit
    assert convolution_hardware(own | convolution_words(None)) is None
    assert convolution_hardware(own) is None


def test_units_are_told_by_bits():
    vector, convolution = VectorHardware(), PARAMS[0].golden
    told = [
        unit_bits(Hardware(vector=v, convolution=c))
        for v in (None, vector)
        for c in (None, convolution)
    ]
    assert told == [0b001, 0b101, 0b011, 0b111]
