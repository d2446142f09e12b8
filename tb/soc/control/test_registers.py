"""The registers on AXI4-Lite against a dictionary: any order of channels, any pauses."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from gemmule.hw.soc.register_map import PAGE, register_map
from gemmule.hw.soc.registers import Registers
from gemmule.tb.common.amaranth_streams import simulate

from .plane import constants

WIDTH = 44
AWAY = (0x024, 0x054, 0x0D4, 0x148, 0x17C, 0x1C4, 0x250, 0x400, 0xFFC)
"""Addresses without a register, beside others, inside groups and at the end of the page."""

PATIENCE = 4
"""Cycles in which an access is answered."""


class Model:
    """What software must see."""

    def __init__(self):
        self.words = {}
        self.flags = 0
        self.access = None
        for each in register_map().values():
            self.words[each.name] = sum(f.reset << f.low for f in each.fields if f.kind == "rw")
        self.words |= constants()
        self.by_address = {each.address: each for each in register_map().values()}

    @staticmethod
    def kept(register, kind: str) -> int:
        """Return the bits of a register that are of a kind, and that exist."""
        mask = 0
        for field in register.fields:
            if field.kind == kind:
                mask |= field.mask & ((1 << WIDTH - 32) - 1 if field.narrow else -1)
        return mask

    def write(self, address: int, data: int, strobes: int) -> bool:
        """Write bytes; return whether there is a register."""
        register = self.by_address.get(address & ~3)
        if register is None:
            self.stray(address, 1)
            return False
        lanes = sum(0xFF << 8 * n for n in range(4) if strobes >> n & 1)
        mask = self.kept(register, "rw") & lanes
        if register.name == "IRQ_STATUS":
            self.flags &= ~(data & lanes)
        elif not register.place:
            old = self.words[register.name]
            self.words[register.name] = old & ~mask | data & mask
        return True

    def read(self, address: int) -> int:
        """Return a word that is neither told by hardware nor in a memory."""
        register = self.by_address.get(address & ~3)
        if register is None:
            self.stray(address, 0)
            return 0
        if register.name == "IRQ_STATUS":
            return self.flags
        if register.name == "ACCESS":
            return 0 if self.access is None else self.access
        return self.words[register.name]

    def stray(self, address: int, write: int) -> None:
        """Take note of an access without a register."""
        if not self.flags & 4:
            self.access = address & ~3 & 0xFFF | write << 12
        self.flags |= 4


class Bus:
    """The manager's end; each channel pauses by itself."""

    def __init__(self, dut: Registers, seed: int, stall: float):
        self.bus, self.stall = dut.bus, stall
        self.rng = np.random.default_rng(seed)

    def _late(self) -> int:
        return int(self.rng.geometric(1 - self.stall)) - 1

    async def write(self, ctx, address: int, data: int, strobes: int = 15) -> int:
        """Write; return the response. AW, W and BREADY come at random times."""
        bus, comes = self.bus, {name: self._late() for name in ("aw", "w", "b")}
        ctx.set(bus.awaddr, address)
        ctx.set(bus.wdata, data)
        ctx.set(bus.wstrb, strobes)
        ready = taken = 0
        for cycle in range(200):
            for name, valid in (("aw", bus.awvalid), ("w", bus.wvalid)):
                ctx.set(valid, int(comes[name] is not None and cycle >= comes[name]))
            ctx.set(bus.bready, int(cycle >= comes["b"]))
            _c, _r, aw, w, b, answer = await ctx.tick().sample(
                bus.awvalid & bus.awready, bus.wvalid & bus.wready, bus.bvalid, bus.bresp
            )
            comes["aw"] = None if aw else comes["aw"]
            comes["w"] = None if w else comes["w"]
            assert not b or taken == 2, "answered before it was asked"
            taken += aw + w
            if b and cycle >= comes["b"]:
                ctx.set(bus.bready, 0)
                return answer
            ready = ready + 1 if all(v is None or cycle >= v for v in comes.values()) else 0
            assert ready <= PATIENCE
        raise AssertionError("no answer")

    async def read(self, ctx, address: int, patience: int = PATIENCE) -> tuple[int, int]:
        """Read; return data and response."""
        bus, late, takes = self.bus, self._late(), self._late()
        ctx.set(bus.araddr, address)
        asked, offered = False, None
        for cycle in range(200):
            ctx.set(bus.arvalid, int(not asked and cycle >= late))
            ctx.set(bus.rready, int(cycle >= takes))
            _c, _r, ar, valid, data, answer = await ctx.tick().sample(
                bus.arvalid & bus.arready, bus.rvalid, bus.rdata, bus.rresp
            )
            assert offered is None or (valid, data, answer) == offered, "an offer did not stand"
            offered = (valid, data, answer) if valid else None
            asked = asked or ar
            if valid and cycle >= takes:
                ctx.set(bus.rready, 0)
                return data, answer
            assert cycle < max(late, takes) + patience
        raise AssertionError("no answer")


def build(**options) -> Registers:
    return Registers(address_width=WIDTH, constants=constants(), **options)


@pytest.mark.parametrize("slverr", [False, True])
@pytest.mark.parametrize("stall", [0, 0.6])
def test_accesses_in_any_order(stall, slverr):
    dut, model = build(slverr=slverr), Model()
    bus = Bus(dut, 5, stall)
    rng = np.random.default_rng(6)
    told = {
        each.name: int(rng.integers(1 << 32))
        for each in register_map().values()
        if any(field.kind == "ro" for field in each.fields) and not each.constant and not each.place
    }
    plain = [each for each in register_map().values() if not each.place]

    async def test(ctx):
        for name, value in told.items():
            if name == "ACCESS":
                continue
            register = register_map()[name]
            port = getattr(dut.control, name.lower())
            for field in register.fields:
                if hasattr(port, field.name):
                    ctx.set(getattr(port, field.name), value >> field.low)
            model.words[name] = value & Model.kept(register, "ro")
        for each in plain:
            assert (await bus.read(ctx, each.address))[0] == model.read(each.address), each.name
        for _ in range(250):
            address = int(rng.choice([each.address for each in plain] + list(AWAY) * 2))
            address += int(rng.integers(4))
            if rng.random() < 0.5:
                data, strobes = int(rng.integers(1 << 32)), int(rng.integers(16))
                answer = await bus.write(ctx, address, data, strobes)
                known = model.write(address, data, strobes)
            else:
                data, answer = await bus.read(ctx, address)
                known = address & ~3 in model.by_address
                assert data == model.read(address), hex(address)
            assert answer == (2 if slverr and not known else 0)
        for name in ("ring_size", "watchdog", "tail"):
            word = model.words[name.upper()]
            field = register_map()[name.upper()].fields[0]
            assert ctx.get(getattr(getattr(dut.control, name), field.name)) == word

    simulate(dut, test, steps=200_000)


def test_strobes_are_one_cycle_long_and_flags_are_set_before_they_are_cleared():
    dut = build()
    bus = Bus(dut, 1, 0)
    seen = []

    async def watch(ctx):
        while True:
            _c, _r, reset, push = await ctx.tick().sample(
                dut.control.ctrl.reset, dut.control.push.push
            )
            seen.append((reset, push))

    async def test(ctx):
        flags = dut.control.irq_status
        await bus.write(ctx, 0x10, 0x101)
        await bus.write(ctx, 0x10, 0x100, 1)  # the strobe's byte is not written
        await bus.write(ctx, 0xC8, 1)
        await ctx.tick()
        assert (await bus.read(ctx, 0x10))[0] == 0
        ctx.set(flags.error_set, 1)
        await bus.write(ctx, 0x1C, 2)
        assert ctx.get(flags.error)
        ctx.set(flags.error_set, 0)
        await bus.write(ctx, 0x1C, 1)
        assert ctx.get(flags.error)
        await bus.write(ctx, 0x1C, 2)
        assert not ctx.get(flags.error)
        await bus.write(ctx, 0x50, 99)
        ctx.set(dut.control.tail.commands_clear, 1)
        await ctx.tick()
        ctx.set(dut.control.tail.commands_clear, 0)
        assert (await bus.read(ctx, 0x50))[0] == 0
        bus.done = True

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(test)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    assert bus.done
    assert sum(reset for reset, _ in seen) == 1
    assert sum(push for _, push in seen) == 1


def test_words_in_memories():
    """Places: writes come with word, bytes and data; reads wait as long as the memory says."""
    dut = build()
    bus = Bus(dut, 2, 0.3)
    port = dut.control.windows

    async def memory(ctx):
        waited = 0
        while True:
            ctx.set(port.read_data, 0x1000 + ctx.get(port.word))
            ctx.set(port.wait, int(waited < 2))
            _c, _r, read, write, word, data, strobes = await ctx.tick().sample(
                port.read, port.write, port.write_word, port.data, port.strobes
            )
            waited = waited + 1 if read and waited < 2 else 0
            if write:
                written.append((word, data, strobes))

    written = []

    async def test(ctx):
        for n in range(16):
            await bus.write(ctx, 0x180 + 4 * n, 7 * n, n)
        for n in range(16):
            data, _answer = await bus.read(ctx, 0x180 + 4 * n, PATIENCE + 3)
            assert data == 0x1000 + n
        bus.done = True

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(test)
    simulator.add_testbench(memory, background=True)
    simulator.run()
    assert bus.done
    assert written == [(n, 7 * n, n) for n in range(16)]


def test_constants_are_all_there():
    given = constants()
    given.pop("CONFIG_ROWS")
    with pytest.raises(ValueError, match="CONFIG_ROWS"):
        Registers(address_width=32, constants=given)
    assert max(each.address for each in register_map().values()) < 1 << PAGE
