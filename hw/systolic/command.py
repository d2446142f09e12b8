"""Commands of a matrix product, their checks, and the queue that their readers walk through."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.hdl import ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.requantize import Rounding
from gemmule.golden.systolic.beats import DIM_WIDTH, Refusal
from gemmule.golden.systolic.limits import COMMANDS
from gemmule.hw.common.compare import below
from gemmule.hw.common.pipeline import delay, register, wire
from gemmule.hw.common.stream.status import FaultLayout, SideQueue, status_layout

from .operands.loops import start_layout, start_values
from .params import ProductParams

__all__ = [
    "CommandQueue",
    "command_layout",
    "packets",
    "product_status",
    "reader_signature",
    "settings_layout",
]


def command_layout(params: ProductParams) -> data.StructLayout:
    """Lay out one matrix product: sizes, dataflow, and the requantization all columns share.

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
    """Name the streams by which a command's packets come; each has a reader of the queue."""
    return ("a", "b", "scale", *(("row_scale",) if params.row_scales else ()))


def product_status(params: ProductParams) -> data.StructLayout:
    """Lay out what became of a command.

    It has a :class:`golden.systolic.beats.Refusal`, and faults of the command's packets.
    """
    return status_layout(Refusal, packets(params))


def settings_layout(params: ProductParams) -> data.StructLayout:
    """Lay out what a command says of the requantization."""
    members = command_layout(params).members
    beside = ("beside",) if params.row_scales else ()
    return data.StructLayout({
        field: members[field] for field in ("rounding", "zero_point", "low", "high", *beside)
    })


def _fields(name: str, params: ProductParams) -> data.StructLayout:
    """Lay out what the packet ``name`` needs of a command: only ``scale`` all of the settings."""
    known = settings_layout(params).members
    settings = {"scale": known, "row_scale": {"beside": known.get("beside")}}.get(name, {})
    return data.StructLayout({**start_layout(params).members, **settings})


def reader_signature(params: ProductParams) -> wiring.Signature:
    """Describe one reader's view of the queue: the command at its place, and its report of it.

    ``settings`` are 0 for a reader other than that of ``scale``, and of ``row_scale``, which has
    ``beside``. The packet may be ``absent``; that of a ``refused`` command is there to ``discard``,
    if it has one. ``take`` moves on to the next command; ``done`` ends the oldest that was taken
    and not ended.
    """
    return wiring.Signature({
        "valid": Out(1),
        "start": Out(start_layout(params)),
        "settings": Out(settings_layout(params)),
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
    one still multiplies. A command that :class:`golden.systolic.beats.Refusal` names a reason for
    is refused: it passes through the queue, its readers throw its packets away (where no size is 0;
    otherwise it has none), and its status tells why.

    Latency: 3 cycles from ``command`` to the readers, for it is held, checked and written in a
    cycle each. Back-pressure: ``command`` waits while four
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
        taken, head, tail = (Signal(range(2 * COMMANDS), name=n) for n in ("taken", "head", "tail"))
        m.d.comb += self.command.ready.eq((taken - tail)[: len(tail)] != COMMANDS)
        take = wire(m, "take", self.command.valid & self.command.ready)
        m.d.sync += taken.eq(taken + take)
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
        """Check what is taken and write it; returns why each place was refused.

        A taken command has its place, so the cycles between never wait.
        """
        held = Signal(self.command.p.shape(), name="held", reset_less=True)
        m.d.sync += held.eq(self.command.p)
        reasons = {
            reason: register(m, f"refuses_{reason.name.lower()}", Value.cast(holds))
            for reason, holds in self._reasons(held).items()
        }
        settings = {name: held[name] for name in settings_layout(self.params).members}
        entry = {
            name: register(m, f"entry_{name}", Value.cast(value))
            for name, value in (start_values(self.params, held) | settings).items()
        }
        put = delay(m, "put", take, 2, reset=True)
        m.d.sync += head.eq(head + put)
        refusal = Const(Refusal.NONE, Refusal)
        for reason, holds in reversed(reasons.items()):
            refusal = Mux(holds, Const(reason, Refusal), refusal)
        refusal = wire(m, "refusal", refusal)
        refusals = Array(Signal(Refusal, name=f"refusal_{i}") for i in range(COMMANDS))
        discards = Array(Signal(name=f"discard_{i}") for i in range(COMMANDS))
        with m.If(put):
            m.d.sync += [
                refusals[head[:-1]].eq(refusal),
                discards[head[:-1]].eq(refusal.bool() & (refusal != Refusal.ZERO_SIZE.value)),
            ]
        names = packets(self.params)
        for index, (name, reader) in enumerate(zip(names, self.readers, strict=True)):
            # One for each: memories of logic cells have few ports.
            fields = _fields(name, self.params)
            m.submodules[f"memory_{name}"] = memory = Memory(
                shape=fields.as_shape(), depth=COMMANDS, init=[]
            )
            write, read = memory.write_port(), memory.read_port(domain="comb")
            given, found = Signal(fields, name=f"given_{name}"), Signal(fields, name=f"at_{name}")
            m.d.comb += [found.eq(read.data)]
            for field in fields.members:
                target = reader.start if field in reader.start.shape().members else reader.settings
                m.d.comb += [
                    Value.cast(given[field]).eq(entry[field]),
                    target[field].eq(found[field]),
                ]
            place = Signal(range(2 * COMMANDS), name=f"place_{index}")
            m.d.sync += place.eq(place + reader.take)
            m.d.comb += [
                write.addr.eq(head[:-1]),
                write.data.eq(given),
                write.en.eq(put),
                read.addr.eq(place[:-1]),
                reader.valid.eq(place != head),
                reader.absent.eq(self._absent(name, reader)),
                reader.refused.eq(refusals[place[:-1]].bool()),
                reader.discard.eq(discards[place[:-1]] & ~reader.absent),
            ]
        return refusals

    def _absent(self, name: str, reader: wiring.PureInterface) -> Value:
        """Tell whether a packet is absent: settings come by row, by column, or by both."""
        if name == "row_scale":
            return ~reader.start.by_row
        if self.params.row_scales and name == "scale":
            return reader.start.by_row & ~reader.settings.beside
        return Const(0)

    def _reasons(self, command: data.View) -> dict[Refusal, ValueLike]:
        """List why a command may be refused; the first reason that holds counts."""
        params = self.params
        limit = params.largest_k
        lacking = {"ws": command.output_stationary, "os": ~command.output_stationary, "both": 0}
        return {
            Refusal.ZERO_SIZE: (command.m == 0) | (command.n == 0) | (command.k == 0),
            Refusal.K_TOO_LARGE: ~below(command.k, limit + 1),
            Refusal.NO_SUCH_DATAFLOW: lacking[params.dataflow],
            Refusal.NO_SUCH_ROUNDING: Value.cast(command.rounding) > max(Rounding),
            Refusal.CLAMP_ORDER: command.low > command.high,
        }

    def _reader(self, m: Module, reader, name: str, tail: Signal, statuses: SideQueue) -> Value:
        """Keep what the reader reports; returns whether it has ended the oldest command."""
        ended = Signal(range(2 * COMMANDS), name=f"ended_{name}")
        faults = Array(Signal(FaultLayout, name=f"faults_{name}_{i}") for i in range(COMMANDS))
        with m.If(reader.done):
            m.d.sync += [ended.eq(ended + 1), faults[ended[:-1]].eq(reader.faults)]
        m.d.comb += statuses.i.p[name].eq(faults[tail[:-1]])
        return ended != tail
