"""Random legal commands that do not disturb each other."""

from collections.abc import Mapping

from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import (
    COLUMN,
    COMMAND,
    COUNTERS,
    SETTINGS,
    VERSION,
    Cause,
    Flags,
    Opcode,
)
from gemmule.golden.soc.memory import Matrix
from gemmule.tb.soc.accelerator.pair import Pair

from .places import OPERANDS, RESULTS, SETTINGS_END, SETTINGS_START, SIZE
from .settings import RandomSettings

__all__ = ["MOST", "Maker"]

MOST = 32
"""Commands of a batch."""

GUARD = 64

COST = 1000
"""Cycles that a product may take, about."""


class Maker:
    """Makes commands for a pair. What one writes, no other touches, unless it waits for it."""

    def __init__(self, pair: Pair):
        self.pair = pair
        self.rng = pair.rng
        self.settings = RandomSettings(pair.hardware, pair.rng)
        self.sequence = 0
        self.batch()

    def batch(self) -> None:
        """Begin anew: nothing is under way, so all memory is free again."""
        self.at = {"settings": SETTINGS_START, "results": RESULTS, "operands": OPERANDS}
        self.written: list[tuple[Matrix, int]] = []

    # Shapes

    def upto(self, most: int) -> int:
        return int(self.rng.integers(1, max(most, 1) + 1))

    def _shape(self) -> tuple[int, int, int]:
        """Return m, n, k: small, long in one way, deeper than the scratchpads, or many blocks."""
        params, rng = self.pair.params, self.rng
        rows, cols = params.rows, params.cols
        depth = params.bank_bytes // max(params.a_octets, params.b_octets)
        kind = int(rng.choice(8, p=(0.3, 0.22, 0.1, 0.1, 0.1, 0.1, 0.04, 0.04)))
        m, n, k = (
            (self.upto(2 * rows), self.upto(2 * cols), self.upto(2 * rows)),
            (self.upto(40), self.upto(40), self.upto(40)),
            (self.upto(3 * rows), self.upto(3 * cols), self.upto(3 * depth)),
            (self.upto(2 * rows), self.upto(1100), self.upto(3 * rows)),
            (self.upto(600), self.upto(2 * cols), self.upto(3 * rows)),
            (self.upto(60), self.upto(80), self.upto(depth // 4)),
            (self.upto(3 * rows), self.upto(3 * cols), rows * self.upto(depth // rows)),
            (rows * self.upto(8), cols * self.upto(8), rows * self.upto(8)),
        )[kind]
        k = min(k, self.pair.hardware.max_k)
        while self._cost(m, n, k) > COST * (6 if rng.random() < 0.05 else 1):
            m, n, k = ((each + 1) // 2 if rng.random() < 0.5 else each for each in (m, n, k))
        return m, n, k

    def _cost(self, m: int, n: int, k: int) -> int:
        params = self.pair.params
        octets = m * k * params.a_octets + k * n * params.b_octets + 4 * m * n
        tiles = -(-n // params.cols) * -(-k // params.rows)
        return max(tiles * max(m, params.rows), octets // params.bus, 4 * m * -(-n // params.cols))

    # Places

    def _source(self, rows: int, octets: int) -> tuple[int, int] | None:
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

    def _place(self, area: str, rows: int, octets: int, apart: int = 0) -> tuple[int, int] | None:
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

    def _write_settings(self, n: int, c_size: int, wrong: bool, apart: int) -> int | None:
        """Write settings for n columns, and return their address."""
        octets = self.settings.octets(n, c_size, wrong)
        placed = self._place("settings", 1, SETTINGS.size + COLUMN.size * n, apart)
        if placed is None:
            return None
        self.pair.put(placed[0] - self.pair.base, octets)
        return placed[0]

    # Commands

    def _common(self) -> dict[str, int]:
        self.sequence = self.sequence + 1 & 0xFFFF
        rng = self.rng
        command = {
            "version": VERSION,
            "sequence": self.sequence,
            "flags": int(Flags.INTERRUPT) * (rng.random() < 0.2),
            "signal": int(rng.integers(0, COUNTERS + 1)) * (rng.random() < 0.4),
        }
        if rng.random() < 0.1:
            command["flags"] |= Flags.FENCE
        if rng.random() < 0.2:
            self._wait_for_all(command, int(rng.integers(1, COUNTERS + 1)))
        return command

    def _wait_for_all(self, command: dict[str, int], counter: int) -> None:
        command["wait"] = counter
        command["wait_value"] = self.pair.golden._dependencies[counter]

    def nop(self) -> dict[str, int]:
        """Return a command that does nothing: what it does not need is noise."""
        rng = self.rng
        noise = {
            each.name: int(rng.integers(0, 1 << 8 * each.octets - 1))
            for each in COMMAND.entries
            if each.name in ("a", "b", "c", "settings", "m", "n", "k", "c_size", "a_stride")
        }
        return noise | self._common() | {"opcode": int(Opcode.NOP)}

    def gemm(self, *, apart: int = 0, settings: float = 0.03) -> dict[str, int]:
        """Return a product, or now and then a command that does nothing.

        ``settings``: how often they are wrong. With ``apart`` no operand is shared, and each is so
        many bytes from others.
        """
        rng, hardware = self.rng, self.pair.hardware
        for _ in range(20):
            m, n, k = self._shape()
            c_size = int(rng.integers(3))
            command = self._common() | {"opcode": int(Opcode.GEMM), "m": m, "n": n, "k": k}
            command["c_size"] = c_size
            shapes = {"a": (m, k * hardware.a_octets), "b": (k, n * hardware.b_octets)}
            places = {
                name: self._place("operands", *shape, apart) if apart else self._source(*shape)
                for name, shape in shapes.items()
            }
            places["c"] = self._place("results", m, n << c_size, max(apart, GUARD))
            if any(each is None for each in places.values()):
                if not apart:
                    command["flags"] |= Flags.FENCE
                self.at["results"] = RESULTS if not apart else self.at["results"]
                continue
            for name, (address, stride) in places.items():
                command[name], command[f"{name}_stride"] = address, stride
                falls = stride < 0 and (k if name == "b" else m) > 1
                self.pair.tally["operands with rows downwards"] += falls
            record = None
            if rng.random() < 0.75:
                record = self._write_settings(n, c_size, rng.random() < settings, apart)
            if record is None:
                command["flags"] |= Flags.RAW
            else:
                command["settings"] = record
            return command
        return self.nop()

    def chain(self, command: dict[str, int]) -> None:
        """Let a product read what one before it writes, and wait for that."""
        rng, hardware = self.rng, self.pair.hardware
        found = []
        for matrix, signal in self.written:
            for name, rows, row in (
                ("a", command["m"], command["k"] * hardware.a_octets),
                ("b", command["k"], command["n"] * hardware.b_octets),
            ):
                if rows <= matrix.rows and row <= matrix.row_octets:
                    found.append((matrix, signal, name))
        if not found:
            return
        matrix, signal, name = found[int(rng.integers(len(found)))]
        command[name], command[f"{name}_stride"] = matrix.address, matrix.stride
        if signal and rng.random() < 0.6:
            self._wait_for_all(command, signal)
        else:
            command["flags"] |= Flags.FENCE

    def next(self) -> dict[str, int]:
        """Return any legal command, but for its settings."""
        if self.rng.random() < 0.08:
            return self.nop()
        before = self.at["results"]
        command = self.gemm()
        if command["opcode"] == Opcode.GEMM:
            if self.at["results"] < before:  # places are used again, behind a fence
                command["flags"] |= Flags.FENCE
                self.written.clear()
            if self.rng.random() < 0.3:
                self.chain(command)
        return command

    def wrote(self, command: Mapping[str, int], cause: Cause) -> None:
        """Take note of a product that was carried out: others may use its result."""
        if cause is Cause.NONE and command["opcode"] == Opcode.GEMM:
            matrix = operands(command, self.pair.hardware)["c"]
            self.written.append((matrix, command.get("signal", 0)))
