"""Registers against PeakRDL-regblock's block of the same map, as Yosys counts both."""

import pytest

from .benchmark_registers import ours, regblock


@pytest.mark.full
def test_registers_take_no_more_than_regblock():
    found, theirs = ours(), regblock()
    assert found.lut <= theirs["lut"]
    assert found.ff <= theirs["ff"]
    assert found.dsp == 0
    assert found.logic_levels <= 10
