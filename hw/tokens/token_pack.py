"""Pack kept tokens and make one of the dropped."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.packing import PACKAGE_WIDTH
from gemmule.hw.common.streams import packet_stream, vector

from .accumulator import Accumulator
from .packager import Packager
from .params import Package, TokenPackParams

__all__ = ["TokenPack"]


class TokenPack(wiring.Component):
    """Pass kept tokens on in order, and weigh the dropped ones into a package token.

    ``package = sum(score * token) / sum(score)`` over the dropped valid tokens, rounded half to
    even, or the sum alone. An earlier package counts as one more dropped token: it comes before
    the stage's tokens. :func:`golden.tokens.packing.pack` defines every bit.

    Source: HeatViT (arXiv 2211.08110, equation 10); SPViT's code has the sum without the division.
    Latency: 1 cycle from ``tokens`` to ``kept``. After a stage's last beat, 3 cycles for the sums
    and then the package, see :class:`Packager`.
    Throughput: one beat a cycle, kept or dropped. A stage's tokens wait for the package of the
    stage before.
    Back-pressure: ``tokens.ready`` follows ``kept.ready`` combinationally. A packet of tokens that
    ends early is filled up with what the wires hold, one that ends late is read to its end.

    Parameters
    ----------
    params : TokenPackParams

    Members
    -------
    command : In(stream of pack_command)
        One a stage.
    kept_count : In(stream of number)
        How many tokens ``decisions`` will keep: what `token_select` gives as ``count``.
    decisions : In(packet stream of {keep, valid, score})
        One a token.
    tokens : In(packet stream of [lanes] x token_format)
        The earlier package, if the command says so, then the tokens, each in ``final + 1`` beats.
    kept : Out(packet stream of [lanes] x token_format)
        ``last`` with the last beat of the last token; nothing where none is kept.
    package : Out(packet stream of [lanes] x signed(32))
    weight : Out(stream of weight)
        The package's; neither is there where the command asks for none.
    """

    def __init__(self, params: TokenPackParams):
        self.params = params
        beat = vector(params.token_format, params.lanes)
        package = vector(Format(True, PACKAGE_WIDTH), params.lanes)
        super().__init__({
            "command": In(stream.Signature(params.pack_command)),
            "kept_count": In(stream.Signature(params.number)),
            "decisions": In(packet_stream(params.decision)),
            "tokens": In(packet_stream(beat)),
            "kept": Out(packet_stream(beat)),
            "package": Out(packet_stream(package)),
            "weight": Out(stream.Signature(params.weight)),
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
        self._beat = Signal(range(params.max_beats), reset_less=True)
        self._merging = Signal(reset_less=True)
        self._fresh = Signal(reset_less=True)
        self._weight = Signal(params.weight, reset_less=True)
        self._ended = Signal(reset_less=True)
        self._streaming = Signal()
        self._decision = Signal(params.decision)
        self._final = Signal()

    def _flow(self, m: Module) -> Value:
        """High when a beat of tokens meets its decision, and ``kept`` has room."""
        room = ~self.kept.valid | self.kept.ready
        known = self._merging | self.decisions.valid
        there = self._ended | self.tokens.valid
        taken = Signal()
        m.d.comb += [
            self._decision.eq(self.decisions.p.data),
            self._final.eq(self._beat == self._run.final),
            self.tokens.ready.eq(self._streaming & room & known & ~self._ended),
            taken.eq(self._streaming & room & known & there),
            self.decisions.ready.eq(self._streaming & room & there & self._final & ~self._merging),
        ]
        with m.If(self._merging):
            m.d.comb += [self._decision.keep.eq(0), self._decision.valid.eq(1)]
        return taken

    def _keep(self, m: Module, taken: Value) -> None:
        kept, keep = self.kept, self._decision.keep
        with m.If(kept.ready):
            m.d.sync += kept.valid.eq(0)
        ends = Mux(self._run.compact, self._left == 1, self.decisions.p.last)
        with m.If(taken):
            m.d.sync += [
                kept.valid.eq((keep | ~self._run.compact) & ~self._merging),
                kept.p.last.eq(self._final & ends),
                self._left.eq(self._left - (self._final & keep)),
            ]
        # In this order the registers' own reset and enable do it, without a LUT.
        with m.If(taken & ~keep):
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
            packager.mean.eq(self._run.package == Package.MEAN),
            packager.weight.eq(self._weight),
            packager.final.eq(self._run.final),
        ]
        wiring.connect(m, packager.package, wiring.flipped(self.package))

    def _begin(self, m: Module) -> None:
        with m.State("COMMAND"):
            both = self.command.valid & self.kept_count.valid
            m.d.comb += [self.command.ready.eq(both), self.kept_count.ready.eq(both)]
            m.d.sync += [
                self._run.eq(self.command.p),
                self._left.eq(self.kept_count.p),
                self._merging.eq(self.command.p.merge),
                self._beat.eq(0),
                self._fresh.eq(1),
                self._ended.eq(0),
                self._weight.eq(0),
            ]
            with m.If(both):
                m.next = "STREAM"

    def _stream(self, m: Module, taken: Value) -> None:
        tokens = self.tokens
        over = self._ended | tokens.p.last
        with m.State("STREAM"):
            m.d.comb += self._streaming.eq(1)
            with m.If(taken):
                m.d.sync += [self._ended.eq(over), self._beat.eq(self._beat + 1)]
                with m.If(self._final):
                    m.d.sync += [self._beat.eq(0), self._merging.eq(0)]
                    with m.If(~self._merging & self.decisions.p.last):
                        m.next = "SKIP"
        with m.State("SKIP"):
            m.d.comb += tokens.ready.eq(~self._ended)
            with m.If(self._ended | (tokens.valid & tokens.p.last)):
                m.next = "SETTLE"

    def _finish(self, m: Module) -> None:
        packager, weight = self._packager, self.weight
        wait = Signal(range(Accumulator.LATENCY))
        free = ~weight.valid | weight.ready
        with m.State("SETTLE"):
            with m.If(self._run.package == Package.NONE):
                m.next = "COMMAND"
            with m.Elif(wait != Accumulator.LATENCY - 1):
                m.d.sync += wait.eq(wait + 1)
            with m.Elif(free):
                m.d.comb += packager.start.eq(1)
                m.d.sync += [wait.eq(0), weight.p.eq(self._weight), weight.valid.eq(1)]
                m.next = "PACKAGE"
        with m.State("PACKAGE"), m.If(packager.done):
            m.next = "COMMAND"
