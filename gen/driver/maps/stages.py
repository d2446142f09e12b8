"""A job of many commands: each a chain over views of memory, in stages that wait for each other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job, Owned, given_back
from gemmule.gen.driver.operands import Operand, overlap, shared, target_of
from gemmule.gen.driver.vector.chain import Chain
from gemmule.gen.driver.vector.commands import command_of, settings_of, written
from gemmule.gen.driver.vector.row import Row
from gemmule.gen.driver.vector.rows import all_rows_of
from gemmule.gen.driver.vector.stored import Given, stored
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import VECTOR, Combine, Flags

from .scratch import Scratch

__all__ = ["Stages"]


class Stages:
    """Commands that make one result out of some operands.

    Those of a stage may overlap; the first one of a stage is fenced, so that the hardware begins it
    when the stage before it is complete. Nothing waits on the host but for room in the queue.

    Attributes
    ----------
    scratch : memory between stages
    """

    def __init__(self, device: Device):
        self.device = device
        self.scratch = Scratch(device)
        self._operands: list[Operand] = []
        self._own: list[Owned] = [self.scratch]
        self._steps: list[tuple[Chain, tuple[NDArray, ...], bool]] = []
        self._fenced = False

    @classmethod
    @contextmanager
    def begin(cls, device: Device) -> Iterator["Stages"]:
        """Make one; where a use is refused in the body, all that it made is given back."""
        stages = cls(device)
        with given_back(stages._own):
            yield stages

    def operand(self, name: str, given: Given, *, width: int = 16) -> NDArray:
        """Return an operand in shared memory: a view of where it lies there, else a copy."""
        array = stored(self.device, name, given, width=width)
        there = shared(self.device.pool, array, array.dtype)
        if there is None:
            buffer = self.device.alloc(array.shape, array.dtype)
            self._own.append(buffer)
            buffer.array[...] = array
            there = Operand(buffer.array, buffer.address, self.device.pool)
        self._operands.append(there)
        return there.array

    def target(self, out: Any, shape: tuple[int, ...], dtype: np.dtype) -> NDArray:
        """Return where the result goes: no byte of it is an operand's."""
        self._target = target_of(self.device.pool, out, shape, dtype, _has_columns)
        self._own.append(self._target)
        if any(overlap(self._target, each) for each in self._operands):
            raise UsageError("out must have no byte in common with an operand")
        return self._target.array

    def chain(
        self, combine: Combine = Combine.NONE, fmt: Format | None = None, **options: Any
    ) -> Chain:
        """Return a chain without a function, whose result is of ``fmt`` if nothing scales it.

        Of a map ``a_zero_point`` is called ``x_zero_point``.
        """
        if "x_zero_point" in options:
            options["a_zero_point"] = options.pop("x_zero_point")
        return Chain.make(self.device.hardware, "none", combine, fmt, options)

    def stage(self) -> None:
        """Begin a stage: what follows needs what came before."""
        self._fenced = bool(self._steps)

    def step(self, chain: Chain, c: NDArray, *operands: NDArray) -> None:
        """Add ``c = chain(*operands)`` to the stage: views of one shape, of shared memory."""
        self._steps.append((chain, (c, *operands), self._fenced))
        self._fenced = False

    def launch(self, order: Mapping[str, int]) -> Job:
        """Hand all over as a job."""
        settings: dict[bytes, int] = {}
        columns = 0
        made = []
        for chain, arrays, fenced in self._steps:
            c, *operands = (self._operand(each) for each in arrays)
            octets = settings_of(chain, operands, Row({}))
            place = settings.setdefault(octets, len(settings) * VECTOR.size)
            walked = all_rows_of(arrays)
            columns = max(columns, *(rows.n for rows in walked))
            some = [command_of(c, operands, rows, place, chain.sizes) for rows in walked]
            some[0]["flags"] |= Flags.FENCE if fenced else 0
            made += some
        record = written(self.device, list(settings), columns)
        self._own.append(record)
        for each in self._operands:
            each.for_device()
        commands = [{**each, "settings": record.address + each["settings"]} for each in made]
        return self.device.launch(commands, self._own, self._target, self._operands, order)

    def _operand(self, array: NDArray) -> Operand:
        found = shared(self.device.pool, array, array.dtype)
        assert found is not None
        return found


def _has_columns(array: NDArray) -> bool:
    """Return whether channels lie side by side."""
    return array.ndim > 0 and (array.shape[-1] == 1 or array.strides[-1] == array.itemsize)
