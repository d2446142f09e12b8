"""A compiled layer in shared memory, and the command that carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True)
class Placed:
    """The regions of a layer, in one buffer, and its program in another one."""

    layer: Compiled
    regions: Mapping[str, Operand]
    program: Buffer

    @classmethod
    def make(cls, pool: Pool, layer: Compiled, own: list[Owned]) -> "Placed":
        """Write a layer to memory; what is to be given back joins ``own``."""
        _, most = COMMAND["m"].bounds
        if layer.units > most:
            raise UsageError(
                f"the layer's program takes {layer.units} units of {UNIT} bytes; a command counts"
                f" to {most}"
            )
        image = layer.image
        maps = pool.alloc(image.size, np.uint8)
        own.append(maps)
        image.fill(maps.array)
        maps.for_device()
        program = pool.alloc(len(layer.program), np.uint8)
        own.append(program)
        program.array[:] = np.frombuffer(layer.program, np.uint8)
        program.for_device()
        regions = {
            side: Operand(maps.array[part.start : part.stop], maps.address + part.start, pool)
            for side, part in image.regions.items()
        }
        return cls(layer, regions, program)

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
