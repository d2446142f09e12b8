"""The words by which registers tell of the vector unit, and what they tell."""

from collections.abc import Mapping

from gemmule.golden.common.formats import Format

from .functions import VECTOR_FUNCTIONS, VectorHardware, code_of

__all__ = ["COEFFICIENTS", "format_of", "unit_bits", "vector_hardware", "vector_words", "word_of"]

COEFFICIENTS = ("exact", "heatvit", "plan")
"""Sets of coefficients, in the order of their codes."""

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


def unit_bits(unit: VectorHardware | None) -> int:
    """Return the bits of CAPS that tell which units there are: bit 0 the product, 1 the vector."""
    return 1 | (unit is not None) << 1


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
