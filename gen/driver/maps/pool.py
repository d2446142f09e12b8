"""Windows as a user gives them, and maximum pooling as commands, axis by axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job
from gemmule.gen.driver.vector.chain import Chain, apart, unit_of
from gemmule.gen.driver.vector.stored import Given, smallest
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.pool.window import Side, sides_of
from gemmule.golden.soc.commands import Combine

from .reduction import Reduction, planned, reduced
from .stages import Stages

__all__ = ["Window", "max_pool"]


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a user says of windows: numbers for all axes or one for each, None for all of them."""

    kernel: int | Sequence[int] | None
    stride: int | Sequence[int] = 1
    padding: int | Sequence[int] = 0
    dilation: int | Sequence[int] = 1
    ceil_mode: bool = False

    def sides(self, shape: tuple[int, ...]) -> tuple[Side, ...]:
        """Return the windows along each axis of maps ``[N, *space, C]``."""
        if not 3 <= len(shape) <= 5:
            raise UsageError(
                f"x must have shape [N, W, C], [N, H, W, C] or [N, D, H, W, C], not {list(shape)}"
            )
        space = shape[1:-1]
        return sides_of(
            space,
            space if self.kernel is None else _numbers(self.kernel),
            stride=_numbers(self.stride),
            padding=_numbers(self.padding),
            dilation=_numbers(self.dilation),
            ceil_mode=self.ceil_mode,
        )

    def opened(self, stages: Stages, x: Given, out: Any, scale: Mapping[str, Any]) -> "Opened":
        """Bring maps to shared memory, and find where the result goes."""
        array = stages.operand("x", x)
        sides, fmt = self.sides(array.shape), smallest(array)
        end = stages.chain(fmt=fmt, **scale)
        shape = (array.shape[0], *(side.out for side in sides), array.shape[-1])
        return Opened(array, sides, fmt, end, stages.target(out, shape, end.format.dtype))


class Opened(NamedTuple):
    """Maps in shared memory, the format that holds them, the last chain, and its result."""

    array: NDArray
    sides: tuple[Side, ...]
    fmt: Format
    end: Chain
    c: NDArray


def max_pool(device: Device, x: Given, window: Window, out: Any, options: Mapping[str, Any]) -> Job:
    """Begin :func:`golden.pool.pooling.max_pool`, channels last."""
    unit_of(device.hardware, "max_pool", "none")
    order, scale = apart(options)
    with Stages.begin(device) as stages:
        array, sides, fmt, chain, c = window.opened(stages, x, out, scale)
        how = Reduction(stages, Combine.MAXIMUM, fmt, fmt.low)
        plain = stages.chain(c_format=fmt, rounding=scale.get("rounding"))
        unscaled = (chain.record, chain.format) == (plain.record, plain.format)
        seen, passes = planned(array, sides, idempotent=True)
        made = reduced(how, seen, passes, c if unscaled else None)
        if made is not c:
            stages.stage()
            stages.step(chain, c, made)
        return stages.launch(order)


def _numbers(given: int | Sequence[int]) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)
