"""Commands with something wrong, and windows with operands at their edges."""

from collections.abc import Mapping, Sequence

from gemmule.golden.soc.check import Window, operands, refusal
from gemmule.golden.soc.commands import COMMAND, Cause, Flags, Opcode
from gemmule.tb.soc.accelerator.pair import Pair

from .commands import Maker
from .places import OPERANDS, RESULTS, SETTINGS_START, SIZE

__all__ = ["FIELDS", "Spoiler"]

FIELDS = (
    *("opcode", "version", "flags", "sizes", "c_size", "m", "n", "k", "wait", "signal"),
    *("settings", "a", "b", "c", "a_stride", "b_stride", "c_stride", "bit"),
)
"""What may be wrong with a command; ``bit`` is any one. No value is illegal of the other fields."""


class Spoiler(Maker):
    """Makes commands that are refused; each field has its turn to be what is wrong."""

    def __init__(self, pair: Pair, spoils: Sequence[str] = ()):
        super().__init__(pair)
        self.spoils = spoils
        """The units whose commands are spoiled; none: all that there are."""
        self.field = ""
        """What is wrong with the last command that was spoiled."""
        self.of = ""
        """The opcode that it has, or had before."""
        self._turns: list[tuple[str, str]] = []

    def spoiled(self) -> bytes:
        """Return a command with something wrong in one field, and maybe in more."""
        rng, hardware = self.rng, self.pair.hardware
        if not self._turns:
            turns = [(field, unit) for field in FIELDS for unit in self.spoils or self.units]
            self._turns = [turns[n] for n in rng.permutation(len(turns))]
        self.field, unit = self._turns.pop()
        while True:
            made = self.work(units=(unit,))
            command = made if unit != "GEMM" or rng.random() < 0.9 else self.nop()
            self.refused(command["sequence"])
            octets = bytearray(COMMAND.encode(command))
            self._damage(octets, command, self.field)
            if rng.random() < 0.2:
                self._damage(octets, command, str(rng.choice(FIELDS)))
            fields = COMMAND.decode(bytes(octets))
            if fields["sequence"] == command["sequence"]:
                cause, _ = refusal(fields, hardware, self.pair.golden._windows())
                if cause is not Cause.NONE:
                    self.of = Opcode.of(command["opcode"]).name
                    return bytes(octets)

    def _damage(self, octets: bytearray, command: Mapping[str, int], name: str) -> None:
        rng, hardware = self.rng, self.pair.hardware
        raw = command["flags"] & Flags.RAW
        known = set(map(int, hardware.opcodes))
        length = 0 if command["opcode"] == Opcode.CONVOLUTION else int(rng.integers(0, 2**32))
        kinds = {
            "opcode": int(rng.choice([each for each in range(256) if each not in known])),
            "version": int(rng.choice([0, 2, 255])),
            "flags": command["flags"] | 8 << int(rng.integers(5)),
            "sizes": self.upto(255),
            "c_size": int(rng.integers(3, 256)),
            "m": 0,
            "n": self._n(command),
            "k": self._k(command),
            "wait": int(rng.integers(9, 256)),
            "signal": int(rng.integers(9, 256)),
            "settings": self.upto(2**62) if raw else (1 << 64) - self.upto(40),
            "a": (1 << 64) - self.upto(2**40),
            "b": self.pair.base + (1 << hardware.address_width) - self.upto(99),
            "c": self.upto(2**62) << 1,
            **dict.fromkeys(("a_stride", "b_stride", "c_stride"), length),
        }
        assert {*kinds, "bit"} == set(FIELDS)
        if name == "bit":
            octets[int(rng.integers(COMMAND.size))] ^= 1 << int(rng.integers(8))
        else:
            entry = COMMAND[name]
            value = kinds[name] & (1 << 8 * entry.octets) - 1
            octets[entry.offset : entry.offset + entry.octets] = value.to_bytes(
                entry.octets, "little"
            )

    def _n(self, command: Mapping[str, int]) -> int:
        """Return a wrong n: of a program more commands than there are units, too."""
        if command["opcode"] != Opcode.CONVOLUTION or self.rng.random() < 0.5:
            return 0
        return min(command["m"] + self.upto(1 << int(self.rng.integers(24))), (1 << 24) - 1)

    def _k(self, command: Mapping[str, int]) -> int:
        if command["opcode"] in (Opcode.VECTOR, Opcode.CONVOLUTION):
            return 1 << int(self.rng.integers(24))
        most = min(self.pair.hardware.max_k + self.upto(99), (1 << 24) - 1)
        return int(self.rng.choice([0, most]))

    # Windows

    def windows(self) -> list[Window]:
        """Return four windows with edges at any byte, in any order; two of them touch."""
        rng, base = self.rng, self.pair.base
        middle, end = (OPERANDS + low + int(rng.integers(20_000)) for low in (0x6000, 0x16000))
        results = RESULTS + int(rng.integers(0, 5000))
        settings = base + SETTINGS_START, base + SIZE - 1 - int(rng.integers(99))
        found = [
            Window(base + OPERANDS + int(rng.integers(20_000)), base + middle - 1, True, False),
            Window(base + middle, base + end, True, bool(rng.integers(2))),
            Window(base + results, base + results + int(rng.integers(5000, 90_000)), False, True),
            Window(*settings, bool(rng.integers(2)), False),
        ]
        return [found[n] for n in rng.permutation(4)]

    def around(self) -> list[Window]:
        """Return windows that all legal commands keep to; two of them overlap, one is of no use."""
        rng, base = self.rng, self.pair.base
        middle = base + OPERANDS + int(rng.integers(RESULTS - OPERANDS))
        found = [
            Window(base + SETTINGS_START, base + SIZE - 1, True, False),
            Window(base + RESULTS, base + SIZE - 1, bool(rng.integers(2)), True),
            Window(base + OPERANDS, middle, True, bool(rng.integers(2))),
            Window(middle + 1, middle, True, True),
        ]
        return [found[n] for n in rng.permutation(4)]

    def at_an_edge(self, command: dict[str, int], windows: list[Window]) -> None:
        """Move an operand so that it just fits into a window, or misses it by one byte."""
        rng = self.rng
        found = operands(command, self.pair.hardware)
        name = str(rng.choice(sorted(found)))
        # Rings and settings are written while commands run: nothing else may be read there.
        known = [each for each in windows if each.base >= self.pair.base + OPERANDS]
        window = known[int(rng.integers(3))]
        low, high = found[name].span
        to = window.base - low if rng.random() < 0.5 else window.limit - high
        moved = command | {name: command[name] + to + int(rng.integers(-1, 2))}
        spans = {each: matrix.span for each, matrix in operands(moved, self.pair.hardware).items()}
        low, high = spans.pop("c")
        if all(high < each[0] or each[1] < low for each in spans.values()):
            command.update(moved)
        command["flags"] |= Flags.FENCE  # it may meet what others read and write
