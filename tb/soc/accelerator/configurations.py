"""Accelerators with one unit to three, small in all that brings out many blocks and slices."""

from functools import cache
from pathlib import Path

import numpy as np

from gemmule.gen.simulation.axi import build_axi
from gemmule.gen.simulation.engine import emitted_once
from gemmule.golden.soc.functions import VECTOR_FUNCTIONS
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.tb.soc.convolution.rtl import CONFIGURATIONS as WITH_LAYERS
from gemmule.tb.soc.driver.rtl import CONFIGURATIONS as BUILT

from .stimuli.places import COMPLETIONS, RING, SETTINGS_START, SIZE

__all__ = [
    "ALL_UNITS",
    "CONFIGURATIONS",
    "FEW",
    "WITH_CONVOLUTIONS",
    "WITH_VECTORS",
    "base_of",
    "program",
]

FEW = *BUILT, "4x4_layers"
"""Those that the drivers and layers are tested on; of all but the long tests."""


def _params(rows: int, cols: int, data_width: int, address_width: int, bank_bytes: int, **more):
    return AcceleratorParams(
        rows=rows,
        cols=cols,
        data_width=data_width,
        address_width=address_width,
        bank_bytes=bank_bytes,
        **more,
    )


ALL = ",".join(VECTOR_FUNCTIONS)

ALL_UNITS = {
    "4x4_layers": WITH_LAYERS["4x4"],
    "2x8_layers": _params(
        *(2, 8, 64, 40, 1024), x_format="u8", acc_width=40, ring=False,
        vector_lanes=2, functions="softmax,transpose", max_length=40,
        convolution="conv2d", acc_depth=16, x_depth=256, w_depth=64, c_depth=16, size_width=8,
    ),
    "4x2_volumes": _params(
        *(4, 2, 32, 32, 1024), vector_lanes=4, functions="gelu,layernorm", max_length=100,
        convolution="conv3d", acc_depth=16, x_depth=256, w_depth=64, c_depth=16, size_width=8,
    ),
}  # fmt: skip
"""Those with the vector and the convolution unit."""

WITH_CONVOLUTIONS = ALL_UNITS | {
    "4x4_small_banks": _params(
        *(4, 4, 512, 64, 4096), acc_width=36, convolution="conv2d", dataflow="both",
        acc_depth=16, x_depth=64, w_depth=64, c_depth=16, size_width=8,
    ),
}  # fmt: skip
"""Those with the convolution unit."""

WITH_VECTORS = ALL_UNITS | {
    "narrow": BUILT["narrow"],
    "2x4_4_lanes": _params(
        2, 4, 64, 40, 1024, vector_lanes=4, functions="tanh,softmax,layernorm", max_length=75
    ),
    "4x4_16_lanes": _params(
        *(4, 4, 128, 40, 2048), vector_lanes=16, functions=ALL, max_length=200
    ),
    "2x4_1_lane": _params(2, 4, 32, 32, 1024, vector_lanes=1, functions="transpose"),
    "4x2_2_lanes": _params(
        *(4, 2, 64, 64, 1024), x_format="s16", acc_width=40,
        vector_lanes=2, functions="sigmoid,exp,rsqrt,transpose", coefficients="heatvit",
    ),
    "4x4_64_lanes": _params(
        *(4, 4, 512, 40, 8192), vector_lanes=64,
        functions="gelu,softmax,rmsnorm,transpose", max_length=1000,
    ),
    "2x2_wide_vectors": _params(
        *(2, 2, 32, 40, 1024), vector_lanes=16, functions="softmax,layernorm,rmsnorm,transpose",
        in_format="sq5.6", out_format="sq2.7", gamma_format="sq2.6", beta_format="uq3.2",
        max_length=37,
    ),
    "4x8_direct_vectors": _params(
        *(4, 8, 64, 40, 1024), ring=False, b_zero_points=False, vector_lanes=4,
        functions="silu,hardswish,softmax,sigmoid", coefficients="plan", max_length=16,
    ),
    "8x2_few_bursts": _params(
        *(8, 2, 256, 64, 2048), outstanding=2, multiplier_width=24, max_shift=63, vector_lanes=8,
        functions="exp,softmax,layernorm,transpose", coefficients="heatvit", max_length=64,
        cell="dsp48e2",
    ),
}  # fmt: skip
"""Those with the vector unit."""

CONFIGURATIONS = (
    BUILT
    | WITH_VECTORS
    | WITH_CONVOLUTIONS
    | {
        "4x4_small": _params(4, 4, 128, 40, 1024),
        "4x2_wide": _params(4, 2, 256, 40, 2048, x_format="s16", acc_width=40),
        "4x8_u8_s4": _params(4, 8, 64, 40, 1024, x_format="u8", w_format="s4"),
        "8x4_s16_s8": _params(8, 4, 128, 64, 1024, x_format="s16", acc_width=40),
        "2x8_s4": _params(2, 8, 256, 64, 2048, x_format="s4", w_format="s4"),
        "8x8_64_bits": _params(8, 8, 64, 40, 1024),
        "8x2_u8_s16": _params(8, 2, 32, 64, 1024, x_format="u8", w_format="s16", acc_width=36),
        "2x4_direct": _params(2, 4, 64, 32, 1024, ring=False, b_zero_points=False),
        "16x2_s16": _params(16, 2, 32, 40, 2048, x_format="s16", w_format="s16", acc_width=40),
        "4x4_packed": _params(4, 4, 128, 40, 2048, cell="dsp48e2", pack="n"),
        "4x4_small_sums": _params(4, 4, 32, 64, 1024, acc_width=24, b_zero_points=False),
        "4x4_512_bits": _params(4, 4, 512, 64, 8192),
        "16x16": _params(16, 16, 128, 40, 8192),
        "16x16_512_bits": _params(16, 16, 512, 32, 16384, outstanding=4),
        "2x2_few_bursts": _params(2, 2, 128, 40, 4096, outstanding=2, id_width=4, slverr=True),
    }
)


@cache
def program(name: str) -> Path:
    """Return the program of a configuration's co-simulation."""
    return build_axi(emitted_once("accelerator", CONFIGURATIONS[name]))


def base_of(params: AcceleratorParams, rng: np.random.Generator) -> int:
    """Return where memory begins: so that it ends where addresses do, or has a carry within.

    The carry into bit 32 is amid a ring, settings, operands or results.
    """
    if params.address_width != 40:
        return (1 << params.address_width) - SIZE
    carries = (RING + 192, COMPLETIONS + 64, SETTINGS_START + 0x400, SIZE // 2, SIZE - 0xC000)
    return (1 << 32) - int(rng.choice(carries))
