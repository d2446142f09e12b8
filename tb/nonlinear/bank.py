"""Many elementwise units in one simulation: a build that serves every test of them."""

from collections.abc import Mapping

import numpy as np
from amaranth import Module
from amaranth.lib import wiring

from gemmule.gen.block import Job
from gemmule.gen.emit import emit_component
from gemmule.gen.engine import build_emitted
from gemmule.gen.model import Model, Result
from gemmule.gen.nonlinear.elementwise import Elementwise as Adapter
from gemmule.golden.common.options import Options
from gemmule.golden.nonlinear.units import every
from gemmule.hw.nonlinear.elementwise import Elementwise
from gemmule.hw.nonlinear.params import ElementwiseParams

__all__ = ["Bank", "exhaustive"]


class Units(wiring.Component):
    """Units side by side, each with its own pair of streams."""

    def __init__(self, units: Mapping[str, ElementwiseParams]):
        self._units = {name: Elementwise(params) for name, params in units.items()}
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

    def __init__(self, units: Mapping[str, ElementwiseParams]):
        self.units = units
        made = Units(units)
        self._latency = made.latency
        emitted = emit_component(made, "bank", {}, "units side by side")
        self.model: Model = build_emitted(emitted)

    def latency(self, name: str) -> int:
        """The stated latency of a unit."""
        return self._latency[name]

    def jobs(self, arrays: Mapping[str, np.ndarray]) -> dict[str, Job]:
        """The job of each unit that has an array."""
        return {
            name: Adapter().plan(self.units[name], Options(), {"x": x})
            for name, x in arrays.items()
        }

    def run(self, jobs: Mapping[str, Job], **how) -> Result:
        """All jobs at once."""
        send = {f"x_{name}": job.send["x"] for name, job in jobs.items()}
        receive = {f"y_{name}": job.receive["y"] for name, job in jobs.items()}
        return self.model.run(send, receive, **how)

    def wrong(self, jobs: Mapping[str, Job], result: Result) -> dict[str, int]:
        """How many outputs of each unit are not golden."""
        counts = {}
        for name, job in jobs.items():
            got = job.decode({"y": result.received[f"y_{name}"]})["y"]
            counts[name] = int((got != job.golden["y"]).sum())
        return counts


def exhaustive(params: ElementwiseParams) -> np.ndarray:
    """Every input of a unit, the extremes first."""
    x = every(params.in_format)
    return np.concatenate([[params.in_format.low, params.in_format.high], x])
