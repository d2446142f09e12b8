# amaranth: UnusedElaboratable=no
"""What the accelerator takes on a board without its product unit, as one design of 128 bits.

`python -m gemmule.tb.soc.shell_area` prints Yosys's counts of registers, control, and the two DMAs
with all of their channels, flattened: what stays if array, scratchpads and what feeds them go.
"""

from amaranth import Module, Value
from amaranth.lib.wiring import In, Out, flipped

from gemmule.gen.block import Block
from gemmule.gen.synthesis.synth import Report, synthesize
from gemmule.hw.soc.accelerator import Accelerator
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.hw.soc.product.unit import ProductUnit

__all__ = ["MOST", "Shell", "report"]

MOST = 4000
"""LUTs that it may take."""


class Shell(Accelerator):
    """The accelerator, whose product unit is outside.

    Members
    -------
    product : In(signature of `ProductUnit`), machine_reset : Out(1)
    and those of `Accelerator`
    """

    def __init__(self, params: AcceleratorParams):
        unit = ProductUnit(params).signature
        super().__init__(params, {"product": In(unit), "machine_reset": Out(1)})

    def _product(self, m: Module, reset: Value) -> ProductUnit:
        m.d.comb += self.machine_reset.eq(reset)
        return flipped(self.product)


SHELL = Block("shell", "The accelerator without its product.", AcceleratorParams, Shell)


def report(board: str = "zcu102", **options: int) -> Report:
    """Return what the shell takes; ``options`` are those of the accelerator."""
    params = AcceleratorParams(**{"rows": 16, "cols": 16} | options)
    return synthesize(SHELL, params, board, flatten=True, parts=False)


if __name__ == "__main__":
    found = report()
    print(
        f"{found.lut} LUT (at most {MOST}), {found.ff} FF, {found.dsp} DSP, {found.bram36} RAMB36"
    )
    print(f"{found.logic_levels} levels: " + ", ".join(found.longest_path))
