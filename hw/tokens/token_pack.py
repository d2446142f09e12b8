"""Pack kept tokens and make one of the dropped."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.faults import PackRefusal
from gemmule.golden.tokens.packing import PACKAGE_WIDTH, Package
from gemmule.hw.common.stream.payload import packet, packet_stream, vector
from gemmule.hw.common.stream.status import SideQueue, status_layout

from .gate import CommandGate, above
from .limit import PacketLimit
from .pack.stage import PackStage
from .params import TokenPackParams

__all__ = ["TokenPack", "pack_refusal"]

FAULTS = ("decisions", "tokens", "kept_count")


class TokenPack(wiring.Component):
    """Pass kept tokens on in order, and weigh the dropped ones into a package token.

    ``package = sum(score * token) / sum(score)`` over the dropped valid tokens, rounded half to
    even (zeros where the scores sum to 0), or the sum alone, saturated to 32 bits. An earlier
    package counts as one more dropped token: it comes before the stage's tokens.
    :func:`golden.tokens.packing.pack` defines every bit.

    Order of beats: a command and a ``kept_count``; then, token by token in the order of their
    numbers, one decision and ``final + 1`` beats of ``lanes`` elements, the first elements in the
    first beat, the lowest element in the low bits. All tokens of a stage are one packet, the
    earlier package in front of them if ``merge`` says so; it has no decision. Element ``lanes *
    beat + lane`` of the package comes in the same order. ``decisions`` may run one ahead of
    ``tokens`` and the other way round; neither is buffered.

    Wrong traffic: a command that is refused takes one ``kept_count`` and one packet each of
    decisions and of tokens with it, and gives nothing but its status. The number of decisions, 1 to
    ``max_tokens``, says how many tokens there are; more are cut and dropped up to and with their
    ``last`` (``decisions.late``). Tokens that end early go on as zeros (``tokens.early``), those
    that go on are dropped up to and with their ``last`` (``tokens.late``). Where more tokens are
    kept than ``kept_count`` says (``kept_count.early``) or fewer (``kept_count.late``), ``compact``
    leaves out the last of them or appends zeros, so that ``kept`` holds as many as were announced.

    Source: HeatViT (arXiv 2211.08110, equation 10); SPViT's code has the sum without the division.
    Latency: 1 cycle from ``tokens`` to ``kept``. After a stage's last beat, 4 cycles for the sums
    and then for each beat of the package ``lanes / dividers * (token width + 2) + 3`` cycles where
    it is divided, ``lanes / dividers + 3`` where not.
    Throughput: one beat a cycle, kept or dropped. A stage's tokens wait for the package of the
    stage before.
    Back-pressure: ``tokens.ready`` follows ``kept.ready`` combinationally; every output but
    ``status`` must be taken for the stage to end.

    Parameters
    ----------
    params : TokenPackParams

    Members
    -------
    command : In(stream of {final, package, compact, merge, weight})
        One a stage. ``final``: beats of a token less one, below ``max_length / lanes``, rounded up.
        ``package``: 0 is the mean, 1 the sum, 2 none. ``compact``: 1, dropped tokens go; 0, they
        stay as zeros. ``merge``: 1, an earlier package of weight ``weight`` comes first.
    kept_count : In(stream of number)
        How many tokens ``decisions`` will keep: what `token_select` gives as ``count``.
    decisions : In(packet stream of {keep, valid, score})
        One a token. One that is neither kept nor valid is in no sum.
    tokens : In(packet stream of [lanes] x token_format)
    kept : Out(packet stream of [lanes] x token_format)
        ``last`` with the last beat of the last token; nothing where none is kept.
    package : Out(packet stream of [lanes] x signed(32))
        Its ``final + 1`` beats.
    weight : Out(stream of weight)
        The package's, offered before it; neither is there where the command asks for none.
    status : Out(stream of {refused, decisions, tokens, kept_count, lost})
        One a command, in order, at its end.
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
            "status": Out(stream.Signature(status_layout(PackRefusal, FAULTS))),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.stage = stage = PackStage(params)
        m.submodules.limit = limit = PacketLimit(params.decision, params.max_tokens)
        streams = {
            "kept_count": data.StructLayout({"number": params.number}),
            "decisions": packet(params.decision),
            "tokens": self.tokens.p.shape(),
        }
        m.submodules.gate = gate = CommandGate(self.command.p.shape(), PackRefusal, streams)
        connect(m, flipped(self.command), gate.command)
        connect(m, gate.go, stage.command)
        connect(m, flipped(self.decisions), gate.i.decisions)
        connect(m, gate.o.decisions, limit.i)
        connect(m, limit.o, stage.decisions)
        connect(m, flipped(self.tokens), gate.i.tokens)
        connect(m, gate.o.tokens, stage.tokens)
        for outer, inner in ((self.kept_count, gate.i.kept_count),
                             (gate.o.kept_count, stage.kept_count)):  # fmt: skip
            m.d.comb += [
                inner.valid.eq(outer.valid),
                Value.cast(inner.payload).eq(Value.cast(outer.payload)),
                outer.ready.eq(inner.ready),
            ]
        for name in ("kept", "package", "weight"):
            connect(m, getattr(stage, name), flipped(getattr(self, name)))
        m.d.comb += [
            gate.verdict.eq(pack_refusal(params, self.command.p)),
            gate.drop.eq(gate.drop.shape().const(dict.fromkeys(streams, 1))),
            gate.idle.eq(stage.idle & ~limit.dropping),
        ]
        self._report(m, gate, stage, limit)
        return m

    def _report(self, m: Module, gate: CommandGate, stage: PackStage, limit: PacketLimit) -> None:
        m.submodules.statuses = statuses = SideQueue(self.status.p.shape())
        connect(m, statuses.o, flipped(self.status))
        cut = Signal()
        with m.If(limit.late):
            m.d.sync += cut.eq(1)
        with m.Elif(stage.done):
            m.d.sync += cut.eq(0)
        m.d.comb += [
            statuses.i.valid.eq(stage.done | gate.done),
            statuses.i.p.refused.eq(gate.refused),
            statuses.i.p.decisions.late.eq(cut),
        ]
        with m.If(stage.done):
            m.d.comb += [statuses.i.p[name].eq(stage.faults[name]) for name in FAULTS[1:]]


def pack_refusal(params: TokenPackParams, command: data.View) -> Value:
    """Tell what is wrong with a pack command."""
    long = above(command.final, params.max_beats - 1)
    return Mux(
        above(command.package, Package.NONE.value),
        PackRefusal.PACKAGE.value,
        Mux(long, PackRefusal.LENGTH.value, PackRefusal.NONE.value),
    )
