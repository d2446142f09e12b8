"""What is wrong with a command by itself, whatever the others of its program are."""

from collections.abc import Mapping
from typing import Any

from gemmule.golden.common.memory import LENGTH_WIDTH
from gemmule.golden.common.requantize import Rounding

from .commands import Opcode
from .hardware import ConvolutionHardware
from .refusal import Refusal

__all__ = ["refusal"]

Fields = Mapping[str, Any]


def refusal(kind: int, fields: Fields, hardware: ConvolutionHardware, *, last: bool) -> Refusal:
    """Return why a command is refused, the lowest number of several, or ``NONE``.

    ``fields`` are those that :func:`~.layout.contents` names, of a ``kind`` that there is; ``last``
    says that it ends the program.
    """
    if kind not in set(Opcode):
        return Refusal.KIND
    if last and kind != Opcode.FENCE:
        return Refusal.END
    match kind:
        case Opcode.PRODUCT:
            return _product(fields, hardware)
        case Opcode.A_PASS | Opcode.B_PASS:
            return Refusal.WALK if _misfits(fields["walk"]) else Refusal.NONE
        case Opcode.A_LOAD:
            wrong = _misloads(fields, hardware.rows, hardware.x_depth)
            return Refusal.LOAD if wrong else Refusal.NONE
        case Opcode.B_LOAD:
            wrong = _misloads(fields, hardware.cols, hardware.w_depth)
            return Refusal.LOAD if wrong else Refusal.NONE
        case Opcode.PLACES:
            lanes = hardware.rows if fields["copied"] else hardware.cols
            right = 0 < fields["length"] <= lanes and fields["size"] <= hardware.largest_size
            return Refusal.NONE if right else Refusal.LENGTH
    return Refusal.NONE


def _product(fields: Fields, hardware: ConvolutionHardware) -> Refusal:
    if 0 in (fields["m"], fields["n"], fields["k"]) or fields["n"] > hardware.cols:
        return Refusal.SIZE
    if ("os" if fields["output_stationary"] else "ws") not in hardware.dataflows:
        return Refusal.DATAFLOW
    least = min(fields[name] for name in ("zero_point", "low", "high"))
    wrong = fields["low"] > fields["high"] or fields["rounding"] > max(Rounding)
    return Refusal.SETTINGS if wrong or least < -(1 << hardware.out_width - 1) else Refusal.NONE


def _misfits(walk: Fields) -> bool:
    """Tell whether a spread is 0 or a remainder not below its spread, of any level."""
    jumps = [walk["origin"], *(loop["jump"] for loop in walk["loops"])]
    return any(
        jump["part"][number] >= axis["spread"]
        for number, axis in enumerate(walk["axes"])
        for jump in jumps
    )


def _misloads(load: Fields, lanes: int, depth: int) -> bool:
    """Tell whether something is 0 that counts, or more than a bank, a request, a square holds."""
    counts = [loop["count"] for loop in load["loops"]]
    most = min(depth, ((1 << LENGTH_WIDTH) - 1) // lanes)
    return (
        0 in (load["vectors"], load["requests"], *counts)
        or load["requests"] > depth
        or load["vectors"] > most
        or (bool(load.get("turned")) and load["vectors"] > lanes)
    )
