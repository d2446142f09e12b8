"""2:4 sparsity: format, pruning, arrays."""

from gemmule.gen.block import Block
from gemmule.hw.sparse.dsp import sparse_array_of_cells
from gemmule.hw.sparse.gemm import SparseGemm
from gemmule.hw.sparse.params import SparseArrayParams, SparseGemmParams

from .gemm import SparseGemmAdapter
from .prune24 import PRUNE24
from .sheet import sparse_array_sheet, sparse_gemm_sheet

__all__ = ["BLOCKS", "PRUNE24", "SPARSE_ARRAY", "SPARSE_GEMM"]

SPARSE_GEMM = Block(
    "sparse_gemm",
    "Multiply by N:M sparse weights, sent without what was pruned, and requantize.",
    SparseGemmParams,
    SparseGemm,
    SparseGemmAdapter(),
    sheet=sparse_gemm_sheet,
)

SPARSE_ARRAY = Block(
    "sparse_array",
    "Multiply by N:M sparse weights in a bare systolic array, for a controller of your own.",
    SparseArrayParams,
    sparse_array_of_cells,
    sheet=sparse_array_sheet,
)

BLOCKS = (SPARSE_GEMM, SPARSE_ARRAY, PRUNE24)
