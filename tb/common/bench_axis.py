"""cocotb test of an AXI4-Stream top: any job, through models of the bus that are not ours."""

import random
from collections.abc import Iterator

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from numpy.typing import NDArray

from gemmule.gen.axis import AxisStream, axis_streams
from gemmule.gen.block import Beats
from gemmule.gen.simulate import compare
from gemmule.golden.common.lanes import pack, unpack
from gemmule.tb.common.task import Task

TASK = Task.load()
STREAMS = {stream.name: stream for stream in axis_streams(TASK.manifest)}


def to_bytes(stream: AxisStream, beats: Beats) -> NDArray[np.uint8]:
    """[beats, bytes] of TDATA, each lane in bytes of its own; padding is random."""
    data = np.random.default_rng(cocotb.RANDOM_SEED).integers(
        0, 256, (len(beats), stream.octets), np.uint8
    )
    for each in stream.fields:
        lanes = unpack(beats, each.offset, each.width, each.lanes, signed=each.signed)
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
    """The inverse; the sign or the zeros above a lane must be right."""
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
    return pack(*(part for _offset, part in sorted(placed, key=lambda pair: pair[0])))


def frames(stream: AxisStream, beats: Beats) -> Iterator[bytes]:
    """TDATA of each packet; without TLAST a packet is one beat."""
    data = to_bytes(stream, beats)
    if stream.last is None:
        ends = np.arange(1, len(beats) + 1)
    else:
        ends = 1 + np.flatnonzero(unpack(beats, stream.last, 1, 1, signed=False)[:, 0])
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield data[start:end].tobytes()


def pauses(seed: int) -> Iterator[bool]:
    """Pause in about a third of all cycles."""
    generator = random.Random(seed)
    while True:
        yield generator.random() < 0.3


async def receive(stream: AxisStream, sink: AxiStreamSink, count: int) -> Beats:
    """``count`` beats; each packet's end is where TLAST was."""
    rows, last = [], []
    while len(rows) < count:
        frame = await sink.recv()
        beats = np.frombuffer(bytes(frame.tdata), np.uint8).reshape(-1, stream.octets)
        rows += list(beats)
        last += [0] * (len(beats) - 1) + [1]
    return from_bytes(stream, np.array(rows), np.array(last))


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(cut_short=[False, True])
async def matches_golden(dut, cut_short: bool) -> None:
    """Every output equals the golden model's, also after a `clear` in the middle of a packet."""
    job = TASK.job()
    Clock(dut.aclk, 10, unit="ns", impl="gpi").start()
    dut.clear.value, dut.aresetn.value = 0, 0
    await ClockCycles(dut.aclk, 3)
    dut.aresetn.value = 1
    if cut_short:
        await _begin_and_clear(dut)
    ends = {}
    for number, (name, stream) in enumerate(STREAMS.items()):
        kind = AxiStreamSource if stream.is_input else AxiStreamSink
        ends[name] = kind(AxiStreamBus.from_prefix(dut, stream.prefix), dut.aclk)
        ends[name].set_pause_generator(pauses(cocotb.RANDOM_SEED + number))
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


async def _begin_and_clear(dut) -> None:
    """Offer beats of zeros on all inputs, take what comes, and clear before any packet ends."""
    for name, value in (("tvalid", 1), ("tdata", 0), ("tlast", 0), ("tready", 1)):
        for stream in STREAMS.values():
            if stream.is_input == (name != "tready") and hasattr(dut, f"{stream.prefix}_{name}"):
                getattr(dut, f"{stream.prefix}_{name}").value = value
    await ClockCycles(dut.aclk, 9)
    dut.clear.value = 1
    await ClockCycles(dut.aclk, 1)
    for stream in STREAMS.values():
        if stream.is_input:
            getattr(dut, f"{stream.prefix}_tvalid").value = 0
    await ClockCycles(dut.aclk, 1)
    dut.clear.value = 0
    await ClockCycles(dut.aclk, 1)
