"""The `sparse_gemm` block: the `gemm` block around an array of sparse cells."""

from gemmule.hw.systolic.gemm import Gemm

from .dsp import sparse_array_of_cells
from .params import SparseGemmParams

__all__ = ["SparseGemm"]


class SparseGemm(Gemm):
    """Multiply matrices by N:M sparse weights: ``c = requantize((a - za) @ (b - zb))``.

    The commands, streams, requantization and dataflows of :class:`hw.systolic.gemm.Gemm`, with a
    group of ``size`` along K where that has one step: a row of the array takes a whole group of
    ``a``, a column ``kept`` values and their indices. ``k`` of a command counts groups. 2:4 does in
    half the cycles what a dense array with as many multipliers does, and moves 0.625 of its int8
    weights.

    Dense matrices run on the same hardware at the dense rate: each group then holds ``kept`` rows
    of ``b``, at indices 0, 1 and so on (:func:`golden.sparse.gemm.dense_as_groups`). The bits are
    those of :func:`golden.sparse.gemm.multiply`, requantized as :mod:`golden.systolic.gemm` says.

    A K at the limit of ``acc_width`` may fill its last group only as far as that limit goes.

    Latency: :attr:`latency` cycles from a row of ``a`` in the last tile of K to its ``c``, one or
    two (with DSP blocks) more than :class:`hw.systolic.gemm.Gemm`.
    Throughput: R x C groups a cycle, ``kept`` products each.
    Back-pressure: the array never waits; beats enter it only when their results have room.

    Parameters
    ----------
    params : SparseGemmParams

    Members
    -------
    command : In(stream of :func:`hw.systolic.command.command_layout`)
    a : In(packet stream of [rows] x [size] x a_format)
    b : In(packet stream of [cols] x (values [kept] x b_format, indices [kept]))
    scale : In(packet stream of [cols] x ``params.requantizer.lane_layout``)
    c : Out(packet stream of [cols] x signed(out_width)); one packet a command
    status : Out(stream of :func:`hw.systolic.command.product_status`); one a command
    """

    ARRAY = staticmethod(sparse_array_of_cells)

    def __init__(self, params: SparseGemmParams):
        super().__init__(params)
