"""The check of commands: nothing that a command says leaves this place unless it is legal."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import Cause, Flags
from gemmule.hw.soc.control.buffer import vectors
from gemmule.hw.soc.control.layouts import (
    ADDRESSES,
    COMMAND_BITS,
    PRODUCT_ALONE,
    UNITS,
    command_layout,
    finished_layout,
    raw_layout,
)
from gemmule.hw.soc.registers import place_signature

from .extents import OPERANDS, Extents
from .fields import field_cause
from .windows import WINDOWS, Windows

__all__ = ["Check", "checked_layout"]


def checked_layout(address_width: int) -> data.StructLayout:
    """Lay out a command, where it came from, and what is wrong with it: cause and address."""
    return data.StructLayout({
        "command": command_layout(address_width),
        "verdict": finished_layout(address_width),
        "ring": 1,
    })


class Check(wiring.Component):
    """Gather the vectors of a command, and tell whether it is legal.

    The first cause in the order of :class:`golden.soc.commands.Cause` is told; for one that leaves
    the windows, the address of the first operand that does, in the order a, b, c, settings. Fields
    are looked at in one cycle, while the operands' bytes are walked along.

    Latency: from a command's last vector 3 cycles for a NOP. Else 4 and those of :class:`Extents`,
    and with windows some more: for a product of 4 x 4 x 4 bytes 21, with one window that counts 23,
    with four 38; of 512 x 512 x 512 bytes 51, 53 and 65. Throughput: one command at a time; the
    next one's vectors are taken from the cycle after ``o``'s transfer. Back-pressure: ``i.ready``
    is 0 while a command is here.

    Parameters
    ----------
    address_width, data_width : int
    max_k : int
        Largest legal k.
    sizes : tuple[int, int]
        Exponents of the bytes of an element of a product's a and b.
    units : tuple[str, ...]
        Those of `UNITS` that are built in: others have no commands.

    Members
    -------
    i : In(stream of ``data``, a vector, ``last`` and ``ring``)
    words : In(place of the windows)
    read, write : In(4), windows that count for reading and for writing
    everything : In(1), windows are not looked at
    o : Out(stream of :func:`checked_layout`)
    full : Out(1), a command is here, or a part of one
    sequence : Out(16), its own
    """

    def __init__(
        self,
        address_width: int,
        data_width: int,
        *,
        max_k: int,
        sizes: tuple[int, int],
        units: tuple[str, ...] = PRODUCT_ALONE,
    ):
        self.address_width, self.data_width = address_width, data_width
        self._max_k, self._sizes, self._units = max_k, sizes, units
        vector = data.StructLayout({"data": data_width, "last": 1, "ring": 1})
        super().__init__({
            "i": In(stream.Signature(vector)),
            "words": In(place_signature(4 * WINDOWS)),
            "read": In(WINDOWS),
            "write": In(WINDOWS),
            "everything": In(1),
            "o": Out(stream.Signature(checked_layout(address_width))),
            "full": Out(1),
            "sequence": Out(16),
        })

    def elaborate(self, platform):
        m = Module()
        self._gather(m)
        self._look(m)
        self._offer(m)
        return m

    def _gather(self, m: Module) -> None:
        """Shift the vectors in."""
        self._command = Signal(raw_layout(), name="held", reset_less=True)
        self._whole, self._ring, part = (Signal(name=n) for n in ("whole", "ring", "part"))
        raw, takes = self._command.as_value(), self.i.valid & self.i.ready
        m.d.comb += [
            self.i.ready.eq(~self._whole),
            self.full.eq(self._whole | part),
            self.sequence.eq(self._command.sequence),
        ]
        with m.If(takes):
            m.d.sync += [
                raw.eq(Cat(raw, self.i.payload.data)[self.data_width :]),
                self._ring.eq(self.i.payload.ring),
                part.eq(vectors(self.data_width) != 1),
                self._whole.eq(self.i.payload.last),
            ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [self._whole.eq(0), part.eq(0)]

    def _look(self, m: Module) -> None:
        """Walk along the operands, and ask for each whether a window holds it."""
        command = self._command
        m.submodules.extents = extents = Extents(self.address_width, self._sizes, units=self._units)
        m.submodules.windows = windows = Windows(self.address_width)
        raw = (command.flags & Flags.RAW.value).any()
        self._nop = ~command.opcode.matches(*(UNITS[name].value for name in self._units))
        wiring.connect(m, wiring.flipped(self.words), windows.words)
        m.d.comb += [
            extents.command.eq(command),
            extents.start.eq(self._whole & ~self._nop),
            extents.count.eq(len(OPERANDS) - raw),
            extents.ready.eq(windows.ready | self.everything),
            windows.start.eq(extents.given & ~self.everything),
            windows.last.eq(extents.last),
            windows.bound.eq(extents.bound),
            windows.counts.eq(Mux(extents.operand == OPERANDS.index("c"), self.write, self.read)),
        ]
        self._gather_faults(m, extents, windows)

    def _gather_faults(self, m: Module, extents: Extents, windows: Windows) -> None:
        """Keep the first operand that is wrong; both parts tell of them in order."""
        walked, told = Signal(2, name="walked"), Signal(2, name="told")
        self._failed, self._where = Signal(name="failed"), Signal(2, name="where")
        self._looked = extents.done & windows.idle
        with m.If(~self._whole):
            m.d.sync += [walked.eq(0), told.eq(0), self._failed.eq(0)]
        with m.Else():
            m.d.sync += [walked.eq(walked + extents.passed), told.eq(told + windows.told)]
            with m.If(~self._failed):
                with m.If(windows.told & windows.outside):
                    m.d.sync += [self._failed.eq(1), self._where.eq(told)]
                with m.Elif(extents.outside):
                    m.d.sync += [self._failed.eq(1), self._where.eq(walked)]

    def _offer(self, m: Module) -> None:
        """Offer the command with the first cause."""
        command, o = self._command, self.o.payload
        fields, seen = Signal(4, name="fields"), Signal(name="seen")
        m.d.sync += [
            fields.eq(field_cause(command, self._max_k, self._units)),
            seen.eq(self._whole & ~(self.o.valid & self.o.ready)),
        ]
        legal = fields == Cause.NONE
        first = Mux(
            self._where[1],
            Mux(self._where[0], command.settings, command.c),
            Mux(self._where[0], command.b, command.a),
        )
        window = legal & self._failed
        m.d.comb += [
            self.o.valid.eq(seen & (self._nop | self._looked)),
            o.ring.eq(self._ring),
            o.verdict.cause.eq(Mux(window, Cause.WINDOW, fields)),
            o.verdict.address.eq(Mux(window, first, 0)),
        ]
        for name in o.command.shape().members:
            width = self.address_width if name in ADDRESSES else None
            m.d.comb += o.command[name].eq(command[name][:width])


assert raw_layout().size == COMMAND_BITS
