"""The accelerator as a block that computes a function: the block's own checks and golden model."""

from typing import Any

from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays
from gemmule.gen.blocks.nonlinear import BLOCKS
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.job import Job
from gemmule.golden.common.options import Options
from gemmule.golden.soc.functions import NORMS
from gemmule.hw.soc.params import AcceleratorParams

from .role import VectorRole, check_unit

__all__ = ["ElementwiseRole", "NormRole", "SoftmaxRole"]

FOUND = {block.name: block for block in BLOCKS}


class FunctionRole(VectorRole):
    """A function of the vector unit, as its block has it."""

    def __init__(self, name: str):
        self.name = name
        self.adapter = adapter = FOUND["layernorm" if name in NORMS else name].simulated_by()
        self.Run = adapter.Run
        self.inputs: tuple[Array, ...] = adapter.inputs
        self.outputs: tuple[Array, ...] = adapter.outputs

    def check(self, params: AcceleratorParams, run: Options, arrays: Arrays) -> None:
        """Refuse hardware without the function, and what the block refuses."""
        check_unit(params, self.name, self.name)
        self.adapter.check(self._own(params), run, arrays)

    def golden(self, params: AcceleratorParams, run: Options, arrays: Arrays) -> NDArray:
        """Return what the block must give."""
        return self.adapter.plan(self._own(params), run, arrays).golden["y"]

    def _own(self, params: AcceleratorParams) -> Options:
        """Return the block's parameters, as this hardware has them."""
        unit = params.vector_unit
        assert unit is not None
        return unit.block(self.name)


class ElementwiseRole(FunctionRole):
    """A function of each element."""

    def _begin(self, accelerator: Accelerator, run: Options, arrays: Arrays) -> Job:
        return accelerator.jobs.apply(self.name, arrays["x"])


class SoftmaxRole(FunctionRole):
    """Softmax of each row."""

    def _begin(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> Job:
        mask = arrays.get("mask")
        return accelerator.jobs.softmax(arrays["x"], mask=mask, delta=run.delta, log2=run.log2)


class NormRole(FunctionRole):
    """A normalization of each row."""

    def _begin(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> Job:
        method = getattr(accelerator.jobs, self.name)
        return method(arrays["x"], arrays["gamma"], arrays.get("beta"), epsilon=run.epsilon)
