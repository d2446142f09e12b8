"""Lists of commands with the memory that they work on, for the RTL and for the golden machine."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.driver.page import Page
from gemmule.gen.simulation.axi import SimulatedBus
from gemmule.golden.soc.commands import (
    COLUMN,
    COMMAND,
    NO_B,
    SETTINGS,
    TRANSPOSED,
    VECTOR,
    VERSION,
    Combine,
    Flags,
    Opcode,
    VectorFunction,
)
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.machine import WORK
from gemmule.golden.soc.memory import MemoryImage

__all__ = ["PRODUCT", "VECTORS", "Matrix", "Program", "Run"]

LINE = 64
"""Bytes that arrays and rings begin at a multiple of."""

PRODUCT, VECTORS = 1, 2
"""The dependency counters of the units: each command adds 1 to its unit's."""

S8 = -128, 127


@dataclass(frozen=True)
class Matrix:
    """Elements of 1 byte in memory, row by row, ``stride`` bytes apart."""

    address: int
    rows: int
    columns: int
    stride: int

    def slice(self, rows: slice = slice(None), columns: slice = slice(None)) -> "Matrix":
        """Return a part of it."""
        top, bottom, _ = rows.indices(self.rows)
        left, right, _ = columns.indices(self.columns)
        address = self.address + top * self.stride + left
        return Matrix(address, bottom - top, right - left, self.stride)


@dataclass(frozen=True)
class Run:
    """What a program took: ``cycles`` from the doorbell to the interrupt, and all counters."""

    cycles: int
    counters: dict[str, int]


@dataclass
class Program:
    """Commands, in order, and what memory holds before the first of them.

    :meth:`gemm` and :meth:`vector` return how many commands of their unit there are then: what
    another command waits for, as ``product`` or ``vectors``.
    """

    base: int
    octets: bytearray = field(default_factory=bytearray)
    commands: list[dict[str, int]] = field(default_factory=list)
    put_arrays: list[NDArray[np.int8]] = field(default_factory=list)

    def matrix(self, rows: int, columns: int) -> Matrix:
        """Return room for a matrix."""
        return Matrix(self._room(rows * columns), rows, columns, columns)

    def put(self, array: NDArray[np.int8]) -> Matrix:
        """Return a matrix with these elements."""
        rows, columns = array.shape
        self.put_arrays.append(array)
        return Matrix(self._put(array.tobytes()), rows, columns, columns)

    def gemm(self, a: Matrix, b: Matrix, c: Matrix, *, shift: int, **wait: int) -> int:
        """Multiply, scale by ``2**-shift``, clamp to s8."""
        low, high = S8
        octets = SETTINGS.encode(multiplier=1, shift=shift, low=low, high=high)
        settings = self._put(octets, COLUMN.size * c.columns)
        fields = {"m": a.rows, "n": b.columns, "k": a.columns}
        return self._add(Opcode.GEMM, PRODUCT, (a, b, c), settings, fields, wait)

    def vector(
        self,
        a: Matrix,
        c: Matrix,
        b: Matrix | None = None,
        *,
        function: VectorFunction = VectorFunction.NONE,
        behind: bytes = b"",
        wait: dict[str, int] | None = None,
        **record: int,
    ) -> int:
        """Compute element by element or row by row; ``behind`` stands behind the settings."""
        low, high = S8
        turned = function is VectorFunction.TRANSPOSE
        combine = Combine.NONE if b is None else Combine.ADD
        usual = {"combine": combine, "function": function, "signs": 3, "multiplier": 1, "low": low}
        usual |= {"a_multiplier": 1, "b_multiplier": 1, "result_multiplier": 1, "high": high}
        settings = self._put(VECTOR.encode(usual | record) + behind, 4 * a.columns)
        sizes = (NO_B << 2 if b is None else 0) | TRANSPOSED * turned
        fields = {"m": a.rows, "n": a.columns, "sizes": sizes}
        return self._add(Opcode.VECTOR, VECTORS, (a, b, c), settings, fields, wait or {})

    def nop(self, **wait: int) -> None:
        """Hold back the commands behind until ``product`` or ``vectors`` commands are complete."""
        self.commands.append(self._command(Opcode.NOP, wait))

    def count(self, counter: int) -> int:
        """Count the commands that add to a dependency counter: those of a unit."""
        return sum(each.get("signal") == counter for each in self.commands)

    def image(self, size: int) -> NDArray[np.uint8]:
        """Return memory before the first command."""
        memory = np.zeros(size, np.uint8)
        memory[: len(self.octets)] = np.frombuffer(bytes(self.octets), np.uint8)
        return memory

    @property
    def size(self) -> int:
        """Bytes that memory must have, with a ring behind what is in it."""
        return 1 << (len(self.octets) + LINE + COMMAND.size * self.places).bit_length()

    @property
    def places(self) -> int:
        """Places of the ring, a power of two."""
        return max(32, 1 << len(self.commands).bit_length())

    def golden(self, hardware: Hardware) -> NDArray[np.uint8]:
        """Return memory after the last command, carried out one by one."""
        memory = MemoryImage(self.image(self.size), self.base)
        for each in self.commands:
            if work := WORK.get(Opcode.of(each["opcode"])):
                work(COMMAND.decode(COMMAND.encode(each)), memory, hardware)
        return memory.octets

    def run(self, bus: SimulatedBus) -> Run:
        """Carry all out on the RTL; ``bus.memory`` is what it was and what became of it."""
        page, ring = Page(bus), -(-len(self.octets) // LINE) * LINE
        bus.memory[:] = self.image(self.size)
        last = self.commands[-1] | {"flags": self.commands[-1]["flags"] | Flags.INTERRUPT}
        octets = b"".join(map(COMMAND.encode, [*self.commands[:-1], last]))
        bus.memory[ring : ring + len(octets)] = np.frombuffer(octets, np.uint8)
        bus.for_device(0, bus.memory.size)
        while not page.read("STATUS")["reset_done"]:
            bus.run(8)
        page.write_address("RING_BASE", self.base + ring)
        page.write("RING_SIZE", log2=self.places.bit_length() - 1)
        page.write("IRQ_ENABLE", complete=1, error=1)
        page.write("CTRL", enable=1)
        page.write("TAIL", commands=len(self.commands))
        rung = bus.counters().written_at
        while page.read("HEAD")["commands"] < len(self.commands):
            bus.wait(1e9, interrupt=True)
            assert not page.read("IRQ_STATUS")["error"], page.read("ERROR")
            page.write("IRQ_STATUS", complete=1)
        cycles = bus.counters().interrupt_at - rung
        return Run(cycles, page.counters())

    def _add(
        self,
        opcode: Opcode,
        counter: int,
        operands: tuple[Matrix, Matrix | None, Matrix],
        settings: int,
        fields: dict[str, int],
        wait: dict[str, int],
    ) -> int:
        command = self._command(opcode, wait) | fields | {"signal": counter, "settings": settings}
        for name, each in zip("abc", operands, strict=True):
            if each is not None:
                command |= {name: each.address, f"{name}_stride": each.stride}
        self.commands.append(command)
        return self.count(counter)

    def _command(self, opcode: Opcode, wait: dict[str, int]) -> dict[str, int]:
        ((name, value),) = wait.items() if wait else [("", 0)]
        counter = {"": 0, "product": PRODUCT, "vectors": VECTORS}[name]
        common: dict[str, Any] = {"opcode": int(opcode), "version": VERSION, "flags": 0}
        return common | {"sequence": len(self.commands), "wait": counter, "wait_value": value}

    def _put(self, octets: bytes, more: int = 0) -> int:
        """Place bytes, and room behind them."""
        address = self._room(len(octets) + more)
        at = address - self.base
        self.octets[at : at + len(octets)] = octets
        return address

    def _room(self, octets: int) -> int:
        at = -(-len(self.octets) // LINE) * LINE
        self.octets.extend(bytes(at + octets - len(self.octets)))
        return self.base + at
