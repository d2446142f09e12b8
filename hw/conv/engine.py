"""What carries out programs of convolutions: buffers between a memory and a matrix product."""

from amaranth import (
    Cat,
    ClockDomain,
    ClockSignal,
    Const,
    DomainRenamer,
    Module,
    Mux,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.refusal import Refusal
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.request import request_layout
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.skid import SkidBuffer

from .command import command_layout, content, variants
from .control import Control, program_status
from .core import Core
from .counters import Counters, counters_layout
from .loader import Loader
from .operand import OperandBuffer
from .params import LayerParams
from .scales import Scales
from .writer import Writer

__all__ = ["PROGRAM", "STREAMS", "Engine"]

STREAMS = {"a": "x", "b": "w"}
"""The streams of the streamed and the other operand: of the ports alone, named after the arrays of
a forward convolution."""

PROGRAM = "program"
"""The clock domain of all that carries out commands: its reset ends a program."""


class Engine(Component):
    """Carry out programs: loads into banks, passes over these, products, results to their places.

    :mod:`golden.conv.program` says what a program does; :class:`.convolution.Convolution` is this
    as a block, with all that a user should know of it.

    A program is a packet of ``command``, with a packet of ``scale`` beside it; ``status`` and
    ``counters`` have a word for each. What ends one is in :class:`~.control.Control`.

    With ``shared`` the array is elsewhere and serves others too, and memory tells when requests are
    answered: a fence waits for writes, and the end of a refused program for all of its requests.

    Latency: the memory's, a bank of each operand, then that of `Gemm` and of the buffers.
    Throughput: that of `Gemm`, while the banks of the next pass are loaded as this one is walked.
    Back-pressure: each stream waits alone; results wait in ``c_depth`` rows, then the array starts
    nothing; ``status`` and ``counters`` stop nothing.

    Parameters
    ----------
    params : :class:`LayerParams`
    shared : bool

    Members
    -------
    command, x_request, w_request, x, w, c_request, c, scale, status, counters
        As those of :class:`.convolution.Convolution`.
    array : In(array's signature), turn : In(1)
        Only with ``shared``, as the members below: the array, and whether it is this one's turn.
    reading, writing : In(1)
        Requests were taken that memory has not answered.
    failed : In(1)
        A request leaves its region, or was answered by an error: end the program.
    beats, starves : Out(1)
        The product takes a vector of the streamed operand; it could, and there is none.
    """

    def __init__(self, params: LayerParams, *, shared: bool = False):
        self.params = params
        self.shared = shared
        self._product = Core(params.core, shared=shared)
        request = stream.Signature(request_layout())
        self._scale = data.ArrayLayout(params.core.requantizer.lane_layout, params.cols)
        super().__init__({
            "command": In(packet_stream(command_layout(params))),
            "x_request": Out(request),
            "x": In(packet_stream(params.streamed)),
            "w_request": Out(request),
            "w": In(packet_stream(params.stationary)),
            "c_request": Out(request),
            "c": Out(packet_stream(params.written)),
            "scale": In(packet_stream(self._scale)),
            "status": Out(stream.Signature(program_status())),
            "counters": Out(stream.Signature(counters_layout())),
            **(self._outside() if shared else {}),
        })

    def _outside(self) -> dict[str, wiring.Member]:
        members = self._product.signature.members
        return {
            "array": members["array"],
            **dict.fromkeys(("turn", "reading", "writing", "failed"), In(1)),
            **dict.fromkeys(("beats", "starves"), Out(1)),
        }

    @property
    def command_layouts(self) -> dict[Opcode, data.StructLayout]:
        """What each kind of command carries in its ``content``."""
        return variants(self.params)

    def elaborate(self, platform):
        m = Module()
        params, core = self.params, self.params.core
        m.submodules.control = control = Control(params, shared=self.shared)
        m.submodules.scales = scales = Scales(self._scale)
        m.submodules.counters = counters = Counters()
        m.domains += ClockDomain(PROGRAM, local=True)
        m.d.comb += [
            ClockSignal(PROGRAM).eq(ClockSignal()),
            ResetSignal(PROGRAM).eq(ResetSignal() | control.clear),
        ]
        product, writer = self._product, Writer(params)
        a = OperandBuffer(params.a_walks, core.a_format, params.rows)
        b = OperandBuffer(params.b_walks, core.b_format, params.cols)
        a_loader = Loader(params.a_walks, core.a_format, params.rows, transposes=False)
        b_loader = Loader(params.b_walks, core.b_format, params.cols, transposes=params.transposes)
        parts = {
            "product": product,
            "writer": writer,
            "a_buffer": a,
            "b_buffer": b,
            "a_loader": a_loader,
            "b_loader": b_loader,
        }
        for name, part in parts.items():
            m.submodules[name] = DomainRenamer(PROGRAM)(part)
        for side, buffer, loader in (("a", a, a_loader), ("b", b, b_loader)):
            connect(m, loader.request, flipped(getattr(self, f"{STREAMS[side]}_request")))
            connect(m, flipped(getattr(self, STREAMS[side])), loader.i)
            connect(m, loader.o, buffer.load)
            m.d.comb += [loader.released.eq(buffer.released), loader.stop.eq(control.broken)]
        self._stream(m, a, product, writer)
        connect(m, b.o, product.b)
        connect(m, flipped(self.scale), scales.i)
        connect(m, scales.o, product.scale)
        connect(m, product.c, writer.c)
        connect(m, writer.request, flipped(self.c_request))
        connect(m, writer.o, flipped(self.c))
        connect(m, flipped(self.command), control.command)
        connect(m, control.status, flipped(self.status))
        connect(m, counters.o, flipped(self.counters))
        self._count(m, a, b, control, counters)
        targets = {
            Opcode.PRODUCT: product.command,
            Opcode.A_PASS: a.passes,
            Opcode.B_PASS: b.passes,
            Opcode.A_LOAD: a_loader.loads,
            Opcode.B_LOAD: b_loader.loads,
            Opcode.PLACES: writer.places,
        }
        self._dispatch(m, control, targets)
        self._end(m, control, scales, parts, targets)
        self._watch(m, control, scales, counters, parts)
        if self.shared:
            self._share(m, product)
        return m

    def _share(self, m: Module, product: Core) -> None:
        """Join the product with the array that is elsewhere."""
        connect(m, product.array, flipped(self.array))
        m.d.comb += [
            product.turn.eq(self.turn),
            self.beats.eq(product.a.valid & product.a.ready),
            self.starves.eq(self.turn & product.a.ready & ~product.a.valid),
        ]

    def _stream(self, m: Module, a: OperandBuffer, product: Core, writer: Writer) -> None:
        """Pass the streamed operand to the product, or back to memory."""
        m.d.comb += [
            product.a.valid.eq(a.o.valid & ~writer.copying),
            product.a.payload.eq(a.o.payload),
            writer.a.valid.eq(a.o.valid),
            writer.a.payload.eq(a.o.payload),
            a.o.ready.eq(Mux(writer.copying, writer.a.ready, product.a.ready)),
        ]

    def _count(
        self, m: Module, a: OperandBuffer, b: OperandBuffer, control: Control, counters: Counters
    ) -> None:
        ports = {"a": a.o, "b": b.o, "a_in": self.x, "b_in": self.w, "c": self.c}
        moves = {name: port.valid & port.ready for name, port in ports.items()}
        begins = (self.x_request.valid & self.x_request.ready) | moves["a"]
        events = {
            # Another product may have the array for longer than a program may take.
            "busy_cycles": begins & self.turn if self.shared else begins,
            "x_reads": moves["a"] & a.real,
            "x_masked": moves["a"] & ~a.real,
            "x_loaded": moves["a_in"],
            "w_reads": moves["b"] & b.real,
            "w_masked": moves["b"] & ~b.real,
            "w_loaded": moves["b_in"],
            "c_written": moves["c"],
        }
        m.d.comb += [counters.events[name].eq(event) for name, event in events.items()]
        m.d.comb += counters.report.eq(control.report)

    def _dispatch(self, m: Module, control: Control, targets: dict) -> None:
        """Hand each command to the target that its kind names, through two places of its own."""
        layouts = variants(self.params)
        ready = Const(0)
        for opcode, target in targets.items():
            queue = SkidBuffer(layouts[opcode])
            m.submodules[f"{opcode.name.lower()}_queue"] = DomainRenamer(PROGRAM)(queue)
            mine = control.o.payload.kind == opcode.value
            m.d.comb += [
                queue.i.valid.eq(control.o.valid & mine),
                queue.i.payload.as_value().eq(control.o.payload.content),
                target.valid.eq(queue.o.valid),
                target.payload.eq(queue.o.payload),
                queue.o.ready.eq(target.ready),
            ]
            ready |= mine & queue.i.ready
        m.d.comb += control.o.ready.eq(ready)

    def _end(self, m: Module, control: Control, scales: Scales, parts: dict, targets: dict) -> None:
        """Gather what fences and the ends of programs wait for."""
        writer, loaders = parts["writer"], (parts["a_loader"], parts["b_loader"])
        taken = wire(m, "handed", control.o.valid & control.o.ready)
        kind = control.o.payload.kind
        product = wire(m, "product_handed", taken & (kind == Opcode.PRODUCT.value))
        places = content(self.params, control.o.payload, Opcode.PLACES)
        placed = taken & (kind == Opcode.PLACES.value) & ~places.copied
        # Products without places yet: as many as have results in the array, less those ahead.
        lead = Signal(range(-8, self.params.core.capacity + 64))
        m.d.sync += lead.eq(Mux(control.report, 0, lead + product - placed))
        settled = [
            lead == 0,
            ~parts["product"].holds,
            *(part.idle for name, part in parts.items() if name != "product"),
            *(~targets[each].valid for each in (Opcode.A_PASS, Opcode.B_PASS)),
        ]
        written = writer.idle & ~targets[Opcode.PLACES].valid
        pending = Cat(each.pending for each in loaders).any()
        if self.shared:
            written, pending = written & ~self.writing, self.reading | self.writing
        m.d.comb += [
            control.written.eq(written),
            control.settled.eq(Cat(settled).all()),
            control.drained.eq(writer.flushed & Cat(each.stopped for each in loaders).all()),
            control.pending.eq(pending),
            control.over.eq(scales.over),
            writer.stop.eq(control.broken),
            scales.product.eq(product),
            scales.drop.eq(control.ends),
            scales.report.eq(control.report),
        ]

    def _watch(
        self, m: Module, control: Control, scales: Scales, counters: Counters, parts: dict
    ) -> None:
        """Watch what goes wrong, and whether anything goes on."""
        product, writer = parts["product"], parts["writer"]
        loaders = {name: parts[f"{side}_loader"] for side, name in STREAMS.items()}
        buffers = [parts[f"{side}_buffer"] for side in STREAMS]
        ends = Cat(Value.cast(each.faults) for each in loaders.values()).any()
        refused = product.status.valid & product.status.payload.refused.bool()
        found = {
            Refusal.PACKET: ends | scales.faults.early,
            Refusal.REQUESTS: Cat(each.miscounted for each in loaders.values()).any(),
            Refusal.BANK: Cat(each.overflow for each in buffers).any(),
            Refusal.ADDRESS: Cat(each.beyond for each in buffers).any(),
            Refusal.PASSES: product.misfit,
            Refusal.PLACES: writer.misplaced,
            Refusal.SETTINGS: refused,
            Refusal.TIME: counters.full,
        }
        if self.shared:
            found[Refusal.REGION] = self.failed
        outside = [each.valid for each in (self.x_request, self.w_request, self.c_request, self.c)]
        arrives = [each.valid & each.ready for each in (self.x, self.w)]
        owed = [each.pending & ~(each.i.valid & ~each.i.ready) for each in loaders.values()]
        inside = [
            port.valid & port.ready
            for port in (scales.o, *(each.o for each in (*loaders.values(), *buffers)))
        ]
        # Memory answers in the end, and an array that is not ours comes back: neither is in vain.
        waits = [self.reading, self.writing, ~self.turn] if self.shared else []
        m.d.comb += [
            product.status.ready.eq(1),
            *(control.found[why.name].eq(fault) for why, fault in found.items()),
            *(control.faults[name].eq(each.faults) for name, each in loaders.items()),
            control.faults.scale.eq(scales.faults),
            control.moves.eq(
                Cat(*outside, *owed, *inside, *waits, scales.waits, writer.moves).any()
            ),
            control.hears.eq(Cat(*outside, *arrives, *waits[:2]).any()),
        ]
