"""The machine of these tests: one program for each of its kinds, reset before each test."""

import pytest

from gemmule.golden.soc.check import Window
from gemmule.tb.soc.control.software import PAUSES, Software

KINDS = (
    (40, 128, True),
    (40, 128, False),
    pytest.param((32, 32, True), marks=pytest.mark.full),
    pytest.param((64, 64, True), marks=pytest.mark.full),
    pytest.param((32, 32, False), marks=pytest.mark.full),
)
"""Widths of addresses and of the bus, and whether there is a vector unit."""


@pytest.fixture(scope="module", params=KINDS, ids=str)
def machine(request):
    width, bus, vector = request.param
    with Software(address_width=width, data_width=bus, vector=vector, seed=7) as made:
        yield made


@pytest.fixture
def fresh(machine):
    """Return the machine after a reset of the whole."""
    machine.bus.set(latency=3, **dict.fromkeys(PAUSES, 0))
    machine.bus.no_faults()
    machine.bus.reset()
    machine.windows = [Window(0, (1 << machine.hardware.address_width) - 1, True, True)]
    return machine
