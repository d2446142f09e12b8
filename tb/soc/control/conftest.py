"""The machine of these tests: one program for each of its kinds, reset before each test."""

import pytest

from gemmule.golden.soc.check import Window
from gemmule.hw.soc.control.layouts import PRODUCT_ALONE, UNITS
from gemmule.tb.soc.control.software import PAUSES, Software

KINDS = (
    (40, 128, tuple(UNITS)),
    (40, 128, PRODUCT_ALONE),
    pytest.param((32, 32, tuple(UNITS)), marks=pytest.mark.full),
    pytest.param((64, 64, tuple(UNITS)), marks=pytest.mark.full),
    pytest.param((32, 32, PRODUCT_ALONE), marks=pytest.mark.full),
    pytest.param((40, 128, ("product", "vector")), marks=pytest.mark.full),
    pytest.param((40, 128, ("product", "convolution")), marks=pytest.mark.full),
)
"""Widths of addresses and of the bus, and the units."""


@pytest.fixture(scope="module", params=KINDS, ids=str)
def machine(request):
    width, bus, units = request.param
    with Software(address_width=width, data_width=bus, units=units, seed=7) as made:
        yield made


@pytest.fixture
def fresh(machine):
    """Return the machine after a reset of the whole."""
    machine.bus.set(latency=3, **dict.fromkeys(PAUSES, 0))
    machine.bus.no_faults()
    machine.bus.reset()
    machine.windows = [Window(0, (1 << machine.hardware.address_width) - 1, True, True)]
    return machine
