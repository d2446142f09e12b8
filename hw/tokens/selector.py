"""One stage between two encoder blocks: select, then pack."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.faults import SelectorRefusal, SelectRefusal
from gemmule.golden.tokens.packing import PACKAGE_WIDTH
from gemmule.hw.common.stream.fork import Fork
from gemmule.hw.common.stream.payload import packet, packet_stream, vector
from gemmule.hw.common.stream.status import SideQueue, status_layout

from .gate import CommandGate
from .pack.stage import PackStage
from .params import SelectorParams
from .select.stage import SelectStage
from .token_pack import pack_refusal
from .token_select import select_refusal

__all__ = ["Selector"]


class Selector(wiring.Component):
    """Tokens and scores in; kept tokens, their indices and count, and a package token out.

    It selects as `token_select` does and packs as `token_pack`; nothing stands between them but the
    decisions. All sizes, policies and modes are a stage's own, by its command:

    ``keep[i] = i < protect or (candidate[i] and score[i] ranks among the first quota)``, where a
    candidate is valid, not protected and reaches ``threshold``, equal scores go by index, the lower
    first, and ``quota = min(keep, ceil(ratio * candidates))``; with ``ties``, candidates that equal
    the last of these are kept as well. ``package = sum(score * token) / sum(score)`` over the
    valid tokens that are not kept, rounded half to even (zeros where the scores sum to 0), or the
    sum alone, saturated to 32 bits; an earlier package counts as one more such token. A ratio has
    ``2 * ceil(log2(max_tokens)) + 2`` bits behind its point. :func:`golden.tokens.selection.select`
    and :func:`golden.tokens.packing.pack` define every bit.

    Order of beats: a command; a packet of scores, one a token, whose length is the number of
    tokens, 1 to ``max_tokens``; a packet of tokens in the same order, ``final + 1`` beats each, the
    first elements in the first beat and the lowest in the low bits, an earlier package in front of
    them if ``merge`` says so. All scores are taken before the first beat of tokens. ``kept`` and
    ``indices`` are in the order of the tokens; ``package`` comes after them.

    Wrong traffic: a command that is refused takes one packet of scores and one of tokens with it,
    and gives nothing but its status. A packet of more than ``max_tokens`` scores is cut there and
    dropped up to and with its ``last`` (``scores.late``); any shorter one is legal, and says how
    many tokens there are. Tokens that end early go on as zeros (``tokens.early``), those that go on
    are dropped up to and with their ``last`` (``tokens.late``). ``keep`` and ``protect`` may be
    larger than the number of tokens: all are kept.

    Source: HeatViT (arXiv 2211.08110) and SPViT (ECCV 2022).
    Latency: ``tokens`` are taken from the decision on, at most 2 N + 128 cycles after the first of
    N scores; 1 cycle from ``tokens`` to ``kept``; after the last beat, 4 cycles for the sums and
    then for each beat of the package ``lanes / dividers * (token width + 2) + 3`` cycles where it
    is divided, ``lanes / dividers + 3`` where not. After a reset, counters are swept for 512 cycles
    (256 for scores of up to 8 bits) before the first command.
    Throughput: one score a cycle, then one beat of tokens a cycle.
    Back-pressure: every output but ``status`` must be taken for the stage to end; ``tokens.ready``
    follows ``kept.ready`` combinationally.

    Parameters
    ----------
    params : SelectorParams

    Members
    -------
    command : In(stream of {select, pack})
        One a stage. ``select.threshold``: the least score of a candidate. ``select.keep``: tokens,
        0 to ``max_tokens``, greater ones count as that. ``select.ratio``: of the candidates that
        may stay, 0 to 1.0. ``select.protect``: that many first tokens are always kept and not
        counted. ``select.ties``: 0 or 1. ``pack.final``: beats of a token less one, below
        ``max_length / lanes``, rounded up. ``pack.package``: 0 is the mean, 1 the sum, 2 none.
        ``pack.compact``: 1, dropped tokens go; 0, they stay as zeros. ``pack.merge``: 1, an earlier
        package of weight ``pack.weight`` comes before the tokens.
    scores : In(packet stream of {score, valid})
        One a token; ``valid`` 0 is a token that does not count.
    tokens : In(packet stream of [lanes] x token_format)
    kept : Out(packet stream of [lanes] x token_format)
        ``last`` with the last beat of the last token; nothing where none is kept.
    indices : Out(packet stream of index)
        Of the kept tokens, ascending, the first token is 0; none where ``count`` is 0.
    count : Out(stream of number)
        How many tokens are kept, known before ``indices`` and ``kept`` begin.
    package : Out(packet stream of [lanes] x signed(32))
        Its ``final + 1`` beats.
    weight : Out(stream of weight)
        The package's, offered before it; neither is there where the command asks for none.
    status : Out(stream of {refused, scores, tokens, lost})
        One a command, in order, at its end.
    """

    def __init__(self, params: SelectorParams):
        self.params = params
        beat = vector(params.token_format, params.lanes)
        package = vector(Format(True, PACKAGE_WIDTH), params.lanes)
        super().__init__({
            "command": In(stream.Signature(params.command)),
            "scores": In(packet_stream(params.score)),
            "tokens": In(packet_stream(beat)),
            "kept": Out(packet_stream(beat)),
            "indices": Out(packet_stream(params.index)),
            "count": Out(stream.Signature(params.number)),
            "package": Out(packet_stream(package)),
            "weight": Out(stream.Signature(params.weight)),
            "status": Out(stream.Signature(status_layout(SelectorRefusal, ("scores", "tokens")))),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.select = select = SelectStage(params)
        m.submodules.pack = pack = PackStage(params)
        streams = {"scores": packet(params.score), "tokens": self.tokens.p.shape()}
        m.submodules.gate = gate = CommandGate(params.command, SelectorRefusal, streams)

        connect(m, flipped(self.command), gate.command)
        connect(m, flipped(self.scores), gate.i.scores)
        connect(m, flipped(self.tokens), gate.i.tokens)
        connect(m, gate.o.scores, select.scores)
        connect(m, gate.o.tokens, pack.tokens)
        connect(m, select.decisions, pack.decisions)
        connect(m, select.indices, flipped(self.indices))
        connect(m, pack.kept, flipped(self.kept))
        connect(m, pack.package, flipped(self.package))
        connect(m, pack.weight, flipped(self.weight))
        m.d.comb += [
            gate.verdict.eq(self._refusal()),
            gate.drop.eq(gate.drop.shape().const(dict.fromkeys(streams, 1))),
            gate.idle.eq(select.idle & pack.idle),
        ]

        m.submodules.commands = commands = Fork(params.command, 2)
        connect(m, gate.go, commands.i)
        for source, (name, part) in zip(
            commands.o, {"select": select, "pack": pack}.items(), strict=True
        ):
            m.d.comb += [
                part.command.valid.eq(source.valid),
                part.command.p.eq(source.p[name]),
                source.ready.eq(part.command.ready),
            ]
        m.submodules.counts = counts = Fork(params.number, 2)
        connect(m, select.count, counts.i)
        connect(m, counts.o[0], flipped(self.count))
        connect(m, counts.o[1], pack.kept_count)
        self._report(m, gate, select, pack)
        return m

    def _refusal(self) -> Value:
        """Return the verdict on both parts of the command, the selection first."""
        select = select_refusal(self.params, self.command.p.select)
        pack = pack_refusal(self.params, self.command.p.pack)
        # The codes of packing follow those of the selection.
        return Mux(select.bool(), select, Mux(pack.bool(), pack + len(SelectRefusal) - 1, 0))

    def _report(self, m: Module, gate: CommandGate, select: SelectStage, pack: PackStage) -> None:
        """Report when packing ends, which is last.

        By then it holds what its selection said with the count.
        """
        m.submodules.statuses = statuses = SideQueue(self.status.p.shape())
        connect(m, statuses.o, flipped(self.status))
        late = Signal(reset_less=True)
        with m.If(pack.kept_count.valid & pack.kept_count.ready):
            m.d.sync += late.eq(select.late)
        m.d.comb += [
            statuses.i.valid.eq(pack.done | gate.done),
            statuses.i.p.refused.eq(gate.refused),
        ]
        with m.If(pack.done):
            m.d.comb += [
                statuses.i.p.scores.late.eq(late),
                statuses.i.p.tokens.eq(pack.faults.tokens),
            ]
