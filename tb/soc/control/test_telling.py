"""What the machine tells of its work: interrupts and counters."""

from gemmule.golden.soc.commands import Flags

from .software import ALONE, CONVOLUTION, GEMM, PAIR, numbered


def told(machine, cycles):
    """Return the cycles until the interrupt, and clear it; ``None`` where it does not come."""
    begun = machine.bus.cycles
    if not machine.bus.interrupt:
        machine.bus.run(cycles, until_interrupt=True)
    if not machine.bus.interrupt:
        return None
    taken = machine.bus.cycles - begun
    machine.write("IRQ_STATUS", complete=1)
    machine.bus.run(2)
    return taken


def test_interrupts_are_coalesced(fresh):
    fresh.begin()
    fresh.write("IRQ_ENABLE", complete=1)
    nop = {**GEMM, "opcode": 0}
    one, urgent = numbered([nop]), numbered([{**nop, "flags": Flags.INTERRUPT}])
    fresh.carry_out(one)
    assert told(fresh, 500) is None
    fresh.carry_out(urgent)
    assert told(fresh, 10) is not None
    fresh.write("IRQ_COALESCE", count=3)
    for _ in range(3):
        for n in range(3):
            assert told(fresh, 100) is None, n
            fresh.carry_out(one)
        assert told(fresh, 10) is not None
    fresh.carry_out(one)
    fresh.carry_out(urgent)
    assert told(fresh, 10) is not None
    for _ in range(2):
        fresh.carry_out(one)
    assert told(fresh, 100) is None  # the urgent one told of all before it
    fresh.carry_out(one)
    assert told(fresh, 10) is not None
    fresh.write("IRQ_COALESCE", time=20)
    for count in (1, 2):
        for _ in range(count):
            fresh.carry_out(one)
        assert 700 < told(fresh, 5000) <= 64 * 20 + 3
    fresh.write("IRQ_COALESCE", 0)
    fresh.carry_out(one)
    assert told(fresh, 500) is None
    fresh.write("IRQ_COALESCE", count=1)  # none waits: one that is never told of is no reason to
    fresh.carry_out(one)
    assert told(fresh, 10) is not None
    fresh.write("IRQ_ENABLE", 0)
    fresh.carry_out(urgent)
    assert told(fresh, 100) is None
    assert fresh.field("IRQ_STATUS", "complete")


def counter(machine, name):
    """Return a counter as it was latched."""
    return machine.read(f"COUNTER_{name}_LO") | machine.read(f"COUNTER_{name}_HI") << 32


def test_each_unit_has_a_counter_of_its_own(fresh):
    """The units of these tests work ``m`` cycles and one."""
    fresh.begin()
    fresh.write("COUNTER_CTRL", clear=1)
    others = [{**PAIR, "m": 30}, {**ALONE, "m": 7}, {**CONVOLUTION, "m": 19}]
    fresh.carry_out(numbered([{**GEMM, "m": 100}, *others]))
    fresh.write("COUNTER_CTRL", latch=1)
    assert counter(fresh, "PRODUCT_BUSY") == 101
    assert counter(fresh, "VECTOR_BUSY") == (31 + 8 if fresh.hardware.vector else 0)
    assert counter(fresh, "CONVOLUTION_BUSY") == (20 if fresh.hardware.convolution else 0)


def test_counters_are_latched_together(fresh):
    fresh.begin()
    fresh.write("COUNTER_CTRL", clear=1)
    assert counter(fresh, "CYCLES") == 0  # it waits for the clear
    fresh.carry_out(numbered([GEMM, {**GEMM, "k": 0}] * 4))
    fresh.write("COUNTER_CTRL", latch=1)
    cycles, busy = counter(fresh, "CYCLES"), counter(fresh, "BUSY")
    assert 0 < busy < cycles < fresh.bus.cycles
    assert (counter(fresh, "COMMANDS"), counter(fresh, "ERRORS")) == (8, 4)
    assert counter(fresh, "BYTES_READ") == 8 * 64
    fresh.bus.run(1000)
    assert counter(fresh, "CYCLES") == cycles
    before = fresh.bus.cycles
    fresh.write("COUNTER_CTRL", latch=1, clear=1)
    later = counter(fresh, "CYCLES")
    assert 1000 <= later - cycles <= 1000 + fresh.bus.cycles - before + 100
    fresh.write("COUNTER_CTRL", latch=1)
    assert counter(fresh, "CYCLES") < 300
    assert counter(fresh, "COMMANDS") == 0
