"""The vector unit: matrices in memory, element by element or row by row, and back."""

from amaranth import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from gemmule.golden.soc.commands import AFFINE, NO_B, SIGNS, TRANSPOSED, VECTOR, Cause
from gemmule.golden.soc.functions import code_of
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.wide import WideSum
from gemmule.hw.soc.control.layouts import finished_layout
from gemmule.hw.soc.unit import read_cause, unit_members, write_cause

from .combine import Combiner
from .functions import Functions
from .operands.passes import Passes
from .operands.rows import RowReader
from .params import COMBINED, WHOLE, VectorUnitParams
from .results.places import Places
from .results.turn import Turn
from .results.writer import RowWriter
from .scale import Scaler
from .settings import Record, illegal, scales

__all__ = ["EVENTS", "VectorUnit"]

EVENTS = ("a_beats", "wait_read", "wait_write")
"""What takes place in a cycle: a vector enters, the unit waits for one, for room."""

LOG2 = len(SIGNS)
"""The bit of ``signs`` that asks for logarithms."""


class VectorUnit(wiring.Component):
    """Combine, compute, requantize: ``c [M, N] = scale(function(scale(combine(a, b))))``.

    ``y = function(t)`` with ``t = clamp(round(z * multiplier / 2**shift) + offset)``, and
    ``c = clamp(round(y * result_multiplier / 2**result_shift) + zero_point)``;
    :func:`golden.soc.vector.vector` defines the bits.

    Rows are read once and written once, with any stride, at any byte. Operands are asked for at
    once, and wait for the settings; those that are illegal, and errors of reads and writes, end the
    command with a cause, and results from then on are dropped.

    Latency: twice memory's and about 60 cycles, and those of the function's block. Throughput: a
    vector of ``lanes`` elements in as many cycles as the largest element of a, b and c has bytes,
    while the bus brings and takes them. Back-pressure: one command at a time; ``finished`` may
    wait.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    command : In(stream of :func:`~gemmule.hw.soc.control.layouts.command_layout`)
        Checked: nothing of it is looked at again.
    finished : Out(stream of :func:`~gemmule.hw.soc.control.layouts.finished_layout`)
        One a command, in order.
    request_settings, request_a, request_b, request_c : Out(stream of ``request_layout``)
    data_settings : In(``read_stream`` of 4 bytes for each lane)
    data_a, data_b : In(``read_stream`` of a byte for each lane)
    data_c : Out(packet stream of a byte for each lane)
    done_c : In(``write_done``)
    fault_address : In, fault_decode : In(1)
        Of the vector with an error that is taken in this cycle.
    idle : Out(1)
        No command is under way.
    events : Out(struct of `EVENTS`)
    """

    def __init__(self, params: VectorUnitParams):
        self.params = params
        super().__init__(
            unit_members(
                params.address_width,
                settings=params.settings_vector,
                a=params.lanes,
                b=params.lanes,
                c=params.lanes,
                events=EVENTS,
            )
        )

    def elaborate(self, platform):
        m = Module()
        params = self.params
        self._job = Signal(self.command.p.shape(), name="job", reset_less=True)
        self._start, self._go, self._begins, self._sound = (
            Signal(name=name) for name in ("start", "go", "begins", "sound")
        )
        m.submodules.record = record = Record(params)
        m.submodules.read_a = read_a = RowReader(params, most=2)
        m.submodules.read_b = read_b = RowReader(params, most=1)
        m.submodules.combiner = combiner = Combiner(params)
        m.submodules.before = before = Scaler(params.scale(COMBINED))
        m.submodules.functions = functions = Functions(params)
        m.submodules.after = after = Scaler(params.scale(WHOLE))
        m.submodules.write_c = write_c = RowWriter(params)
        self._settings(m, record, functions)
        said = record.record
        self._wrong = illegal(m, params, said, self._job.sizes, self._job.n)
        how, first, second = scales(m, params, said)
        self._two = wire(m, "two", self._job.sizes[2:4] != NO_B)
        m.d.comb += [
            combiner.go.eq(self._go),
            combiner.how.eq(how),
            combiner.how.two.eq(self._two),
            before.how.eq(first),
            after.how.eq(second),
        ]
        self._matrices(m, said, read_a, read_b, write_c)
        connect(m, read_a.o, combiner.a)
        connect(m, read_b.o, combiner.b)
        connect(m, combiner.z, before.i)
        connect(m, before.o, functions.x)
        connect(m, functions.y, after.i)
        self._turn(m, after.o, read_a, combiner, write_c)
        self._row_function(m, said, functions)
        faults = self._faults(m, record, read_a, read_b, write_c)
        self._walk(m, record, functions, write_c, faults)
        m.d.comb += [
            self.events.a_beats.eq(combiner.a.valid & combiner.a.ready),
            self.events.wait_read.eq(self._go & ~combiner.a.valid & ~write_c.over),
            self.events.wait_write.eq(after.o.valid & ~after.o.ready),
        ]
        return m

    def _settings(self, m: Module, record: Record, functions: Functions) -> None:
        """Share the channel of settings: the record comes first, then what is behind it."""
        m.submodules.behind = behind = WideSum(self.params.address_width)
        asks = Signal(name="asks_affine")
        length = Signal(self.request_settings.p.length.shape(), name="affine_length")
        m.d.sync += [
            asks.eq(
                (self._begins & self._sound & self._norm(record.record))
                | (asks & ~self.request_settings.ready)
            ),
            length.eq(self._job.n << AFFINE.size.bit_length() - 1),
        ]
        taken = self.data_settings
        m.d.comb += [
            behind.start.eq(self._start),
            behind.a.eq(self._job.settings),
            behind.b.eq(VECTOR.size),
            record.start.eq(self._start),
            record.base.eq(self._job.settings),
            self.request_settings.valid.eq(record.request.valid | asks),
            self.request_settings.p.address.eq(Mux(asks, behind.total, record.request.p.address)),
            self.request_settings.p.length.eq(Mux(asks, length, record.request.p.length)),
            record.request.ready.eq(self.request_settings.ready),
            record.data.valid.eq(taken.valid & ~self._go),
            record.data.p.eq(taken.p),
            functions.affine.valid.eq(taken.valid & self._go),
            functions.affine.p.data.eq(taken.p.data),
            functions.affine.p.last.eq(taken.p.last),
            taken.ready.eq(~self._go | functions.affine.ready),
        ]

    def _norm(self, said) -> Value:
        codes = [code_of(name).value for name in self.params.norms]
        return said.function.matches(*codes) if codes else Const(0)

    def _matrices(self, m: Module, said, read_a: RowReader, read_b: RowReader, write_c) -> None:
        """Tell readers and writer where the operands lie."""
        job = self._job
        for name, part in (("a", read_a), ("b", read_b)):
            m.d.comb += [
                part.base.eq(job[name]),
                part.stride.eq(job[f"{name}_stride"]),
                part.rows.eq(job.m),
                part.columns.eq(job.n),
                part.start.eq(self._start & (self._two if name == "b" else 1)),
            ]
            connect(m, part.request, flipped(getattr(self, f"request_{name}")))
        connect(m, write_c.request, flipped(self.request_c))
        for n, part in enumerate((read_a, read_b)):
            m.d.comb += [
                part.size.eq(job.sizes.word_select(n, 2)),
                part.signed.eq(said.signs[n]),
            ]
        connect(m, flipped(self.data_a), read_a.data)
        connect(m, flipped(self.data_b), read_b.data)
        connect(m, write_c.data, flipped(self.data_c))
        m.d.comb += [write_c.size.eq(job.c_size), write_c.done.eq(self.done_c)]

    def _turn(self, m: Module, results, read_a: RowReader, combiner: Combiner, write_c) -> None:
        """Send results to their places, transposed where that is built in and asked for."""
        job = self._job
        m.submodules.places = places = Places(self.params)
        m.d.comb += [
            places.start.eq(self._start),
            places.base.eq(job.c),
            places.stride.eq(job.c_stride),
            places.rows.eq(job.m),
            places.columns.eq(job.n),
            places.size.eq(job.c_size),
            write_c.start.eq(self._start),
            write_c.columns.eq(job.n),
        ]
        connect(m, places.o, write_c.place)
        if not self.params.transposes:
            connect(m, results, write_c.i)
            return
        turned = wire(m, "turned", (job.sizes & TRANSPOSED).any())
        m.submodules.passes = passes = Passes(self.params)
        m.submodules.turn = turn = Turn(self.params)
        connect(m, results, turn.i)
        connect(m, turn.o, write_c.i)
        for part in (passes, turn):
            m.d.comb += [
                part.start.eq(self._start),
                part.turned.eq(turned),
                part.rows.eq(job.m),
            ]
        m.d.comb += [
            places.turned.eq(turned),
            passes.base.eq(job.a),
            passes.columns.eq(job.n),
            passes.size.eq(job.sizes[:2]),
            passes.taken.eq(combiner.a.valid & combiner.a.ready),
            read_a.start.eq(passes.begins),
            read_a.base.eq(passes.at),
            read_a.columns.eq(passes.of),
        ]

    def _row_function(self, m: Module, said, functions: Functions) -> None:
        m.d.comb += [
            functions.rows.eq(self._job.m),
            functions.columns.eq(self._job.n),
            functions.delta.eq(said.delta),
            functions.log2.eq(said.signs[LOG2]),
            functions.epsilon.eq(said.epsilon),
        ]

    def _faults(self, m: Module, record, read_a, read_b, write_c) -> Signal:
        """Keep the first thing that goes wrong; what is dropped from then on is ``void``."""
        fault = Signal(finished_layout(self.params.address_width), name="fault")
        read, wrote = read_cause(self.fault_decode), write_cause(self.done_c.decode)
        affine = self.data_settings.valid & self.data_settings.ready & self._go
        reads = record.fault | read_a.fault | read_b.fault | (affine & self.data_settings.p.error)
        m.d.comb += write_c.void.eq(fault.cause != 0)
        with m.If(self._start):
            m.d.sync += fault.eq(0)
        with m.Elif(fault.cause == 0):
            with m.If(reads):
                m.d.sync += [fault.cause.eq(read), fault.address.eq(self.fault_address)]
            with m.Elif(self._begins & self._wrong):
                m.d.sync += fault.cause.eq(Cause.SETTINGS)
            with m.Elif(self.done_c.valid & self.done_c.error):
                m.d.sync += [fault.cause.eq(wrote), fault.address.eq(self.done_c.address)]
        m.d.comb += self.finished.p.eq(fault)
        return fault

    def _walk(self, m: Module, record: Record, functions: Functions, write_c, fault) -> None:
        """Go through a command: take it, read its settings, look at them, let vectors pass."""
        function, starts = Signal(8, name="function"), Signal(name="starts")
        m.d.comb += [functions.function.eq(function), functions.start.eq(starts)]
        m.d.sync += starts.eq(0)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += [self.command.ready.eq(1), self.idle.eq(~self.command.valid)]
                with m.If(self.command.valid):
                    m.d.sync += self._job.eq(self.command.p)
                    m.next = "START"
            with m.State("START"):
                m.d.comb += self._start.eq(1)
                m.next = "RECORD"
            with m.State("RECORD"), m.If(record.there):
                m.next = "LOOK"
            with m.State("LOOK"):
                m.next = "SCALE"
            with m.State("SCALE"):
                m.next = "BEGIN"
            with m.State("BEGIN"):
                # What may be wrong in many ways passes no function's block, and none takes affine.
                m.d.comb += [
                    self._begins.eq(1),
                    self._sound.eq(~self._wrong & (fault.cause == 0)),
                ]
                m.d.sync += [
                    starts.eq(self._sound),
                    function.eq(Mux(self._sound, record.record.function, 0)),
                ]
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += self._go.eq(1)
                with m.If(write_c.over):
                    m.next = "TELL"
            with m.State("TELL"):
                m.d.comb += self.finished.valid.eq(1)
                with m.If(self.finished.ready):
                    m.next = "TAKE"
