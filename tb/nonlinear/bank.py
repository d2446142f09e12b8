"""Many units in one simulation: a build that serves every test of them."""

from collections.abc import Mapping

import numpy as np
from amaranth import Module
from amaranth.lib import wiring

from gemmule.gen.block import Block, Job
from gemmule.gen.blocks.nonlinear import BLOCKS
from gemmule.gen.simulation.engine import build_emitted
from gemmule.gen.simulation.model import Model, Result
from gemmule.gen.verilog.emit import emit_component
from gemmule.golden.common.options import Options
from gemmule.golden.nonlinear.units import every
from gemmule.hw.nonlinear.params import ElementwiseParams

__all__ = ["Bank", "exhaustive"]


class Units(wiring.Component):
    """Units side by side, each with its own streams."""

    def __init__(self, units: Mapping[str, Options]):
        self._units = {name: _block(params).component(params) for name, params in units.items()}
        ports = {}
        for name, unit in self._units.items():
            for port, member in unit.signature.members.items():
                ports[f"{port}_{name}"] = member
        self.latency = {name: unit.latency for name, unit in self._units.items()}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        for name, unit in self._units.items():
            m.submodules[name] = unit
            for port in unit.signature.members:
                outer = wiring.flipped(getattr(self, f"{port}_{name}"))
                wiring.connect(m, outer, getattr(unit, port))
        return m


class Bank:
    """A compiled model of several units, by name."""

    def __init__(self, units: Mapping[str, Options]):
        self.units = units
        made = Units(units)
        self._latency = made.latency
        self.emitted = emit_component(made, "bank", {}, "units side by side")
        self.model: Model = build_emitted(self.emitted)

    def latency(self, name: str) -> int:
        """The stated latency of a unit."""
        return self._latency[name]

    def jobs(self, arrays: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Job]:
        """The job of each unit that has arrays, with the run options' defaults."""
        jobs = {}
        for name, given in arrays.items():
            adapter = _block(self.units[name]).adapter
            jobs[name] = adapter.plan(self.units[name], adapter.Run(), given)
        return jobs

    def run(self, jobs: Mapping[str, Job], **how) -> Result:
        """All jobs at once."""
        send, receive = (
            {
                f"{stream}_{name}": each
                for name, job in jobs.items()
                for stream, each in getattr(job, way).items()
            }
            for way in ("send", "receive")
        )
        return self.model.run(send, receive, **how)

    def wrong(self, jobs: Mapping[str, Job], result: Result) -> dict[str, int]:
        """How many outputs of each unit are not golden."""
        counts = {}
        for name, job in jobs.items():
            received = {stream: result.received[f"{stream}_{name}"] for stream in job.receive}
            counts[name] = int((job.decode(received)["y"] != job.golden["y"]).sum())
        return counts


def exhaustive(params: ElementwiseParams) -> np.ndarray:
    """Every input of a unit, the extremes first."""
    x = every(params.in_format)
    return np.concatenate([[params.in_format.low, params.in_format.high], x])


def _block(params: Options) -> Block:
    return next(block for block in BLOCKS if isinstance(params, block.params))
