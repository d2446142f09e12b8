"""Random legal commands that do not disturb each other."""

from collections.abc import Mapping, Sequence

from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import COMMAND, COUNTERS, VERSION, Cause, Flags, Opcode
from gemmule.golden.soc.machine import WORK
from gemmule.golden.soc.memory import Matrix
from gemmule.tb.soc.accelerator.pair import Pair

from .convolution_commands import ConvolutionCommands
from .products import Products
from .vector_commands import VectorCommands

__all__ = ["ALL_UNITS", "MOST", "Maker"]

ALL_UNITS = "GEMM", "VECTOR", "CONVOLUTION"

MOST = 32
"""Commands of a batch."""


class Maker(Products, VectorCommands, ConvolutionCommands):
    """Makes commands for a pair. What one writes, no other touches, unless it waits for it."""

    def __init__(self, pair: Pair):
        super().__init__(pair)
        self.sequence = 0
        self.fenced = 0
        """The last command that waits since its result's place is used again."""

    def common(self) -> dict[str, int]:
        """Return what all commands have, with a wait, a signal, or a fence now and then."""
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
            self.wait_for_all(command, int(rng.integers(1, COUNTERS + 1)))
        return command

    def wait_for_all(self, command: dict[str, int], counter: int) -> None:
        """Let a command wait for all before it that signal this counter."""
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
        return noise | self.common() | {"opcode": int(Opcode.NOP)}

    def gemm(self, *, apart: int = 0, settings: float = 0.03, **more) -> dict[str, int]:
        """Return a product, or now and then a command that does nothing.

        ``settings``: how often they are wrong. With ``apart`` no operand is shared, and each is so
        many bytes from others. ``shape``, and places of operands, may be ``given``.
        """
        return self._made(self.product, apart, settings=settings, **more)

    def work(
        self,
        *,
        apart: int = 0,
        settings: float = 0.03,
        units: tuple[str, ...] = ALL_UNITS,
        **more,
    ) -> dict[str, int]:
        """Return a command for any of these units that there are; all else is as of :meth:`gemm`.

        ``overlap`` is for VECTOR commands alone.
        """
        wanted = [each for each in self.units if each in units]
        if len(wanted) > 1 and not self.has_room_for_programs:
            wanted = [each for each in wanted if each != "CONVOLUTION"]
        chosen = str(self.rng.choice(wanted, p=self._shares(wanted)))
        if chosen == "VECTOR":
            return self._made(self.vector, apart, settings=settings, **more)
        if chosen == "CONVOLUTION":
            return self._made(self.layer, apart, settings=settings)
        return self.gemm(apart=apart, settings=settings)

    @property
    def units(self) -> list[str]:
        """The units that there are."""
        there = {"VECTOR": self.unit, "CONVOLUTION": self.engine}
        return [name for name in ALL_UNITS if there.get(name, True)]

    @staticmethod
    def _shares(units: Sequence[str]) -> list[float]:
        """Return how often each of some units is chosen."""
        weights = [{"GEMM": 2, "VECTOR": 3, "CONVOLUTION": 2}[name] for name in units]
        return [each / sum(weights) for each in weights]

    def _made(self, make, apart: int, **more) -> dict[str, int]:
        for _ in range(20):
            command = self.common()
            made = make(apart=apart, **more)
            if made:
                command = command | made | {"flags": command["flags"] | made["flags"]}
                if self.reused:
                    command["flags"] |= Flags.FENCE
                    self.written.clear()
                    self.reused, self.fenced = False, command["sequence"]
                return command
            if not apart:
                self.use_again()
        return self.nop()

    def chain(self, command: dict[str, int]) -> None:
        """Let a command read what one before it writes, and wait for that."""
        rng = self.rng
        found = [
            (written, signal, name)
            for written, signal in self.written
            for name, each in operands(command, self.pair.hardware).items()
            if name in self._sources(command)
            and each.rows <= written.rows
            and each.row_octets <= written.row_octets
        ]
        if not found:
            return
        matrix, signal, name = found[int(rng.integers(len(found)))]
        command[name] = matrix.address
        if command["opcode"] != Opcode.CONVOLUTION:  # of which it is the region's length
            command[f"{name}_stride"] = matrix.stride
        if signal and rng.random() < 0.6:
            self.wait_for_all(command, signal)
        else:
            command["flags"] |= Flags.FENCE

    def _sources(self, command: Mapping[str, int]) -> list[str]:
        """Return the operands that may lie elsewhere: they have nothing to do with the result."""
        spans = {name: each.span for name, each in operands(command, self.pair.hardware).items()}
        low, high = spans["c"]
        found = [name for name in ("a", "b") if name in spans]
        if command["opcode"] != Opcode.CONVOLUTION:
            return [name for name in found if command[name] != command["c"]]
        return [name for name in found if high < spans[name][0] or spans[name][1] < low]

    def next(self, settings: float = 0.03) -> dict[str, int]:
        """Return any legal command, but for its settings."""
        if self.rng.random() < 0.08:
            return self.nop()
        overlap = {"overlap": self.chance(0.03)} if self.unit else {}
        command = self.work(settings=settings, **overlap)
        if command["opcode"] != Opcode.NOP and self.rng.random() < 0.3:
            self.chain(command)
        return command

    def refused(self, sequence: int) -> None:
        """Take note of a command that waits for nothing, or is not: the next one must."""
        self.reused |= sequence == self.fenced

    def wrote(self, command: Mapping[str, int], cause: Cause) -> None:
        """Take note of a command that was carried out: others may use its result."""
        whole = command["opcode"] != Opcode.CONVOLUTION or self.fresh
        if cause is Cause.NONE and command["opcode"] in WORK and whole:
            matrix: Matrix = operands(command, self.pair.hardware)["c"]
            self.written.append((matrix, command.get("signal", 0)))
