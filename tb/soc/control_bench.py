"""Registers and control in Amaranth's simulator, with a memory and a unit written in Python."""

from collections import deque
from collections.abc import Iterable, Mapping

import numpy as np
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from amaranth.sim import Simulator

from gemmule.gen.driver.registers import REGISTERS
from gemmule.golden.soc.commands import COMMAND, COMPLETION, Cause, Opcode
from gemmule.hw.soc.bus.lite import AxiLiteSignature
from gemmule.hw.soc.control.control import Control
from gemmule.hw.soc.register_map import register_map
from gemmule.hw.soc.registers import Registers

__all__ = ["Bench", "Plane", "bits", "constants"]

RING, RECORDS = 0x10000, 0x40000
"""Where the rings are."""


def constants(**given: int) -> dict[str, int]:
    """Return a value for each constant register."""
    names = [each.name for each in register_map().values() if each.constant]
    return {name: given.get(name, 3 * n + 1) for n, name in enumerate(names)}


def bits(register: str, **fields: int) -> int:
    """Return the word of a register."""
    return sum(value << REGISTERS[register].fields[name].low for name, value in fields.items())


class Plane(wiring.Component):
    """Registers joined to control."""

    def __init__(self, **options: int):
        self.control = Control(**options)
        self.registers = Registers(address_width=options["address_width"], constants=constants())
        members = self.control.signature.members
        super().__init__({
            "bus": wiring.In(AxiLiteSignature(address_width=12)),
            **{name: members[name] for name in members if name != "registers"},
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.control, m.submodules.registers = self.control, self.registers
        wiring.connect(m, self.registers.control, self.control.registers)
        wiring.connect(m, wiring.flipped(self.bus), self.registers.bus)
        for name in self.signature.members:
            if name == "bus":
                continue
            inner, outer = getattr(self.control, name), getattr(self, name)
            if self.signature.members[name].is_signature:
                wiring.connect(m, wiring.flipped(outer), inner)
            elif self.signature.members[name].flow is Out:
                m.d.comb += outer.eq(inner)
            else:
                m.d.comb += inner.eq(outer)
        return m


class Bench:
    """A plane with what stands around it: memory of bytes, and a unit that takes ``work`` cycles.

    ``unit_takes`` are the commands that the unit took, ``at`` the cycle of each.
    """

    def __init__(
        self, *, address_width: int = 40, data_width: int = 128, latency: int = 5, seed: int = 0
    ):
        self.dut = Plane(
            address_width=address_width, data_width=data_width, max_k=66051, sizes=(0, 0)
        )
        self.data_width, self.latency = data_width, latency
        self.rng = np.random.default_rng(seed)
        self.memory: dict[int, int] = {}
        self.bad: dict[int, int] = {}
        self.stall = 0.0
        self.work = lambda command: 3
        self.verdict = lambda command: (0, 0)
        self.taken: list[dict[str, int]] = []
        self.at: list[int] = []
        self.cycle = 0
        self.stopped_at: list[int] = []
        self.records: list[tuple[int, dict[str, int]]] = []
        self.alive = True
        self.rest = True

    # What software does

    async def write(self, ctx, name: str | int, value: int, strobes: int = 15) -> int:
        """Write a register; return the answer."""
        bus = self.dut.bus
        address = name if isinstance(name, int) else REGISTERS[name].address
        for signal, what in ((bus.awaddr, address), (bus.wdata, value), (bus.wstrb, strobes)):
            ctx.set(signal, what)
        ctx.set(bus.awvalid, 1)
        ctx.set(bus.wvalid, 1)
        ctx.set(bus.bready, 1)
        while True:
            _c, _r, aw, w, b, answer = await ctx.tick().sample(
                bus.awready & bus.awvalid, bus.wready & bus.wvalid, bus.bvalid, bus.bresp
            )
            if aw:
                ctx.set(bus.awvalid, 0)
            if w:
                ctx.set(bus.wvalid, 0)
                self.written_at = self.cycle
            if b:
                ctx.set(bus.bready, 0)
                return answer

    async def read(self, ctx, name: str | int) -> int:
        """Read a register."""
        bus = self.dut.bus
        ctx.set(bus.araddr, name if isinstance(name, int) else REGISTERS[name].address)
        ctx.set(bus.arvalid, 1)
        ctx.set(bus.rready, 1)
        while True:
            _c, _r, ar, valid, data = await ctx.tick().sample(
                bus.arready & bus.arvalid, bus.rvalid, bus.rdata
            )
            if ar:
                ctx.set(bus.arvalid, 0)
            if valid:
                ctx.set(bus.rready, 0)
                return data

    async def field(self, ctx, register: str, field: str) -> int:
        """Read a field."""
        where = REGISTERS[register].fields[field]
        return (await self.read(ctx, register) & where.mask) >> where.low

    async def begin(self, ctx, *, log2: int = 4, records: bool = True, **control: int) -> None:
        """Wait for the reset's end, lay the rings out, and enable."""
        while not await self.field(ctx, "STATUS", "reset_done"):
            pass
        await self.write(ctx, "RING_BASE_LO", RING)
        await self.write(ctx, "COMPLETION_BASE_LO", RECORDS | records)
        await self.write(ctx, "RING_SIZE", log2)
        await self.write(ctx, "CTRL", bits("CTRL", enable=1, **control))
        self.tail, self.log2 = 0, log2

    def place(self, command: Mapping[str, int] | bytes) -> None:
        """Write a command into the ring, without the doorbell."""
        octets = command if isinstance(command, bytes) else COMMAND.encode(command)
        base = RING + 64 * (self.tail % (1 << self.log2))
        self.memory.update(enumerate(octets, base))
        self.tail += 1

    async def submit(self, ctx, commands: Iterable[Mapping[str, int] | bytes]) -> None:
        """Write commands into the ring, and ring the doorbell once."""
        for command in commands:
            self.place(command)
        await self.write(ctx, "TAIL", self.tail & 0xFFFFFFFF)

    async def push(self, ctx, command: Mapping[str, int] | bytes) -> None:
        """Hand a command over through registers."""
        octets = command if isinstance(command, bytes) else COMMAND.encode(command)
        for n in range(16):
            word = int.from_bytes(octets[4 * n : 4 * n + 4], "little")
            await self.write(ctx, f"COMMAND_{n}", word)
        await self.write(ctx, "PUSH", 1)

    async def until(self, ctx, name: str, value: int, field: str | None = None) -> None:
        """Read a register until it has a value; a test that waits in vain ends by its steps."""
        while (await (self.field(ctx, name, field) if field else self.read(ctx, name))) != value:
            pass

    # What stands around

    async def clock(self, ctx):
        """Count cycles."""
        async for _ in ctx.tick():
            self.cycle += 1

    async def serve_ring(self, ctx):
        """Answer reads of the ring: 64 bytes after some cycles, in order."""
        dut, octets = self.dut, self.data_width // 8
        queue: deque[tuple[int, int]] = deque()
        vectors: deque[tuple[int, int, int, int]] = deque()
        ctx.set(dut.ring_request.ready, 1)
        while self.alive:
            ready = int(self.rng.random() >= self.stall)
            ctx.set(dut.ring_request.ready, ready)
            offered = bool(vectors) and vectors[0][0] <= self.cycle
            if offered:
                _when, data, last, bad = vectors[0]
                ctx.set(dut.ring_data.payload, {"data": data, "last": last, "error": bad != 0})
                ctx.set(dut.ring_fault_decode, bad == 3)
                ctx.set(dut.ring_fault_address, 0xBAD000 if bad else 0)
            ctx.set(dut.ring_data.valid, int(offered))
            _c, _r, asked, address, length, taken, stop = await ctx.tick().sample(
                dut.ring_request.valid & dut.ring_request.ready,
                dut.ring_request.payload.address,
                dut.ring_request.payload.length,
                dut.ring_data.valid & dut.ring_data.ready,
                dut.stop,
            )
            if taken:
                vectors.popleft()
            if stop:
                vectors.clear()
                queue.clear()
            elif asked:
                assert length == COMMAND.size
                assert address % 64 == 0
                for place in range(address, address + 64, octets):
                    data = bytes(self.memory.get(place + n, 0) for n in range(octets))
                    last = place + octets == address + 64
                    vectors.append((
                        self.cycle + self.latency,
                        int.from_bytes(data, "little"),
                        int(last),
                        self.bad.get(place, 0),
                    ))

    async def serve_records(self, ctx):
        """Write records, and answer them after some cycles, in order."""
        dut = self.dut
        addresses, words, answers = deque(), deque(), deque()
        while self.alive:
            ctx.set(dut.completion_request.ready, int(self.rng.random() >= self.stall))
            ctx.set(dut.completion_data.ready, int(self.rng.random() >= self.stall))
            done = bool(answers) and answers[0][0] <= self.cycle
            if done:
                _when, address, word = answers.popleft()
                bad = self.bad.get(address, 0)
                if not bad:
                    self.memory.update(enumerate(word.to_bytes(16, "little"), address))
                    record = COMPLETION.decode(word.to_bytes(16, "little"))
                    self.records.append((address, record))
                ctx.set(
                    dut.completion_done,
                    {"valid": 1, "error": bad != 0, "decode": bad == 3, "address": address},
                )
            else:
                ctx.set(dut.completion_done, {"valid": 0})
            _c, _r, asked, request, given, payload, stop = await ctx.tick().sample(
                dut.completion_request.valid & dut.completion_request.ready,
                dut.completion_request.payload,
                dut.completion_data.valid & dut.completion_data.ready,
                dut.completion_data.payload,
                dut.stop,
            )
            if stop:
                for each in (addresses, words, answers):
                    each.clear()
                continue
            if asked:
                assert request.length == COMPLETION.size
                addresses.append(request.address)
            if given:
                assert payload.last
                words.append(payload.data)
            if addresses and words:
                when = self.cycle + self.latency
                answers.append((when, addresses.popleft(), words.popleft()))

    async def serve_unit(self, ctx):
        """Take commands, up to four at once, and finish each after its work, in order."""
        dut = self.dut
        doing: deque[tuple[int, dict[str, int]]] = deque()
        free = 0
        while self.alive:
            ctx.set(dut.product.ready, int(len(doing) < 4 and self.rng.random() >= self.stall))
            ends = bool(doing) and doing[0][0] <= self.cycle
            if ends:
                cause, address = self.verdict(doing[0][1])
                ctx.set(dut.product_finished.payload, {"cause": cause, "address": address})
            ctx.set(dut.product_finished.valid, int(ends))
            _c, _r, taken, command, finished, stop = await ctx.tick().sample(
                dut.product.valid & dut.product.ready,
                dut.product.payload,
                dut.product_finished.valid & dut.product_finished.ready,
                dut.stop,
            )
            if finished:
                doing.popleft()
            if stop:
                doing.clear()
            elif taken:
                fields = {name: int(command[name]) for name in command.shape().members}
                assert fields["opcode"] == Opcode.GEMM
                self.taken.append(fields)
                self.at.append(self.cycle)
                free = max(free, self.cycle) + self.work(fields)
                doing.append((free, fields))

    async def rest_after_stop(self, ctx):
        """Say that the bus is at rest, a while after ``stop``."""
        dut, wait = self.dut, 0
        while self.alive:
            ctx.set(dut.at_rest, int(self.rest and wait == 0))
            _c, _r, stop = await ctx.tick().sample(dut.stop)
            wait = max(wait - 1, 0)
            if stop and not self.stopped_at:
                self.stopped_at.append(self.cycle)
                wait = int(self.rng.integers(30))
            if not stop:
                self.stopped_at.clear()

    def run(self, test, steps: int = 400_000) -> "Bench":
        """Run ``test(ctx)`` to its end, at most for ``steps`` of the simulator."""

        async def whole(ctx):
            await test(ctx)
            self.alive = False

        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(whole)
        for each in (self.clock, self.serve_ring, self.serve_records, self.serve_unit):
            simulator.add_testbench(each, background=True)
        simulator.add_testbench(self.rest_after_stop, background=True)
        for _ in range(steps):
            if not simulator.advance():
                return self
        raise TimeoutError(f"the test did not end in {steps} steps, at cycle {self.cycle}")


def causes(records) -> list[Cause]:
    """Return the causes of records."""
    return [Cause(each["cause"]) for _address, each in records]
