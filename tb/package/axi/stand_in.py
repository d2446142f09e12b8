"""A block with the accelerator's ports that copies words: what goes around it is tried quickly."""

from dataclasses import dataclass

from gemmule.gen.block import Block
from gemmule.gen.catalog import find
from gemmule.golden.common.options import Options
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.tb.soc.axi_copier import AxiCopier

__all__ = ["COPIER", "VECTOR_COPIER", "VECTOR_PARAMS", "CopierParams", "tiny"]


@dataclass(frozen=True, kw_only=True)
class CopierParams(Options):
    """Nothing: there is one copier."""


VECTOR_PARAMS = AcceleratorParams(
    rows=4,
    cols=4,
    vector_lanes=8,
    functions="gelu,softmax,rmsnorm,transpose",
    coefficients="heatvit",
    max_length=300,
)
"""What the copier's constant registers say that it is."""


class _VectorCopier(AxiCopier):
    """A copier that says of itself that it has a vector unit."""

    constants = VECTOR_PARAMS.constants


VECTOR_COPIER = Block("copier", "Copies words.", CopierParams, lambda _params: _VectorCopier())

COPIER = Block("copier", "Copies words.", CopierParams, lambda _params: AxiCopier())


def tiny() -> Options:
    """Return the parameters of the smallest preset of the accelerator."""
    block = find("accelerator")
    return block.params(**block.presets["tiny"])
