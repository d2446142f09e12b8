"""The plain way to feed a design from cocotb: each lane a port, written and read in each cycle."""

import json
import os
import time
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotb.utils import get_sim_time

from gemmule.gen.simulation.simulate import compare
from gemmule.golden.common.lanes import words
from gemmule.tb.benches.streams import to_beats, to_ints
from gemmule.tb.benches.task import Task
from gemmule.tb.verilog.plain import lane_names

TASK = Task.load()


def cut(stream: dict, beat: int) -> list[int]:
    """Cut one beat into its lanes."""
    values = []
    for _name, width in lane_names(stream):
        values.append(beat & (1 << width) - 1)
        beat >>= width
    return values


async def send(dut, stream: dict, beats: list[int]) -> None:
    """Offer each beat, lane by lane, until it is taken."""
    name = stream["name"]
    lanes = [dut[port] for port, _width in lane_names(stream)]
    valid, ready = dut[f"{name}__valid"], dut[f"{name}__ready"]
    for beat in beats:
        for lane, value in zip(lanes, cut(stream, beat), strict=True):
            lane.value = value
        valid.value = 1
        taken = False
        while not taken:
            await FallingEdge(dut.clk)
            taken = bool(ready.value)
            await RisingEdge(dut.clk)
    valid.value = 0


def join(stream: dict, lanes: list[int]) -> int:
    """Join lanes into a beat: the inverse of :func:`cut`."""
    beat = 0
    for (_name, width), value in zip(reversed(lane_names(stream)), reversed(lanes), strict=True):
        beat = beat << width | value
    return beat


async def receive(dut, stream: dict, count: int) -> list[list[int]]:
    """Take ``count`` beats, lane by lane."""
    name = stream["name"]
    lanes = [dut[port] for port, _width in lane_names(stream)]
    valid, ready = dut[f"{name}__valid"], dut[f"{name}__ready"]
    ready.value = 1
    beats = []
    while len(beats) < count:
        await FallingEdge(dut.clk)
        if valid.value:
            beats.append([lane.value.to_unsigned() for lane in lanes])
        await RisingEdge(dut.clk)
    return beats


@cocotb.test
async def runs_the_job(dut) -> None:
    """Check the results; write the cycles and the seconds that they took to a file."""
    job = TASK.job()
    streams = {stream.name: stream for stream in TASK.manifest.streams}
    Clock(dut.clk, 10, unit="ns").start()
    for stream in streams.values():
        part = "valid" if stream.is_input else "ready"
        dut[f"{stream.name}__{part}"].value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    began, start = time.perf_counter(), get_sim_time("ns")
    for name, beats in job.send.items():
        cocotb.start_soon(send(dut, streams[name], to_ints(beats)))
    tasks = {
        name: cocotb.start_soon(receive(dut, streams[name], count))
        for name, count in job.receive.items()
    }
    received = {name: await task for name, task in tasks.items()}
    seconds = time.perf_counter() - began
    cycles = (get_sim_time("ns") - start) / 10
    packed = {
        name: to_beats([join(streams[name], beat) for beat in beats], words(streams[name]["width"]))
        for name, beats in received.items()
    }
    outputs = job.decode(packed)
    for name, expected in job.golden.items():
        compare(name, outputs[name], expected)
    report = {"cycles": cycles, "seconds": seconds}
    Path(os.environ["GEMMULE_REPORT"]).write_text(json.dumps(report))
