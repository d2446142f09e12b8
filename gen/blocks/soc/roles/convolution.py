"""The accelerator as `conv2d` and as `conv3d`."""

from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays
from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS as BLOCKS
from gemmule.gen.compile.convolution.compiled import compiled, refuse
from gemmule.gen.compile.convolution.layer import ConvRun, Layer
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.golden.common.errors import UsageError
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.hw.soc.params import AcceleratorParams

__all__ = ["CONVOLUTIONS"]


class Convolution:
    """A layer is a command: its program, and the maps that it reads and writes."""

    def __init__(self, name: str):
        (block,) = (each for each in BLOCKS if each.name == name)
        adapter = block.simulated_by()
        self.name = name
        self.Run = adapter.Run
        self.inputs: tuple[Array, ...] = adapter.inputs
        self.outputs: tuple[Array, ...] = adapter.outputs

    def result(self, run: ConvRun) -> str:
        """Return the name of the array that a run gives."""
        return run.operation.result

    def check(self, params: AcceleratorParams, run: ConvRun, arrays: Arrays) -> None:
        """Refuse hardware that does not convolve, and what the block refuses."""
        refuse(self._unit(params), run, arrays)

    def golden(self, params: AcceleratorParams, run: ConvRun, arrays: Arrays) -> NDArray:
        """Return what the block must give."""
        unit = self._unit(params)
        return Layer.refuse(unit, run, arrays).narrowed(unit).golden

    def compute(self, accelerator: Accelerator, run: ConvRun, arrays: Arrays) -> NDArray:
        """Return the driver's result."""
        method = getattr(accelerator, self.name)
        return method(**arrays, **vars(run), timeout=1e9)

    def room(self, params: AcceleratorParams, run: ConvRun, arrays: Arrays, result: NDArray) -> int:
        """Count the bytes of memory that maps and program take."""
        made = compiled(self._unit(params), run, arrays)
        return made.image.size + len(made.program)

    def macs(self, params: AcceleratorParams, run: ConvRun, arrays: Arrays, result: NDArray) -> int:
        """Count the products that the mathematics needs."""
        return Layer.refuse(self._unit(params), run, arrays).geometry.macs

    def _unit(self, params: AcceleratorParams) -> ConvolutionHardware:
        """Return the convolution unit, if it is one for this block's programs."""
        unit = params.hardware.convolution
        if unit is None or self.name != params.convolution:
            raise UsageError(
                f"--as {self.name} needs hardware with --convolution {self.name}, not"
                f" {params.convolution}"
            )
        return unit


CONVOLUTIONS = {block.name: Convolution(block.name) for block in BLOCKS}
"""The roles, by the names of their blocks."""
