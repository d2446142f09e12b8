"""The machine of these tests: one program for each pair of widths, reset before each test."""

import pytest

from gemmule.golden.soc.check import Window
from gemmule.tb.soc.control.software import PAUSES, Software

FULL = [pytest.param(each, marks=pytest.mark.full) for each in ((32, 32), (64, 64))]


@pytest.fixture(scope="module", params=[(40, 128), *FULL], ids=str)
def machine(request):
    width, bus = request.param
    with Software(address_width=width, data_width=bus, seed=7) as made:
        yield made


@pytest.fixture
def fresh(machine):
    """Return the machine after a reset of the whole."""
    machine.bus.set(latency=3, **dict.fromkeys(PAUSES, 0))
    machine.bus.no_faults()
    machine.bus.reset()
    machine.windows = [Window(0, (1 << machine.hardware.address_width) - 1, True, True)]
    return machine
