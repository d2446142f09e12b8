"""Accelerators with a convolution unit in co-simulation, one build each."""

from functools import cache
from pathlib import Path

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus, build_axi
from gemmule.gen.simulation.engine import emitted_once
from gemmule.hw.soc.params import AcceleratorParams

__all__ = ["BASE", "CONFIGURATIONS", "board", "opened"]

BASE = 0x1000_0000

CONFIGURATIONS = {
    "4x4": AcceleratorParams(
        rows=4,
        cols=4,
        bank_bytes=4096,
        acc_width=36,
        vector_lanes=4,
        functions="none",
        convolution="conv2d",
        dataflow="both",
        acc_depth=64,
        x_depth=1024,
        w_depth=256,
        c_depth=32,
        size_width=10,
    ),
    "wide lanes": AcceleratorParams(
        rows=2,
        cols=8,
        bank_bytes=4096,
        data_width=64,
        x_format="u8",
        cell="dsp48e2",
        acc_width=40,
        convolution="conv2d",
        dataflow="both",
        dy_format="s8",
        acc_depth=16,
        x_depth=512,
        w_depth=128,
        c_depth=16,
        size_width=9,
        ring=False,
    ),
    "volumes": AcceleratorParams(
        rows=4,
        cols=4,
        bank_bytes=4096,
        data_width=32,
        address_width=32,
        convolution="conv3d",
        x_depth=1024,
        w_depth=256,
        size_width=8,
        b_zero_points=False,
    ),
}
"""One with all units, one whose lanes are wider than the elements of a product, one of volumes."""


@cache
def program(name: str) -> Path:
    """Return the program of a configuration."""
    return build_axi(emitted_once("accelerator", CONFIGURATIONS[name]))


def board(name: str, memory: AxiMemory | None = None, size: int = 1 << 20) -> SimulatedBus:
    """Return a bus to a configuration, after its reset."""
    return SimulatedBus(program(name), size, memory or AxiMemory(base=BASE))


def opened(name: str, memory: AxiMemory | None = None, **options) -> Accelerator:
    """Return a driver of a configuration."""
    return Accelerator(board(name, memory), **options)
