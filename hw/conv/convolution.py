"""The `conv2d` and `conv3d` blocks: buffers between an external memory and a matrix product."""

from amaranth import Module, Mux, Shape, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from gemmule.golden.conv.order import Kind
from gemmule.hw.common.memory_port import request_layout
from gemmule.hw.common.skid import SkidBuffer
from gemmule.hw.common.streams import packet_stream
from gemmule.hw.systolic.command import command_layout as product_layout
from gemmule.hw.systolic.gemm import Gemm

from .counters import Counters, counters_layout
from .loader import Loader, load_layout
from .operand import OperandBuffer, pass_layout
from .params import LayerParams
from .writer import Writer, place_layout

__all__ = ["KIND_WIDTH", "Convolution", "Volume", "command_layout"]

KIND_WIDTH = (len(Kind) - 1).bit_length()
"""Bits that tell to whom a command goes."""


def fence_layout() -> data.StructLayout:
    """``report``: the counters are told, and begin anew."""
    return data.StructLayout({"report": 1})


def command_layout(params: LayerParams) -> data.StructLayout:
    """``kind`` and, above it, what :func:`contents` says for it."""
    width = max(Shape.cast(layout).width for layout in contents(params).values())
    return data.StructLayout({"kind": unsigned(KIND_WIDTH), "content": unsigned(width)})


def contents(params: LayerParams) -> dict[Kind, data.StructLayout]:
    """What each kind of command carries."""
    core = params.core
    return {
        Kind.PRODUCT: product_layout(core),
        Kind.X_PASS: pass_layout(params.x_walks, core.a_format),
        Kind.W_PASS: pass_layout(params.w_walks, core.b_format),
        Kind.X_LOAD: load_layout(params.x_walks),
        Kind.W_LOAD: load_layout(params.w_walks),
        Kind.PLACES: place_layout(params),
        Kind.FENCE: fence_layout(),
    }


class Convolution(Component):
    """Convolve in two dimensions, forward and backward, requantized.

    ``y[n, o, p] = requantize(sum over c, tap of x[n, c, p * stride + tap * dilation - padding] *
    w[o, c, tap])``, and its gradients by ``x`` and by ``w``; the input gradient is the transposed
    convolution.

    ``golden.conv.convolution`` and ``golden.common.requantize`` define every bit,
    ``golden.conv.operations`` the program: commands, loads and walks, in order;
    ``golden.conv.maps`` how maps and weights lie in memory. The host cuts layers to the buffers;
    the hardware knows loads, products and passes over a bank, and any geometry is a matter of the
    walks. Feature maps lie channel-last; ``x`` is read in vectors of ``rows`` channels, the other
    operand in vectors of ``cols``, and weights for the input gradient are transposed on their way.
    Weights are stationary, except in the weight gradient, whose sums are: `Gemm` has both.

    The zero-free order of the gradients is ours; BP-im2col's (arXiv 2209.09434), which spends the
    array's time on inserted zeros but stores none, runs on the same address generators, as does
    the explicit form, which first writes a map with its zeros to memory.

    Latency: the memory's, a bank of each operand, then that of :class:`Gemm` and of the buffers,
    which add ``OperandBuffer.LATENCY``. Throughput: that of :class:`Gemm`, as long as the banks of
    the next pass are loaded while this one is walked. Back-pressure: each stream waits alone;
    results wait for memory in ``c_depth`` rows, then the array starts nothing.

    Parameters
    ----------
    params : :class:`LayerParams`

    Members
    -------
    command : ``In(stream(command_layout))``
        Products, loads and passes; where those of both operands are ordered by the K at which they
        can begin, none can wait for one behind it.
    x_request, w_request : ``Out(stream(request_layout))``
        What to read of the streamed operand (``x``, or ``dy`` for the input gradient) and of the
        other one (``w``, or ``dy`` for the weight gradient).
    x : ``In(packet_stream(params.streamed))``
    w : ``In(packet_stream(params.stationary))``
        What memory answers.
    c_request : ``Out(stream(request_layout))``
        Where each vector of ``c`` goes.
    c : ``Out(packet_stream(params.written))``
    scale, status
        As those of `Gemm`: one packet of ``scale``, and one ``status``, a product.
    counters : ``Out(stream(counters_layout))``
        One a fence that reports.
    """

    def __init__(self, params: LayerParams):
        self.params = params
        self._product = product = Gemm(params.core)
        request = stream.Signature(request_layout())
        super().__init__({
            "command": In(stream.Signature(command_layout(params))),
            "x_request": Out(request),
            "x": In(packet_stream(params.streamed)),
            "w_request": Out(request),
            "w": In(packet_stream(params.stationary)),
            "c_request": Out(request),
            "c": Out(packet_stream(params.written)),
            **{name: product.signature.members[name] for name in ("scale", "status")},
            "counters": Out(stream.Signature(counters_layout())),
        })

    def elaborate(self, platform):
        m = Module()
        params, core = self.params, self.params.core
        m.submodules.product = product = self._product
        m.submodules.writer = writer = Writer(params)
        m.submodules.counters = counters = Counters()
        m.submodules.x_buffer = x = OperandBuffer(params.x_walks, core.a_format, params.rows)
        m.submodules.w_buffer = w = OperandBuffer(params.w_walks, core.b_format, params.cols)
        m.submodules.x_loader = x_loader = Loader(
            params.x_walks, core.a_format, params.rows, turns=False
        )
        m.submodules.w_loader = w_loader = Loader(
            params.w_walks, core.b_format, params.cols, turns="ws" in core.dataflows
        )
        for name, buffer, loader in (("x", x, x_loader), ("w", w, w_loader)):
            connect(m, loader.request, flipped(getattr(self, f"{name}_request")))
            connect(m, flipped(getattr(self, name)), loader.i)
            connect(m, loader.o, buffer.load)
            m.d.comb += loader.released.eq(buffer.released)
        self._stream(m, x, product, writer)
        connect(m, w.o, product.b)
        connect(m, flipped(self.scale), product.scale)
        connect(m, product.c, writer.c)
        connect(m, writer.request, flipped(self.c_request))
        connect(m, writer.o, flipped(self.c))
        connect(m, product.status, flipped(self.status))
        connect(m, counters.o, flipped(self.counters))
        self._count(m, x, w, counters)
        targets = {
            Kind.PRODUCT: product.command, Kind.X_PASS: x.passes, Kind.W_PASS: w.passes,
            Kind.X_LOAD: x_loader.loads, Kind.W_LOAD: w_loader.loads, Kind.PLACES: writer.places,
        }  # fmt: skip
        self._dispatch(m, targets, writer.idle, counters)
        return m

    def _stream(self, m: Module, x: OperandBuffer, product: Gemm, writer: Writer) -> None:
        """The streamed operand goes to the product, or back to memory."""
        m.d.comb += [
            product.a.valid.eq(x.o.valid & ~writer.copying),
            product.a.payload.eq(x.o.payload),
            writer.x.valid.eq(x.o.valid),
            writer.x.payload.eq(x.o.payload),
            x.o.ready.eq(Mux(writer.copying, writer.x.ready, product.a.ready)),
        ]

    def _count(self, m: Module, x: OperandBuffer, w: OperandBuffer, counters: Counters) -> None:
        moves = {
            name: port.valid & port.ready for name, port in (
                ("x", x.o), ("w", w.o), ("x_in", self.x), ("w_in", self.w), ("c", self.c),
                ("asked", self.x_request),
            )
        }  # fmt: skip
        events = {
            "busy_cycles": moves["asked"],
            "x_reads": moves["x"] & x.real, "x_masked": moves["x"] & ~x.real,
            "x_loaded": moves["x_in"],
            "w_reads": moves["w"] & w.real, "w_masked": moves["w"] & ~w.real,
            "w_loaded": moves["w_in"], "c_written": moves["c"],
        }  # fmt: skip
        m.d.comb += [counters.events[name].eq(event) for name, event in events.items()]

    def _dispatch(self, m: Module, targets: dict, idle, counters: Counters) -> None:
        """Each command to the target that its kind names, through two places of its own."""
        ready = 0
        layouts = contents(self.params)
        for kind, target in targets.items():
            name = kind.name.lower()
            m.submodules[f"{name}_queue"] = queue = SkidBuffer(layouts[kind])
            mine = self.command.p.kind == kind.value
            m.d.comb += [
                queue.i.valid.eq(self.command.valid & mine),
                queue.i.payload.as_value().eq(self.command.p.content),
                target.valid.eq(queue.o.valid),
                target.payload.eq(queue.o.payload),
                queue.o.ready.eq(target.ready),
            ]
            ready |= mine & queue.i.ready
        fence = self.command.p.kind == Kind.FENCE.value
        report = data.View(fence_layout(), self.command.p.content[:1]).report
        done = idle & ~targets[Kind.PLACES].valid
        m.d.comb += [
            counters.report.valid.eq(self.command.valid & fence & done & report),
            self.command.ready.eq(ready | (fence & done & (~report | counters.report.ready))),
        ]


class Volume(Convolution):
    """Convolve in three dimensions, forward and transposed, requantized (see Convolution)."""
