"""cocotb test of an AXI4-Stream top behind one DMA channel each way, with a switch before it."""

import cocotb
import numpy as np
from cocotbext.axi import AxiStreamFrame

from gemmule.gen.simulation.simulate import compare
from gemmule.tb.package.cocotb_axis import STREAMS, TASK, connect, frames, from_bytes, reset

FIRST = ("command", "scale", "b", "a")
"""The order of a command's packets: those that are queued, then the one that flows."""


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def matches_golden_through_one_channel(dut) -> None:
    """Send each packet whole before the next one is begun; receive the results likewise."""
    job = TASK.job()
    await reset(dut)
    ends = connect(dut)
    packets = {name: list(frames(STREAMS[name], job.send[name])) for name in FIRST}
    received = {name: [] for name in job.receive}
    for sink in received:
        ends[sink].clear_pause_generator()
        ends[sink].pause = True

    async def send() -> None:
        for command in zip(*packets.values(), strict=True):
            for name, packet in zip(packets, command, strict=True):
                await ends[name].send(AxiStreamFrame(packet))
                await ends[name].wait()

    sending = cocotb.start_soon(send())
    for _command in packets["command"]:
        for name, frames_so_far in received.items():
            ends[name].pause = False
            frames_so_far.append(bytes((await ends[name].recv()).tdata))
            ends[name].pause = True
    await sending
    beats = {}
    for name, got in received.items():
        octets = STREAMS[name].octets
        words = np.frombuffer(b"".join(got), np.uint8).reshape(-1, octets)
        ends_at = np.cumsum([len(each) // octets for each in got]) - 1
        last = np.zeros(len(words), np.int64)
        last[ends_at] = 1
        beats[name] = from_bytes(STREAMS[name], words, last)
    outputs = job.decode(beats)
    for name, expected in job.golden.items():
        compare(name, outputs[name], expected)
