"""Random legal products."""

from collections.abc import Mapping

from gemmule.golden.soc.commands import COLUMN, SETTINGS, Flags, Opcode
from gemmule.tb.soc.accelerator.pair import Pair

from .placer import GUARD, Placer
from .settings import RandomSettings

__all__ = ["Products"]


class Products(Placer):
    """Makes products for a pair."""

    def __init__(self, pair: Pair):
        super().__init__(pair)
        self.settings = RandomSettings(pair.hardware, pair.rng)

    def _shape(self) -> tuple[int, ...]:
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
        return self.smaller((m, n, min(k, self.pair.hardware.max_k)), self._cost)

    def _cost(self, m: int, n: int, k: int) -> int:
        params = self.pair.params
        octets = m * k * params.a_octets + k * n * params.b_octets + 4 * m * n
        tiles = -(-n // params.cols) * -(-k // params.rows)
        return max(tiles * max(m, params.rows), octets // params.bus, 4 * m * -(-n // params.cols))

    def product(
        self,
        *,
        apart: int,
        settings: float,
        shape: tuple[int, int, int] | None = None,
        given: Mapping[str, tuple[int, int]] | None = None,
    ) -> dict[str, int] | None:
        """Return the fields of a product, or None where there is no room for its operands.

        Others are as of :meth:`Maker.gemm`.
        """
        rng, hardware = self.rng, self.pair.hardware
        m, n, k = shape or self._shape()
        c_size = int(rng.integers(3))
        command = {"opcode": int(Opcode.GEMM), "flags": 0, "m": m, "n": n, "k": k, "c_size": c_size}
        shapes = {"a": (m, k * hardware.a_octets), "b": (k, n * hardware.b_octets)}
        places = {
            name: self.place("operands", *each, apart) if apart else self.source(*each)
            for name, each in shapes.items()
        } | dict(given or {})
        places["c"] = self.place("results", m, n << c_size, max(apart, GUARD))
        for name, place in places.items():
            if place is None:
                return None
            command[name], command[f"{name}_stride"] = place
            falls = place[1] < 0 and (k if name == "b" else m) > 1
            self.pair.tally["operands with rows downwards"] += falls
        record = None
        if rng.random() < 0.75:
            wrong = self.chance(settings)
            octets = self.settings.octets(n, c_size, wrong)
            record = self.put_settings(octets, SETTINGS.size + COLUMN.size * n, apart)
        if record is None:
            command["flags"] = int(Flags.RAW)
        else:
            command["settings"] = record
        return command
