"""Where in memory the operands of random commands lie."""

from gemmule.golden.soc.memory import Matrix
from gemmule.tb.soc.accelerator.pair import Pair

from .places import OPERANDS, RESULTS, SETTINGS_END, SETTINGS_START, SIZE

__all__ = ["COST", "GUARD", "Placer"]

GUARD = 64
"""Bytes around each result that no command has to do with."""

COST = 1000
"""Cycles that a command may take, about."""


class Placer:
    """Finds places: what one command writes, no other touches, unless it waits for it."""

    def __init__(self, pair: Pair):
        self.pair = pair
        self.rng = pair.rng
        self.rounds = 0
        """How often the area of results was begun again."""
        self.batch()

    def batch(self) -> None:
        """Begin anew: nothing is under way, so all memory is free again."""
        self.at = {"settings": SETTINGS_START, "results": RESULTS, "operands": OPERANDS}
        self.written: list[tuple[Matrix, int]] = []
        self.reused = False
        """Whether a place of a result is used again: the command must wait for all before it."""

    def upto(self, most: int) -> int:
        return int(self.rng.integers(1, max(most, 1) + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def smaller(self, shape: tuple[int, ...], cost) -> tuple[int, ...]:
        """Return a shape, made smaller until it costs no more than is allowed."""
        rng = self.rng
        while cost(*shape) > COST * (6 if rng.random() < 0.05 else 1):
            shape = tuple((each + 1) // 2 if rng.random() < 0.5 else each for each in shape)
        return shape

    def source(self, rows: int, octets: int) -> tuple[int, int] | None:
        """Return address and stride of a matrix to read: rows may overlap."""
        rng, room = self.rng, RESULTS - OPERANDS
        if octets > room:
            return None
        most = (room - octets) // max(rows - 1, 1)
        stride = int(
            rng.choice([
                min(octets, most),
                min(octets + int(rng.integers(0, 40)), most),
                min(-(-octets // 64) * 64, most),
                min(int(rng.integers(0, 200)), most),
                int(rng.integers(0, most + 1)) if rows > 1 else int(rng.integers(0, 2**31)),
            ])
        )
        extent = (rows - 1) * stride + octets
        low = OPERANDS + int(rng.integers(0, room - extent + 1))
        if rng.random() < 0.3:
            low = OPERANDS if rng.random() < 0.5 else OPERANDS + room - extent
        return self._either(low, rows, stride)

    def _either(self, low: int, rows: int, stride: int) -> tuple[int, int]:
        base = self.pair.base
        if self.rng.random() < 0.3:
            return base + low + (rows - 1) * stride, -stride
        return base + low, stride

    def place(self, area: str, rows: int, octets: int, apart: int = 0) -> tuple[int, int] | None:
        """Return address and stride of a matrix that nothing else is in, ``apart`` from others."""
        rng = self.rng
        stride = octets + int(rng.choice([0, 0, rng.integers(0, 9), rng.integers(0, 90)]))
        if rows == 1 and rng.random() < 0.5:
            stride = int(rng.integers(-(2**31), 2**31))
        extent = (rows - 1) * stride * (rows > 1) + octets
        low = self.at[area] + int(rng.integers(0, 65)) + apart
        end = {"settings": SETTINGS_END, "operands": RESULTS, "results": SIZE}[area]
        if low + extent > end:
            return None
        if area == "results" and rng.random() < 0.02:
            low = SIZE - extent
        self.at[area] = low + extent + apart
        if rows == 1:
            return self.pair.base + low, stride
        return self._either(low, rows, stride)

    def put_settings(self, octets: bytes, room: int, apart: int) -> int | None:
        """Write settings where there are ``room`` bytes for them, and return their address."""
        placed = self.place("settings", 1, room, apart)
        if placed is None:
            return None
        self.pair.put(placed[0] - self.pair.base, octets)
        return placed[0]

    def use_again(self) -> None:
        """Let results begin at the start of their area again, behind a fence."""
        self.at["results"] = RESULTS
        self.reused = True
        self.rounds += 1
