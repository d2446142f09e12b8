"""The convolution unit: a program in memory, from regions of memory to a region of memory."""

from amaranth import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.conv.layout import command_width, lane, width
from gemmule.golden.conv.records import UNIT, beat_units, command_units
from gemmule.golden.conv.refusal import Refusal
from gemmule.golden.soc.commands import Cause
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.conv.engine import STREAMS, Engine
from gemmule.hw.conv.params import LayerParams
from gemmule.hw.soc.control.layouts import finished_layout
from gemmule.hw.soc.control.queue import SmallQueue
from gemmule.hw.soc.unit import read_cause, unit_members, write_cause

from .records import Records
from .region import Region
from .results import ELEMENT, Results

__all__ = ["EVENTS", "ConvolutionUnit"]

EVENTS = ("a_beats", "wait_read", "wait_write")
"""What takes place in a cycle: a beat of an operand enters, the array waits for one, for room."""

BURSTS = 4
"""Bursts of a program that are asked for at once."""

OWED = 16
"""Bits of a number of requests that are not answered."""


class ConvolutionUnit(wiring.Component):
    """Carry out a program of convolutions: from regions ``a`` and ``b`` of memory to region ``c``.

    The command names the program and the regions; :func:`golden.soc.convolution.convolution` says
    what it does, and :mod:`golden.conv.program` what a program is. The engine is that of `conv2d`
    and `conv3d`, so any geometry is a matter of the program. Commands of the program and settings
    are fetched side by side while it runs.

    Errors: an illegal program, a request that leaves its region, and an answer of the bus by an
    error end the program; all requests are answered before the command ends. What was written
    stays.

    Latency: the memory's twice, for the program and for the operands, and that of
    :class:`~gemmule.hw.conv.convolution.Convolution`. Throughput: rows x cols products a cycle
    while operands arrive. Back-pressure: one command at a time; ``finished`` may wait.

    Parameters
    ----------
    params : LayerParams
    address_width : int

    Members
    -------
    command : In(stream of :func:`~gemmule.hw.soc.control.layouts.command_layout`)
        Checked: nothing of it is looked at again.
    finished : Out(stream of :func:`~gemmule.hw.soc.control.layouts.finished_layout`)
        One a command, in order.
    request_settings, request_a, request_b, request_c : Out(stream of ``request_layout``)
    data_settings : In(``read_stream`` of 16 bytes)
    data_a, data_b : In(``read_stream`` of a vector of each operand)
    data_c : Out(packet stream of 4 bytes for each lane)
    done_c : In(``write_done``)
    fault_address : In, fault_decode : In(1)
        Of the vector with an error that is taken in this cycle.
    idle : Out(1)
        No command is under way.
    events : Out(struct of `EVENTS`)
    array : In(the array's signature)
    turn : In(1); wants : Out(1)
        As :class:`~gemmule.hw.soc.array.SharedArray` has them.
    """

    def __init__(self, params: LayerParams, address_width: int):
        self.params, self.address_width = params, address_width
        self._engine = Engine(params, shared=True)
        lanes = params.written.length
        members = unit_members(
            address_width,
            settings=UNIT,
            a=params.rows * params.a_octets,
            b=params.cols * params.b_octets,
            c=ELEMENT * lanes,
            events=EVENTS,
        )
        super().__init__({
            **members,
            "array": self._engine.signature.members["array"],
            "turn": In(1),
            "wants": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.engine = engine = self._engine
        self._job = Signal(self.command.p.shape(), name="job", reset_less=True)
        self._start, self._runs = Signal(name="start"), Signal(name="runs")
        self._drops: list[Value] = []
        connect(m, engine.array, flipped(self.array))
        m.d.comb += engine.turn.eq(self.turn)
        self._program(m, engine)
        reading = [self._operand(m, engine, side) for side in STREAMS]
        writing = self._results(m, engine)
        m.d.comb += [engine.reading.eq(Cat(reading).any()), engine.writing.eq(writing)]
        self._walk(m, self._faults(m, engine))
        m.d.comb += [
            engine.counters.ready.eq(1),
            self.events.a_beats.eq(engine.beats),
            self.events.wait_read.eq(engine.starves),
            self.events.wait_write.eq(self.data_c.valid & ~self.data_c.ready),
        ]
        return m

    def _program(self, m: Module, engine: Engine) -> None:
        """Fetch commands and settings side by side through one channel, in bursts, by turns."""
        golden, job = self.params.golden, self._job
        bits = width(lane(golden)) * self.params.cols
        parts = {
            "commands": (
                Records(self.address_width, command_units(golden), command_width(golden)),
                engine.command,
            ),
            "settings": (Records(self.address_width, beat_units(golden), bits), engine.scale),
        }
        behind = Signal(self.address_width, name="behind", reset_less=True)
        m.d.sync += behind.eq(job.settings + (job.n << UNIT.bit_length() - 1))
        bases = {"commands": (job.settings, job.n), "settings": (behind, job.m - job.n)}
        mine = Signal(name="turn_of_settings")
        m.submodules.order = order = SmallQueue(unsigned(1), BURSTS)
        for n, (name, (part, target)) in enumerate(parts.items()):
            m.submodules[name] = part
            m.d.comb += [
                part.start.eq(self._start),
                part.base.eq(bases[name][0]),
                part.count.eq(bases[name][1]),
                part.data.valid.eq(self.data_settings.valid & (order.o.payload == n)),
                part.data.payload.eq(self.data_settings.payload),
                target.valid.eq(part.o.valid & self._runs),
                Value.cast(target.payload).eq(Cat(part.o.payload.data, part.o.payload.last)),
                part.o.ready.eq(target.ready & self._runs),
            ]
        first, second = (part.request for part, _ in parts.values())
        request = self.request_settings
        wanted = wire(m, "wanted", Mux(mine, second.valid, first.valid))
        asks = wire(m, "asks", request.valid & request.ready)
        m.d.comb += [
            request.valid.eq(wanted & order.i.ready),
            request.p.eq(Mux(mine, second.p, first.p)),
            first.ready.eq(asks & ~mine),
            second.ready.eq(asks & mine),
            order.i.valid.eq(asks),
            order.i.payload.eq(mine),
            order.o.ready.eq(self.data_settings.valid & self.data_settings.p.last),
            self.data_settings.ready.eq(1),
        ]
        # Whose turn it is may change only while nothing is offered.
        m.d.sync += mine.eq(mine ^ (asks | ~wanted))

    def _operand(self, m: Module, engine: Engine, side: str) -> Value:
        """Join an operand's requests and vectors with the DMA; true while some are not answered."""
        job, name = self._job, STREAMS[side]
        m.submodules[f"region_{side}"] = region = Region(self.address_width)
        asked, vectors = getattr(engine, f"{name}_request"), getattr(engine, name)
        request, given = getattr(self, f"request_{side}"), getattr(self, f"data_{side}")
        lane_bits = 8 * getattr(self.params, f"{side}_octets")
        fmt = getattr(self.params.core, f"{side}_format")
        lanes = [
            given.p.data.word_select(n, lane_bits)[: fmt.width]
            for n in range(len(given.p.data) // lane_bits)
        ]
        # The DMA's own ready is late enough without a bank's behind it.
        m.submodules[f"vectors_{side}"] = held = SkidBuffer(vectors.payload.shape())
        connect(m, held.o, vectors)
        m.d.comb += [
            region.base.eq(job[side]),
            region.length.eq(job[f"{side}_stride"]),
            region.i.valid.eq(asked.valid),
            region.i.payload.request.eq(asked.payload),
            asked.ready.eq(region.i.ready),
            request.valid.eq(region.o.valid),
            request.p.eq(region.o.payload.request),
            region.o.ready.eq(request.ready),
            held.i.valid.eq(given.valid),
            Value.cast(held.i.payload.data).eq(Cat(lanes)),
            held.i.payload.last.eq(given.p.last),
            given.ready.eq(held.i.ready),
        ]
        answered = held.o.valid & held.o.ready & held.o.payload.last
        return self._owed(m, side, asked.valid & asked.ready, answered, region.outside)

    def _results(self, m: Module, engine: Engine) -> Value:
        """Join results with the DMA; true while some writes are not answered."""
        m.submodules.results = results = Results(self.address_width, self.params.written)
        connect(m, engine.c_request, results.request)
        connect(m, engine.c, results.vector)
        connect(m, results.o_request, flipped(self.request_c))
        m.d.comb += [
            results.base.eq(self._job.c),
            results.length.eq(self._job.c_stride),
            self.data_c.valid.eq(results.o.valid),
            self.data_c.payload.eq(results.o.payload),
            results.o.ready.eq(self.data_c.ready),
        ]
        taken = engine.c_request.valid & engine.c_request.ready
        return self._owed(m, "c", taken, self.done_c.valid, results.outside)

    def _owed(self, m: Module, name: str, asked: Value, answered: Value, dropped: Value) -> Value:
        """Count requests; true while one is not answered. A dropped one ends the program."""
        owed = Signal(OWED, name=f"owed_{name}")
        m.d.sync += owed.eq(owed + asked - answered - dropped)
        self._drops.append(dropped)
        return owed != 0

    def _faults(self, m: Module, engine: Engine) -> Value:
        """Keep what goes wrong first, and end the program; a refusal is known at its end."""
        fault = Signal(finished_layout(self.address_width), name="fault")
        reads = (self.data_settings, self.data_a, self.data_b)
        failed = [each.valid & each.ready & each.p.error for each in reads]
        read = wire(m, "read_fails", Cat(failed).any())
        wrote = wire(m, "write_fails", self.done_c.valid & self.done_c.error)
        status = engine.status.payload
        refused = engine.status.valid & (status.refused != Refusal.NONE)
        m.d.comb += [
            engine.status.ready.eq(1),
            engine.failed.eq(Cat(read, wrote, *self._drops).any()),
            self.finished.p.eq(fault),
        ]
        with m.If(self._start):
            m.d.sync += fault.eq(0)
        with m.Elif(fault.cause == 0):
            with m.If(read):
                m.d.sync += [
                    fault.cause.eq(read_cause(self.fault_decode)),
                    fault.address.eq(self.fault_address),
                ]
            with m.Elif(wrote):
                m.d.sync += [
                    fault.cause.eq(write_cause(self.done_c.decode)),
                    fault.address.eq(self.done_c.address),
                ]
            with m.Elif(refused):
                m.d.sync += [
                    fault.cause.eq(Cause.PROGRAM),
                    fault.address.eq(Cat(status.command, status.refused)),
                ]
        return engine.status.valid

    def _walk(self, m: Module, over: Value) -> None:
        """Take a command, let its program run, tell what became of it."""
        with m.FSM() as fsm:
            with m.State("TAKE"):
                m.d.comb += self.idle.eq(~self.command.valid)
                with m.If(self.command.valid):
                    m.d.sync += self._job.eq(self.command.p)
                    m.next = "ADD"
            with m.State("ADD"):  # where the settings begin
                m.next = "START"
            with m.State("START"):
                m.next = "RUN"
            with m.State("RUN"), m.If(over):
                m.next = "TELL"
            with m.State("TELL"), m.If(self.finished.ready):
                m.next = "TAKE"
        m.d.comb += [
            self.command.ready.eq(fsm.ongoing("TAKE")),
            self.wants.eq(~fsm.ongoing("TAKE")),
            self._start.eq(fsm.ongoing("START")),
            self._runs.eq(fsm.ongoing("RUN")),
            self.finished.valid.eq(fsm.ongoing("TELL")),
        ]
