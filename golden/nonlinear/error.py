"""How far a unit is from the true function, over its whole domain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format

__all__ = ["Error", "measure"]


@dataclass(frozen=True)
class Error:
    """Greatest, mean and root-mean-square error: absolute, and in steps of the output (ulp)."""

    maximum: float
    mean: float
    rms: float
    step: float

    @property
    def steps(self) -> tuple[float, float, float]:
        """The same three in units of the last place."""
        return self.maximum / self.step, self.mean / self.step, self.rms / self.step


def measure(y: NDArray[np.int64], true: NDArray[np.float64], fmt: Format) -> Error:
    """Measure the error of ``y`` against ``true``, first clipped to what ``fmt`` can hold.

    Examples
    --------
    >>> measure(np.array([1, 2]), np.array([0.5, 1.25]), Format(True, 8, 1)).steps
    (0.5, 0.25, 0.3535533905932738)
    """
    low, high = fmt.real([fmt.low, fmt.high])
    error = np.abs(fmt.real(y) - np.clip(true, low, high))
    return Error(
        float(error.max()), float(error.mean()), float(np.sqrt((error**2).mean())), 2.0**-fmt.frac
    )
