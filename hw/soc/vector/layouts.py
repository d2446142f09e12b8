"""What the parts of the vector unit tell each other."""

from amaranth import Shape, signed, unsigned
from amaranth.lib import data

from gemmule.golden.common.requantize import STEP, Rounding
from gemmule.golden.soc.commands import Combine
from gemmule.hw.common.requantize.params import RequantizerParams

from .params import SMALL, WHOLE

__all__ = ["combine_layout", "elements_layout", "scale_layout"]


def elements_layout(width: int, lanes: int) -> data.StructLayout:
    """Lay out a vector of a row between two stages.

    ``keep`` are the lanes that count: within the row, and not masked; ``last`` is the row's last.
    """
    return data.StructLayout({
        "data": data.ArrayLayout(signed(width), lanes),
        "keep": lanes,
        "last": 1,
    })


def combine_layout() -> data.StructLayout:
    """Lay out how two operands become one; ``two`` where there is a second one."""
    small = signed(SMALL)
    return data.StructLayout({
        "combine": Shape.cast(Combine),
        "two": 1,
        "a_zero_point": small,
        "b_zero_point": small,
        "a_multiplier": small,
        "b_multiplier": small,
    })


def scale_layout(params: RequantizerParams) -> data.StructLayout:
    """Lay out a scale, as :func:`golden.common.requantize.normalize_scale` makes it.

    ``base`` is the zero point less ``low``, ``span`` is high less ``low``.
    """
    number = signed(WHOLE + 1)
    return data.StructLayout({
        "multiplier": unsigned(params.multiplier_width + STEP),
        "drop": params.lane_layout["drop"].shape,
        "rounding": Rounding,
        "base": number,
        "span": unsigned(WHOLE + 1),
        "low": number,
    })
