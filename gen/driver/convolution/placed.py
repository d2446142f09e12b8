"""A compiled layer in shared memory, and the command that carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.compile.convolution.compiled import Compiled
from gemmule.gen.driver.buffers import Buffer, Pool
from gemmule.gen.driver.job import Owned
from gemmule.gen.driver.operands import Operand
from gemmule.golden.common.errors import UsageError
from gemmule.golden.conv.records import UNIT
from gemmule.golden.soc.commands import COMMAND, VERSION, Opcode

__all__ = ["Placed"]

WRAP = 1 << 32
"""Lengths of regions stand where strides do, which have a sign."""

STAYS = ("b",)
"""The sides of a piece that does not change with the streamed operand."""


@dataclass(frozen=True)
class Placed:
    """What of a layer is in shared memory: the regions of some sides, and the program."""

    layer: Compiled
    regions: Mapping[str, Operand]
    program: Buffer

    @classmethod
    def make(cls, pool: Pool, layer: Compiled, own: list[Owned]) -> "Placed":
        """Write the program, and what any streamed operand meets; what is made joins ``own``."""
        _, most = COMMAND["m"].bounds
        if layer.units > most:
            raise UsageError(
                f"the layer's program takes {layer.units} units of {UNIT} bytes; a command counts"
                f" to {most}"
            )
        regions = _regions(pool, layer, own, stays=True)
        program = pool.alloc(len(layer.program), np.uint8)
        own.append(program)
        program.array[:] = np.frombuffer(layer.program, np.uint8)
        program.for_device()
        return cls(layer, regions, program)

    def refilled(self, streamed: NDArray) -> "Placed":
        """Return it for another streamed operand, as large."""
        return replace(self, layer=self.layer.refilled(streamed))

    def met(self, pool: Pool, own: list[Owned]) -> "Placed":
        """Write the streamed operand; return it with all regions. What is made joins ``own``."""
        others = _regions(pool, self.layer, own, stays=False)
        return replace(self, regions={**self.regions, **others})

    @property
    def command(self) -> dict[str, int]:
        """The fields of the command."""
        fields = {
            "opcode": Opcode.CONVOLUTION,
            "version": VERSION,
            "flags": 0,
            "settings": self.program.address,
            "m": self.layer.units,
            "n": self.layer.command_units,
            "k": 0,
        }
        for side, region in self.regions.items():
            length = (len(region.array) + WRAP // 2) % WRAP - WRAP // 2
            fields |= {side: region.address, f"{side}_stride": length}
        return fields


def _regions(pool: Pool, layer: Compiled, own: list[Owned], *, stays: bool) -> dict[str, Operand]:
    """Write the pieces of the image that stay, or the others; return the regions in them."""
    regions = {}
    for piece, sides in layer.image.pieces:
        if (sides == STAYS) != stays:
            continue
        buffer = pool.alloc(len(piece), np.uint8)
        own.append(buffer)
        layer.image.fill(buffer.array, piece.start)
        buffer.for_device()
        for side in sides:
            region = layer.image.regions[side]
            at = region.start - piece.start
            array = buffer.array[at : at + len(region)]
            regions[side] = Operand(array, buffer.address + at, pool)
    return regions
