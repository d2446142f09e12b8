"""cocotb tests that every block passes: any job, with and without stalls, and after a reset."""

import os
from collections.abc import Iterable

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from gemmule.gen.block import Job
from gemmule.gen.simulation.external_memory import ports
from gemmule.gen.simulation.simulate import compare
from gemmule.golden.common.lanes import words
from gemmule.tb.benches.memory import ExternalMemory
from gemmule.tb.benches.streams import StreamSink, StreamSource, bernoulli, to_beats, to_ints
from gemmule.tb.benches.task import STALL, Task

TASK = Task.load()
JOB = TASK.job()
STALLED = float(os.environ.get(STALL, "0.5"))
PATIENCE = 5_000
QUIET = 100
FULL = 20


class Bench:
    """The design with an endpoint on each of its streams."""

    def __init__(self, dut, stall: float):
        self.dut = dut
        self.memory = None
        self.sources, self.sinks, self.words = {}, {}, {}
        for number, stream in enumerate(TASK.manifest.streams):
            name, into = stream.name, stream.is_input
            endpoint = StreamSource if into else StreamSink
            group = self.sources if into else self.sinks
            stalls = bernoulli(stall, cocotb.RANDOM_SEED + number)
            group[name] = endpoint(dut, name, stalls)
            self.words[name] = words(stream.width)

    async def start(self) -> None:
        """Start the clock, and reset."""
        Clock(self.dut.clk, 10, unit="ns", impl="gpi").start()
        await self.reset()

    async def reset(self) -> None:
        """Hold the reset for two cycles, all streams idle."""
        for endpoint in self._endpoints():
            endpoint.idle()
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 2)
        self.dut.rst.value = 0

    def begin(self, job: Job) -> list:
        """Start to send, to receive and to serve; return the tasks, those of the sinks last."""
        if job.memory:
            channels = ports(job.memory, TASK.manifest)
            self.memory = ExternalMemory(job.memory, channels, self.sources, self.sinks)
        senders = [
            cocotb.start_soon(self.sources[name].send(to_ints(beats)))
            for name, beats in job.send.items()
        ]
        receivers = [
            cocotb.start_soon(self.sinks[name].receive(count))
            for name, count in job.receive.items()
        ]
        return senders + receivers

    def stop(self) -> None:
        """Stop serving memory."""
        if self.memory:
            self.memory.stop()

    async def replay(self, job: Job) -> None:
        """Run ``job`` to its end and compare with its golden results."""
        tasks = self.begin(job)
        await self._watch(tasks)
        received = {
            name: to_beats(task.result(), self.words[name])
            for name, task in zip(job.receive, tasks[len(job.send) :], strict=True)
        }
        self.stop()
        if self.memory:
            received["memory"] = self.memory.image
        for sink in self.sinks.values():
            sink.idle()
            cocotb.start_soon(sink.stays_quiet(QUIET))
        await ClockCycles(self.dut.clk, QUIET)
        outputs = job.decode(received)
        for name, expected in job.golden.items():
            compare(name, outputs[name], expected)

    async def _watch(self, tasks: Iterable) -> None:
        moved, still = -1, 0
        while not all(task.done() for task in tasks) or (self.memory and self.memory.busy):
            await ClockCycles(self.dut.clk, 10)
            total = sum(endpoint.moved for endpoint in self._endpoints())
            still = 0 if total != moved else still + 10
            moved = total
            assert still < PATIENCE, f"nothing moved for {PATIENCE} cycles: {self._counts()}"

    def _endpoints(self) -> list:
        return [*self.sources.values(), *self.sinks.values()]

    def _counts(self) -> str:
        return ", ".join(f"{each.name} {each.moved} beats" for each in self._endpoints())


@cocotb.test(timeout_time=1, timeout_unit="sec")
@cocotb.parametrize(stall=[0.0, STALLED])
async def matches_golden(dut, stall: float) -> None:
    """Check that every output is the golden model's, whatever stalls, and that no more comes."""
    bench = Bench(dut, stall)
    await bench.start()
    await bench.replay(JOB)


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def recovers_from_a_reset(dut) -> None:
    """Check that a reset in the middle of a packet leaves nothing behind."""
    bench = Bench(dut, 0.2)
    await bench.start()
    for cycles in (7, 40):
        tasks = bench.begin(JOB)
        await ClockCycles(dut.clk, cycles)
        # Nobody takes anything any more: the design is as full as it gets when the reset comes.
        for sink in bench.sinks.values():
            sink.stall = lambda: True
        await ClockCycles(dut.clk, FULL)
        for task in tasks:
            task.cancel()
        bench.stop()
        bench = Bench(dut, 0.2)
        await bench.reset()
    await bench.replay(JOB)
