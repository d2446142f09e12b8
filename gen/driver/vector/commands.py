"""Settings and commands of chains, as the hardware takes them."""

from collections.abc import Sequence

import numpy as np

from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.operands import Operand
from gemmule.golden.soc.commands import AFFINE, NO_B, SIGNS, VECTOR, VERSION, Opcode

from .chain import Chain
from .row import Row
from .rows import Rows

__all__ = ["command_of", "settings_of", "written"]


def settings_of(chain: Chain, operands: Sequence[Operand], row: Row) -> bytes:
    """Return the settings of a chain over operands, and what stands behind them."""
    signs = sum((each.array.dtype.kind == "i") << at for at, each in enumerate(operands))
    fields = chain.record | row.fields | {"signs": signs | row.fields.get("signs", 0)}
    return VECTOR.encode(fields) + row.behind


def written(device: Device, settings: Sequence[bytes], columns: int) -> Buffer:
    """Write settings one behind the other; those of ``columns`` columns at most.

    The hardware checks that there is room for gamma and beta behind each of them in any case.
    """
    octets = b"".join(settings)
    buffer = device.alloc(len(settings) * VECTOR.size + columns * AFFINE.size, np.uint8)
    buffer.array[: len(octets)] = np.frombuffer(octets, np.uint8)
    buffer.for_device()
    return buffer


def command_of(
    c: Operand, operands: Sequence[Operand], rows: Rows, settings: int, sizes: int
) -> dict[str, int]:
    """Return the command of some rows; ``sizes`` has what is no size of an element."""
    exponents = [each.array.itemsize.bit_length() - 1 for each in (c, *operands)]
    a_size, b_size = (*exponents[1:], NO_B)[:2]
    command = {
        "opcode": Opcode.VECTOR,
        "version": VERSION,
        "flags": 0,
        "c_size": exponents[0],
        "sizes": a_size | b_size << 2 | sizes,
        "settings": settings,
        "m": rows.m,
        "n": rows.n,
        "k": 0,
    }
    for name, each, stride, skip in zip(
        ("c", *SIGNS), (c, *operands), rows.strides, rows.skips, strict=False
    ):
        command |= {name: each.address + skip, f"{name}_stride": stride}
    return command
