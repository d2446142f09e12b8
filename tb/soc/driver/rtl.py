"""The accelerator in co-simulation, for tests: one build a configuration, and random commands."""

from functools import cache
from pathlib import Path

from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus, build_axi
from gemmule.gen.simulation.engine import emitted_once
from gemmule.hw.soc.params import AcceleratorParams

__all__ = ["BASE", "CONFIGURATIONS", "MORE", "board"]

BASE = 0x1000_0000

CONFIGURATIONS = {
    "4x4": AcceleratorParams(rows=4, cols=4, bank_bytes=4096, cell="dsp48e2"),
    "narrow": AcceleratorParams(
        rows=2,
        cols=4,
        bank_bytes=1024,
        data_width=32,
        address_width=32,
        x_format="u8",
        vector_lanes=2,
        functions="gelu,softmax,layernorm,transpose",
        max_length=75,
    ),
}
"""Those of ``make test``; the first one is built for other tests as well, the second one has the
vector unit."""

MORE = {
    "wide": AcceleratorParams(
        rows=4, cols=2, bank_bytes=8192, data_width=256, x_format="s16", acc_width=40
    ),
    "2x2": AcceleratorParams(rows=2, cols=2, bank_bytes=1024, address_width=64),
    "8x8": AcceleratorParams(rows=8, cols=8, bank_bytes=16384),
    "64 bits": AcceleratorParams(rows=4, cols=4, bank_bytes=4096, data_width=64),
    "512 bits": AcceleratorParams(rows=4, cols=4, bank_bytes=8192, data_width=512),
    "8x2": AcceleratorParams(rows=8, cols=2, bank_bytes=8192, data_width=32, w_format="u8"),
    "2x16": AcceleratorParams(rows=2, cols=16, bank_bytes=8192, pipeline=1),
    "s4": AcceleratorParams(rows=4, cols=4, bank_bytes=4096, x_format="s4", w_format="s4"),
    "packed": AcceleratorParams(rows=4, cols=8, bank_bytes=8192, cell="dsp48e2", pack="n"),
    "few": AcceleratorParams(rows=4, cols=4, bank_bytes=4096, outstanding=2, id_width=4),
}
"""Configurations of ``make test-full``."""


@cache
def program(name: str) -> Path:
    """Return the program of a configuration."""
    return build_axi(emitted_once("accelerator", (CONFIGURATIONS | MORE)[name]))


def board(name: str, memory: AxiMemory | None = None, **options) -> SimulatedBus:
    """Return a bus to a configuration, after its reset."""
    return SimulatedBus(program(name), 1 << 18, memory or AxiMemory(base=BASE), **options)
