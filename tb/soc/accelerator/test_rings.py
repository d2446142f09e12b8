"""The largest rings there can be, once around."""

import numpy as np
import pytest

from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus
from gemmule.golden.soc.commands import COMMAND, COMPLETION, VERSION, Opcode
from gemmule.hw.soc.control.ring import MOST_LOG2

from .configurations import CONFIGURATIONS, program

PLACES = 1 << MOST_LOG2


@pytest.mark.full
@pytest.mark.parametrize("name", ["4x4_small", "4x4_512_bits"])
def test_the_largest_rings_wrap(name):
    """70,000 commands that do nothing: each is completed once, in order, in its place."""
    records, base, more = 64 * PLACES, 0x1_0000_0000 - 32 * PLACES, PLACES + 5_000
    assert CONFIGURATIONS[name].address_width > 32
    with SimulatedBus(program(name), 80 * PLACES, AxiMemory(base=base, latency=20)) as bus:

        def write(register: str, word: int) -> None:
            bus.write32(REGISTERS[register].address, word)

        def until(done: int) -> None:
            while bus.read32(REGISTERS["HEAD"].address) != done:
                before = bus.counters().write_beats
                bus.run(20_000)
                assert bus.counters().write_beats > before, "hang"
            found = bus.memory[records:].reshape(PLACES, COMPLETION.size)
            index = np.arange(max(1, done - PLACES + 1), done + 1)
            rows = found[(index - 1) % PLACES]
            np.testing.assert_array_equal(rows[:, -4:].copy().view("<u4")[:, 0], index)
            sequences = rows[:, COMPLETION["sequence"].offset :][:, :2].copy().view("<u2")[:, 0]
            np.testing.assert_array_equal(sequences, (index - 1) % 65_521)
            assert not rows[:, COMPLETION["cause"].offset].any()

        def place(first: int, last: int) -> None:
            nop = {"opcode": int(Opcode.NOP), "version": VERSION}
            octets = np.frombuffer(COMMAND.encode(nop), np.uint8)
            ring = bus.memory[:records].reshape(PLACES, COMMAND.size)
            number = np.arange(first, last)
            ring[number % PLACES] = octets
            low = (number % 65_521).astype("<u2").view(np.uint8).reshape(-1, 2)
            at = COMMAND["sequence"].offset
            ring[number % PLACES, at : at + 2] = low

        bus.run(100)  # a doorbell in the reset is lost
        write("RING_BASE_LO", base & 0xFFFF_FFFF)
        write("RING_BASE_HI", base >> 32)
        write("COMPLETION_BASE_LO", (base + records) & 0xFFFF_FFFF | 1)
        write("COMPLETION_BASE_HI", (base + records) >> 32)
        write("RING_SIZE", MOST_LOG2)
        write("CTRL", 1)
        place(0, PLACES)
        write("TAIL", PLACES)
        until(PLACES)
        before = bus.memory.copy()
        place(PLACES, more)
        write("TAIL", more)
        until(more)
        untouched = slice(records + COMPLETION.size * 5_000, None)
        np.testing.assert_array_equal(bus.memory[untouched], before[untouched])
