"""Control: between registers, bus and units, everything that a command meets."""

from amaranth import Cat, Const, Module, Mux, ResetInserter, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import COMPLETION, Cause
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.dma.request import read_stream, request_layout, write_done
from gemmule.hw.soc.registers import control_signature

from .buffer import CommandBuffer
from .completion import Completion
from .counters import EVENTS, Counters
from .dependencies import Dependencies
from .dispatch import Dispatch
from .failure import Failure
from .interrupt import Coalescing
from .layouts import PRODUCT_ALONE, UNITS, unit_streams
from .legality.check import Check
from .ring import RingFetch
from .supervisor import Supervisor
from .tally import Tally

__all__ = ["Control", "events_layout"]

OWN = ("cycles", "busy", "commands", "errors")
"""Counters of what control itself sees."""


def events_layout(names: list[str]) -> data.StructLayout:
    """Lay out what bus and units count: bytes of a beat, and what takes place in a cycle."""
    return data.StructLayout({name: EVENTS.get(name, 1) for name in names if name not in OWN})


class Control(wiring.Component):
    """Fetch commands, check them, begin them, and tell of their end.

    Commands come from a ring in memory, and from registers, which go first. They are checked one by
    one and begin in that order; each completes when its unit says so, with a record in memory where
    registers say where, and with an interrupt.

    Latency: from the doorbell's W transfer to a unit's command of 4 x 4 x 4 bytes 22 cycles beside
    those of DMA and memory, 24 with one window that counts; most of them multiply strides by rows,
    and :class:`~.legality.check.Check` has more figures. From ``finished`` to the record's request
    2 cycles; from its answer to the interrupt 3. Throughput: commands are fetched and checked while
    units work. Back-pressure: a unit's command waits; ``ring_data`` is taken at once but for cycles
    in which registers write a command. Errors: a command that is illegal never leaves; it completes
    with its cause. An error on the ring stops it until a reset.

    Parameters
    ----------
    address_width, data_width : int
        Of the bus.
    max_k : int
        Largest k of a product.
    sizes : tuple[int, int]
        Exponents of the bytes of an element of a product's a and b.
    units : tuple[str, ...]
        Those of `UNITS` that are built in, in its order. Of the others the streams, the counter and
        all else are not.
    ring : bool
        Commands can come from a ring. Without it its streams are idle.

    Members
    -------
    registers : In(:func:`~gemmule.hw.soc.registers.control_signature`)
    interrupt : Out(1)
    ring_request : Out(stream of requests); ring_data : In(read stream of a bus's width)
    ring_fault_address, ring_fault_decode : In
        Of a vector of ``ring_data`` with an error.
    completion_request : Out(stream of requests); completion_data : Out(packet stream of 16 bytes)
    completion_done : In(:func:`~gemmule.hw.soc.dma.request.write_done`)
    <unit> : Out(stream of checked commands)
    <unit>_finished : In(stream of what became of them)
    stop : Out(1), DMA and units begin nothing, and end what is under way
    at_rest : In(1), nothing is under way on the bus, now and with ``stop`` from then on
    machine_reset : Out(1), reset DMA and units
    progress : In(1), a beat moved on the bus, or a unit worked
    events : In(:func:`events_layout`)
    """

    def __init__(
        self,
        *,
        address_width: int,
        data_width: int,
        max_k: int,
        sizes: tuple[int, int] = (0, 0),
        units: tuple[str, ...] = PRODUCT_ALONE,
        ring: bool = True,
    ):
        self.address_width, self.data_width, self.has_ring = address_width, data_width, ring
        self._max_k, self._sizes = max_k, sizes
        self.units = units
        self.counters = Counters(tuple(f"{name}_busy" for name in UNITS if name not in self.units))
        request = stream.Signature(request_layout(address_width))
        command, finished = unit_streams(address_width)
        super().__init__({
            "registers": In(control_signature(address_width)),
            "interrupt": Out(1),
            "ring_request": Out(request),
            "ring_data": In(read_stream(unsigned(data_width))),
            "ring_fault_address": In(address_width),
            "ring_fault_decode": In(1),
            "completion_request": Out(request),
            "completion_data": Out(packet_stream(unsigned(8 * COMPLETION.size))),
            "completion_done": In(write_done(address_width)),
            **{name: Out(command) for name in self.units},
            **{f"{name}_finished": In(finished) for name in self.units},
            "stop": Out(1),
            "at_rest": In(1),
            "machine_reset": Out(1),
            "progress": In(1),
            "events": In(events_layout(self.counters.names)),
        })

    def elaborate(self, platform):
        m = Module()
        self._supervise(m)
        self._commands(m)
        self._units(m)
        self._complete(m)
        self._tell(m)
        self._count(m)
        return m

    def _supervise(self, m: Module) -> None:
        """Reset on request and by the watchdog; all that follows is reset then."""
        registers = self.registers
        m.submodules.supervisor = self._supervisor = supervisor = Supervisor()
        self._resets = ResetInserter(supervisor.resetting)
        m.d.comb += [
            supervisor.reset.eq(registers.ctrl.reset),
            supervisor.limit.eq(registers.watchdog.cycles),
            supervisor.at_rest.eq(self.at_rest),
            self.stop.eq(supervisor.stop),
            self.machine_reset.eq(supervisor.machine_reset),
            registers.tail.commands_clear.eq(supervisor.resetting),
            registers.status.reset_done.eq(~supervisor.resetting),
        ]

    def _add(self, m: Module, name: str, part: wiring.Component) -> wiring.Component:
        """Add a part that the machine's reset resets, too."""
        m.submodules[name] = self._resets(part)
        setattr(self, f"_{name}", part)
        return part

    def _commands(self, m: Module) -> None:
        """Fetch commands and check them."""
        registers, address_width = self.registers, self.address_width
        buffer = self._add(m, "buffer", CommandBuffer(self.data_width))
        check = self._add(
            m,
            "check",
            Check(
                address_width,
                self.data_width,
                max_k=self._max_k,
                sizes=self._sizes,
                units=self.units,
            ),
        )
        wiring.connect(m, buffer.o, check.i)
        wiring.connect(m, wiring.flipped(registers.command), buffer.direct)
        wiring.connect(m, wiring.flipped(registers.windows), check.words)
        windows = registers.window_ctrl
        m.d.comb += [
            buffer.push.eq(registers.push.push),
            registers.status.room.eq(buffer.room),
            registers.irq_status.overflow_set.eq(buffer.overflow),
            check.read.eq(windows.read),
            check.write.eq(windows.write),
            check.everything.eq(windows.everything),
        ]
        self._pending, self._awaited = Signal(name="pending"), Signal(name="awaited")
        if self.has_ring:
            fetch = self._add(m, "fetch", RingFetch(address_width, self.data_width))
            wiring.connect(m, fetch.request, wiring.flipped(self.ring_request))
            wiring.connect(m, wiring.flipped(self.ring_data), buffer.ring)
            m.d.comb += [
                fetch.base.eq(_address(registers.ring_base_lo, registers, "ring_base_hi")),
                fetch.log2.eq(registers.ring_size.log2),
                fetch.tail.eq(registers.tail.commands),
                fetch.enable.eq(registers.ctrl.enable),
                fetch.freed.eq(buffer.freed),
                self._pending.eq(fetch.pending),
                self._awaited.eq(fetch.awaited),
            ]

    def _units(self, m: Module) -> None:
        """Begin commands and take back what became of them."""
        registers, check = self.registers, self._check
        # Not reset with the others: it sweeps meanwhile.
        m.submodules.dependencies = dependencies = Dependencies()
        dispatch = self._add(m, "dispatch", Dispatch(self.address_width, self.units))
        wiring.connect(m, check.o, dispatch.i)
        for name in self.units:
            wiring.connect(m, getattr(dispatch, name), wiring.flipped(getattr(self, name)))
            finished = f"{name}_finished"
            wiring.connect(m, wiring.flipped(getattr(self, finished)), getattr(dispatch, finished))
        ended = dispatch.ended
        signals = ended.valid & ended.ready
        self._left = Signal(6, name="left")
        self._halts(m, signals & (ended.payload.cause != Cause.NONE))
        m.d.comb += [
            dispatch.go.eq(registers.ctrl.enable & ~self._halted),
            dispatch.met.eq(dependencies.met),
            dispatch.alone.eq(self._left == 0),
            dependencies.wait.eq(check.o.payload.command.wait),
            dependencies.value.eq(check.o.payload.command.wait_value),
            dependencies.signal.eq(Mux(signals, ended.payload.ticket.signal, 0)),
            dependencies.clear.eq(self._supervisor.resetting),
        ]

    def _halts(self, m: Module, failed: Value) -> None:
        """Halt after a failure where that is asked for, and for good without a ring to read."""
        registers = self.registers
        halted, broken = Signal(name="halted"), Signal(name="broken")
        self._halted = halted
        with m.If(self._supervisor.resetting):
            m.d.sync += [halted.eq(0), broken.eq(0)]
        with m.Else():
            with m.If(failed & registers.ctrl.halt_on_error):
                m.d.sync += halted.eq(1)
            with m.Elif(registers.ctrl.resume):
                m.d.sync += halted.eq(0)
            with m.If(self._buffer.broken):
                m.d.sync += broken.eq(1)
        m.d.comb += registers.status.halted.eq(halted | broken)

    def _complete(self, m: Module) -> None:
        """Write records, and count commands that are complete."""
        registers = self.registers
        completion = self._add(m, "completion", Completion(self.address_width, self.units))
        wiring.connect(m, self._dispatch.ended, completion.i)
        wiring.connect(m, completion.request, wiring.flipped(self.completion_request))
        wiring.connect(m, completion.data, wiring.flipped(self.completion_data))
        low = registers.completion_base_lo
        m.d.comb += [
            completion.enable.eq(low.enable),
            completion.base.eq(_address(low, registers, "completion_base_hi")),
            completion.log2.eq(registers.ring_size.log2),
            completion.done.eq(self.completion_done),
        ]
        done = completion.completed
        tally = self._add(m, "tally", Tally(self.address_width, self.units))
        m.d.comb += [
            tally.completed.eq(done),
            registers.head.commands.eq(tally.head),
            registers.completed.commands.eq(tally.count),
            *(
                getattr(registers.last, name).eq(getattr(tally, name))
                for name in ("sequence", "cause", "opcode")
            ),
        ]
        left = self._left
        m.d.sync += left.eq(left + self._dispatch.begun - done.valid)
        with m.If(self._supervisor.resetting):
            m.d.sync += left.eq(0)

    def _tell(self, m: Module) -> None:
        """Tell of commands and failures by registers and by the interrupt."""
        registers, done = self.registers, self._completion.completed
        coalescing = self._add(m, "coalescing", Coalescing())
        m.submodules.failure = failure = Failure(self.address_width, self.units)
        busy = self._check.full & ~self._dispatch.busy
        m.d.comb += [
            coalescing.completed.eq(done.valid),
            coalescing.urgent.eq(done.ended.ticket.interrupt),
            coalescing.count.eq(registers.irq_coalesce.count),
            coalescing.time.eq(registers.irq_coalesce.time),
            registers.irq_status.complete_set.eq(coalescing.tell),
            failure.completed.eq(done),
            failure.broken.eq(self._buffer.broken),
            failure.broken_decode.eq(self.ring_fault_decode),
            failure.broken_address.eq(self.ring_fault_address),
            failure.expired.eq(self._supervisor.expired),
            failure.oldest.eq(Mux(busy, self._check.sequence, self._dispatch.oldest)),
            failure.flag.eq(registers.irq_status.error),
            failure.cleared.eq(registers.irq_status.error_cleared),
            registers.irq_status.error_set.eq(failure.failed),
            registers.error.cause.eq(failure.first.cause),
            registers.error.unit.eq(failure.first.unit),
            registers.error.sequence.eq(failure.first.sequence),
            registers.error_addr_lo.address.eq(failure.first.address[:32]),
        ]
        if self.address_width > 32:
            m.d.comb += registers.error_addr_hi.address.eq(failure.first.address[32:])
        flags, enable = registers.irq_status, registers.irq_enable
        names = list(enable.signature.members)
        m.d.sync += self.interrupt.eq(
            Cat(getattr(flags, name) & getattr(enable, name) for name in names).any()
        )

    def _count(self, m: Module) -> None:
        """Count events; tell whether there is anything to do."""
        registers, done = self.registers, self._completion.completed
        m.submodules.counters = counters = self.counters
        wiring.connect(m, wiring.flipped(registers.counters), counters.words)
        waits, works, idle = (Signal(name=name) for name in ("waits", "works", "idle"))
        begun = self._dispatch.begun | (self._buffer.o.valid & self._buffer.o.ready)
        m.d.comb += [
            waits.eq(self._pending | ~self._buffer.empty | self._check.full),
            works.eq(waits | (self._left != 0)),
            registers.status.idle.eq(idle),
            # A command that memory owes is nowhere else yet; one that was begun goes on in a halt.
            self._supervisor.busy.eq(
                (self._left != 0)
                | ((waits | self._awaited) & registers.ctrl.enable & ~registers.status.halted)
            ),
            self._supervisor.progress.eq(self.progress | begun | done.valid),
            counters.latch.eq(registers.counter_ctrl.latch),
            counters.clear.eq(registers.counter_ctrl.clear),
            counters.cycles.eq(1),
            counters.busy.eq(~idle),
            counters.commands.eq(done.valid),
            counters.errors.eq(done.valid & (done.ended.cause != Cause.NONE)),
        ]
        m.d.sync += idle.eq(~works & self.at_rest & ~self._supervisor.resetting)
        for name in self.events.shape().members:
            m.d.comb += getattr(counters, name).eq(self.events[name])


def _address(low: wiring.PureInterface, registers: wiring.PureInterface, high: str) -> Value:
    """Return the address that two registers hold, of which the low one lacks 6 bits."""
    upper = [getattr(registers, high).address] if hasattr(registers, high) else []
    return Cat(Const(0, 6), low.address, *upper)
