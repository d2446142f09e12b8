"""A block small enough to test the external memory with: it adds two rows of vectors there."""

from dataclasses import dataclass

import numpy as np
from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.gen.block import Array, Arrays, Block, Channel, Job, Memory
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import to_words
from gemmule.golden.common.options import Options, option
from gemmule.hw.common.request import request_layout
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.fork import Fork
from gemmule.hw.common.stream.payload import packet_stream, vector

__all__ = ["COMMAND", "COPIER", "IN", "OUT", "Copier", "CopierParams", "elements"]

IN, OUT = Format(True, 12), Format(True, 13)
"""Of the lanes: neither is as wide as an element."""

COMMAND = {"x": 32, "y": 32, "sum": 32, "vectors": 10, "tail": 8, "size": 2, "sum_size": 2}
"""Three addresses, the vectors to add, the lanes of the last one, and the sizes of elements."""

DONE = data.StructLayout({"right": 1, "vectors": COMMAND["vectors"]})


@dataclass(frozen=True, kw_only=True)
class CopierParams(Options):
    """Parameters of :class:`Copier`."""

    lanes: int = option(3, help="lanes of a vector", low=1, high=64)


class Copier(wiring.Component):
    """Reads two rows of vectors, adds them and writes the sums, for each command.

    Members
    -------
    command : In, a row
    x_request, y_request, sum_request : Out, requests
    x, y : In, vectors that were read
    sum : Out, vectors to write
    done : Out, after a row's last vector was handed over: whether each `last` was right
    trace : Out, while a command asks for it: `valid` and `ready` of each of the memory's streams
    """

    def __init__(self, params: CopierParams):
        self.params = params
        command = data.StructLayout(COMMAND | {"trace": 16})
        request = stream.Signature(request_layout())
        operand = packet_stream(vector(IN, params.lanes))
        super().__init__({
            "command": In(stream.Signature(command)),
            "x_request": Out(request),
            "x": In(operand),
            "y_request": Out(request),
            "y": In(operand),
            "sum_request": Out(request),
            "sum": Out(packet_stream(vector(OUT, params.lanes))),
            "done": Out(stream.Signature(DONE)),
            "trace": Out(stream.Signature(12)),
        })

    def elaborate(self, platform):
        m = Module()
        shape = self.command.payload.shape()
        m.submodules.fork = fork = Fork(shape, 3)
        m.submodules.rows = rows = Fifo(shape, 4)
        begun = self._trace(m)
        m.d.comb += [
            fork.i.payload.eq(self.command.payload),
            fork.i.valid.eq(self.command.valid & begun),
            self.command.ready.eq(fork.i.ready & begun),
        ]
        wiring.connect(m, fork.o[2], rows.i)
        self._read(m, "x", fork.o[0], self.x_request)
        self._read(m, "y", fork.o[1], self.y_request)
        self._write(m, rows.o)
        return m

    def _read(self, m: Module, name: str, row: stream.Interface, request: stream.Interface) -> None:
        m.d.comb += [
            request.valid.eq(row.valid),
            row.ready.eq(request.ready),
            request.payload.address.eq(row.payload[name]),
            request.payload.length.eq(row.payload.vectors * self.params.lanes),
            request.payload.size.eq(row.payload.size),
        ]

    def _write(self, m: Module, rows: stream.Interface) -> None:
        """Add what comes; hand over request and sum, each as soon as it is taken, then `done`."""
        row, request, done = rows.payload, self.sum_request, self.done
        asked, given, advance, wrong = (Signal(name=n) for n in ("asked", "given", "next", "wrong"))
        count = Signal.like(row.vectors)
        both = rows.valid & self.x.valid & self.y.valid
        final = count == row.vectors - 1
        right = (self.x.payload.last == final) & (self.y.payload.last == final)
        m.d.comb += [
            request.valid.eq(both & ~asked),
            request.payload.address.eq(row["sum"] + (count * self.params.lanes << row.sum_size)),
            request.payload.length.eq(Mux(final, row.tail, self.params.lanes)),
            request.payload.size.eq(row.sum_size),
            self.sum.valid.eq(both & ~given),
            self.sum.payload.last.eq(final),
            done.valid.eq(both & final & asked & given),
            done.payload.right.eq(right & ~wrong),
            done.payload.vectors.eq(row.vectors),
            advance.eq(
                both
                & Mux(
                    final,
                    done.valid & done.ready,
                    (asked | request.ready) & (given | self.sum.ready),
                )
            ),
            self.x.ready.eq(advance),
            self.y.ready.eq(advance),
            rows.ready.eq(advance & final),
        ]
        for lane in range(self.params.lanes):
            total = self.x.payload.data[lane] + self.y.payload.data[lane]
            m.d.comb += self.sum.payload.data[lane].eq(total)
        m.d.sync += [
            asked.eq(~advance & (asked | (request.valid & request.ready))),
            given.eq(~advance & (given | (self.sum.valid & self.sum.ready))),
        ]
        with m.If(advance):
            m.d.sync += [
                count.eq(Mux(final, 0, count + 1)),
                wrong.eq(~final & (wrong | ~right)),
            ]

    def _trace(self, m: Module) -> Signal:
        """Send the trace, if any; return whether it has begun: nothing else happens before."""
        left, begun = Signal(16, name="left"), Signal(name="begun")
        streams = (self.x_request, self.x, self.y_request, self.y, self.sum_request, self.sum)
        bits = Cat(bit for each in streams for bit in (each.valid, each.ready))
        m.d.comb += [self.trace.payload.eq(bits), self.trace.valid.eq(left != 0)]
        with m.If(self.command.valid & ~begun):
            m.d.sync += [begun.eq(1), left.eq(self.command.payload.trace)]
        with m.Elif(self.trace.valid & self.trace.ready):
            m.d.sync += left.eq(left - 1)
        return begun


def elements(image: np.ndarray, address: int, count: int, size: int) -> np.ndarray:
    """Read ``count`` signed elements of the image."""
    return image[address : address + (count << size)].view(f"<i{1 << size}").astype(np.int64)


class CopierAdapter:
    """Runs the commands ``[n, 7]`` on ``image``."""

    @dataclass(frozen=True, kw_only=True)
    class Run(Options):
        """Options of a run."""

        trace: int = option(0, help="cycles to trace", low=0, high=65535)

    inputs = (
        Array("image", "[n]", "u8", "the memory"),
        Array("commands", "[n, 7]", "u32", "what `COMMAND` says"),
    )
    outputs = (Array("image", "[n]", "u8", "the memory"),)

    external_memory = True

    def check(self, params: CopierParams, run: Options, arrays: Arrays) -> None:
        """Check nothing: a test's own arrays are right, or a fault on purpose."""

    def plan(self, params: CopierParams, run: Options, arrays: Arrays) -> Job:
        commands = np.asarray(arrays["commands"], np.int64)
        image = np.asarray(arrays["image"], np.uint8)
        after = image.copy()
        for x, y, total, vectors, tail, size, sum_size in commands.tolist():
            length = vectors * params.lanes
            operands = (elements(image, address, length, size) for address in (x, y))
            # The lanes are 12 bits wide, and 13 of the sum.
            sums = sum((each + 2**11) % 2**12 - 2**11 for each in operands)
            sums = sums[: length - params.lanes + tail].astype(f"<i{1 << sum_size}").view(np.uint8)
            after[total : total + sums.size] = sums[: len(after) - total]  # a fault if it is more
        fields = zip(commands.T, COMMAND.values(), strict=True)
        ports = (("x", IN), ("y", IN), ("sum", OUT))
        return Job(
            send={"command": to_words(*fields, ([run.trace] * len(commands), 16))},
            receive={"done": len(commands), **({"trace": run.trace} if run.trace else {})},
            decode=lambda received: {"image": received["memory"], "right": received["done"] & 1},
            golden={"image": after, "right": np.ones((len(commands), 1), np.uint32)},
            memory=Memory(
                image,
                tuple(
                    Channel(f"{name}_request", name, params.lanes, fmt.width) for name, fmt in ports
                ),
            ),
            count=lambda received: {"vectors": int((received["done"] >> 1).sum())},
            estimates=lambda memory: {"slowest": memory.latency + 2 * memory.width},
        )


COPIER = Block("copier", "Copy memory.", CopierParams, Copier, CopierAdapter())
