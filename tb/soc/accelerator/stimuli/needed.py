"""Which bytes a command needs, whatever else lies among its operands."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import AFFINE, SETTINGS, VECTOR, Cause, Opcode, VectorFunction
from gemmule.golden.soc.convolution import convolution
from gemmule.golden.soc.functions import NORMS
from gemmule.golden.soc.memory import MemoryImage
from gemmule.tb.soc.accelerator.pair import Pair

__all__ = ["beats", "needed"]


class _Traced(MemoryImage):
    """Memory of which it is kept what was read and written, in requests."""

    def __init__(self, octets: NDArray[np.uint8], base: int):
        super().__init__(octets, base)
        self.met: dict[bool, list[range]] = {False: [], True: []}

    def _place(self, address: int, count: int, cause: Cause) -> int:
        self.met[cause is Cause.WRITE_DECODE].append(range(address, address + count))
        return super()._place(address, count, cause)


def _traced(command: Mapping[str, int], pair: Pair) -> dict[bool, list[range]]:
    """Return what a layer reads and what it writes."""
    memory = _Traced(pair.memory.copy(), pair.base)
    convolution(command, memory, pair.hardware)
    return memory.met


def beats(command: Mapping[str, int], pair: Pair) -> int:
    """Count the beats of a command's reads and writes, about."""
    bus = pair.params.bus
    if command["opcode"] == Opcode.CONVOLUTION:
        met = _traced(command, pair)
        return sum(len(each) // bus + 1 for requests in met.values() for each in requests)
    found = operands(command, pair.hardware).values()
    return sum(each.rows * (each.row_octets // bus + 1) for each in found)


def needed(command: Mapping[str, int], pair: Pair, what: str) -> int:
    """Return the address of any byte that a command needs of an operand, or of its settings."""
    rng, found = pair.rng, operands(command, pair.hardware)
    if command["opcode"] == Opcode.CONVOLUTION:
        low, high = found[what].span
        met = _traced(command, pair)[what == "c"]
        requests = [each for each in met if low <= each.start and each.stop - 1 <= high]
        request = requests[int(rng.integers(len(requests)))]
        return request[int(rng.integers(len(request)))]
    if what == "settings":
        return command["settings"] + int(rng.integers(_settings_read(command, pair)))
    matrix = found[what]
    row = int(rng.integers(matrix.rows))
    return matrix.address + row * matrix.stride + int(rng.integers(matrix.row_octets))


def _settings_read(command: Mapping[str, int], pair: Pair) -> int:
    """Return how many bytes of settings are read whatever they say of columns."""
    if command["opcode"] == Opcode.GEMM:
        return SETTINGS.size
    at = command["settings"] - pair.base
    code = pair.memory[at + VECTOR["function"].offset]
    named = VectorFunction.of(code).name.lower() in NORMS
    return VECTOR.size + AFFINE.size * command["n"] * named
