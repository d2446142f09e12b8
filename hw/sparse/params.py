"""The parameters of the sparse family's blocks."""

from dataclasses import dataclass, fields

from amaranth.lib import data

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, accumulator_width
from gemmule.golden.common.options import Options, option
from gemmule.golden.sparse.format import Pattern
from gemmule.golden.systolic.gemm import largest_k
from gemmule.hw.common.stream.payload import vector
from gemmule.hw.systolic.params import ArrayParams, ProductParams

__all__ = ["Prune24Params", "SparseArrayParams", "SparseGemmParams"]


@dataclass(frozen=True, kw_only=True)
class Prune24Params(Options):
    """What fixes the hardware of a :class:`hw.sparse.prune24.Prune24`. Widths are in bits."""

    lanes: int = option(8, low=1, high=64, help="groups of four that pass in a cycle")
    w_format: Format = option(Format(True, 8), widths=(2, 16), help="format of the weights")
    metric_format: Format = option(
        Format(False, 16), widths=(1, 32), help="format of the metric, which is unsigned"
    )

    def check(self) -> None:
        if self.metric_format.signed:
            raise UsageError(f"--metric-format must be unsigned, not {self.metric_format}")


@dataclass(frozen=True, kw_only=True)
class ChainParams(ArrayParams):
    """A dense array whose columns are the chains of a sparse one, with half its rows or fewer."""

    @property
    def drain_latency(self) -> int:
        """None: a chain has few rows to choose from, and `one_of_at_once` does it."""
        return 0


@dataclass(frozen=True, kw_only=True)
class _Compressed(ArrayParams):
    """What N:M sparsity changes: a step of K is a group, an operand several lanes."""

    pattern: str = option(
        "2:4", choices=("1:4", "2:4", "4:8"), help="weights kept of each group along K"
    )
    rows: int = option(
        16, low=1, high=256, help="rows of the array: groups of a weight-stationary tile"
    )
    pack: str = option(
        "none",
        choices=("none", "m"),
        help="products that share a DSP block in a weight-stationary array: of two rows of a (m)",
    )

    @property
    def groups(self) -> Pattern:
        """The pattern, as the golden model takes it."""
        return Pattern.parse(self.pattern)

    @property
    def a_shape(self) -> data.ArrayLayout:
        """One row's operand: a whole group of ``a``."""
        return vector(self.a_format, self.groups.size)

    @property
    def b_shape(self) -> data.StructLayout:
        """One group of weights, as :mod:`golden.sparse.format` lays it out."""
        index = Format(signed=False, width=self.groups.index_width)
        return data.StructLayout({
            "values": vector(self.b_format, self.groups.kept),
            "indices": vector(index, self.groups.kept),
        })

    @property
    def dense(self) -> ChainParams:
        """The dense array whose columns are the chains of multipliers."""
        names = (each.name for each in fields(ArrayParams))
        return ChainParams(**{name: getattr(self, name) for name in names})

    @property
    def drain_latency(self) -> int:
        """That of a chain."""
        return self.dense.drain_latency

    @property
    def array_latency(self) -> int:
        """Cycles of the dense array, of the sum of the chains and, before DSP blocks, to select."""
        return self.dense.array_latency + (1 if self.cell == "generic" else 2)

    @property
    def psum_width(self) -> int:
        """Bits of a column's result, signed: one tile's sum, or a whole one."""
        products = self.rows * self.groups.kept
        column = accumulator_width(self.a_format, self.b_format, products)
        return min(column, self.acc_width) if self.dataflow == "ws" else self.acc_width

    @property
    def largest_k(self) -> int:
        """The most groups of a command; where they overshoot by one, a value must be zero."""
        products = largest_k(self.a_format, self.b_format, self.acc_width)
        return -(-products // self.groups.kept)


@dataclass(frozen=True, kw_only=True)
class SparseArrayParams(_Compressed):
    """What fixes the hardware of a :class:`hw.sparse.array.SparseArray`. Widths are in bits."""


@dataclass(frozen=True, kw_only=True)
class SparseGemmParams(_Compressed, ProductParams):
    """What fixes the hardware of a :class:`hw.sparse.gemm.SparseGemm`. Widths are in bits."""
