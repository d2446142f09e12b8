"""Random CONVOLUTION commands, whose programs are legal or have something wrong."""

from collections.abc import Mapping

from gemmule.golden.conv.records import UNIT
from gemmule.golden.soc.commands import Opcode
from gemmule.golden.soc.memory import Matrix
from gemmule.tb.soc.accelerator.pair import Pair

from .layers import MOST_UNITS, Program, layers
from .placer import GUARD, Placer
from .places import SETTINGS_END
from .wrong_programs import spoiled

__all__ = ["ConvolutionCommands"]

MORE = 100
"""Bytes by which a region is longer than it needs to be, at most."""


class ConvolutionCommands(Placer):
    """Makes CONVOLUTION commands for a pair, where its hardware has the unit."""

    def __init__(self, pair: Pair):
        super().__init__(pair)
        self.engine = pair.hardware.convolution
        self.layers: tuple[Program, ...] = ()
        if self.engine:
            self.layers = layers(pair.params.layer, int(pair.rng.integers(1 << 16)))

    def batch(self) -> None:
        super().batch()
        self._begun_in = self.rounds

    @property
    def fresh(self) -> bool:
        """Whether no place of a result was used again since the batch began.

        Else it may hold a part of what a command wrote before it failed, which is no one's to read.
        """
        return self.rounds == self._begun_in

    @property
    def has_room_for_programs(self) -> bool:
        """Whether settings have room for any program."""
        return self.at["settings"] + UNIT * MOST_UNITS + 2 * GUARD < SETTINGS_END

    def program(self, wrong: bool = False) -> Program:
        """Return a layer of the pool: one that reads what it writes, only where that is its own."""
        fitting = [each for each in self.layers if not each.shares or (self.fresh and not wrong)]
        return fitting[int(self.rng.integers(len(fitting)))]

    def layer(
        self,
        *,
        apart: int,
        settings: float,
        program: Program | None = None,
        given: Mapping[str, tuple[int, int]] | None = None,
    ) -> dict[str, int] | None:
        """Return the fields of a CONVOLUTION command, or None where there is no room for it.

        ``settings``: how often its program is wrong. Of ``given`` regions it says address and
        length. Others are as of :meth:`Maker.gemm`.
        """
        assert self.engine
        rng, tally = self.rng, self.pair.tally
        wrong = not program and self.chance(settings)
        program = program or self.program(wrong)
        how = ""
        if wrong:
            how, program = spoiled(self.engine, program, rng)
        command = {"opcode": int(Opcode.CONVOLUTION), "flags": 0, "k": 0}
        for piece in program.pieces:
            longer = self.upto(MORE) * (len(piece.regions) == 1 and not wrong and self.chance(0.2))
            size = piece.size + longer
            if "c" in piece.regions:
                placed = self.place("results", 1, size, max(apart, GUARD))
            else:
                placed = self.place("operands", 1, size, apart) if apart else self.source(1, size)
            if placed is None:
                return None
            for side, region in piece.regions.items():
                command[side] = placed[0] + region.start
                command[f"{side}_stride"] = len(region) + longer
        for side, (address, length) in (given or {}).items():
            command |= {side: address, f"{side}_stride": length}
        octets, units = program.records(self.engine)
        if how == "cut" and rng.random() < 0.3:  # amid a command
            units -= 1
            octets = octets[: UNIT * units] + octets[UNIT * (units + 1) :]
        command |= {"n": max(units, 1), "m": max(len(octets) // UNIT, 1)}
        address = self.put_settings(octets, len(octets), apart)
        if address is None:
            return None
        tally[f"layers of {program.name}"] += 1
        tally["layers whose result is in a region that they read"] += program.shares
        if wrong:
            tally[f"layers with a wrong program: {how}"] += 1
        return command | {"settings": address}

    def reads(self, program: Program, side: str, matrix: Matrix) -> tuple[int, int] | None:
        """Return where among a matrix's bytes a region may lie, and its length, if it has room."""
        lengths = [
            piece.size
            for piece in program.pieces
            if tuple(piece.regions) == (side,) and "c" not in piece.regions
        ]
        low, high = matrix.span
        if not lengths or lengths[0] > high - low + 1:
            return None
        most = high - low + 1 - lengths[0]
        at = 0 if self.rng.random() < 0.4 else int(self.rng.integers(most + 1))
        return low + at, lengths[0]
