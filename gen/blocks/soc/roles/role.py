"""What a block is that the accelerator stands for, and what most of them share."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.job import Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options
from gemmule.hw.soc.params import AcceleratorParams

__all__ = ["ROOM", "Role", "VectorRole", "check_unit"]

ROOM = 20
"""Bytes of memory that an element of a result may need: it and each operand in four bytes, a place
for gamma and beta, and what lies between."""


class Role(Protocol):
    """Arrays and options of another block, and how the driver computes what it does."""

    @property
    def Run(self) -> type[Options]:
        """The options of a run."""

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What a user gives."""

    @property
    def outputs(self) -> tuple[Array, ...]:
        """What a user gets: of a run one array."""

    def result(self, run: Any) -> str:
        """Return the name of the array that a run gives."""

    def check(self, params: AcceleratorParams, run: Any, arrays: Arrays) -> None:
        """Refuse what cannot be run, before anything is computed."""

    def golden(self, params: AcceleratorParams, run: Any, arrays: Arrays) -> NDArray:
        """Return what must come out."""

    def compute(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> NDArray:
        """Return what comes out."""

    def room(self, params: AcceleratorParams, run: Any, arrays: Arrays, result: NDArray) -> int:
        """Count the bytes of memory that operands, settings and results may take."""

    def macs(self, params: AcceleratorParams, run: Any, arrays: Arrays, result: NDArray) -> int:
        """Count the products that the mathematics needs."""


class VectorRole(ABC):
    """What all that the vector unit does has in common."""

    outputs: tuple[Array, ...]

    def result(self, run: Any) -> str:
        """Return the name of the array that a run gives: the only one."""
        return self.outputs[0].name

    def compute(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> NDArray:
        """Return the driver's result."""
        return self._begin(accelerator, run, arrays).result(1e9)

    def room(self, params: AcceleratorParams, run: Any, arrays: Arrays, result: NDArray) -> int:
        """Count the bytes of memory that operands, settings and results may take."""
        return ROOM * result.size

    def macs(self, params: AcceleratorParams, run: Any, arrays: Arrays, result: NDArray) -> int:
        """Count none: products are those of the array alone."""
        return 0

    @abstractmethod
    def _begin(self, accelerator: Accelerator, run: Any, arrays: Arrays) -> Job:
        """Begin the driver's job."""


def check_unit(params: AcceleratorParams, role: str, function: str = "none") -> None:
    """Refuse hardware without the vector unit, or without a function."""
    built = params.function_names
    if params.vector_lanes and function in ("none", *built):
        return
    lanes = params.vector_lanes or 16
    functions = "" if function == "none" else f" --functions {','.join((*built, function))}"
    raise UsageError(
        f"--as {role} needs hardware that has it, for example --vector-lanes {lanes}{functions}"
    )
