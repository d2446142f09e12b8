"""Products as jobs: the right operand prepared, the left one placed, the commands."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job, Owned, given_back
from gemmule.gen.driver.operands import (
    LARGEST_SIDE,
    Operand,
    array_of,
    overlap,
    placed,
    target_of,
)
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_array, check_values
from gemmule.golden.soc.commands import COLUMN, SETTINGS
from gemmule.golden.systolic.gemm import check_shapes

from .commands import Weights, commands_of
from .settings import Settings

__all__ = ["submit", "weights"]


def weights(device: Device, b: ArrayLike | Buffer, **scale: Any) -> Weights:
    """Return the right operand of products: :meth:`~.accelerator.Accelerator.weights`."""
    given = array_of(b)
    fmt = device.hardware.b_format
    device.settle(given)  # its columns are summed
    numbers = check_array("b", given, fmt)
    if given.ndim not in (2, 3) or 0 in given.shape or max(given.shape) > LARGEST_SIDE:
        raise UsageError(
            f"b must have shape [K, N] or [batch, K, N], each in 1..{LARGEST_SIDE}, not"
            f" {list(given.shape)}"
        )
    settings = Settings.make(device.hardware, numbers, **scale)
    made = Weights(placed(device.pool, given, fmt.dtype), settings)
    try:
        for octets in settings.records or ():
            # The hardware checks that there is room for a record of each column.
            room = SETTINGS.size + COLUMN.size * numbers.shape[-1]
            buffer = device.alloc(room, np.uint8)
            made.records.append(buffer)
            buffer.array[: len(octets)] = np.frombuffer(octets, np.uint8)
            buffer.for_device()
    except UsageError:
        made.free()
        raise
    return made


def submit(
    device: Device,
    a: ArrayLike | Buffer,
    b: ArrayLike | Buffer | Weights,
    *,
    out: NDArray | Buffer | None = None,
    wait: int = 0,
    wait_value: int = 0,
    signal: int = 0,
    **scale: Any,
) -> Job:
    """Begin a product: :meth:`~.accelerator.Accelerator.submit`."""
    right = b if isinstance(b, Weights) else weights(device, b, **scale)
    if right is b and scale:
        raise UsageError(f"{sorted(scale)[0]}: weights have their scale already")
    own: list[Owned] = [] if right is b else [right]
    order = {"wait": wait, "wait_value": wait_value, "signal": signal}
    with given_back(own):
        left, c = _operands(device, array_of(a), right, out, own)
        commands = commands_of(left, right, c)
        if overlap(c, left) or overlap(c, right.b):
            raise UsageError("out must have no byte in common with a or b")
    return device.launch(commands, own, c, [left, right.b], order)


def _operands(
    device: Device,
    a: NDArray,
    right: Weights,
    out: NDArray | Buffer | None,
    own: list[Owned],
) -> tuple[Operand, Operand]:
    """Return the left operand and the target; what is to be given back joins ``own``."""
    hardware, b, fmt = device.hardware, right.b.array, device.hardware.a_format
    check_shapes(a.shape, b.shape, fmt, hardware.b_format, hardware.acc_width)
    if a.dtype != fmt.dtype or fmt != Format(fmt.signed, 8 * fmt.dtype.itemsize):
        device.settle(a)  # its values are looked at, or copied
    check_values("a", a, fmt)
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape += a.shape[-2], b.shape[-1]
    c = target_of(device.pool, out, shape, right.settings.format.dtype)
    own.append(c)
    left = placed(device.pool, a, fmt.dtype)
    own.append(left)
    return left, c
