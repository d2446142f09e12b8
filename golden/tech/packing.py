"""Several products in one multiplier: how operands are packed, and how a chain's sum is unpacked.

A DSP block multiplies a *wide* by a *narrow* two's complement operand and adds the product to the
sum that comes down a cascade. Put two numbers into an operand, ``spacing`` bits apart, and the
product holds the products of the parts in *fields* ``spacing`` bits apart::

    n      ((b1 << s) + b0) * a              = (b1*a << s) + b0*a
    m      ((a1 << s) + a0) * b              = (a1*b << s) + a0*b
    quad   ((b1 << 2s) + b0) * ((a1 << s) + a0)
           = (b1*a1 << 3s) + (b1*a0 << 2s) + (b0*a1 << s) + b0*a0

**The spacing.** The sum of two parts needs one bit beyond the upper one: -128 << 18 with -128 added
is below -2**25. So a part of ``w`` bits leaves a port of ``P`` bits a spacing of at most
``P - w - 1``: 18 on the 27 bits of a DSP48E2 and 16 on the 25 bits of a DSP48E1 for eight bits; for
the quads of four bits ``(27 - 5) / 2 = 11``. Of the spacings that a port has room for, the smallest
is taken with which chains are deepest.

**The depth.** Let one product lie in ``low..high``; for s8 by s8 that is -16256..16384. Then the
sum of ``n`` lies in ``n*low..n*high``. With the constant ``-n*low`` added to a field, the field is
in ``0..n*(high - low)``: never negative, it borrows nothing from the field above, and below
``2**s`` it carries nothing into it. So a chain may be as deep as ``(2**s - 1) // (high - low)``::

    s8 by s8     span 32640    spacing 18: 8    spacing 16: 2
    u8 by s8     span 65025    spacing 18: 4    spacing 16: 1
    s4 by s4     span   120    spacing 11: 17

The constant enters once, at the top of a chain, where the cascade input is free. Without it a
*signed* low field must stay in ``-2**(s-1)..2**(s-1)-1``, which at 18 bits ends at 7 rows
(8 * 16384 = 2**17), and each field above must add the borrow of the one below.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, product_range

__all__ = ["ACCUMULATOR", "MAX_DEPTH", "NARROW_PORT", "WIDE_PORT", "Packing", "packing"]

WIDE_PORT = {"dsp48e1": 25, "dsp48e2": 27}
"""Bits of the multiplier's wide operand."""

NARROW_PORT = 18
"""Bits of the multiplier's narrow operand."""

ACCUMULATOR = 48
"""Bits of the cascade and of the accumulator."""

MAX_DEPTH = 256
"""Rows of a chain that no field bounds: as many as an array may have."""


@dataclass(frozen=True)
class Packing:
    """One way to share a multiplier; made by :func:`packing`.

    ``columns`` parts of the stationary operand (along N) meet ``rows`` parts of the moving one
    (along M). ``spacing`` is the distance of the fields, ``depth`` the rows that a chain may have.

    Examples
    --------
    >>> pair = packing("dsp48e2", "n", Format.parse("s8"), Format.parse("s8"))
    >>> pair.spacing, pair.depth, pair.bias(8)
    (18, 8, 130048)
    >>> total = 8 * pair.wide([[-128, 127]]) * pair.narrow([[-128]]) + pair.constant(8)
    >>> pair.unpack(total, 8)[0, 0].tolist()  # 8 * -128 * -128, and 8 * 127 * -128
    [131072, -130048]
    """

    kind: str
    a_format: Format
    b_format: Format
    spacing: int
    depth: int
    columns: int
    rows: int

    @property
    def fields(self) -> int:
        """Products in one multiplier."""
        return self.columns * self.rows

    def bias(self, depth: int) -> int:
        """Return what makes a field of ``depth`` products non-negative."""
        return -depth * product_range(self.a_format, self.b_format)[0] if self.fields > 1 else 0

    def constant(self, depth: int) -> int:
        """Return what enters at the top of a chain: the bias of every field but the uppermost."""
        return sum(self.bias(depth) << self.spacing * i for i in range(self.fields - 1))

    def wide(self, parts: ArrayLike) -> NDArray[np.int64]:
        """Return the wide operand ``[...]`` of ``[..., parts]``, the first part lowest."""
        step = self.spacing * (2 if self.kind == "quad" else 1)
        return _join(parts, step)

    def narrow(self, parts: ArrayLike) -> NDArray[np.int64]:
        """Return the narrow operand ``[...]`` of ``[..., parts]``."""
        return _join(parts, self.spacing)

    def unpack(self, total: ArrayLike, depth: int) -> NDArray[np.int64]:
        """Return sums ``[..., rows, columns]`` from what leaves a chain of ``depth`` rows.

        The bias is still in ``total``.
        """
        rest, fields = np.asarray(total, dtype=np.int64), []
        for _ in range(self.fields - 1):
            fields.append((rest & (1 << self.spacing) - 1) - self.bias(depth))
            rest = rest >> self.spacing
        fields.append(rest)
        # The moving part changes fastest, as in the equation of the quad.
        stacked = np.stack(fields, axis=-1)
        return stacked.reshape(*stacked.shape[:-1], self.columns, self.rows).swapaxes(-1, -2)


def packing(cell: str, kind: str, a_format: Format, b_format: Format) -> Packing:
    """Return the packing ``kind`` (none, n, m, quad) on ``cell`` (a key of :data:`WIDE_PORT`).

    :class:`UsageError` where not even one row fits.
    """
    columns, rows = {"none": (1, 1), "n": (2, 1), "m": (1, 2), "quad": (2, 2)}[kind]
    wide, narrow = (b_format, a_format) if kind != "m" else (a_format, b_format)
    room = WIDE_PORT[cell] - wide.width - 1
    if kind == "quad":
        room = min(room // 2, NARROW_PORT - narrow.width - 1)
    low, high = product_range(a_format, b_format)
    spacings = [ACCUMULATOR] if kind == "none" else list(range(1, room + 1))
    depths = {s: _depth(s, columns * rows, high - low) for s in spacings}
    depth = max(depths.values(), default=0)
    if depth < 1:
        raise UsageError(
            f"--pack {kind} has no room on {cell} for --a-format {a_format} by "
            f"--b-format {b_format}; narrower formats or --pack none do"
        )
    spacing = min(s for s in spacings if depths[s] == depth)
    return Packing(kind, a_format, b_format, spacing, depth, columns, rows)


def _depth(spacing: int, fields: int, span: int) -> int:
    """Count a chain's rows whose sums keep to their fields, the uppermost to the accumulator."""
    top = ACCUMULATOR - 1 - spacing * (fields - 1)
    bits = min(spacing, top) if fields > 1 else top
    return min(MAX_DEPTH, ((1 << max(bits, 0)) - 1) // span)


def _join(parts: ArrayLike, step: int) -> NDArray[np.int64]:
    parts = np.asarray(parts, dtype=np.int64)
    return (parts << step * np.arange(parts.shape[-1])).sum(axis=-1)
