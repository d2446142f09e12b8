"""What a user asks of a convolution: the run options and arrays, checked, as one layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Arrays
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_array
from gemmule.golden.common.options import Options, option
from gemmule.golden.common.requantize import ROUNDINGS, Requantization
from gemmule.golden.conv.convolution import forward, input_grad, weight_grad
from gemmule.golden.conv.geometry import OPERATIONS, Geometry
from gemmule.golden.conv.layout import Zeros
from gemmule.golden.conv.operations import METHODS
from gemmule.golden.systolic.gemm import zero_points
from gemmule.hw.conv.params import LayerParams

__all__ = ["OPERANDS", "ConvRun", "Layer", "VolumeRun"]

OPERANDS = {
    "forward": ("x", "w"), "input_grad": ("dy", "w"), "weight_grad": ("x", "dy"),
    "transposed": ("x", "w"),
}  # fmt: skip
"""The streamed operand of each operation, and the other one."""

_GOLDEN = {
    "forward": forward, "input_grad": input_grad, "weight_grad": weight_grad,
    "transposed": input_grad,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ConvRun(Options):
    """The run options of `conv2d`."""

    op: str = option("forward", choices=OPERATIONS, help="which convolution")
    method: str = option(
        "zero_free", choices=METHODS, help="how a backward or transposed one meets its zeros"
    )
    stride: tuple[int, ...] = option((1,), low=1, help="one number or one per axis")
    padding: tuple[int, ...] = option((0,), low=0, help="begins first, then ends: t,l,b,r")
    dilation: tuple[int, ...] = option((1,), low=1, help="one number or one per axis")
    groups: int = option(1, low=1, help="groups of channels")
    output_padding: tuple[int, ...] = option((0,), low=0, help="of a transposed convolution")
    kernel: tuple[int, ...] | None = option(None, low=1, help="weight_grad: the kernel's size")
    input_height: int | None = option(None, low=1, help="input_grad: the height of dx")
    input_width: int | None = option(None, low=1, help="input_grad: the width of dx")
    rounding: str = option("half_even", choices=ROUNDINGS, help="what happens to ties")
    c_format: Format | None = option(
        None, widths=(1, 48), help="format of the result: s32, or s8 with a multiplier"
    )
    clamp: tuple[int, ...] | None = option(
        None, help="LOW,HIGH of the result, after the zero point; a ReLU is a clamp"
    )

    @property
    def input_size(self) -> list[int | None]:
        """The sides of dx, where they are given."""
        return [self.input_height, self.input_width]


@dataclass(frozen=True, kw_only=True)
class VolumeRun(ConvRun):
    """The run options of `conv3d`."""

    op: str = option("forward", choices=("forward", "transposed"), help="which convolution")

    @property
    def input_size(self) -> list[int | None]:
        return [None, self.input_height, self.input_width]


@dataclass(frozen=True)
class Layer:
    """One checked run: the geometry, the operands, what follows the sums, and the result."""

    run: ConvRun
    geometry: Geometry
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    zeros: Zeros
    requantization: Requantization
    golden: NDArray[np.int64]

    @classmethod
    def check(cls, params: LayerParams, run: ConvRun, arrays: Arrays) -> "Layer":
        """:class:`UsageError` where arrays, options and hardware do not go together."""
        _check_options(params, run)
        names = OPERANDS[run.op]
        operands = [_operand(params, run, arrays, name) for name in names]
        _refuse_others(run, names, arrays)
        geometry = _geometry(run, *operands)
        columns = geometry.channels if run.op in ("input_grad", "transposed") else geometry.filters
        formats = [getattr(params, f"{name}_format") for name in names]
        many = [1, 1 if names[1] == "dy" else columns]
        a_zero, b_zero = (
            zero_points(f"{name}_zero_point", arrays.get(f"{name}_zero_point"), fmt, count)
            for name, fmt, count in zip(names, formats, many, strict=True)
        )
        zeros = Zeros(int(a_zero[0]), np.broadcast_to(b_zero, (columns,)))
        requantization = Requantization.check(
            columns, rounding=run.rounding, c_format=run.c_format, clamp=run.clamp,
            out_width=params.out_width, multiplier_width=params.multiplier_width,
            max_shift=params.max_shift,
            **{n: arrays.get(n) for n in ("bias", "multiplier", "shift", "zero_point")},
        )  # fmt: skip
        given = {f"{names[0]}_zero": zeros.a, f"{names[1]}_zero": b_zero}
        if run.op == "transposed":
            given["dy_zero"] = given.pop("x_zero")
        if names[1] == "dy":
            given["dy_zero"] = int(b_zero[0])
        sums = _GOLDEN[run.op](geometry, *operands, **given)
        axis = 0 if run.op == "weight_grad" else 1
        golden = np.moveaxis(requantization(np.moveaxis(sums, axis, -1)), -1, axis)
        return cls(run, geometry, *operands, zeros, requantization, golden)

    @property
    def result_name(self) -> str:
        """The name of the array that comes out."""
        return {"input_grad": "dx", "weight_grad": "dw"}.get(self.run.op, "y")


def _check_options(params: LayerParams, run: ConvRun) -> None:
    needs = "os" if run.op == "weight_grad" else "ws"
    if params.dataflow not in (needs, "both"):
        raise UsageError(f"--op {run.op} needs --dataflow {needs} or both, not {params.dataflow}")
    if run.op != "transposed" and any(run.output_padding):
        raise UsageError(f"--output-padding is for --op transposed, not {run.op}")
    if run.op != "input_grad" and any(side is not None for side in run.input_size):
        raise UsageError(f"--input-height and --input-width are for --op input_grad, not {run.op}")
    if run.op != "weight_grad" and run.kernel is not None:
        raise UsageError(f"--kernel is for --op weight_grad, not {run.op}")
    if run.op == "weight_grad" and run.kernel is None:
        raise UsageError("--kernel must be given for --op weight_grad: one number or one per axis")


def _operand(params: LayerParams, run: ConvRun, arrays: Arrays, name: str) -> NDArray[np.int64]:
    if name not in arrays:
        raise UsageError(f"--op {run.op} needs the array {name}")
    shape = (None,) * (2 + params.AXES)
    array = check_array(name, arrays[name], getattr(params, f"{name}_format"), shape=shape)
    if 0 in array.shape:
        raise UsageError(f"{name} must have at least 1 along each axis, not {list(array.shape)}")
    return array


def _refuse_others(run: ConvRun, names: Sequence[str], arrays: Arrays) -> None:
    for name in {"x", "w", "dy"} - set(names):
        for extra in (name, f"{name}_zero_point"):
            if extra in arrays:
                raise UsageError(f"--op {run.op} takes {' and '.join(names)}, not {extra}")


def _geometry(run: ConvRun, a: NDArray, b: NDArray) -> Geometry:
    shape = {
        "batch": len(a), "stride": run.stride, "padding": run.padding, "dilation": run.dilation,
        "groups": run.groups,
    }  # fmt: skip
    if run.op == "forward":
        _same("w", "channels of a group", b.shape[1] * run.groups, "x", a.shape[1])
        return Geometry(channels=a.shape[1], filters=len(b), size=a.shape[2:], kernel=b.shape[2:],
                        **shape)  # fmt: skip
    if run.op == "transposed":
        _same("w", "input channels", len(b), "x", a.shape[1])
        return Geometry.transposed(
            size=a.shape[2:], channels=len(b), filters=b.shape[1] * run.groups,
            kernel=b.shape[2:], output_padding=run.output_padding, **shape,
        )  # fmt: skip
    if run.op == "weight_grad":
        _same("dy", "items", len(b), "x", len(a))
        made = Geometry(channels=a.shape[1], filters=b.shape[1], size=a.shape[2:],
                        kernel=run.kernel, **shape)  # fmt: skip
        _same_size(made, b.shape[2:])
        return made
    _same("w", "filters", len(b), "dy", a.shape[1])
    size = [given or n for given, n in zip(run.input_size, _least_size(run, a, b), strict=True)]
    made = Geometry(channels=b.shape[1] * run.groups, filters=len(b), size=size,
                    kernel=b.shape[2:], **shape)  # fmt: skip
    _same_size(made, a.shape[2:])
    return made


def _least_size(run: ConvRun, dy: NDArray, w: NDArray) -> list[int]:
    """The smallest input, of at least one pixel, that gives a ``dy`` of this size."""
    unit = Geometry(batch=1, channels=1, filters=1, size=(1 << 20,) * (dy.ndim - 2),
                    kernel=w.shape[2:], stride=run.stride, padding=run.padding,
                    dilation=run.dilation)  # fmt: skip
    axes = unit.axes
    return [
        max(1, (n - 1) * s + d * (k - 1) + 1 - begin - end)
        for n, s, d, k, begin, end in zip(
            dy.shape[2:], unit.stride, unit.dilation, unit.kernel, unit.padding[:axes],
            unit.padding[axes:], strict=True,
        )
    ]  # fmt: skip


def _same(name: str, what: str, got: int, other: str, want: int) -> None:
    if got != want:
        raise UsageError(f"{name} has {got} {what}, but {other} has {want}")


def _same_size(geometry: Geometry, got: Sequence[int]) -> None:
    if tuple(got) != geometry.out:
        raise UsageError(
            f"dy must be {list(geometry.out)} pixels for an input of {list(geometry.size)}, "
            f"not {list(got)}"
        )
