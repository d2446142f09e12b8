"""The functions that are built in, of which a command names one."""

from amaranth import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import AFFINE, VECTOR
from gemmule.golden.soc.functions import NORMS, code_of
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.nonlinear.elementwise import COMPONENTS
from gemmule.hw.nonlinear.layernorm import Layernorm
from gemmule.hw.nonlinear.softmax import Softmax

from .layouts import elements_layout
from .params import WHOLE, VectorUnitParams

__all__ = ["Functions"]


class Functions(wiring.Component):
    """Hand vectors through the block of the function that a command names, or past all.

    The blocks are those of ``hw/nonlinear``, unchanged.

    Latency: that of the block; 0 cycles without one. Throughput: a vector a cycle. Back-pressure:
    the block's.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    start : In(1)
        A command begins: its rows may follow.
    function : In(8)
        A :class:`golden.soc.commands.VectorFunction` that is built in. Held, as all that follow,
        until the command's last vector is out.
    rows, columns : In(24); delta : In(16); log2 : In(1); epsilon : In(64)
    affine : In(packet stream of a word of 4 bytes for each lane)
        Gamma and beta, of commands that normalize.
    x, y : In, Out(stream of :func:`~.layouts.elements_layout`)
    """

    def __init__(self, params: VectorUnitParams):
        self.params = params
        elements = stream.Signature(elements_layout(WHOLE, params.lanes))
        super().__init__({
            "start": In(1),
            "function": In(8 * VECTOR["function"].octets),
            "rows": In(DIM_WIDTH),
            "columns": In(DIM_WIDTH),
            "delta": In(8 * VECTOR["delta"].octets),
            "log2": In(1),
            "epsilon": In(8 * VECTOR["epsilon"].octets),
            "affine": In(packet_stream(8 * params.settings_vector)),
            "x": In(elements),
            "y": Out(elements),
        })

    def elaborate(self, platform):
        m = Module()
        with m.Switch(self.function):
            for name in self.params.blocks:
                with m.Case(code_of(name).value):
                    self._through(m, name)
            with m.Default():
                wiring.connect(m, wiring.flipped(self.x), wiring.flipped(self.y))
        return m

    def _through(self, m: Module, name: str) -> None:
        """Add a function's block, and hand it what comes while it is chosen."""
        block = self._block(name)
        m.submodules[name] = block
        x, y = block.x.payload, block.y.payload
        lanes = y.data
        m.d.comb += [
            block.x.valid.eq(self.x.valid),
            self.x.ready.eq(block.x.ready),
            x.last.eq(self.x.p.last),
            self.y.valid.eq(block.y.valid),
            block.y.ready.eq(self.y.ready),
            self.y.p.last.eq(y.last),
            self.y.p.keep.eq(~0),
            *(self.y.p.data[n].eq(lanes[n]) for n in range(self.params.lanes)),
        ]
        given = x.data.x if name == "softmax" else x.data
        m.d.comb += [given[n].eq(self.x.p.data[n]) for n in range(self.params.lanes)]
        if name == "softmax":
            m.d.comb += x.data.keep.eq(self.x.p.keep)
            self._command(m, name, block, delta=self.delta, log2=self.log2)
        if name in NORMS:
            self._command(m, name, block, length=self.columns, epsilon=self.epsilon)
            self._affine(m, block)

    def _block(self, name: str) -> wiring.Component:
        params = self.params.block(name)
        if name in NORMS:
            return Layernorm(params)
        return Softmax(params) if name == "softmax" else COMPONENTS[name](params)

    def _command(self, m: Module, name: str, block: wiring.Component, **fields: Value) -> None:
        """Offer the command of a block of rows until it is taken."""
        waits = Signal(name=f"{name}_waits")
        m.d.sync += waits.eq(self.start | (waits & ~block.command.ready))
        m.d.comb += [
            block.command.valid.eq(waits),
            block.command.payload.rows.eq(self.rows),
            *(getattr(block.command.payload, name).eq(value) for name, value in fields.items()),
            block.status.ready.eq(1),
        ]

    def _affine(self, m: Module, block: wiring.Component) -> None:
        octets, words = self.affine.p.data, block.affine.payload.data
        m.d.comb += [
            block.affine.valid.eq(self.affine.valid),
            self.affine.ready.eq(block.affine.ready),
            block.affine.payload.last.eq(self.affine.p.last),
        ]
        for n in range(self.params.lanes):
            word = octets.word_select(n, 8 * AFFINE.size)
            for name in ("gamma", "beta"):
                m.d.comb += words[name][n].eq(word[8 * AFFINE[name].offset :])
