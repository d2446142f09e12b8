# amaranth: UnusedElaboratable=no
"""What the accelerator takes on a board without its units, as one design of 128 bits.

`python -m gemmule.tb.soc.shell_area [LANES]` prints Yosys's counts of registers, control, and the
two DMAs with all of their channels, flattened: what stays if array, scratchpads and what feeds them
go, and the vector unit of so many lanes.
"""

import sys

from amaranth import Module, Value
from amaranth.lib.wiring import In, Out, PureInterface, flipped

from gemmule.gen.block import Block
from gemmule.gen.synthesis.synth import Report, synthesize
from gemmule.hw.soc.accelerator import Accelerator
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.hw.soc.product.unit import ProductUnit
from gemmule.hw.soc.vector.unit import VectorUnit

__all__ = ["MOST", "Shell", "report"]

MOST = {0: 4000, 16: 4400}
"""LUTs that it may take, without a vector unit and with one of so many lanes."""


class Shell(Accelerator):
    """The accelerator, whose units are outside.

    Members
    -------
    product : In(signature of `ProductUnit`), machine_reset : Out(1)
    vector : In(signature of `VectorUnit`), where there is one
    and those of `Accelerator`
    """

    def __init__(self, params: AcceleratorParams):
        units = {"product": In(ProductUnit(params).signature)}
        if params.vector_unit:
            units["vector"] = In(VectorUnit(params.vector_unit).signature)
        super().__init__(params, {**units, "machine_reset": Out(1)})

    def _units(self, m: Module, reset: Value) -> dict[str, PureInterface]:
        m.d.comb += self.machine_reset.eq(reset)
        return {name: flipped(getattr(self, name)) for name in self.params.unit_names}


SHELL = Block("shell", "The accelerator without its product.", AcceleratorParams, Shell)


def report(board: str = "zcu102", **options: int) -> Report:
    """Return what the shell takes; ``options`` are those of the accelerator."""
    params = AcceleratorParams(**{"rows": 16, "cols": 16} | options)
    return synthesize(SHELL, params, board, flatten=True, parts=False)


if __name__ == "__main__":
    lanes = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    found = report(vector_lanes=lanes)
    bound = f" (at most {MOST[lanes]})" if lanes in MOST else ""
    print(f"{found.lut} LUT{bound}, {found.ff} FF, {found.dsp} DSP, {found.bram36} RAMB36")
    print(f"{found.logic_levels} levels: " + ", ".join(found.longest_path))
