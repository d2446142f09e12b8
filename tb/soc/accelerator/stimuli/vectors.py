"""Random settings of VECTOR commands, legal and not, and what they are of."""

from dataclasses import dataclass

import numpy as np

from gemmule.golden.nonlinear.layernorm import epsilon_code
from gemmule.golden.nonlinear.softmax import DELTA_FRAC
from gemmule.golden.soc.commands import AFFINE, NO_B, TRANSPOSED, VECTOR, Combine, VectorFunction
from gemmule.golden.soc.functions import NORMS, ROW_FUNCTIONS, VectorHardware, code_of
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.vector import LOG2, SMALL, legal

__all__ = ["SPOILED", "RandomVectors", "VectorKind"]

SMALLS = ("a_zero_point", "b_zero_point", "a_multiplier", "b_multiplier")

SPOILED = (
    *("combine", "function", "rounding", "signs", *SMALLS, "multiplier", "result_multiplier"),
    *("shift", "result_shift", "delta", "low", "epsilon", "reserved", "b", "mask"),
)
"""What may be wrong with settings."""


@dataclass(frozen=True)
class VectorKind:
    """What a VECTOR command combines and computes, of elements of which sizes (exponents)."""

    combine: Combine
    function: str
    a_size: int
    b_size: int
    c_size: int

    @property
    def sizes(self) -> int:
        """The byte of a command."""
        return self.a_size | self.b_size << 2 | TRANSPOSED * self.turned

    @property
    def turned(self) -> bool:
        """Whether c is [N, M]."""
        return self.function == "transpose"

    @property
    def octets(self) -> dict[str, int]:
        """Bytes of an element of each operand."""
        found = {"a": 1 << self.a_size, "b": 1 << self.b_size, "c": 1 << self.c_size}
        return {name: each for name, each in found.items() if name != "b" or self.b_size != NO_B}


class RandomVectors:
    """Makes settings for a hardware that has the unit."""

    def __init__(self, hardware: Hardware, rng: np.random.Generator):
        assert hardware.vector
        self.hardware = hardware
        self.unit: VectorHardware = hardware.vector
        self.rng = rng

    def kind(self, function: str | None = None) -> VectorKind:
        """Return what a legal command may do."""
        rng = self.rng
        if function is None:
            function = str(rng.choice(["none", *self.unit.functions]))
            function = "none" if rng.random() < 0.15 else function
        if function == "transpose":
            return VectorKind(Combine.NONE, function, int(rng.integers(3)), NO_B, 0)
        combine = Combine(int(rng.choice([each for each in Combine if each != Combine.MASK])))
        if function == "softmax" and rng.random() < 0.4:
            combine = Combine.MASK
        most = 3 if combine in (Combine.NONE, Combine.MASK) else 2
        return VectorKind(
            combine,
            function,
            int(rng.integers(most)),
            NO_B if combine == Combine.NONE else int(rng.integers(2)),
            int(rng.integers(3)),
        )

    def _either(self, *values: int) -> int:
        return int(self.rng.choice(np.array(values, object)))

    def _bits(self, most: int) -> int:
        """Return a number of any size up to ``most`` bits with its sign."""
        bits = int(self.rng.integers(1, most))
        return int(self.rng.integers(-(1 << bits), 1 << bits))

    def _small(self, bits: int) -> int:
        """Return a number of up to so many bits, as a rule, at most of 17 with its sign."""
        if self.rng.random() < 0.7:
            return self._bits(min(bits + 1, 17))
        return self._either(0, 1, SMALL.low, SMALL.high, self._bits(17))

    def _scale(self, given: int, wanted: int) -> tuple[int, int]:
        """Return a multiplier and a shift that make ``wanted`` bits of ``given``, about."""
        rng, hardware = self.rng, self.hardware
        bits = int(rng.integers(1, hardware.multiplier_width + 1))
        multiplier = int(rng.integers(0 if rng.random() < 0.05 else 1 << bits - 1, 1 << bits))
        shift = given + bits - wanted + int(rng.integers(-1, 3))
        if rng.random() < 0.08:
            shift = self._either(hardware.max_shift, int(rng.integers(hardware.max_shift + 1)))
        return multiplier, min(max(shift, 0), hardware.max_shift)

    def record(self, kind: VectorKind, n: int) -> dict[str, int]:
        """Return legal settings for rows of n elements, which must not be too many."""
        rng, unit = self.rng, self.unit
        name, combine = kind.function, kind.combine
        small = {
            "a_zero_point": self._small(8 << kind.a_size),
            "b_zero_point": self._small(8 << min(kind.b_size, 2)),
            "a_multiplier": self._small(17),
            "b_multiplier": self._small(17),
        }
        bits = max(8 << kind.a_size, small["a_zero_point"].bit_length())
        if combine == Combine.ADD:
            bits += max(small["a_multiplier"].bit_length(), 1)
        elif combine == Combine.MULTIPLY:
            bits += max(8 << kind.b_size, small["b_zero_point"].bit_length())
        given, result = unit.formats(name)
        log2 = name == "softmax" and rng.random() < 0.25
        if name == "none":
            multiplier, shift = self._scale(bits, 8 << kind.c_size)
            result_multiplier, result_shift = 1, 0
            if rng.random() < 0.3:
                result_multiplier, result_shift = self._scale(8 << kind.c_size, 8 << kind.c_size)
        else:
            multiplier, shift = self._scale(bits, given.width)
            wide = 4 if log2 else result.width
            result_multiplier, result_shift = self._scale(wide, 8 << kind.c_size)
        low, high = -(1 << (8 << kind.c_size) - 1), (1 << (8 << kind.c_size) - 1) - 1
        if rng.random() < 0.3:
            low, high = (int(rng.integers(low, 1)), int(rng.integers(0, high + 1)))
        elif rng.random() < 0.15:
            low, high = sorted((self._bits(32), self._bits(32)))
        return small | {
            "combine": int(combine),
            "function": int(code_of(name)),
            "rounding": int(rng.integers(3)),
            "signs": int(rng.integers(4)) | LOG2 * log2,
            "multiplier": multiplier,
            "shift": shift,
            "result_shift": result_shift,
            "delta": self._delta() if name == "softmax" else int(rng.integers(1 << 16)),
            "result_multiplier": result_multiplier,
            "zero_point": self._bits(32) if rng.random() < 0.2 else self._bits(9),
            "low": low,
            "high": high,
            "epsilon": self._epsilon(name, n),
            "offset": self._offset(given.width if name != "none" else 8 << kind.c_size),
            "reserved": 0,
        }

    def _offset(self, width: int) -> int:
        if self.rng.random() < 0.1:
            return self._bits(32)
        return self._bits(max(width - 1, 2)) if self.rng.random() < 0.5 else 0

    def _delta(self) -> int:
        one = 1 << DELTA_FRAC
        return self._either(one, one, 2896, 0, int(self.rng.integers(one + 1)))

    def _epsilon(self, name: str, n: int) -> int:
        if name not in NORMS:
            return int.from_bytes(self.rng.bytes(8), "little")
        width = self.unit.epsilon_width(name)
        fmt = self.unit.formats(name)[0]
        usual = min(epsilon_code(1e-5, n, fmt), (1 << width) - 1)
        return self._either(usual, usual, 0, (1 << width) - 1, self._bits(min(width, 62)) & 0xFFFF)

    def spoil(self, record: dict[str, int], kind: VectorKind, n: int) -> str:
        """Make settings illegal in one way; return which."""
        sizes = {name: each for name, each in kind.octets.items() if name != "c"}
        before = dict(record)
        possible = {"delta": kind.function == "softmax", "epsilon": kind.function in NORMS}
        names = [each for each in SPOILED if possible.get(each, True)]
        while legal(record, sizes, n, self.hardware, turned=kind.turned):
            record.clear()
            record.update(before)
            name = str(self.rng.choice(names))
            self._spoil(record, name)
        return name

    def _spoil(self, record: dict[str, int], name: str) -> None:
        rng, hardware = self.rng, self.hardware
        above = SMALL.high + 1 + (int(rng.integers(1 << 30)) if rng.random() < 0.5 else 0)
        missing = [int(each) for each in VectorFunction if each and not self.unit.has(int(each))]
        multiplier = 1 << hardware.multiplier_width
        more = int(rng.integers(multiplier, 1 << 32)) if rng.random() < 0.5 else multiplier
        first = hardware.max_shift + 1
        shift = self._either(first, int(rng.integers(first, 256)))
        width = min(self.unit.epsilon_width(each) for each in (*NORMS,))
        values = {
            "combine": int(rng.integers(len(Combine), 256)),
            "function": self._either(
                *missing, int(VectorFunction.TRANSPOSE), int(rng.integers(len(VectorFunction), 256))
            ),
            "rounding": int(rng.integers(3, 256)),
            "signs": record["signs"] | LOG2 << int(rng.integers(6)),
            **dict.fromkeys(SMALLS, self._either(above, -above - 1)),
            "multiplier": more,
            "result_multiplier": more,
            "shift": shift,
            "result_shift": shift,
            "delta": self._either(4097, 0xFFFF),
            "low": record["low"],
            "epsilon": 1 << int(rng.integers(width, 64)) if width < 64 else 0,
            "reserved": 1 << int(rng.integers(64)),
        }
        if name == "low":
            record["high"] = max(record["low"] - 1 - int(rng.integers(9)), -(2**31))
        elif name == "b":
            record["combine"] = int(rng.integers(3))
        elif name == "mask":
            record["combine"] = int(Combine.MASK)
        else:
            record[name] = values[name]

    def octets(self, record: dict[str, int], function: str, n: int) -> bytes:
        """Return a record, whatever it holds, and what stands behind it, with noise in it."""
        reserved = {name: each for name, each in record.items() if name.startswith("reserved")}
        octets = bytearray(VECTOR.encode({k: v for k, v in record.items() if k not in reserved}))
        for name, value in reserved.items():
            entry = VECTOR[name]
            octets[entry.offset : entry.offset + entry.octets] = value.to_bytes(
                entry.octets, "little"
            )
        if function in NORMS:
            octets += self._affine(n)
        return bytes(octets)

    def _affine(self, n: int) -> bytes:
        """Return gamma and beta of each column: of any bits, or such that gamma is about 1."""
        if self.rng.random() < 0.5:
            return self.rng.bytes(AFFINE.size * n)
        one = 1 << self.unit.gamma_format.frac
        gamma = one + self.rng.integers(-(one >> 1), (one >> 1) + 1, n)
        pair = np.stack([gamma, self.rng.integers(-1000, 1000, n)], axis=1)
        return (pair & 0xFFFF).astype("<u2").tobytes()

    def columns(self, kind: VectorKind, most: int) -> int:
        """Return a legal number of columns, often a row function's most or just below."""
        if kind.function in ROW_FUNCTIONS:
            longest = min(self.unit.max_length, most)
            near = max(longest - int(self.rng.integers(3)), 1)
            most = near if self.rng.random() < 0.2 else longest
            if most == near:
                return near
        return int(self.rng.integers(1, max(most, 1) + 1))
