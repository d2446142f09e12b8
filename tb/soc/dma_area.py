"""What the DMAs take on a board: three channels that read and one that writes, of 128 bits.

`python -m gemmule.tb.soc.dma_area` prints Yosys's counts. Beside them stands what Yosys made
of verilog-axi's (commit 516bd5d): three `axi_dma_rd` of 229 LUTs and an `axi_dma_wr` of 562,
without what joins them at one port.
"""

from dataclasses import dataclass

from gemmule.gen.block import Block
from gemmule.gen.synthesis.synth import Report, synthesize
from gemmule.golden.common.options import Options, option
from gemmule.hw.soc.dma.read import ReadDma
from gemmule.hw.soc.dma.write import WriteDma

__all__ = ["PEER", "counts"]

PEER = {"lut": 1249, "ff": 1467}


@dataclass(frozen=True, kw_only=True)
class DmaParams(Options):
    """The widths of a DMA."""

    address_width: int = option(32, help="bits of an address", low=32, high=64)
    data_width: int = option(128, help="bits of the bus", low=32, high=512)


READ = Block(
    "read_dma",
    "Reads memory.",
    DmaParams,
    lambda params: ReadDma(params.address_width, params.data_width, (16, 16, 16)),
)
WRITE = Block(
    "write_dma",
    "Writes memory.",
    DmaParams,
    lambda params: WriteDma(params.address_width, params.data_width, (16,)),
)


def counts(address_width: int = 32) -> dict[str, Report]:
    """Return the reports of both for ZCU102."""
    params = DmaParams(address_width=address_width)
    return {
        block.name: synthesize(block, params, "zcu102", flatten=True, parts=False)
        for block in (READ, WRITE)
    }


if __name__ == "__main__":
    found = counts()
    for name, report in found.items():
        print(f"{name:10} {report.lut:5} LUT {report.ff:5} FF {report.logic_levels:3} levels")
        print("           " + ", ".join(report.longest_path))
    print("both      ", sum(report.lut for report in found.values()), "LUT; verilog-axi", PEER)
