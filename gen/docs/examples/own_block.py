"""A block of one's own, whole: parameters, hardware, golden model, adapter.

It adds two streams, lane by lane, and a bias that each packet's command sets. A block of Gemmule
has the same parts, on four floors; here they stand in the order in which one writes them. The
script sends arrays through the Verilog, with pauses, and writes a package:

    python -m gemmule.gen.docs.examples.own_block build/adder
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth import Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from gemmule.gen import generate, simulate
from gemmule.gen.block import Array, Arrays, Block, Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_array, check_values
from gemmule.golden.common.lanes import from_words, to_words
from gemmule.golden.common.options import Options, option
from gemmule.hw.common.shared import shared
from gemmule.hw.common.stream.payload import packet_stream, vector

__all__ = ["ADDER", "Adder", "AdderParams", "Lane", "added", "main"]

# 1. Parameters. Each field is an option: `--lanes`, `--format`. What is out of range is refused
#    before there is hardware, by a sentence that names the option.


@dataclass(frozen=True, kw_only=True)
class AdderParams(Options):
    """Parameters of :class:`Adder`."""

    lanes: int = option(4, help="lanes of a beat", low=1, high=64)
    format: Format = option("s8", help="format of both operands", widths=(2, 16))

    @property
    def sum_format(self) -> Format:
        """Wide enough for two operands and the bias."""
        return Format(True, self.format.width + 3)


# 2. The golden model: integers in, integers out. It defines every bit, and knows no hardware.


def added(x: NDArray[np.int64], y: NDArray[np.int64], bias: int) -> NDArray[np.int64]:
    """Add two arrays and a bias.

    Examples
    --------
    >>> added(np.array([1, -128]), np.array([2, -128]), -2)
    array([   1, -258])
    """
    return x + y + bias


# 3. Hardware. Ports are streams; `valid` never waits for `ready`, and an offer stays until taken.


class Lane(wiring.Component):
    """One adder: what the array of a real block has many of."""

    def __init__(self, params: AdderParams):
        shape = vector(params.format, 1).elem_shape
        total = signed(params.sum_format.width)
        super().__init__({
            "x": In(shape),
            "y": In(shape),
            "bias": In(signed(params.format.width)),
            "enable": In(1),
            "total": Out(total),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.enable):
            m.d.sync += self.total.eq(self.x + self.y + self.bias)
        return m


class Adder(wiring.Component):
    """Adds two streams, lane by lane, and a bias that each packet's command sets.

    ``total = x + y + bias``

    Members
    -------
    command : In(stream of signed), the bias of the next packet
    x, y : In(packet stream of [lanes] x format)
    total : Out(packet stream of [lanes] x sum_format)
    """

    LATENCY = 1

    def __init__(self, params: AdderParams):
        self.params = params
        lane = vector(params.format, params.lanes)
        super().__init__({
            "command": In(stream.Signature(signed(params.format.width))),
            "x": In(packet_stream(lane)),
            "y": In(packet_stream(lane)),
            "total": Out(packet_stream(vector(params.sum_format, params.lanes))),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        free, both, take = (Signal(name=name) for name in ("free", "both", "take"))
        m.d.comb += [
            free.eq(~self.total.valid | self.total.ready),
            both.eq(self.x.valid & self.y.valid & self.command.valid),
            take.eq(both & free),
            self.x.ready.eq(take),
            self.y.ready.eq(take),
            self.command.ready.eq(take & self.x.payload.last),
        ]
        with m.If(free):
            m.d.sync += self.total.valid.eq(both)
        with m.If(take):
            m.d.sync += self.total.payload.last.eq(self.x.payload.last)
        for index in range(self.params.lanes):
            lane = Lane(self.params)
            m.submodules[f"lane_{index}"] = shared(lane, self.params)
            m.d.comb += [
                lane.x.eq(self.x.payload.data[index]),
                lane.y.eq(self.y.payload.data[index]),
                lane.bias.eq(self.command.payload),
                lane.enable.eq(take),
                self.total.payload.data[index].eq(lane.total),
            ]
        return m


# 4. The adapter: the user's arrays become beats, and beats become arrays. One job serves
#    `simulate`, the cocotb benches and the data sheet's examples.


class AdderAdapter:
    """One packet for each row of ``x`` and ``y``."""

    @dataclass(frozen=True, kw_only=True)
    class Run(Options):
        """Options of a run."""

        bias: int = option(0, help="added to every sum", low=-2, high=1)

    inputs = (
        Array("x", "[packets, n]", "format", "the first operand"),
        Array("y", "[packets, n]", "format", "the second operand"),
    )
    outputs = (Array("total", "[packets, n]", "sum format", "their sum"),)

    def check(self, params: AdderParams, run: Run, arrays: Arrays) -> None:
        for name in "xy":
            check_values(name, arrays[name], params.format, shape=(None, None))

    def plan(self, params: AdderParams, run: Run, arrays: Arrays) -> Job:
        x, y = (check_array(name, arrays[name], params.format, shape=(None, None)) for name in "xy")
        packets, length = x.shape
        if y.shape != x.shape or length % params.lanes or not length:
            raise UsageError(f"x and y must be alike, and whole beats, not {x.shape} and {y.shape}")
        beats = length // params.lanes
        last = np.tile(np.arange(beats) == beats - 1, packets)
        width = params.sum_format.width

        def packed(values: np.ndarray) -> np.ndarray:
            return to_words((values.reshape(-1, params.lanes), params.format.width), (last, 1))

        def decode(received: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            lanes = from_words(received["total"], 0, width, params.lanes, signed=True)
            return {"total": lanes.reshape(x.shape).astype(params.sum_format.dtype)}

        return Job(
            send={
                "command": to_words(([run.bias] * packets, params.format.width)),
                "x": packed(x),
                "y": packed(y),
            },
            receive={"total": beats * packets},
            decode=decode,
            golden={"total": added(x, y, run.bias).astype(params.sum_format.dtype)},
            macs=x.size,
            peak_macs_per_cycle=params.lanes,
            counters={"packets": packets},
        )


# 5. The block: in a family it would be in `BLOCKS` of `gen/blocks/<family>/__init__.py`.

ADDER = Block("adder", "Add two streams, and a bias.", AdderParams, Adder, AdderAdapter())


def main(folder: Path) -> None:
    """Run the block and write it."""
    rng = np.random.default_rng(1)
    params = AdderParams(lanes=4, format=Format.parse("s8"))
    x, y = rng.integers(-128, 128, (2, 3, 8))
    # The result is compared with the golden model; a difference would be a GoldenMismatch.
    result = simulate(ADDER, params, {"x": x, "y": y}, run=AdderAdapter.Run(bias=1), stall=0.3)
    print(f"{result.outputs['total'].shape} sums in {result.cycles} cycles, pauses included")
    for file, what in generate(ADDER, params, folder).items():
        print(f"{folder / file}: {what}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/adder"))
