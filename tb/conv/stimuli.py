"""Arrays for a run of a convolution: extremes first, requantization and zero points on request."""

import numpy as np

from gemmule.gen.blocks.conv.generators import LayerRun
from gemmule.gen.compile.convolution.layer import ConvRun, VolumeRun
from gemmule.golden.common.formats import Format, accumulator_width
from gemmule.golden.common.requantize import ROUNDINGS
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Operation
from gemmule.hw.conv.params import ConvParams, LayerParams
from gemmule.hw.conv.walk_params import GeneratorParams
from gemmule.tb.common.sampling import values

from .cases import operands

__all__ = ["STIMULI", "conv2d", "conv3d", "generator", "stimulus"]


def stimulus(
    params: ConvParams,
    geometry: Geometry,
    *,
    op: str = "forward",
    method: str = "zero_free",
    scaling: str = "none",
    zeros: bool = False,
    seed: int = 0,
) -> tuple[ConvRun, dict[str, np.ndarray]]:
    """Make the run options and arrays of one operation of a layer."""
    rng = np.random.default_rng(seed)
    x, w, dy = operands(geometry, seed)
    named = {"x": dy if op == "transposed" else x, "w": w, "dy": dy}
    arrays = {name: named[name] for name in Operation(op).arrays}
    columns = Operation(op).channels(geometry)
    if scaling != "none":
        arrays["bias"] = rng.integers(-(1 << 14), 1 << 14, columns)
    if scaling in ("tensor", "column"):
        count = columns if scaling == "column" else 1
        arrays["multiplier"] = rng.integers(1, 1 << 15, count)
        arrays["shift"] = rng.integers(18, 30, count)
        arrays["zero_point"] = np.array([rng.integers(-20, 20)])
    if zeros:
        first, second = Operation(op).arrays
        arrays[f"{first}_zero_point"] = rng.integers(-128, 128, 1)
        arrays[f"{second}_zero_point"] = rng.integers(-128, 128, 1 if second == "dy" else columns)
    extra = {}
    if op == "input_grad":
        extra = dict(zip(("input_height", "input_width"), geometry.size, strict=True))
    elif op == "weight_grad":
        extra = {"kernel": geometry.kernel}
    elif op == "transposed":
        seen = [
            (n - 1) * s + d * (k - 1) + 1
            for n, s, d, k in zip(
                geometry.out, geometry.stride, geometry.dilation, geometry.kernel, strict=True
            )
        ]
        unseen = tuple(n - m for n, m in zip(geometry.padded, seen, strict=True))
        extra = {"output_padding": unseen}
    run = VolumeRun if params.AXES == 3 else ConvRun
    return run(
        op=op,
        method=method,
        stride=geometry.stride,
        padding=geometry.padding,
        dilation=geometry.dilation,
        groups=geometry.groups,
        rounding=ROUNDINGS[seed % 3],
        **extra,
    ), arrays


def conv2d(params: LayerParams, run: ConvRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Make arrays of a small layer for whatever operation the run asks for.

    Its numbers are those that the hardware has room for, the extremes first.
    """
    shape = {"stride": run.stride, "padding": run.padding, "dilation": run.dilation}
    channels, filters = 2 * run.groups, 3 * run.groups
    for side, kernel in ((7, 2), (3, 2), (2, 1), (1, 1)):
        sizes = {"size": (side,) * params.AXES, "kernel": run.kernel or kernel}
        if run.op == "transposed":
            shape["output_padding"] = run.output_padding
        make = Geometry.transposed if run.op == "transposed" else Geometry
        layer = make(
            batch=1, channels=channels, filters=filters, groups=run.groups, **sizes, **shape
        )
        formats = [params.format_of(name) for name in run.operation.arrays]
        if accumulator_width(*formats, run.operation.products(layer)) <= params.acc_width:
            break
        channels, filters = run.groups, run.groups
    arrays = stimulus(params, layer, op=run.op, scaling="column", seed=int(rng.integers(1 << 16)))[
        1
    ]
    for name, fmt in zip(run.operation.arrays, formats, strict=True):
        arrays[name] = values(rng, fmt, arrays[name].shape)
    columns = arrays["shift"].shape
    fmt = run.c_format or Format(signed=True, width=8)
    return arrays | {
        "multiplier": rng.integers(1, 1 << params.multiplier_width, columns),
        "shift": rng.integers(0, min(params.max_shift, 30), columns, endpoint=True),
        "zero_point": np.clip(arrays["zero_point"], fmt.low, fmt.high),
    }


conv3d = conv2d


def generator(
    params: GeneratorParams, run: LayerRun, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return nothing: an address generator takes no array."""
    return {}


STIMULI = {
    "conv2d": conv2d,
    "conv3d": conv3d,
    **dict.fromkeys(("im2col", "zero_free", "bp_im2col"), generator),
}
