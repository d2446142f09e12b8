"""Random legal VECTOR commands."""

from collections.abc import Mapping

from gemmule.golden.soc.commands import AFFINE, TRANSPOSED, VECTOR, Opcode
from gemmule.golden.soc.functions import ROW_FUNCTIONS
from gemmule.tb.soc.accelerator.pair import Pair

from .placer import GUARD, Placer
from .vectors import RandomVectors, VectorKind

__all__ = ["VectorCommands"]


class VectorCommands(Placer):
    """Makes VECTOR commands for a pair, where its hardware has the unit."""

    def __init__(self, pair: Pair):
        super().__init__(pair)
        self.unit = pair.hardware.vector
        if self.unit:
            self.vectors = RandomVectors(pair.hardware, pair.rng)

    def _rows(self, kind: VectorKind) -> tuple[int, ...]:
        """Return m and n: one element, one long row, many short ones, or whole vectors, about."""
        lanes, rng = self.unit.lanes, self.rng
        form = int(rng.choice(6, p=(0.05, 0.2, 0.15, 0.2, 0.25, 0.15)))
        m, most = (
            (1, 1),
            (self.upto(3), 3000),
            (self.upto(300), 8),
            (self.upto(40), lanes * self.upto(4) + int(rng.integers(-1, 2))),
            (self.upto(6), 40),
            (self.upto(40), 100),
        )[form]
        exact = form == 3 and kind.function not in ROW_FUNCTIONS
        shape = m, max(most, 1) if exact else self.vectors.columns(kind, most)

        def cost(m: int, n: int) -> int:
            return m * -(-n * max(kind.octets.values()) // min(lanes, self.pair.params.bus))

        return self.smaller(shape, cost)

    def vector(
        self,
        *,
        apart: int,
        settings: float,
        overlap: bool = False,
        kind: VectorKind | None = None,
        shape: tuple[int, int] | None = None,
        given: Mapping[str, tuple[int, int]] | None = None,
    ) -> dict[str, int] | None:
        """Return the fields of a VECTOR command, or None where there is no room for its operands.

        ``overlap``: whether rows of c may overlap; others are as of :meth:`Maker.gemm`.
        """
        rng, tally = self.rng, self.pair.tally
        kind = kind or self.vectors.kind()
        m, n = shape or self._rows(kind)
        wrong = self.chance(settings)
        if wrong and kind.function in ROW_FUNCTIONS and not shape and rng.random() < 0.2:
            more = 1 if rng.random() < 0.5 else self.upto(40)
            n, record = self.unit.max_length + more, self.vectors.record(kind, 1)
        else:
            record = self.vectors.record(kind, n)
            if wrong:
                self.vectors.spoil(record, kind, n)
        command = {"opcode": int(Opcode.VECTOR), "flags": 0, "m": m, "n": n, "k": 0}
        command |= {"c_size": kind.c_size, "sizes": kind.sizes}
        if wrong and not kind.c_size and rng.random() < 0.1:
            command["sizes"] ^= TRANSPOSED  # as no function has it, or without what transpose needs
        places = {}
        for name, octets in kind.octets.items():
            area = "results" if name == "c" else "operands"
            rows = 1 if name == "b" and rng.random() < 0.2 else m
            if apart or name == "c":
                each = max(apart, GUARD) if name == "c" else apart
                shape_of = (n, m) if name == "c" and kind.turned else (rows, n)
                places[name] = self.place(area, shape_of[0], shape_of[1] * octets, each)
            else:
                places[name] = self.source(rows, n * octets)
            if places[name] and name == "b" and rows < m:
                places[name] = places[name][0], 0
                tally["vector commands with a row of b repeated"] += 1
        places |= dict(given or {})
        if None in places.values():
            return None
        if not kind.turned:
            self._share(kind, places, tuple(given or ()))
        if (
            overlap
            and not kind.turned
            and m > 1
            and places["c"] not in (places["a"], places.get("b"))
        ):
            address, stride = places["c"]
            places["c"] = address, stride // self.upto(9)
            tally["vector commands with rows of c that overlap"] += 1
        for name, place in places.items():
            command[name], command[f"{name}_stride"] = place
            tally["operands with rows downwards"] += place[1] < 0 and m > 1
        tally[f"vector commands of {kind.function}"] += 1
        tally[f"vector commands that combine by {kind.combine.name}"] += 1
        octets = self.vectors.octets(record, kind.function, n)
        room = VECTOR.size + AFFINE.size * n if apart else len(octets)
        command["settings"] = self.put_settings(octets, room, apart)
        return None if command["settings"] is None else command

    def _share(self, kind: VectorKind, places: dict, given: tuple[str, ...]) -> None:
        """Let c lie where an operand does, or both operands at one place, now and then."""
        sizes, rng = kind.octets, self.rng
        operand = "b" if "b" in sizes and rng.random() < 0.4 else "a"
        if sizes[operand] == sizes["c"] and rng.random() < 0.12:
            # A given operand is the result of a command that this one waits for.
            one, other = ("c", operand) if operand in given else (operand, "c")
            if places[operand][1] or operand not in given:
                places[one] = places[other]
                self.pair.tally["vector commands in place"] += 1
        elif "b" in sizes and sizes["a"] == sizes["b"] and not given and rng.random() < 0.04:
            places["b"] = places["a"]
