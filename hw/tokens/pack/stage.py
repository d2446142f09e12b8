"""Pack kept tokens and make one of the dropped."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.packing import PACKAGE_WIDTH, Package
from gemmule.hw.common.stream.payload import packet_stream, vector
from gemmule.hw.common.stream.status import FaultLayout
from gemmule.hw.tokens.params import TokenPackParams

from .accumulator import Accumulator
from .packager import Packager

__all__ = ["PackStage"]


class PackStage(wiring.Component):
    """The packing of one stage after the other, by commands that were checked.

    :class:`~.token_pack.TokenPack` says what it does and how long that takes.

    Parameters
    ----------
    params : TokenPackParams

    Members
    -------
    command : In(stream of pack_command)
    kept_count : In(stream of number)
    decisions : In(packet stream of {keep, valid, score})
        At most ``max_tokens`` a packet.
    tokens : In(packet stream of [lanes] x token_format)
    kept : Out(packet stream of [lanes] x token_format)
    package : Out(packet stream of [lanes] x signed(32))
    weight : Out(stream of weight)
    idle : Out(1)
        No stage is in work: its last outputs are at least offered.
    done : Out(1)
        High in the last cycle before ``idle``.
    faults : Out({tokens, kept_count})
        Those of the stage that is ``done``.
    """

    def __init__(self, params: TokenPackParams):
        self.params = params
        beat = vector(params.token_format, params.lanes)
        package = vector(Format(True, PACKAGE_WIDTH), params.lanes)
        faults = data.StructLayout({"tokens": FaultLayout, "kept_count": FaultLayout})
        super().__init__({
            "command": In(stream.Signature(params.pack_command)),
            "kept_count": In(stream.Signature(params.number)),
            "decisions": In(packet_stream(params.decision)),
            "tokens": In(packet_stream(beat)),
            "kept": Out(packet_stream(beat)),
            "package": Out(packet_stream(package)),
            "weight": Out(stream.Signature(params.weight)),
            "idle": Out(1),
            "done": Out(1),
            "faults": Out(faults),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.accumulator = self._accumulator = Accumulator(self.params)
        m.submodules.packager = self._packager = Packager(self.params)
        with m.If(self.weight.ready):
            m.d.sync += self.weight.valid.eq(0)
        self._state()
        self._connect(m)
        taken = self._flow(m)
        self._keep(m, taken)
        self._drop(m, taken)
        with m.FSM():
            self._begin(m)
            self._stream(m, taken)
            self._finish(m)
        return m

    def _state(self) -> None:
        params = self.params
        self._run = Signal(params.pack_command, reset_less=True)
        self._left = Signal(params.number, reset_less=True)
        self._beat = Signal(params.beat, reset_less=True)
        self._merging = Signal(reset_less=True)
        self._fresh = Signal(reset_less=True)
        self._weight = Signal(params.weight, reset_less=True)
        self._ended = Signal(reset_less=True)
        self._streaming = Signal()
        self._decision = Signal(params.decision)
        self._final = Signal()
        self._none_left = Signal()
        self._room = Signal()
        self._faults = Signal(self.faults.shape(), reset_less=True)

    def _flow(self, m: Module) -> Value:
        """Tell when a beat of tokens meets its decision, and ``kept`` has room.

        Tokens that ended too early go on as zeros.
        """
        known = self._merging | self.decisions.valid
        there = self._ended | self.tokens.valid
        ready = self._streaming & self._room & known
        taken = Signal()
        m.d.comb += [
            self._room.eq(~self.kept.valid | self.kept.ready),
            self._none_left.eq(self._left == 0),
            self._decision.eq(self.decisions.p.data),
            self._final.eq(self._beat == self._run.final),
            self.tokens.ready.eq(ready & ~self._ended),
            taken.eq(ready & there),
            self.decisions.ready.eq(
                self._streaming & self._room & there & self._final & ~self._merging
            ),
        ]
        with m.If(self._merging):
            m.d.comb += [self._decision.keep.eq(0), self._decision.valid.eq(1)]
        return taken

    def _keep(self, m: Module, taken: Value) -> None:
        """Pass on what goes on; with ``compact`` as many tokens as ``kept_count`` said."""
        kept, keep, compact = self.kept, self._decision.keep, self._run.compact
        with m.If(kept.ready):
            m.d.sync += kept.valid.eq(0)
        ends = Mux(compact, self._left == 1, self.decisions.p.last)
        with m.If(taken):
            m.d.sync += [
                kept.valid.eq(Mux(compact, keep & ~self._none_left, 1) & ~self._merging),
                kept.p.last.eq(self._final & ends),
            ]
            with m.If(keep & self._none_left):
                m.d.sync += self._faults.kept_count.early.eq(1)
            with m.Elif(keep & self._final):
                m.d.sync += self._left.eq(self._left - 1)
        # In this order the registers' own reset and enable do it, without a LUT.
        with m.If(taken & (~keep | self._ended)):
            m.d.sync += kept.p.data.eq(0)
        with m.Elif(taken):
            m.d.sync += kept.p.data.eq(self.tokens.p.data)

    def _drop(self, m: Module, taken: Value) -> None:
        sums, decision = self._accumulator, self._decision
        dropped = decision.valid & ~decision.keep
        added = Mux(self._merging, self._run.weight, decision.score)
        m.d.comb += [
            sums.add.eq(taken & dropped),
            sums.token.eq(self.tokens.p.data),
            sums.blank.eq(self._ended),
            sums.weight.eq(added),
            sums.first.eq(self._fresh),
            sums.single.eq(self._run.final == 0),
        ]
        with m.If(taken & dropped & self._final):
            m.d.sync += [self._fresh.eq(0), self._weight.eq(self._weight + added)]

    def _connect(self, m: Module) -> None:
        sums, packager = self._accumulator, self._packager
        m.d.comb += [
            sums.fetch.eq(packager.fetch),
            sums.beat.eq(Mux(packager.fetch, packager.beat, self._beat)),
            packager.sums.eq(sums.sums),
            packager.mean.eq(self._run.package == Package.MEAN.value),
            packager.weight.eq(self._weight),
            packager.final.eq(self._run.final),
        ]
        m.d.comb += self.faults.eq(self._faults)
        wiring.connect(m, packager.package, wiring.flipped(self.package))

    def _begin(self, m: Module) -> None:
        with m.State("COMMAND"):
            both = self.command.valid & self.kept_count.valid
            m.d.comb += [
                self.idle.eq(1),
                self.command.ready.eq(both),
                self.kept_count.ready.eq(both),
            ]
            m.d.sync += [
                self._run.eq(self.command.p),
                self._left.eq(self.kept_count.p),
                self._merging.eq(self.command.p.merge),
                self._beat.eq(0),
                self._fresh.eq(1),
                self._ended.eq(0),
                self._weight.eq(0),
                self._faults.eq(0),
            ]
            with m.If(both):
                m.next = "STREAM"

    def _stream(self, m: Module, taken: Value) -> None:
        tokens, faults = self.tokens, self._faults
        ends = Signal()
        m.d.comb += ends.eq(self._final & ~self._merging & self.decisions.p.last)
        with m.State("STREAM"):
            m.d.comb += self._streaming.eq(1)
            with m.If(taken):
                m.d.sync += self._beat.eq(self._beat + 1)
                with m.If(~self._ended & tokens.p.last):
                    m.d.sync += [self._ended.eq(1), faults.tokens.early.eq(~ends)]
                with m.If(self._final):
                    m.d.sync += [self._beat.eq(0), self._merging.eq(0)]
                with m.If(ends):
                    m.next = "SKIP"
        with m.State("SKIP"):
            m.d.comb += tokens.ready.eq(~self._ended)
            with m.If(~self._ended):
                m.d.sync += faults.tokens.late.eq(1)
            with m.If(self._ended | (tokens.valid & tokens.p.last)):
                m.d.sync += faults.kept_count.late.eq(~self._none_left)
                m.next = "SETTLE"
                with m.If(self._run.compact & ~self._none_left):
                    m.next = "FILL"
        # Fewer tokens are kept than were promised: zeros take the place of those that lack.
        with m.State("FILL"), m.If(self._room):
            last = self._final & (self._left == 1)
            m.d.sync += [
                self.kept.valid.eq(1),
                self.kept.p.data.eq(0),
                self.kept.p.last.eq(last),
                self._beat.eq(self._beat + 1),
            ]
            with m.If(self._final):
                m.d.sync += [self._beat.eq(0), self._left.eq(self._left - 1)]
            with m.If(last):
                m.next = "SETTLE"

    def _finish(self, m: Module) -> None:
        packager, weight = self._packager, self.weight
        wait = Signal(range(Accumulator.LATENCY))
        free = ~weight.valid | weight.ready
        with m.State("SETTLE"):
            with m.If(self._run.package == Package.NONE.value):
                m.d.comb += self.done.eq(1)
                m.next = "COMMAND"
            with m.Elif(wait != Accumulator.LATENCY - 1):
                m.d.sync += wait.eq(wait + 1)
            with m.Elif(free):
                m.d.comb += packager.start.eq(1)
                m.d.sync += [wait.eq(0), weight.p.eq(self._weight), weight.valid.eq(1)]
                m.next = "PACKAGE"
        with m.State("PACKAGE"), m.If(packager.done):
            m.d.comb += self.done.eq(1)
            m.next = "COMMAND"
