"""Many units in one simulation: a build that serves every test of them."""

from collections.abc import Mapping

import numpy as np
from amaranth import Module
from amaranth.lib import wiring

from gemmule.gen.block import Block, Job
from gemmule.gen.catalog import catalog
from gemmule.gen.simulation.engine import build_emitted
from gemmule.gen.simulation.simulator import Result, Simulator
from gemmule.gen.verilog.emit import emit_component
from gemmule.golden.common.options import Options

__all__ = ["UnitSimulation", "block_of"]


class SideBySide(wiring.Component):
    """Units side by side, each with its own streams."""

    def __init__(self, units: Mapping[str, Options]):
        self._units = {name: block_of(each).component(each) for name, each in units.items()}
        ports = {}
        for name, unit in self._units.items():
            for port, member in unit.signature.members.items():
                ports[f"{port}_{name}"] = member
        self.latency = {name: getattr(unit, "latency", None) for name, unit in self._units.items()}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        for name, unit in self._units.items():
            m.submodules[name] = unit
            for port in unit.signature.members:
                outer = wiring.flipped(getattr(self, f"{port}_{name}"))
                wiring.connect(m, outer, getattr(unit, port))
        return m


class UnitSimulation:
    """A compiled model of several units, by name."""

    def __init__(self, units: Mapping[str, Options]):
        self.units = units
        made = SideBySide(units)
        self._latency = made.latency
        self.emitted = emit_component(made, "units", {}, "units side by side")
        self.model: Simulator = build_emitted(self.emitted)

    def latency(self, name: str) -> int:
        """Return the stated latency of a unit."""
        return self._latency[name]

    def jobs(self, arrays: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Job]:
        """Plan the job of each unit that has arrays, with the run options' defaults."""
        jobs = {}
        for name, given in arrays.items():
            adapter = block_of(self.units[name]).adapter
            jobs[name] = adapter.plan(self.units[name], adapter.Run(), given)
        return jobs

    def run(self, jobs: Mapping[str, Job], **how) -> Result:
        """Run all jobs at once."""
        send, receive = (
            {
                f"{stream}_{name}": each
                for name, job in jobs.items()
                for stream, each in getattr(job, way).items()
            }
            for way in ("send", "receive")
        )
        return self.model.run(send, receive, **how)

    def received(self, name: str, job: Job, result: Result) -> dict[str, np.ndarray]:
        """Return what came of one unit, under the names of its own streams."""
        return {stream: result.received[f"{stream}_{name}"] for stream in job.receive}

    def wrong(self, jobs: Mapping[str, Job], result: Result) -> dict[str, int]:
        """Count the numbers of each unit that are not golden."""
        counts = {}
        for name, job in jobs.items():
            outputs = job.decode(self.received(name, job, result))
            counts[name] = sum(
                int(np.sum(outputs[each] != golden)) for each, golden in job.golden.items()
            )
        return counts


def block_of(params: Options) -> Block:
    """Return the block that has such parameters, or whose parameters these are derived from."""
    blocks = list(catalog().values())
    return next(block for kind in type(params).__mro__ for block in blocks if block.params is kind)
