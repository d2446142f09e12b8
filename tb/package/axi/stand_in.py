"""A block with the accelerator's ports that copies words: what goes around it is tried quickly."""

from dataclasses import dataclass

from gemmule.gen.block import Block
from gemmule.gen.catalog import find
from gemmule.golden.common.options import Options
from gemmule.tb.soc.axi_copier import AxiCopier

__all__ = ["COPIER", "CopierParams", "tiny"]


@dataclass(frozen=True, kw_only=True)
class CopierParams(Options):
    """Nothing: there is one copier."""


COPIER = Block("copier", "Copies words.", CopierParams, lambda _params: AxiCopier())


def tiny() -> Options:
    """Return the parameters of the smallest preset of the accelerator."""
    block = find("accelerator")
    return block.params(**block.presets["tiny"])
