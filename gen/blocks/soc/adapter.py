"""Arrays through the accelerator: driver, AXI, doorbell and interrupt, in co-simulation."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.block import Array, Arrays
from gemmule.gen.blocks.systolic.gemm import GemmAdapter, GemmRun
from gemmule.gen.blocks.systolic.product_adapter import SCALING, given
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus, open_simulation
from gemmule.gen.simulation.simulate import Simulation, compare
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import check_values
from gemmule.golden.common.options import option
from gemmule.golden.systolic.gemm import check_shapes, gemm
from gemmule.hw.soc.params import AcceleratorParams

__all__ = ["AcceleratorAdapter", "AcceleratorRun", "Stopwatch"]

SCALE = (*SCALING, "a_zero_point", "b_zero_point")
"""Arrays beside the operands; settings by row are `gemm`'s alone."""

OPTIONS = {"--a-format": "--x-format", "--b-format": "--w-format"}
"""What options of `gemm` are called here."""

SPARE = 1 << 20
"""Bytes of the simulated memory beyond what the arrays take: rings, settings, gaps."""


@dataclass(frozen=True, kw_only=True)
class AcceleratorRun(GemmRun):
    """The run options of the `accelerator` block: those of the block that it stands for."""

    as_: str = option("gemm", choices=("gemm",), help="block whose arrays and options these are")

    def check(self) -> None:
        super().check()
        if self.run_dataflow == "os":
            raise UsageError("--run-dataflow: the accelerator's array is weight-stationary, not os")
        if self.swap == "always":
            raise UsageError("--swap always needs settings by row, which gemm alone has")


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
    """Arrays of `gemm` in the accelerator's memory, and its results out of it.

    A product of a batch is a command; one doorbell rings for all of them, and the cycles count
    from its write to the interrupt of the last one.
    """

    Run = AcceleratorRun
    inputs: tuple[Array, ...] = tuple(
        replace(each, format=OPTIONS.get(each.format, each.format))
        for each in GemmAdapter.inputs
        if not each.name.startswith("row_")
    )
    outputs = GemmAdapter.outputs

    def check(self, params: AcceleratorParams, run: AcceleratorRun, arrays: Arrays) -> None:
        """Refuse wrong shapes and values before anything is computed or built."""
        a, b = np.shape(arrays["a"]), np.shape(arrays["b"])
        check_shapes(a, b, params.x_format, params.w_format, params.acc_width)
        formats = {"a": params.x_format, "b": params.w_format}
        for name, fmt in formats.items():
            check_values(name, arrays[name], fmt)
        if not params.b_zero_points and np.any(arrays.get("b_zero_point", 0)):
            raise UsageError("b_zero_point needs hardware with --b-zero-points true, not false")

    def simulate(
        self,
        params: AcceleratorParams,
        run: AcceleratorRun,
        arrays: Arrays,
        *,
        memory: AxiMemory,
        seed: int = 0,
        waves: Path | None = None,
        timeline: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Simulation:
        """Multiply through the driver; raise `GoldenMismatch` where the RTL is wrong."""
        tell("checking the arrays of accelerator")
        self.check(params, run, arrays)
        values = {name: np.asarray(array) for name, array in arrays.items()}
        a, b = values["a"], values["b"]
        scale = given(values, SCALE)
        scale |= {"rounding": run.rounding, "c_format": run.c_format, "clamp": run.clamp}
        tell("computing the golden results of accelerator")
        golden = gemm(
            a,
            b,
            a_format=params.x_format,
            b_format=params.w_format,
            acc_width=params.acc_width,
            multiplier_width=params.multiplier_width,
            max_shift=params.max_shift,
            **scale,
        )
        size = SPARE + 2 * (a.size * params.a_octets + b.size * params.b_octets + 4 * golden.size)
        size += 64 * b.shape[-1] * max(1, len(golden.reshape(-1, *golden.shape[-2:])))
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
            c = accelerator.gemm(a, b, timeout=1e9, **scale)
            after = simulated.counters()
            counters = accelerator.counters()
            del counters["cycles"]  # since the reset: not this run's
        compare("c", c.astype(np.int64), golden)
        return Simulation(
            outputs={"c": c},
            cycles=after.interrupt_at - bus.rung,
            macs=golden.size * a.shape[-1],
            peak_macs_per_cycle=params.peak_macs_per_cycle,
            golden_match=True,
            build_seconds=built,
            run_seconds=time.monotonic() - begun,
            counters={
                "bytes_read": after.bytes_read - before.bytes_read,
                "bytes_written": after.bytes_written - before.bytes_written,
                "read_bursts": after.read_bursts - before.read_bursts,
                "write_bursts": after.write_bursts - before.write_bursts,
                "register_writes": after.register_writes - before.register_writes,
                "register_reads": after.register_reads - before.register_reads,
                **counters,
            },
        )
