"""The accelerator as a block that computes a function: the block's own checks and golden model."""

from typing import Any

from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Block
from gemmule.gen.blocks.nonlinear import BLOCKS
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.job import Job
from gemmule.golden.common.options import Options
from gemmule.golden.soc.functions import NORMS
from gemmule.hw.soc.params import AcceleratorParams

from .role import ROOM, check_unit

__all__ = ["ElementwiseRole", "NormRole", "SoftmaxRole"]

FOUND = {block.name: block for block in BLOCKS}


class FunctionRole:
    """A function of the vector unit, as its block has it."""

    def __init__(self, name: str):
        self.name = name
        block = self.block
        adapter = block.simulated_by()
        self.adapter = adapter
        self.Run = adapter.Run
        self.inputs: tuple[Array, ...] = adapter.inputs
        self.outputs: tuple[Array, ...] = adapter.outputs

    @property
    def block(self) -> Block:
        """The block."""
        return FOUND[self.name]

    def check(self, params: AcceleratorParams, run: Options, arrays: Arrays) -> None:
        """Refuse hardware without the function, and what the block refuses."""
        check_unit(params, self.name, self.name)
        self.adapter.check(self._own(params), run, arrays)

    def golden(self, params: AcceleratorParams, run: Options, arrays: Arrays) -> NDArray:
        """Return what the block must give."""
        return self.adapter.plan(self._own(params), run, arrays).golden["y"]

    def compute(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> NDArray:
        """Return the driver's result."""
        return self._begin(accelerator, run, arrays).result(1e9)

    def room(self, params: AcceleratorParams, arrays: Arrays, result: NDArray) -> int:
        """Count the bytes of memory that operands, settings and results may take."""
        return ROOM * result.size

    def macs(self, arrays: Arrays, result: NDArray) -> int:
        """Count none: products are those of the array alone."""
        return 0

    def _own(self, params: AcceleratorParams) -> Options:
        """Return the block's parameters, as this hardware has them."""
        unit = params.vector_unit
        assert unit is not None
        given, result = unit.golden.formats(self.name)
        options = {"in_format": given, "out_format": result, "lanes": unit.lanes}
        return self.block.params(**options, **self._more(params))

    def _more(self, params: AcceleratorParams) -> dict[str, Any]:
        raise NotImplementedError

    def _begin(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> Job:
        raise NotImplementedError


class ElementwiseRole(FunctionRole):
    """A function of each element."""

    def _more(self, params: AcceleratorParams) -> dict[str, Any]:
        unit = params.vector_unit
        assert unit is not None
        return {"coefficients": unit.golden.coefficients_of(self.name)}

    def _begin(self, accelerator: Accelerator, run: Options, arrays: Arrays) -> Job:
        return accelerator.jobs.apply(self.name, arrays["x"])


class SoftmaxRole(FunctionRole):
    """Softmax of each row."""

    def _more(self, params: AcceleratorParams) -> dict[str, Any]:
        unit = params.vector_unit
        assert unit is not None
        return {
            "coefficients": unit.golden.coefficients_of(self.name),
            "max_length": unit.max_length,
        }

    def _begin(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> Job:
        mask = arrays.get("mask")
        return accelerator.jobs.softmax(arrays["x"], mask=mask, delta=run.delta, log2=run.log2)


class NormRole(FunctionRole):
    """A normalization of each row."""

    @property
    def block(self) -> Block:
        return FOUND["layernorm"]

    def _more(self, params: AcceleratorParams) -> dict[str, Any]:
        return {
            "kind": NORMS[self.name],
            "gamma_format": params.gamma_format,
            "beta_format": params.beta_format,
            "max_length": params.max_length,
        }

    def _begin(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> Job:
        method = getattr(accelerator.jobs, self.name)
        return method(arrays["x"], arrays["gamma"], arrays.get("beta"), epsilon=run.epsilon)
