"""One stage between two encoder blocks: select, then pack."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.packing import PACKAGE_WIDTH
from gemmule.hw.common.fork import Fork
from gemmule.hw.common.streams import packet_stream, vector

from .params import SelectorParams
from .token_pack import TokenPack
from .token_select import TokenSelect

__all__ = ["Selector"]


class Selector(wiring.Component):
    """Tokens and scores in; kept tokens, their indices and count, and a package token out.

    :class:`TokenSelect` decides and :class:`TokenPack` packs; nothing stands between them but the
    decisions. All sizes, policies and modes are a stage's own, by its command.
    :func:`golden.tokens.selection.select` and :func:`golden.tokens.packing.pack` define every bit.

    Source: HeatViT (arXiv 2211.08110) and SPViT (ECCV 2022).
    Latency: ``tokens`` are taken from the decision on, at most 2 N + 128 cycles after the first of
    N scores.
    Throughput: one score a cycle, then one beat of tokens a cycle.
    Back-pressure: as its parts; every output must be taken for the stage to end.

    Parameters
    ----------
    params : SelectorParams

    Members
    -------
    command : In(stream of {select: select_command, pack: pack_command})
    scores : In(packet stream of {score, valid})
    tokens : In(packet stream of [lanes] x token_format)
    kept : Out(packet stream of [lanes] x token_format)
    indices : Out(packet stream of index)
    count : Out(stream of number)
    package : Out(packet stream of [lanes] x signed(32))
    weight : Out(stream of weight)
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
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.select = select = TokenSelect(self.params)
        m.submodules.pack = pack = TokenPack(self.params)

        connect(m, flipped(self.scores), select.scores)
        connect(m, select.decisions, pack.decisions)
        connect(m, select.indices, flipped(self.indices))
        connect(m, flipped(self.tokens), pack.tokens)
        connect(m, pack.kept, flipped(self.kept))
        connect(m, pack.package, flipped(self.package))
        connect(m, pack.weight, flipped(self.weight))

        m.submodules.commands = commands = Fork(self.params.command, 2)
        connect(m, flipped(self.command), commands.i)
        for source, (name, part) in zip(
            commands.o, {"select": select, "pack": pack}.items(), strict=True
        ):
            m.d.comb += [
                part.command.valid.eq(source.valid),
                part.command.p.eq(source.p[name]),
                source.ready.eq(part.command.ready),
            ]
        m.submodules.counts = counts = Fork(self.params.number, 2)
        connect(m, select.count, counts.i)
        connect(m, counts.o[0], flipped(self.count))
        connect(m, counts.o[1], pack.kept_count)
        return m
