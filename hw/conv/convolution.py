"""The `conv2d` and `conv3d` blocks: two buffers, their address generators, and a matrix product."""

from amaranth import Module, Shape, unsigned
from amaranth.lib import data, enum, stream
from amaranth.lib.wiring import Component, In, connect, flipped

from gemmule.hw.common.skid import SkidBuffer
from gemmule.hw.common.streams import packet_stream, vector
from gemmule.hw.systolic.command import command_layout as product_layout
from gemmule.hw.systolic.gemm import Gemm

from .operand import OperandBuffer, pass_layout
from .params import ConvParams

__all__ = ["Convolution", "Kind", "Volume", "command_layout"]


class Kind(enum.Enum, shape=2):
    """To whom a command goes."""

    PRODUCT = 0
    X_PASS = 1
    W_PASS = 2


def command_layout(params: ConvParams) -> data.StructLayout:
    """``kind`` and, above it, the :func:`product_layout` or :func:`pass_layout` that it names."""
    width = max(Shape.cast(layout).width for layout in _contents(params))
    return data.StructLayout({"kind": Kind, "content": unsigned(width)})


def _contents(params: ConvParams) -> tuple[data.StructLayout, ...]:
    """What each kind carries, in the order of :class:`Kind`."""
    core = params.core
    return (
        product_layout(core),
        pass_layout(params.x_walks, core.a_format),
        pass_layout(params.w_walks, core.b_format),
    )


class Convolution(Component):
    """Convolve in two dimensions, forward and backward, requantized.

    ``y[n, o, p] = requantize(sum over c, tap of x[n, c, p * stride + tap * dilation - padding] *
    w[o, c, tap])``, and its gradients by ``x`` and by ``w``; the input gradient is the transposed
    convolution.

    ``golden.conv.convolution`` and ``golden.common.requantize`` define every bit,
    ``golden.conv.operations`` the program: commands, loads and walks, in order. The host cuts
    layers to the buffers; the hardware knows products and passes over a bank, and any geometry is
    a matter of the walks. Feature maps are loaded channel-last in vectors of ``rows`` channels,
    the other operand in vectors of ``cols``. Weights are stationary, except in the weight
    gradient, whose sums are: `Gemm` has both.

    The zero-free order of the gradients is ours; BP-im2col's (arXiv 2209.09434), which spends the
    array's time on inserted zeros but stores none, runs on the same address generators, as does
    the explicit form, which loads a map with its zeros.

    Latency: a bank of each operand, then that of :class:`Gemm` and of the buffers, which add
    ``OperandBuffer.LATENCY``. Throughput: that of :class:`Gemm`, as long as the banks of the next
    pass are loaded while this one is walked. Back-pressure: each stream waits alone.

    Parameters
    ----------
    params : :class:`ConvParams`

    Members
    -------
    command : ``In(stream(command_layout))``
        Products and passes; where the passes of both operands are ordered by the K at which they
        begin, none can wait for one behind it.
    x : ``In(packet_stream(vector(a_format, rows)))``
        Banks of the streamed operand: ``x``, or ``dy`` for the input gradient.
    w : ``In(packet_stream(vector(b_format, cols)))``
        Banks of the other one: ``w``, or ``dy`` for the weight gradient.
    scale, c, status
        As those of `Gemm`: one packet of ``scale`` and of ``c``, and one ``status``, a product.
    """

    def __init__(self, params: ConvParams):
        self.params = params
        self._product = product = Gemm(params.core)
        core = params.core
        super().__init__({
            "command": In(stream.Signature(command_layout(params))),
            "x": In(packet_stream(vector(core.a_format, params.rows))),
            "w": In(packet_stream(vector(core.b_format, params.cols))),
            **{name: product.signature.members[name] for name in ("scale", "c", "status")},
        })

    def elaborate(self, platform):
        m = Module()
        core = self.params.core
        m.submodules.product = product = self._product
        m.submodules.x_buffer = x = OperandBuffer(
            self.params.x_walks, core.a_format, self.params.rows
        )
        m.submodules.w_buffer = w = OperandBuffer(
            self.params.w_walks, core.b_format, self.params.cols
        )
        connect(m, flipped(self.x), x.load)
        connect(m, flipped(self.w), w.load)
        connect(m, x.o, product.a)
        connect(m, w.o, product.b)
        connect(m, flipped(self.scale), product.scale)
        connect(m, product.c, flipped(self.c))
        connect(m, product.status, flipped(self.status))
        self._dispatch(m, product.command, x.passes, w.passes)
        return m

    def _dispatch(self, m: Module, *targets) -> None:
        """Each command to the target that its kind names, through two places of its own."""
        ready = 0
        for kind, target, layout in zip(Kind, targets, _contents(self.params), strict=True):
            name = kind.name.lower()
            m.submodules[f"{name}_queue"] = queue = SkidBuffer(layout)
            mine = self.command.p.kind == kind
            m.d.comb += [
                queue.i.valid.eq(self.command.valid & mine),
                queue.i.payload.as_value().eq(self.command.p.content),
                target.valid.eq(queue.o.valid),
                target.payload.eq(queue.o.payload),
                queue.o.ready.eq(target.ready),
            ]
            ready |= mine & queue.i.ready
        m.d.comb += self.command.ready.eq(ready)


class Volume(Convolution):
    """Convolve in three dimensions, forward and transposed, requantized (see Convolution)."""
