"""Systolic matrix multiplication."""

from gemmule.gen.block import Block
from gemmule.hw.systolic.gemm import Gemm
from gemmule.hw.systolic.params import ArrayParams, GemmParams
from gemmule.hw.tech.array import array_of_cells

from .array_sheet import array_sheet
from .gemm import GemmAdapter
from .gemm_sheet import gemm_sheet

__all__ = ["BLOCKS"]

BLOCKS = (
    Block(
        "gemm",
        "Multiply matrices of any size, with zero points, and requantize the result.",
        GemmParams,
        Gemm,
        GemmAdapter(),
        sheet=gemm_sheet,
    ),
    Block(
        "array",
        "Multiply and accumulate in a bare systolic array, for a controller of your own.",
        ArrayParams,
        array_of_cells,
        sheet=array_sheet,
    ),
)
