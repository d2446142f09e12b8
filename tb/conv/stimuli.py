"""Arrays for a run of a convolution: extremes first, requantization and zero points on request."""

import numpy as np

from gemmule.gen.blocks.conv.generators import LayerRun
from gemmule.gen.blocks.conv.layer import OPERANDS, ConvRun, VolumeRun
from gemmule.golden.common.requantize import ROUNDINGS
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.conv.params import ConvParams
from gemmule.hw.conv.walk_params import GeneratorParams

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
    """The run options and arrays that make one operation of a layer."""
    rng = np.random.default_rng(seed)
    x, w, dy = operands(geometry, seed)
    named = {"x": dy if op == "transposed" else x, "w": w, "dy": dy}
    arrays = {name: named[name] for name in OPERANDS[op]}
    columns = geometry.channels if op in ("input_grad", "transposed") else geometry.filters
    if scaling != "none":
        arrays["bias"] = rng.integers(-(1 << 14), 1 << 14, columns)
    if scaling in ("tensor", "column"):
        count = columns if scaling == "column" else 1
        arrays["multiplier"] = rng.integers(1, 1 << 15, count)
        arrays["shift"] = rng.integers(18, 30, count)
        arrays["zero_point"] = np.array([rng.integers(-20, 20)])
    if zeros:
        first, second = OPERANDS[op]
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
        ]  # fmt: skip
        unseen = tuple(n - m for n, m in zip(geometry.padded, seen, strict=True))
        extra = {"output_padding": unseen}
    run = VolumeRun if params.AXES == 3 else ConvRun
    return run(
        op=op, method=method, stride=geometry.stride, padding=geometry.padding,
        dilation=geometry.dilation, groups=geometry.groups,
        rounding=ROUNDINGS[seed % 3], **extra,
    ), arrays  # fmt: skip


def conv2d(params: ConvParams, run: ConvRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """For `gemmule verify`: whatever operation the run asks for, on a small layer."""
    size = (7,) * params.AXES
    shape = {"stride": run.stride, "padding": run.padding, "dilation": run.dilation}
    layer = Geometry(batch=1, channels=2 * run.groups, filters=3 * run.groups, size=size,
                     kernel=run.kernel or 2, groups=run.groups, **shape)  # fmt: skip
    if run.op == "transposed":
        layer = Geometry.transposed(
            batch=1, channels=2 * run.groups, filters=3 * run.groups, size=size, kernel=2,
            groups=run.groups, output_padding=run.output_padding, **shape,
        )  # fmt: skip
    return stimulus(params, layer, op=run.op, scaling="column", seed=int(rng.integers(1 << 16)))[1]


conv3d = conv2d


def generator(
    params: GeneratorParams, run: LayerRun, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """For `gemmule verify`: an address generator takes no array."""
    return {}


STIMULI = {
    "conv2d": conv2d,
    "conv3d": conv3d,
    **dict.fromkeys(("im2col", "zero_free", "bp_im2col"), generator),
}
