"""The `conv2d` and `conv3d` blocks: buffers between an external memory and a matrix product."""

from .engine import Engine
from .params import LayerParams

__all__ = ["Convolution", "Volume"]


class Convolution(Engine):
    """Convolve in two dimensions, forward and backward, requantized.

    ``y[n, o, p] = requantize(sum over c, tap of x[n, c, p * stride + tap * dilation - padding] *
    w[o, c, tap])``, and its gradients by ``x`` and by ``w``; the input gradient is the transposed
    convolution.

    :mod:`golden.conv.convolution` and :mod:`golden.common.requantize` define every bit,
    :mod:`gen.compile.convolution` makes the program: commands, loads and walks, in order, and says
    how maps and weights lie in memory. The host cuts layers to the buffers; the hardware knows
    loads, products and passes over a bank, and any geometry is a matter of the walks. Feature maps
    lie channel-last; ``x`` is read in vectors of ``rows`` channels, the other operand in vectors of
    ``cols``, and weights for the input gradient are transposed on their way. Weights are
    stationary, except in the weight gradient, whose sums are: `Gemm` has both.

    The zero-free order of the gradients is ours; BP-im2col's (arXiv 2209.09434), which spends the
    array's time on inserted zeros but stores none, runs on the same address generators, as does
    the explicit form, which first writes a map with its zeros to memory.

    A program is a packet of ``command``, with a packet of ``scale`` beside it; ``status`` and
    ``counters`` have a word for each. It ends with its fence, when all its results are written; the
    next one begins then. A command that is illegal, commands that do not fit each other, memory's
    packets of a wrong length, or a standstill end a program at once: what it asked for and what it
    has not begun is dropped, its ``status`` says why, and the next program is not touched.

    Latency: the memory's, a bank of each operand, then that of :class:`Gemm` and of the buffers,
    which add ``OperandBuffer.LATENCY``. Throughput: that of :class:`Gemm`, as long as the banks of
    the next pass are loaded while this one is walked. Back-pressure: each stream waits alone;
    results wait for memory in ``c_depth`` rows, then the array starts nothing; ``status`` and
    ``counters`` stop nothing.

    Parameters
    ----------
    params : :class:`LayerParams`

    Members
    -------
    command : In(packet stream of command_layout)
        Products, loads and passes; where those of both operands are ordered by the K at which they
        can begin, none can wait for one behind it. A packet is a program.
    x_request, w_request : Out(stream of request_layout)
        What to read of the streamed operand (``x``, or ``dy`` for the input gradient) and of the
        other one (``w``, or ``dy`` for the weight gradient).
    x : In(packet stream of params.streamed)
    w : In(packet stream of params.stationary)
        What memory answers.
    c_request : Out(stream of request_layout)
        Where each vector of ``c`` goes.
    c : Out(packet stream of params.written)
    scale : In(packet stream of [cols] x lane_layout)
        The settings of columns, as those of `Gemm`: a beat a product, a packet a program, which has
        a beat even where no product is.
    status : Out(stream of program_status)
    counters : Out(stream of counters_layout)
        What a program cost.
    """

    def __init__(self, params: LayerParams):
        super().__init__(params)


class Volume(Convolution):
    """Convolve in three dimensions, forward and transposed, requantized (see Convolution)."""
