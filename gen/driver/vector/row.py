"""What functions of whole rows are told beside their scales."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_array
from gemmule.golden.nonlinear.layernorm import epsilon_code
from gemmule.golden.nonlinear.softmax import CODES, delta_code
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.vector import LOG2

__all__ = ["Affine", "Row", "RowFunction", "Softmax"]

CODE = Format(signed=False, width=(CODES - 1).bit_length())
"""Of a logarithm."""


@dataclass(frozen=True)
class Row:
    """Fields of the record, and the bytes behind it, for rows of one length."""

    fields: dict[str, int]
    behind: bytes = b""


class RowFunction(Protocol):
    """What a user says of a function of rows."""

    def result(self, fmt: Format) -> Format:
        """Return the format of its results, where that of the hardware is ``fmt``."""

    def of(self, unit: VectorHardware, function: str) -> Callable[[int], Row]:
        """Return what makes the settings of rows by their length, and refuses what is illegal."""


@dataclass(frozen=True)
class Softmax:
    """The factor of softmax, and whether it gives logarithms."""

    delta: float
    log2: bool

    def result(self, fmt: Format) -> Format:
        return CODE if self.log2 else fmt

    def of(self, unit: VectorHardware, function: str) -> Callable[[int], Row]:
        return partial(self._row, unit)

    def _row(self, unit: VectorHardware, length: int) -> Row:
        _check_length(unit, length)
        if not 0 <= self.delta <= 1:
            raise UsageError(f"delta must be in 0..1, not {self.delta}")
        code = delta_code(self.delta, log2=self.log2)
        return Row({"delta": code, "signs": LOG2 if self.log2 else 0})


@dataclass(frozen=True)
class Affine:
    """Gamma and beta of a normalization, ``[n]``, and its epsilon."""

    gamma: ArrayLike
    beta: ArrayLike | None
    epsilon: float

    def result(self, fmt: Format) -> Format:
        return fmt

    def of(self, unit: VectorHardware, function: str) -> Callable[[int], Row]:
        return partial(self._row, unit, function)

    def _row(self, unit: VectorHardware, function: str, length: int) -> Row:
        _check_length(unit, length)
        beta = np.zeros(length, np.int64) if self.beta is None else self.beta
        both = [
            check_array("gamma", self.gamma, unit.gamma_format, shape=(length,)),
            check_array("beta", beta, unit.beta_format, shape=(length,)),
        ]
        most, fmt = 1 << unit.epsilon_width(function), unit.formats(function)[0]
        sane = 0 <= self.epsilon < math.inf
        code = epsilon_code(self.epsilon, length, fmt) if sane else most
        if code >= most:
            limit = most / epsilon_code(1.0, length, fmt)
            raise UsageError(
                f"epsilon must be at least 0 and below {limit:g} for rows of {length}, not"
                f" {self.epsilon:g}"
            )
        return Row({"epsilon": code}, np.stack(both, 1).astype("<i2").tobytes())


def _check_length(unit: VectorHardware, length: int) -> None:
    if length > unit.max_length:
        raise UsageError(
            f"x has rows of {length}, but this hardware's rows have at most {unit.max_length}:"
            " --max-length"
        )
