"""Commands of a matrix product, their checks, and the queue that their readers walk through."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.requantize import Rounding
from gemmule.golden.systolic.beats import DIM_WIDTH, Refusal

from ..common.pipeline import wire
from ..common.status import FaultLayout, SideQueue, status_layout
from .params import ProductParams

__all__ = ["CommandQueue", "command_layout", "packets", "product_status", "reader_signature"]

DEPTH = 4
"""Commands in flight. A power of two."""


def command_layout(params: ProductParams) -> data.StructLayout:
    """One matrix product: sizes, dataflow, and what all columns share of the requantization.

    ``zero_point``, ``low`` and ``high`` are values of the format of ``c``. With ``--row-scales``,
    ``by_row`` has the settings come by ``row_scale``, and then there is a packet of ``scale`` only
    where those of the columns count ``beside`` them, which means nothing without ``by_row``.
    """
    bound = signed(params.out_width + 1)
    return data.StructLayout({
        "m": unsigned(DIM_WIDTH),
        "n": unsigned(DIM_WIDTH),
        "k": unsigned(DIM_WIDTH),
        "output_stationary": 1,
        "rounding": Rounding,
        "zero_point": bound,
        "low": bound,
        "high": bound,
        **({"by_row": 1, "beside": 1} if params.row_scales else {}),
    })


def packets(params: ProductParams) -> tuple[str, ...]:
    """The streams by which a command's packets come; each has a reader of the queue."""
    return ("a", "b", "scale", *(("row_scale",) if params.row_scales else ()))


def product_status(params: ProductParams) -> data.StructLayout:
    """What became of a command: a `golden.systolic.beats.Refusal`, and faults of its packets."""
    return status_layout(Refusal, packets(params))


def _fields(name: str, params: ProductParams) -> data.StructLayout:
    """What of a command the packet ``name`` needs to know: only ``scale`` the settings."""
    settings = ("rounding", "zero_point", "low", "high")
    members = command_layout(params).members
    return data.StructLayout({
        field: shape for field, shape in members.items() if name == "scale" or field not in settings
    })


def reader_signature(params: ProductParams) -> wiring.Signature:
    """One reader's view of the queue: the command at its place, and what it reports of it.

    Of the settings, 0 is all that a reader other than that of ``scale`` sees. The packet may be
    ``absent``; that of a ``refused`` command is there to ``discard``, if it has
    one. ``take`` moves on to the next command; ``done`` ends the oldest that was taken and not
    ended.
    """
    return wiring.Signature({
        "valid": Out(1),
        "command": Out(command_layout(params)),
        "absent": Out(1),
        "refused": Out(1),
        "discard": Out(1),
        "take": In(1),
        "done": In(1),
        "faults": In(FaultLayout),
    })


class CommandQueue(wiring.Component):
    """Hold commands until each operand's reader has finished with them, in order.

    The readers need not stand at the same command: the weights of the next may load while this
    one still multiplies. A command that `golden.systolic.beats.Refusal` names a reason for is
    refused: it passes through the queue, its readers throw its packets away
    (where no size is 0; otherwise it has none), and its status tells why.

    Latency: 1 cycle from ``command`` to the readers. Back-pressure: ``command`` waits while four
    commands are in flight; ``status`` stops nothing (see `SideQueue`).

    Members
    -------
    command : In(stream of :func:`command_layout`)
    readers : one :func:`reader_signature` for each of :func:`packets`
    status : Out(stream of :func:`product_status`), one a command, in order
    """

    def __init__(self, params: ProductParams):
        self.params = params
        super().__init__({
            "command": In(stream.Signature(command_layout(params))),
            "readers": Out(reader_signature(params)).array(len(packets(params))),
            "status": Out(stream.Signature(product_status(params))),
        })

    def elaborate(self, platform):
        m = Module()
        head = Signal(range(2 * DEPTH))
        tail = Signal(range(2 * DEPTH))
        m.d.comb += self.command.ready.eq((head - tail)[: len(head)] != DEPTH)
        take = wire(m, "take", self.command.valid & self.command.ready)
        m.d.sync += head.eq(head + take)
        m.submodules.statuses = statuses = SideQueue(product_status(self.params))
        connect(m, statuses.o, flipped(self.status))
        refusals = self._entries(m, head, take)
        ended = [
            self._reader(m, reader, name, tail, statuses)
            for reader, name in zip(self.readers, packets(self.params), strict=True)
        ]
        m.d.comb += [
            statuses.i.valid.eq(Cat(*ended).all()),
            statuses.i.p.refused.eq(refusals[tail[:-1]]),
        ]
        m.d.sync += tail.eq(tail + statuses.i.valid)
        return m

    def _entries(self, m: Module, head: Signal, take: Signal) -> Array:
        """Write what is taken; returns why each place was refused."""
        refusal = wire(m, "refusal", self._refusal(self.command.p))
        refusals = Array(Signal(Refusal, name=f"refusal_{i}") for i in range(DEPTH))
        discards = Array(Signal(name=f"discard_{i}") for i in range(DEPTH))
        with m.If(take):
            m.d.sync += [
                refusals[head[:-1]].eq(refusal),
                discards[head[:-1]].eq(refusal.bool() & (refusal != Refusal.ZERO_SIZE.value)),
            ]
        names = packets(self.params)
        for index, (name, reader) in enumerate(zip(names, self.readers, strict=True)):
            # One for each: memories of logic cells have few ports.
            fields = _fields(name, self.params)
            m.submodules[f"memory_{name}"] = memory = Memory(
                shape=fields.as_shape(), depth=DEPTH, init=[]
            )
            write, read = memory.write_port(), memory.read_port(domain="comb")
            given, found = Signal(fields, name=f"given_{name}"), Signal(fields, name=f"at_{name}")
            m.d.comb += [found.eq(read.data)]
            for field in fields.members:
                m.d.comb += [
                    given[field].eq(self.command.p[field]),
                    reader.command[field].eq(found[field]),
                ]
            place = Signal(range(2 * DEPTH), name=f"place_{index}")
            m.d.sync += place.eq(place + reader.take)
            m.d.comb += [
                write.addr.eq(head[:-1]),
                write.data.eq(given),
                write.en.eq(take),
                read.addr.eq(place[:-1]),
                reader.valid.eq(place != head),
                reader.absent.eq(self._absent(name, reader.command)),
                reader.refused.eq(refusals[place[:-1]].bool()),
                reader.discard.eq(discards[place[:-1]] & ~reader.absent),
            ]
        return refusals

    def _absent(self, name: str, command: data.View) -> Value:
        """Settings come by row, by column, or by both."""
        if name == "row_scale":
            return ~command.by_row
        if self.params.row_scales and name == "scale":
            return command.by_row & ~command.beside
        return Const(0)

    def _refusal(self, command: data.View) -> Value:
        """Why the command is refused: the first reason that there is, of those that there are."""
        params = self.params
        limit = params.largest_k
        lacking = {"ws": command.output_stationary, "os": ~command.output_stationary, "both": 0}
        reasons = {
            Refusal.ZERO_SIZE: (command.m == 0) | (command.n == 0) | (command.k == 0),
            Refusal.K_TOO_LARGE: command.k > limit if limit < 1 << DIM_WIDTH else 0,
            Refusal.NO_SUCH_DATAFLOW: lacking[params.dataflow],
            Refusal.NO_SUCH_ROUNDING: Value.cast(command.rounding) > max(Rounding),
            Refusal.CLAMP_ORDER: command.low > command.high,
        }
        refusal = Const(Refusal.NONE, Refusal)
        for reason, holds in reversed(reasons.items()):
            refusal = Mux(holds, Const(reason, Refusal), refusal)
        return refusal

    def _reader(self, m: Module, reader, name: str, tail: Signal, statuses: SideQueue) -> Value:
        """Keep what the reader reports; returns whether it has ended the oldest command."""
        ended = Signal(range(2 * DEPTH), name=f"ended_{name}")
        faults = Array(Signal(FaultLayout, name=f"faults_{name}_{i}") for i in range(DEPTH))
        with m.If(reader.done):
            m.d.sync += [ended.eq(ended + 1), faults[ended[:-1]].eq(reader.faults)]
        m.d.comb += statuses.i.p[name].eq(faults[tail[:-1]])
        return ended != tail
