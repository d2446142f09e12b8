"""The words by which registers tell of the units that may be there, and what they tell."""

from collections.abc import Mapping
from typing import Any

from gemmule.golden.common.formats import Format
from gemmule.golden.conv.hardware import ConvolutionHardware, shared, sides

from .functions import VECTOR_FUNCTIONS, VectorHardware, code_of
from .hardware import Hardware

__all__ = [
    "COEFFICIENTS",
    "DATAFLOWS",
    "convolution_hardware",
    "convolution_words",
    "format_of",
    "unit_bits",
    "vector_hardware",
    "vector_words",
    "word_of",
]

COEFFICIENTS = ("exact", "heatvit", "plan")
"""Sets of coefficients, in the order of their codes."""

DATAFLOWS = ("ws", "os", "both")
"""Dataflows of a convolution unit, in the order of their codes."""

NUMBERS = (
    "acc_depth",
    "x_depth",
    "w_depth",
    "c_depth",
    "size_width",
    "stride_width",
    "row_sum_width",
)
"""What of a convolution unit is a number, in the order of its words."""

SHARED = (
    "rows",
    "cols",
    "acc_width",
    "out_width",
    "multiplier_width",
    "max_shift",
)
"""Numbers of a convolution unit that are words of the accelerator."""

SIGNED, FRAC = 8, 16
"""The bits of a format's word, beside its width, where its sign and its fractional bits stand."""


def word_of(fmt: Format | None) -> int:
    """Return the word of a format, 0 for None."""
    return fmt.width | fmt.signed << SIGNED | fmt.frac << FRAC if fmt else 0


def format_of(word: int) -> Format | None:
    """Return the format of a word.

    Examples
    --------
    >>> str(format_of(word_of(Format.parse("sq4.12")))), format_of(0)
    ('sq4.12', None)
    """
    width = word & (1 << SIGNED) - 1
    return Format(bool(word >> SIGNED & 1), width, word >> FRAC) if width else None


def unit_bits(hardware: Hardware) -> int:
    """Return the bits of CAPS that tell which units there are.

    Bit 0 stands for the product, 1 for the vector unit, 2 for the convolution unit.
    """
    optional = (hardware.vector, hardware.convolution)
    return 1 | sum((unit is not None) << n for n, unit in enumerate(optional, 1))


def vector_words(unit: VectorHardware | None) -> dict[str, int]:
    """Return the words that tell of a vector unit, in the order of registers; 0 without one."""
    known = unit or VectorHardware()
    words = {
        "VECTOR_LANES": known.lanes,
        "FUNCTIONS": sum(1 << code_of(name) for name in known.functions),
        "IN_FORMAT": word_of(known.in_format),
        "OUT_FORMAT": word_of(known.out_format),
        "COEFFICIENTS": COEFFICIENTS.index(known.coefficients),
        "GAMMA_FORMAT": word_of(known.gamma_format),
        "BETA_FORMAT": word_of(known.beta_format),
        "MAX_LENGTH": known.max_length,
    }
    return words if unit else dict.fromkeys(words, 0)


def vector_hardware(words: Mapping[str, int]) -> VectorHardware | None:
    """Return what :func:`vector_words` tells of; of hardware that has no such words, nothing.

    Examples
    --------
    >>> unit = VectorHardware(functions=("gelu", "softmax"), in_format=Format.parse("sq4.4"))
    >>> vector_hardware(vector_words(unit)) == unit, vector_hardware(vector_words(None))
    (True, None)
    """
    gamma, beta = (format_of(words.get(f"{name}_FORMAT", 0)) for name in ("GAMMA", "BETA"))
    if not words.get("VECTOR_LANES") or gamma is None or beta is None:
        return None
    return VectorHardware(
        lanes=words["VECTOR_LANES"],
        functions=tuple(
            name for name in VECTOR_FUNCTIONS if words["FUNCTIONS"] >> code_of(name) & 1
        ),
        in_format=format_of(words["IN_FORMAT"]),
        out_format=format_of(words["OUT_FORMAT"]),
        coefficients=COEFFICIENTS[words["COEFFICIENTS"]],
        gamma_format=gamma,
        beta_format=beta,
        max_length=words["MAX_LENGTH"],
    )


def convolution_words(unit: ConvolutionHardware | None) -> dict[str, int]:
    """Return the words that tell of a convolution unit, in the order of registers; 0 without one.

    The accelerator has other words beside them: its formats, which are those of ``x`` and ``w``,
    and what :data:`SHARED` names.
    """
    known = unit or ConvolutionHardware()
    words = {
        "CONVOLUTION": known.axes,
        "DATAFLOW": DATAFLOWS.index(known.dataflow),
        "DY_FORMAT": word_of(known.dy_format),
        **{name.upper(): getattr(known, name) for name in NUMBERS},
    }
    return words if unit else dict.fromkeys(words, 0)


def convolution_hardware(words: Mapping[str, int]) -> ConvolutionHardware | None:
    """Return what the words of an accelerator tell of its convolution unit.

    Nothing of hardware that has none, or no such words.

    Examples
    --------
    >>> unit = ConvolutionHardware(rows=8, dataflow="ws", x_depth=512)
    >>> own = {name.upper(): getattr(unit, name) for name in SHARED}
    >>> own |= {"A_FORMAT": word_of(unit.x_format), "B_FORMAT": word_of(unit.w_format)}
    >>> convolution_hardware(own | convolution_words(unit)) == unit
    True
    """
    x, w = (format_of(words.get(f"{name}_FORMAT", 0)) for name in "AB")
    if not words.get("CONVOLUTION") or x is None or w is None:
        return None
    dy = format_of(words["DY_FORMAT"])
    formats = {"x": x, "w": w} | ({"dy": dy} if dy else {})
    dataflow = DATAFLOWS[words["DATAFLOW"]]
    numbers: dict[str, Any] = {name: words[name.upper()] for name in (*NUMBERS, *SHARED)}
    a, b = (shared(names, formats) for names in sides(dataflow, gradients=dy is not None))
    return ConvolutionHardware(
        axes=words["CONVOLUTION"],
        dataflow=dataflow,
        x_format=x,
        w_format=w,
        dy_format=dy,
        a_format=a,
        b_format=b,
        **numbers,
    )
