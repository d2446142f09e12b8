"""Commands that are refused go no further, and their packets with them."""

from collections.abc import Mapping

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.codes import Code

__all__ = ["CommandGate", "above"]


class CommandGate(wiring.Component):
    """Pass commands and packets on, or throw away what belongs to a command that is refused.

    A command with ``verdict`` 0 goes through, and so do all packets. Any other one waits until the
    block is ``idle``, is taken, and then as many packets of each stream are dropped as ``drop``
    says.

    Latency: 0 cycles. Throughput: one beat a cycle and stream. Back-pressure: passed on.

    Parameters
    ----------
    command : StructLayout
    refusals : type[Code]
    streams : mapping
        Each stream's name -> its payload; where that has no ``last``, every beat is a packet.
    drop : mapping
        Each stream's name -> the shape of how many of its packets a command may have; 1 bit if left
        out.

    Members
    -------
    command : In(stream of ``command``)
    go : Out(stream of ``command``)
        Those that are carried out.
    verdict : In(refusals)
        What is wrong with the command that ``command`` offers.
    drop : In(struct of counts)
        How many packets of each stream that command has.
    idle : In(1)
        Everything that came through has been taken in, and belongs to commands that have ended.
    i, o : streams of the payloads, in and out
    done : Out(1)
        High in the one cycle in which a refused command ends, after ``idle``.
    refused : Out(refusals)
        Why, while ``done``, and 0 at all other times.
    """

    def __init__(
        self,
        command: data.StructLayout,
        refusals: type[Code],
        streams: Mapping[str, data.Layout],
        drop: Mapping[str, object] | None = None,
    ):
        self.streams = streams
        counts = data.StructLayout(dict.fromkeys(streams, 1) | dict(drop or {}))
        passing = wiring.Signature({name: In(stream.Signature(p)) for name, p in streams.items()})
        super().__init__({
            "command": In(stream.Signature(command)),
            "go": Out(stream.Signature(command)),
            "verdict": In(refusals),
            "drop": In(counts),
            "idle": In(1),
            "i": Out(passing),
            "o": In(passing),
            "done": Out(1),
            "refused": Out(refusals),
        })

    def elaborate(self, platform):
        m = Module()
        busy = Signal()
        wrong = Signal()
        code = Signal(self.refused.shape(), reset_less=True)
        take = Signal()
        left = {name: Signal(self.drop.shape()[name].shape, name=f"drop_{name}")
                for name in self.streams}  # fmt: skip
        m.d.comb += [
            wrong.eq(self.verdict.bool()),
            take.eq(self.command.valid & wrong & self.idle & ~busy),
            self.go.valid.eq(self.command.valid & ~wrong & ~busy),
            self.go.payload.eq(self.command.payload),
            self.command.ready.eq(~busy & Mux(wrong, self.idle, self.go.ready)),
            self.done.eq(busy & ~Cat(*left.values()).any()),
            self.refused.eq(Mux(self.done, code, 0)),
        ]
        with m.If(take):
            m.d.sync += [busy.eq(1), code.eq(self.verdict)]
            m.d.sync += [count.eq(self.drop[name]) for name, count in left.items()]
        with m.If(self.done):
            m.d.sync += busy.eq(0)
        for name, count in left.items():
            source, sink = getattr(self.i, name), getattr(self.o, name)
            dropping = Signal(name=f"dropping_{name}")
            ends = source.p.last if "last" in self.streams[name].members else 1
            m.d.comb += [
                dropping.eq(count.any()),
                sink.valid.eq(source.valid & ~dropping),
                sink.payload.eq(source.payload),
                source.ready.eq(dropping | sink.ready),
            ]
            with m.If(dropping & source.valid & ends):
                m.d.sync += count.eq(count - 1)
        return m


def above(field: Value, most: int) -> Value:
    """Tell whether an unsigned field is greater; compare only where its bits can hold more."""
    return field > most if most < (1 << len(field)) - 1 else C(0)
