"""The top level between AXI4-Streams that goes around a block's Verilog."""

from collections.abc import Callable, Sequence, Set

from amaranth import (
    Cat,
    ClockDomain,
    Const,
    DomainRenamer,
    Instance,
    Module,
    Signal,
    Value,
    unsigned,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from gemmule.hw.common.stream.border import Intake, Outlet
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.width import Narrow, Widen

from .axis import AxisStream

__all__ = ["AxisTop"]


class AxisTop(wiring.Component):
    """A block between AXI4-Streams.

    ``clear`` asks for a block as new. Offers that wait are taken first and open packets ended, see
    :class:`Outlet`; then the block is reset, for as long as ``clear`` is high, and what comes in is
    taken and thrown away as long. ``clearing`` is high from the cycle after ``clear`` rose to the
    one before the block runs again.

    Latency: 0 cycles; 1 where a word takes several beats; 2 where an input has a queue.

    Parameters
    ----------
    core : str
        The block's module.
    ports : Set[str]
        Its ports.
    streams : Sequence[AxisStream]

    Members
    -------
    aclk, aresetn : In(1)
    clear : In(1)
    clearing : Out(1)
    s_axis_<stream>_tdata, _tlast, _tkeep, _tvalid, _tready : of each input
    m_axis_<stream>_tdata, _tlast, _tkeep, _tvalid, _tready : of each output
    """

    def __init__(self, core: str, ports: Set[str], streams: Sequence[AxisStream]):
        self._core = core
        self._ports = ports
        self._streams = streams
        members = {"aclk": In(1), "aresetn": In(1), "clear": In(1), "clearing": Out(1)}
        for each in streams:
            way, back = (In, Out) if each.is_input else (Out, In)
            members[f"{each.prefix}_tdata"] = way(8 * each.tdata_octets)
            if each.tlast:
                members[f"{each.prefix}_tlast"] = way(1)
            if each.tkeep:
                members[f"{each.prefix}_tkeep"] = way(each.tdata_octets)
            members[f"{each.prefix}_tvalid"] = way(1)
            members[f"{each.prefix}_tready"] = back(1)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.axi = axi = ClockDomain(local=True)
        m.domains.sync = sync = ClockDomain(local=True)
        m.d.comb += [axi.clk.eq(self.aclk), axi.rst.eq(~self.aresetn), sync.clk.eq(self.aclk)]
        self._run, self._draining = Signal(name="run"), Signal(name="draining")
        pending = []
        connected = {"clk": self.aclk, "rst": sync.rst}
        for each in self._streams:
            # Of all names of a wire Yosys keeps the first by the alphabet. It must be this one: a
            # word that holds a bit and its copies would be a vector in which simulators see a loop.
            payload = Signal(each.width, name=f"core_{each.name}_payload")
            valid, ready = (Signal(name=f"core_{each.name}_{part}") for part in ("valid", "ready"))
            connected |= {f"{each.name}__payload": payload, f"{each.name}__valid": valid}
            connected |= {f"{each.name}__ready": ready}
            if each.is_input:
                self._input(m, each, payload, valid, ready)
            else:
                pending.append(self._output(m, each, payload, valid, ready))
        self._control(m, sync.rst, Cat(pending).any())
        self._block(m, connected)
        return m

    def _control(self, m: Module, reset: Signal, pending: Value) -> None:
        """Run; when `clear` comes, drain, then reset."""
        run, draining = self._run, self._draining
        m.d.comb += [self.clearing.eq(~run), reset.eq(~run & ~draining)]
        with m.If(run):
            m.d.axi += [run.eq(~self.clear), draining.eq(self.clear)]
        with m.Elif(draining):
            m.d.axi += draining.eq(pending)
        with m.Else():
            m.d.axi += run.eq(~self.clear)

    def _block(self, m: Module, connected: dict[str, Value]) -> None:
        inputs = {"clk", "rst"}
        for each in self._streams:
            driven = ("payload", "valid") if each.is_input else ("ready",)
            inputs |= {f"{each.name}__{part}" for part in driven}
        m.submodules.core = Instance(
            self._core,
            *(
                ("i" if name in inputs else "o", name, value)
                for name, value in connected.items()
                if name in self._ports
            ),
        )

    def _input(
        self, m: Module, each: AxisStream, payload: Value, valid: Value, ready: Value
    ) -> None:
        pin, last = self._pins(each)
        stream = border = self._border(m, each, Intake(unsigned(8 * each.tdata_octets)))
        m.d.comb += [
            border.i.valid.eq(pin("tvalid")),
            border.i.payload.data.eq(pin("tdata")),
            border.i.payload.last.eq(last),
            border.clear.eq(self.clear),
            pin("tready").eq(border.i.ready),
        ]
        if each.beats > 1:
            widen = Widen(unsigned(8 * each.tdata_octets), each.beats)
            m.submodules[f"{each.name}_widen"] = widen
            connect(m, stream.o, widen.i)
            stream = widen
        inner = _payload(each, Value.cast(stream.o.payload.data), stream.o.payload.last)
        if each.fifo_depth:
            m.submodules[f"{each.name}_queue"] = queue = Fifo(unsigned(each.width), each.fifo_depth)
            m.d.comb += [
                queue.i.payload.eq(inner),
                queue.i.valid.eq(stream.o.valid),
                stream.o.ready.eq(queue.i.ready),
            ]
            stream, inner = queue, queue.o.payload
        m.d.comb += [
            payload.eq(inner),
            valid.eq(stream.o.valid),
            stream.o.ready.eq(ready),
        ]

    def _output(
        self, m: Module, each: AxisStream, payload: Value, valid: Value, ready: Value
    ) -> Value:
        """Give the payload to the pins; return whether something must be drained."""
        pin, last = self._pins(each)
        border = self._border(m, each, Outlet(unsigned(8 * each.tdata_octets)))
        ends = payload[each.last] if each.last is not None else 1
        stream = border
        if each.beats > 1:
            narrow = Narrow(unsigned(8 * each.tdata_octets), each.beats)
            m.submodules[f"{each.name}_narrow"] = stream = narrow
            connect(m, narrow.o, border.i)
        m.d.comb += [
            Value.cast(stream.i.payload.data).eq(_word(each, payload)),
            stream.i.payload.last.eq(ends),
            stream.i.valid.eq(valid),
            ready.eq(stream.i.ready),
            pin("tvalid").eq(border.o.valid),
            pin("tdata").eq(border.o.payload.data),
            last.eq(border.o.payload.last),
            border.o.ready.eq(pin("tready")),
        ]
        if each.tkeep:
            m.d.comb += pin("tkeep").eq(-1)
        return border.pending

    def _border(self, m: Module, each: AxisStream, border: Intake | Outlet) -> Intake | Outlet:
        role = "intake" if each.is_input else "outlet"
        # It outlives the block's own reset.
        m.submodules[f"{each.name}_{role}"] = DomainRenamer("axi")(border)
        m.d.comb += [border.run.eq(self._run), border.draining.eq(self._draining)]
        return border

    def _pins(self, each: AxisStream) -> tuple[Callable[[str], Value], Value]:
        """Return the pins of a stream by their names' ends, and its TLAST or what stands for it."""

        def pin(part: str) -> Value:
            return getattr(self, f"{each.prefix}_{part}")

        return pin, pin("tlast") if each.tlast else Signal(name=f"{each.name}_no_last")


def _payload(each: AxisStream, word: Value, last: Value) -> Value:
    """Return the payload in a word's bytes; the bits that pad a lane to bytes are ignored."""
    parts = [(each.last, last)] if each.last is not None else []
    for field in each.fields:
        for lane in range(field.lanes):
            low = 8 * (field.byte + lane * field.octets)
            bits = word[low : low + field.width]
            parts.append((field.offset + lane * field.width, bits))
    return Cat(bits for _offset, bits in sorted(parts, key=lambda part: part[0]))


def _word(each: AxisStream, payload: Value) -> Value:
    """Return the word of a payload: each lane extended to bytes, by its sign if it has one."""
    parts = []
    for field in each.fields:
        for lane in range(field.lanes):
            low = field.offset + lane * field.width
            bits = payload[low : low + field.width]
            fill = bits[-1] if field.signed else Const(0)
            parts += [bits, fill.replicate(8 * field.octets - field.width)]
    return Cat(*parts)
