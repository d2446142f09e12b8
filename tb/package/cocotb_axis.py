"""cocotb test of an AXI4-Stream top: any job, through models of the bus that are not ours."""

import random
from collections.abc import Iterator

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from numpy.typing import NDArray

from gemmule.gen.block import Beats
from gemmule.gen.simulation.simulate import compare
from gemmule.gen.verilog.axis import AxisForm, AxisStream, axis_streams
from gemmule.golden.common.lanes import from_words, to_words
from gemmule.tb.benches.task import Task

TASK = Task.load()
FORM = AxisForm(**TASK.manifest.axis["form"])
STREAMS = {stream.name: stream for stream in axis_streams(TASK.manifest.streams, FORM)}

HELD = ("tdata", "tlast", "tkeep")
OPEN: dict[str, bool] = {}
"""Whether an output is in the middle of a packet."""


def to_bytes(stream: AxisStream, beats: Beats) -> NDArray[np.uint8]:
    """Convert beats to [words, bytes], each lane in bytes of its own; padding is random."""
    data = np.random.default_rng(cocotb.RANDOM_SEED).integers(
        0, 256, (len(beats), stream.octets), np.uint8
    )
    for each in stream.fields:
        lanes = from_words(beats, each.offset, each.width, each.lanes, signed=each.signed)
        for lane in range(each.lanes):
            low = each.byte + lane * each.octets
            octets = lanes[:, lane].astype("<i8").view(np.uint8).reshape(-1, 8)[:, : each.octets]
            if not each.whole:  # the top must ignore the bits above the lane
                noise = data[:, low + each.octets - 1] << (each.width % 8)
                kept = octets[:, -1] & ((1 << each.width % 8) - 1)
                octets = np.column_stack([octets[:, :-1], kept | noise])
            data[:, low : low + each.octets] = octets
    return data


def from_bytes(stream: AxisStream, data: NDArray[np.uint8], last: NDArray[np.int64]) -> Beats:
    """Convert bytes to beats; sign or zeros above a lane must be right, and zeros fill the word."""
    assert not data[:, stream.used_octets :].any(), f"{stream.name} is not filled with zeros"
    placed = [] if stream.last is None else [(stream.last, (last, 1))]
    for each in stream.fields:
        fill = np.zeros((len(data), 8 - each.octets), np.uint8)
        for lane in range(each.lanes):
            low = each.byte + lane * each.octets
            octets = data[:, low : low + each.octets]
            if each.signed:
                fill = np.repeat((octets[:, -1:] >> 7) * np.uint8(255), 8 - each.octets, axis=1)
            value = np.ascontiguousarray(np.column_stack([octets, fill])).view("<i8")[:, 0]
            low, high = (-1, 1) if each.signed else (0, 2)
            bound = 1 << (each.width - 1)
            assert (value >= low * bound).all(), f"{each.name} is not extended"
            assert (value < high * bound).all(), f"{each.name} is not extended"
            placed.append((each.offset + lane * each.width, (value, each.width)))
    return to_words(*(part for _offset, part in sorted(placed, key=lambda pair: pair[0])))


def frames(stream: AxisStream, beats: Beats) -> Iterator[bytes]:
    """Yield the bytes of each packet; where the block has none, of each word."""
    data = to_bytes(stream, beats)
    if stream.last is None:
        ends = np.arange(1, len(beats) + 1)
    else:
        ends = 1 + np.flatnonzero(from_words(beats, stream.last, 1, 1, signed=False)[:, 0])
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield data[start:end].tobytes()


def pauses(seed: int) -> Iterator[bool]:
    """Pause in about a third of all cycles."""
    generator = random.Random(seed)
    while True:
        yield generator.random() < 0.3


async def receive(stream: AxisStream, sink: AxiStreamSink, count: int) -> Beats:
    """Receive ``count`` words; each packet's end is where TLAST was."""
    rows, last = [], []
    while len(rows) < count:
        frame = await sink.recv()
        assert frame.tkeep is None or all(frame.tkeep)
        words = np.frombuffer(bytes(frame.tdata), np.uint8)
        words = words.reshape(-1, stream.octets)
        rows += list(words)
        last += [0] * (len(words) - 1) + [1]
    return from_bytes(stream, np.array(rows), np.array(last))


async def reset(dut) -> None:
    """Start the clock, reset the design, and watch what it offers from now on."""
    Clock(dut.aclk, 10, unit="ns", impl="gpi").start()
    dut.clear.value, dut.aresetn.value = 0, 0
    await ClockCycles(dut.aclk, 3)
    dut.aresetn.value = 1
    for stream in STREAMS.values():
        if not stream.is_input:
            cocotb.start_soon(watch(dut, stream))


def connect(dut) -> dict[str, AxiStreamSource | AxiStreamSink]:
    """Connect a model of the other end to each stream."""
    ends = {}
    for number, (name, stream) in enumerate(STREAMS.items()):
        kind = AxiStreamSource if stream.is_input else AxiStreamSink
        ends[name] = kind(AxiStreamBus.from_prefix(dut, stream.prefix), dut.aclk)
        ends[name].set_pause_generator(pauses(cocotb.RANDOM_SEED + number))
    return ends


async def watch(dut, stream: AxisStream) -> None:
    """Check that no offer changes or goes before it is taken."""
    pins = {
        name: getattr(dut, f"{stream.prefix}_{name}", None) for name in (*HELD, "tvalid", "tready")
    }
    offer = None
    while True:
        await FallingEdge(dut.aclk)
        sees = [str(pin.value) for name, pin in pins.items() if pin is not None and name in HELD]
        valid, ready = pins["tvalid"].value, pins["tready"].value
        assert offer is None or (valid and sees == offer), f"{stream.name}: an offer changed"
        offer = sees if valid and not ready else None
        if valid and ready and pins["tlast"] is not None:
            OPEN[stream.name] = not pins["tlast"].value


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(cut_short=["", "packets", "command"])
async def matches_golden(dut, cut_short: str) -> None:
    """Check that every output is the golden model's, also after a `clear` within a packet.

    Or behind a command alone: what was cleared gives nothing, not even a `status`.
    """
    job = TASK.job()
    await reset(dut)
    if cut_short == "packets":
        await begin_and_clear(dut)
    ends = connect(dut)
    if cut_short == "command":
        await command_and_pulse(dut, ends, job.send)
    for name, beats in job.send.items():
        for frame in frames(STREAMS[name], beats):
            await ends[name].send(AxiStreamFrame(frame))
    receivers = {
        name: cocotb.start_soon(receive(STREAMS[name], ends[name], count))
        for name, count in job.receive.items()
    }
    outputs = job.decode({name: await task for name, task in receivers.items()})
    for name, expected in job.golden.items():
        compare(name, outputs[name], expected)
    await ClockCycles(dut.aclk, 100)
    assert all(ends[name].empty() for name in job.receive)


async def command_and_pulse(dut, ends, send) -> None:
    """Pulse `clear` for a cycle as the data sheet says: `clearing` rises a cycle later, and falls.

    The block had taken a command, if it takes one alone, and nobody offers anything.
    """
    if "status" in STREAMS:
        first = frames(STREAMS["command"], send["command"][:1])
        await ends["command"].send(AxiStreamFrame(next(first)))
    await ClockCycles(dut.aclk, 40)
    await FallingEdge(dut.aclk)
    dut.clear.value = 1
    await FallingEdge(dut.aclk)
    dut.clear.value = 0
    await ReadOnly()
    cycles = 0
    while dut.clearing.value:
        for stream in STREAMS.values():
            if stream.is_input:
                assert not getattr(dut, f"{stream.prefix}_tready").value
        await FallingEdge(dut.aclk)
        cycles += 1
    assert cycles, "the block was not cleared"


async def begin_and_clear(dut) -> None:
    """Offer zeros on all inputs, take what comes, then nothing, and clear before a packet ends.

    What was offered waits all the while; what is still sent is thrown away; no packet stays open.
    """

    def drive(pin: str, value: int) -> None:
        for stream in STREAMS.values():
            port = getattr(dut, f"{stream.prefix}_{pin}", None)
            if port is not None and stream.is_input == (pin != "tready"):
                port.value = value

    for pin, value in (("tvalid", 1), ("tdata", 0), ("tlast", 0), ("tready", 1)):
        drive(pin, value)
    await ClockCycles(dut.aclk, 9)
    drive("tready", 0)
    await ClockCycles(dut.aclk, 30)
    dut.clear.value = 1
    await ClockCycles(dut.aclk, 9)
    assert dut.clearing.value
    drive("tready", 1)
    await ClockCycles(dut.aclk, 9)
    for stream in STREAMS.values():
        pin = "tready" if stream.is_input else "tvalid"
        assert getattr(dut, f"{stream.prefix}_{pin}").value == stream.is_input
        assert not OPEN.get(stream.name)
    drive("tvalid", 0)
    dut.clear.value = 0
    await ClockCycles(dut.aclk, 3)
    assert not dut.clearing.value
