"""Arrays through the accelerator: driver, AXI, doorbell and interrupt, in co-simulation."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.block import Array, Arrays
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.simulation.axi import AxiMemory, Counters, SimulatedBus, open_simulation
from gemmule.gen.simulation.simulate import Simulation, compare
from gemmule.hw.soc.params import AcceleratorParams

from .run import AcceleratorRun, arrays_of_all

__all__ = ["AcceleratorAdapter", "AcceleratorRun", "Stopwatch"]

SPARE = 1 << 20
"""Bytes of the simulated memory beyond what the arrays take: rings, settings, gaps."""

COUNTED = (
    "bytes_read",
    "bytes_written",
    "read_bursts",
    "write_bursts",
    "register_writes",
    "register_reads",
)


class Stopwatch:
    """A bus that notes the cycle of the last doorbell: all else is as of the bus within."""

    def __init__(self, bus: SimulatedBus):
        self._bus = bus
        self._doorbell = REGISTERS["TAIL"].address
        self.rung = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def write32(self, offset: int, value: int) -> None:
        """Write a register."""
        self._bus.write32(offset, value)
        if offset == self._doorbell:
            self.rung = self._bus.counters().written_at


class AcceleratorAdapter:
    """Arrays of the block that ``--as`` names in the accelerator's memory, and results out of it.

    One doorbell rings for all commands, and the cycles count from its write to the interrupt of the
    last one.
    """

    Run = AcceleratorRun
    inputs = arrays_of_all("inputs")
    outputs = arrays_of_all("outputs")

    def wanted(self, run: Any) -> tuple[Array, ...]:
        """Return the arrays of the block that a run stands for."""
        return run.role.inputs

    def check(self, params: AcceleratorParams, run: Any, arrays: Arrays) -> None:
        """Refuse wrong shapes and values before anything is computed or built."""
        run.role.check(params, run.own, arrays)

    def simulate(
        self,
        params: AcceleratorParams,
        run: Any,
        arrays: Arrays,
        *,
        memory: AxiMemory,
        seed: int = 0,
        waves: Path | None = None,
        timeline: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Simulation:
        """Compute through the driver; raise `GoldenMismatch` where the RTL is wrong."""
        role = run.role
        tell("checking the arrays of accelerator")
        self.check(params, run, arrays)
        values = {name: np.asarray(array) for name, array in arrays.items()}
        tell("computing the golden results of accelerator")
        golden = role.golden(params, run.own, values)
        size = SPARE + role.room(params, run.own, values, golden)
        tell("building accelerator")
        begun = time.monotonic()
        simulated = open_simulation(
            params,
            memory,
            size=1 << (size - 1).bit_length(),
            seed=seed,
            timeline=timeline,
            waves=waves,
        )
        built = time.monotonic() - begun
        tell("simulating accelerator")
        begun = time.monotonic()
        bus = Stopwatch(simulated)
        with simulated, Accelerator(bus, config_hash=params.config_hash) as accelerator:
            before = simulated.counters()
            result = role.compute(accelerator, run.own, values)
            after = simulated.counters()
            counters = accelerator.counters()
            del counters["cycles"]  # since the reset: not this run's
        name = role.result(run.own)
        compare(name, result.astype(np.int64), golden)
        macs = role.macs(params, run.own, values, golden)
        return Simulation(
            outputs={name: result},
            cycles=after.interrupt_at - bus.rung,
            macs=macs,
            peak_macs_per_cycle=params.peak_macs_per_cycle if macs else 0,
            golden_match=True,
            build_seconds=built,
            run_seconds=time.monotonic() - begun,
            counters=_moved(before, after) | counters,
        )


def _moved(before: Counters, after: Counters) -> dict[str, int]:
    """Return what a run moved on the buses."""
    return {name: getattr(after, name) - getattr(before, name) for name in COUNTED}
