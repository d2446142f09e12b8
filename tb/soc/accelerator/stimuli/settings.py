"""Random settings of requantization, legal and not."""

import numpy as np

from gemmule.golden.soc.commands import COLUMN, SETTINGS, Columns
from gemmule.golden.soc.hardware import Hardware

__all__ = ["RandomSettings"]


class RandomSettings:
    """Makes settings for a hardware."""

    def __init__(self, hardware: Hardware, rng: np.random.Generator):
        self.hardware = hardware
        self.rng = rng

    def _integer(self, most: int) -> int:
        """Return a number of any size up to ``most`` bits with its sign."""
        bits = int(self.rng.integers(1, most))
        return int(self.rng.integers(-(1 << bits), 1 << bits))

    def _column(self) -> dict[str, int]:
        hardware, rng = self.hardware, self.rng
        limit = min(1 << hardware.b_format.width, 1 << 15)
        most = min(hardware.max_shift, 31) if rng.random() < 0.7 else hardware.max_shift
        return {
            "offset": self._integer(32) if rng.random() < 0.9 else -(2**31),
            "multiplier": int(rng.integers(0, 1 << rng.integers(1, hardware.multiplier_width + 1))),
            "shift": int(rng.integers(0, most + 1)),
            "b_zero_point": int(rng.integers(-limit, limit)) * hardware.b_zero_points,
        }

    def octets(self, n: int, c_size: int, wrong: bool) -> bytes:
        """Return settings for n columns and results of ``2**c_size`` bytes."""
        rng = self.rng
        kind = Columns(int(rng.integers(3)))
        bits = 8 << c_size
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        if rng.random() < 0.4:
            low, high = sorted((self._integer(32), self._integer(32)))
        record = self._column() | {
            "columns": int(kind),
            "rounding": int(rng.integers(3)),
            "zero_point": self._integer(32) if rng.random() < 0.3 else self._integer(9),
            "low": low,
            "high": high,
        }
        columns = [self._column() for _ in range(n)]
        if wrong:
            self._spoil(record, columns)
        octets = SETTINGS.encode({k: v for k, v in record.items() if not k.startswith("reserved")})
        octets = bytearray(octets)
        for name, value in record.items():
            if name.startswith("reserved"):
                octets[SETTINGS[name].offset] = value
        kept = {Columns.NONE: 0, Columns.OFFSETS: 4 * n, Columns.ALL: 16 * n}[kind]
        if kind == Columns.OFFSETS:
            octets += b"".join(
                each["offset"].to_bytes(4, "little", signed=True) for each in columns
            )
        elif kind == Columns.ALL:
            for each in columns:
                one = bytearray(
                    COLUMN.encode({k: v for k, v in each.items() if not k.startswith("reserved")})
                )
                for name in ("reserved0", "reserved1"):
                    one[COLUMN[name].offset] = each.get(name, 0)
                octets += one
        assert len(octets) == SETTINGS.size + kept
        return bytes(octets)

    def _spoil(self, record: dict[str, int], columns: list[dict[str, int]]) -> None:
        hardware, rng = self.hardware, self.rng
        limit = min(1 << hardware.b_format.width, 1 << 15)
        entry = {
            "multiplier": int(rng.integers(1 << hardware.multiplier_width, 1 << 32)),
            "shift": int(rng.integers(hardware.max_shift + 1, 256)),
            "b_zero_point": max(-limit - 1, -(2**15)),
            "reserved0": int(rng.integers(1, 256)),
            "reserved1": int(rng.integers(1, 256)),
        }
        own = {
            "columns": int(rng.integers(3, 256)),
            "rounding": int(rng.integers(3, 256)),
            "reserved2": int(rng.integers(1, 256)),
        }
        if record["columns"] == Columns.ALL and rng.random() < 0.7:
            name = str(rng.choice(sorted(entry)))
            columns[int(rng.integers(len(columns)))][name] = entry[name]
        elif rng.random() < 0.2:
            record["low"], record["high"] = record["high"] + 1 & 0x7FFFFFFF, -(2**31)
        else:
            both = entry | own
            name = str(rng.choice(sorted(both)))
            record[name] = both[name]
