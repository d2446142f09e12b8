"""A linear layer as PyTorch has it, quantized and run through the Verilog of `gemm`.

`Linear` has float weights `[out, in]` and a bias. `quantize` makes integers of it: one scale for
activations, one for each output channel; a ReLU is a clamp.

    python -m gemmule.gen.docs.examples.quantized_layer
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen import simulate
from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.golden.common.formats import Format
from gemmule.hw.systolic.params import GemmParams

__all__ = ["Linear", "Quantized", "main", "quantize"]

LEVELS = 127
"""The largest s8; the range is used symmetrically."""

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass
class Linear:
    """``relu(x @ weight.T + bias)`` in floating point."""

    weight: Reals
    bias: Reals

    def __call__(self, x: Reals) -> Reals:
        """Return the activations ``[batch, out]`` of ``x [batch, in]``."""
        return np.maximum(x @ self.weight.T + self.bias, 0)


@dataclass
class Quantized:
    """The same in integers: what `gemm` takes beside the activations, and the scales."""

    arrays: dict[str, Integers]
    x_scale: float
    y_scale: float

    def __call__(self, x: Reals, params: GemmParams) -> tuple[Reals, int]:
        """Return the activations by the RTL, and its cycles."""
        a = np.clip(np.rint(x / self.x_scale), -LEVELS, LEVELS).astype(np.int64)
        run = GemmRun(c_format=Format.parse("s8"), clamp=(0, LEVELS))
        result = simulate("gemm", params, {"a": a, **self.arrays}, run=run)
        return result.outputs["c"] * self.y_scale, result.cycles


def quantize(layer: Linear, calibration: Reals, multiplier_bits: int = 16) -> Quantized:
    """Return ``layer`` in integers, its scales from activations that are typical of it."""
    x_scale = np.abs(calibration).max() / LEVELS
    y_scale = layer(calibration).max() / LEVELS
    columns = np.abs(layer.weight).max(axis=1) / LEVELS
    # What a sum must be multiplied by, as an integer of so many bits over a power of two.
    ratio = x_scale * columns / y_scale
    shift = multiplier_bits - 1 - np.floor(np.log2(ratio)).astype(np.int64)
    return Quantized(
        arrays={
            "b": np.rint(layer.weight / columns[:, None]).astype(np.int64).T,
            "bias": np.rint(layer.bias / (x_scale * columns)).astype(np.int64),
            "multiplier": np.minimum(np.rint(ratio * 2.0**shift), 2**multiplier_bits - 1).astype(
                np.int64
            ),
            "shift": shift,
        },
        x_scale=float(x_scale),
        y_scale=float(y_scale),
    )


def main() -> None:
    """Quantize a layer of random weights and compare it with itself in floating point."""
    rng = np.random.default_rng(1)
    layer = Linear(rng.normal(0, 0.3, (24, 32)), rng.normal(0, 0.1, 24))
    quantized = quantize(layer, rng.normal(size=(256, 32)))
    x = rng.normal(size=(20, 32)).clip(-2.5, 2.5)
    y, cycles = quantized(x, GemmParams(rows=4, cols=4))
    error = np.abs(y - np.minimum(layer(x), quantized.y_scale * LEVELS)).max()
    print(f"{cycles} cycles; the largest error is {error / quantized.y_scale:.2f} steps of s8")


if __name__ == "__main__":
    main()
