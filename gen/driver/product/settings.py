"""What turns sums into results: the record of settings, and how few of them a product needs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import ROUNDINGS, Requantization
from gemmule.golden.soc.commands import COLUMN, SETTINGS, Columns
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.systolic.gemm import corrections, zero_points

__all__ = ["Settings"]

OFFSET = Format(signed=True, width=32)


@dataclass(frozen=True)
class Settings:
    """The requantization of a product.

    ``records`` is None where sums are written as they are, else the bytes of the settings of each
    matrix of a batch of ``b``, or of one for all.
    """

    format: Format
    records: tuple[bytes, ...] | None

    @property
    def c_size(self) -> int:
        """The logarithm of the bytes of a result."""
        return self.format.dtype.itemsize.bit_length() - 1

    @classmethod
    def make(
        cls,
        hardware: Hardware,
        b: NDArray[np.int64],
        *,
        a_zero_point: ArrayLike | None = None,
        b_zero_point: ArrayLike | None = None,
        bias: ArrayLike | None = None,
        **requantization: Any,
    ) -> "Settings":
        """Return the settings of products with ``b`` ``[K, N]`` or ``[batch, K, N]``.

        Everything else is what :func:`golden.systolic.gemm.gemm` takes, but for scales by
        row. :class:`UsageError` names what this hardware has no place for.
        """
        if any(requantization.pop(name, None) is not None for name in BY_ROW):
            raise UsageError("row_multiplier: this hardware scales by column alone")
        if strange := sorted(set(requantization) - set(REQUANTIZATION)):
            known = ("a_zero_point", "b_zero_point", "bias", *REQUANTIZATION)
            raise UsageError(f"there is no {strange[0]!r}; what there is: {', '.join(known)}")
        scale = Requantization.check(
            b.shape[-1],
            bias=bias,
            **requantization,
            out_width=hardware.out_width,
            multiplier_width=hardware.multiplier_width,
            max_shift=hardware.max_shift,
        )
        zeros = zero_points("b_zero_point", b_zero_point, hardware.b_format, b.shape[-1])
        zero = zero_points("a_zero_point", a_zero_point, hardware.a_format, 1)
        if zeros.any() and not hardware.b_zero_points:
            raise UsageError(f"b_zero_point must be 0 in this hardware, not {zeros[zeros != 0][0]}")
        offset, zeros = corrections(b, bias=scale.bias, a_zero_point=zero, b_zero_point=zeros)
        if cls._plain(hardware, scale, offset, zeros):
            return cls(scale.format, None)
        offsets = offset if offset.ndim > 1 else [offset]
        return cls(scale.format, tuple(_record(scale, each, zeros) for each in offsets))

    @staticmethod
    def _plain(hardware: Hardware, scale: Requantization, offset: NDArray, zeros: NDArray) -> bool:
        """Return whether results are the sums, whatever these are."""
        return (
            hardware.acc_width <= scale.format.width == OFFSET.width
            and scale.format.signed
            and (scale.low, scale.high) == (OFFSET.low, OFFSET.high)
            and not (offset.any() or zeros.any() or scale.zero_point or scale.shift.any())
            and bool((scale.multiplier == 1).all())
        )


BY_ROW = ("row_multiplier", "row_shift")
REQUANTIZATION = ("multiplier", "shift", "zero_point", "rounding", "c_format", "clamp")


def _record(scale: Requantization, offset: NDArray, zeros: NDArray) -> bytes:
    """Return a settings record and the records of columns that it needs."""
    if offset.min() < OFFSET.low or offset.max() > OFFSET.high:
        worst = int(offset[np.argmax(np.abs(offset))])
        raise UsageError(
            f"bias with the correction of a_zero_point is {worst}, but {OFFSET} holds"
            f" {OFFSET.low}..{OFFSET.high}"
        )
    lists = {
        "offset": offset,
        "multiplier": scale.multiplier,
        "b_zero_point": zeros,
        "shift": scale.shift,
    }
    vary = {name for name, values in lists.items() if (values != values[0]).any()}
    columns = Columns.ALL if vary - {"offset"} else Columns.OFFSETS if vary else Columns.NONE
    own = {name: int(values[0]) for name, values in lists.items()}
    if columns is Columns.ALL:
        own = {}
    record = SETTINGS.encode(
        own,
        columns=columns,
        rounding=ROUNDINGS.index(scale.rounding),
        zero_point=scale.zero_point,
        low=scale.low,
        high=scale.high,
    )
    if columns is Columns.OFFSETS:
        return record + offset.astype("<i4").tobytes()
    if columns is Columns.ALL:
        rows = zip(*(values.tolist() for values in lists.values()), strict=True)
        return record + b"".join(COLUMN.encode(dict(zip(lists, row, strict=True))) for row in rows)
    return record
