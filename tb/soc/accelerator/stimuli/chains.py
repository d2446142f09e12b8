"""Random chains of commands, each of which reads what the one before it writes."""

from collections.abc import Iterator
from dataclasses import dataclass

from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import COUNTERS, NO_B, Flags, Opcode
from gemmule.golden.soc.memory import Matrix
from gemmule.tb.soc.accelerator.pair import Pair

from .commands import Maker

__all__ = ["LONGEST", "ChainMaker"]

LONGEST = 12
"""Commands of a chain; the shortest has two."""


@dataclass
class _Chain:
    """What is left of a chain: its last result, and the counter that its commands signal."""

    counter: int
    left: int
    result: Matrix | None = None
    units: tuple[int, ...] = ()


class ChainMaker(Maker):
    """Makes several chains side by side: within one, a command waits for a counter or a fence."""

    def __init__(self, pair: Pair):
        super().__init__(pair)
        self.made = 0

    def chains(self, count: int) -> Iterator[dict[str, int]]:
        """Yield the commands of so many chains, interleaved; each must be put before the next."""
        rng = self.rng
        counters = rng.permutation(COUNTERS)[:count] + 1
        open_ = [_Chain(int(each), int(rng.integers(2, LONGEST + 1))) for each in counters]
        for each in open_:
            self.pair.tally[f"chains of {each.left} commands"] += 1
        while open_:
            chain = open_[int(rng.integers(len(open_)))]
            command = self._link(chain)
            if command is None:  # no room: the chain ends before its time, and is not counted
                self.pair.tally[f"chains of {chain.left + len(chain.units)} commands"] -= 1
                open_.remove(chain)
                continue
            chain.left -= 1
            if not chain.left:
                open_.remove(chain)
                self.made += 1
                self.pair.tally["chains"] += 1
                self.pair.tally[f"chains over {len({*chain.units})} units"] += 1
            yield command

    def _link(self, chain: _Chain) -> dict[str, int] | None:
        """Return the next command of a chain, which reads the last result of it."""
        for _ in range(20):
            makers = {"GEMM": self._product, "VECTOR": self._vector, "CONVOLUTION": self._layer}
            unit = str(self.rng.choice(self.units, p=self._shares(self.units)))
            made = makers[unit](chain.result)
            if made:
                break
        else:
            return None
        command = self.common() | {"wait": 0, "signal": chain.counter} | made
        command["flags"] |= self._common_flags(chain)
        if chain.result and not command["flags"] & Flags.FENCE:
            self.wait_for_all(command, chain.counter)
        chain.result = self._result(command)
        chain.units += (command["opcode"],)
        return command

    def _common_flags(self, chain: _Chain) -> int:
        flags = int(Flags.INTERRUPT) * self.chance(0.1)
        if chain.result and self.rng.random() < 0.35:
            flags |= int(Flags.FENCE)
            self.pair.tally["links with a fence"] += 1
        elif chain.result:
            self.pair.tally["links with a counter"] += 1
        return flags

    def _result(self, command: dict[str, int]) -> Matrix:
        """Return what a command writes as a matrix; the bytes of a layer have rows of any length.

        Only a part of them may have been written.
        """
        c = operands(command, self.pair.hardware)["c"]
        if command["opcode"] != Opcode.CONVOLUTION or self.rng.random() < 0.3:
            return c
        wide = self._near(min(c.columns, 200))
        return Matrix(c.address, wide, c.columns // wide, wide, 1)

    def _layer(self, result: Matrix | None) -> dict[str, int] | None:
        if not self.has_room_for_programs:
            return None
        if result is None:
            return self.layer(apart=0, settings=0)
        side = "a" if self.rng.random() < 0.6 else "b"
        places = [(each, self.reads(each, side, result)) for each in self.layers]
        fitting = [(program, place) for program, place in places if place]
        if not fitting:
            return None
        program, place = fitting[int(self.rng.integers(len(fitting)))]
        return self.layer(apart=0, settings=0, program=program, given={side: place})

    def _read(self, matrix: Matrix, rows: int) -> tuple[int, int]:
        """Return address and stride of the first rows of a matrix, or of them backwards."""
        if rows > 1 and self.rng.random() < 0.15:
            return matrix.address + (rows - 1) * matrix.stride, -matrix.stride
        return matrix.address, matrix.stride

    def _near(self, most: int) -> int:
        """Return a number up to ``most``, often that."""
        return most if self.rng.random() < 0.5 else self.upto(most)

    def _vector(self, result: Matrix | None) -> dict[str, int] | None:
        if result is None:
            return self.vector(apart=0, settings=0)
        kind = self.vectors.kind()
        name = "b" if kind.b_size != NO_B and self.rng.random() < 0.4 else "a"
        size = kind.octets[name]
        if size > result.row_octets:
            return None
        rows = self._near(result.rows)
        n = self.vectors.columns(kind, result.row_octets // size)
        m, address, stride = rows, *self._read(result, rows)
        if name == "b" and self.rng.random() < 0.3:  # one row for all
            m, stride = self.upto(20), 0
        if m * n * max(kind.octets.values()) > 3000 * min(self.unit.lanes, 4):
            return None
        return self.vector(
            apart=0, settings=0, kind=kind, shape=(m, n), given={name: (address, stride)}
        )

    def _product(self, result: Matrix | None) -> dict[str, int] | None:
        if result is None:
            return self.product(apart=0, settings=0)
        hardware = self.pair.hardware
        name = "a" if self.rng.random() < 0.6 else "b"
        octets = hardware.a_octets if name == "a" else hardware.b_octets
        if octets > result.row_octets:
            return None
        rows = self._near(result.rows)
        wide = self._near(result.row_octets // octets)
        if name == "a":
            m, n, k = rows, self.upto(30), min(wide, hardware.max_k, self.upto(200))
        else:
            m, n, k = self.upto(30), min(wide, self.upto(200)), min(rows, hardware.max_k)
            rows = k
        if self._cost(m, n, k) > 3000:
            return None
        given = {name: self._read(result, rows)}
        return self.product(apart=0, settings=0, shape=(m, n, k), given=given)
