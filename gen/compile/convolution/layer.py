"""What a user asks of a convolution: the run options and arrays, checked, as one layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_values
from gemmule.golden.common.memory import element_size
from gemmule.golden.common.options import Options, flag, option
from gemmule.golden.common.requantize import ROUNDINGS, Requantization
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.operation import Method, Operation
from gemmule.golden.systolic.gemm import zero_points

from .lower.target import Hardware, Target, Zeros

__all__ = ["Arrays", "ConvRun", "Layer", "VolumeRun"]

Shape = tuple[int, ...]

Arrays = Mapping[str, Any]
"""Arrays by name; only their shapes and, in pieces, their values are looked at."""


@dataclass(frozen=True, kw_only=True)
class ConvRun(Options):
    """The run options of `conv2d`."""

    op: str = option(
        "forward", choices=tuple(each.value for each in Operation), help="which convolution"
    )
    method: str = option(
        "zero_free",
        choices=tuple(each.value for each in Method),
        help="how a backward or transposed one meets its zeros",
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
    def operation(self) -> Operation:
        """What ``op`` names."""
        return Operation[self.op.upper()]

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
    """One checked run: the geometry, the operands, and what follows the sums."""

    run: ConvRun
    geometry: Geometry
    a: NDArray[np.integer]
    b: NDArray[np.integer]
    zeros: Zeros
    requantization: Requantization

    @classmethod
    def refuse(cls, hardware: ConvolutionHardware, run: ConvRun, arrays: Arrays) -> "Layer":
        """Raise :class:`UsageError` where arrays, options and hardware do not go together.

        Values come last; what is returned has its operands as they are given.
        """
        _check_options(hardware, run)
        _check_limits(hardware, run)
        operation, names = run.operation, run.operation.arrays
        a, b = (_operand(hardware, run, arrays, name) for name in names)
        _refuse_others(run, names, arrays)
        geometry = _geometry(run, a.shape, b.shape)
        if operation is Operation.FORWARD:
            _check_padding(geometry)
        columns = operation.channels(geometry)
        formats = [hardware.format_of(name) for name in names]
        many = [1, 1 if names[1] == "dy" else columns]
        a_zero, b_zero = (
            zero_points(f"{name}_zero_point", arrays.get(f"{name}_zero_point"), fmt, count)
            for name, fmt, count in zip(names, formats, many, strict=True)
        )
        requantization = Requantization.check(
            columns,
            bias=arrays.get("bias"),
            multiplier=arrays.get("multiplier"),
            shift=arrays.get("shift"),
            zero_point=arrays.get("zero_point"),
            rounding=run.rounding,
            c_format=run.c_format,
            clamp=run.clamp,
            out_width=hardware.out_width,
            multiplier_width=hardware.multiplier_width,
            max_shift=hardware.max_shift,
        )
        for name, fmt, operand in zip(names, formats, (a, b), strict=True):
            check_values(name, operand, fmt)
        zeros = Zeros(int(a_zero[0]), np.broadcast_to(b_zero, (columns,)))
        return cls(run, geometry, a, b, zeros, requantization)

    def narrowed(self, hardware: ConvolutionHardware) -> "Layer":
        """Return the same with operands in the smallest types of their formats."""
        operands = zip((self.a, self.b), self.operation.arrays, strict=True)
        a, b = (np.asarray(each).astype(hardware.format_of(name).dtype) for each, name in operands)
        return replace(self, a=a, b=b)

    def target(self, hardware: ConvolutionHardware) -> Target:
        """Return what is to be lowered for some hardware."""
        made_of = hardware.format_of(self.operation.arrays[0])
        widens = element_size(self.requantization.format.width) > element_size(made_of.width)
        return Target(
            self.geometry, self.operation, self.method, Hardware.of(hardware), self.zeros, widens
        )

    @cached_property
    def golden(self) -> NDArray[np.int64]:
        """The result."""
        b_zero = self.zeros.b if self.operation.arrays[1] == "w" else int(self.zeros.b[0])
        sums = self.operation.sums(self.geometry, self.a, self.b, self.zeros.a, b_zero)
        axis = self.operation.channel_axis
        return np.moveaxis(self.requantization(np.moveaxis(sums, axis, -1)), -1, axis)

    @property
    def operation(self) -> Operation:
        """What is computed."""
        return self.run.operation

    @property
    def method(self) -> Method:
        """How zeros are met."""
        return Method(self.run.method)


def _check_options(hardware: ConvolutionHardware, run: ConvRun) -> None:
    operation, needs = run.operation, run.operation.dataflow
    has = hardware.dataflow
    if has not in (needs, "both"):
        raise UsageError(f"--op {run.op} needs --dataflow {needs} or both, not {has}")
    if operation is not Operation.TRANSPOSED and any(run.output_padding):
        raise UsageError(f"--output-padding is for --op transposed, not {run.op}")
    if operation is not Operation.INPUT_GRAD and any(side is not None for side in run.input_size):
        raise UsageError(f"--input-height and --input-width are for --op input_grad, not {run.op}")
    if operation is not Operation.WEIGHT_GRAD and run.kernel is not None:
        raise UsageError(f"--kernel is for --op weight_grad, not {run.op}")
    if operation is Operation.WEIGHT_GRAD and run.kernel is None:
        raise UsageError("--kernel must be given for --op weight_grad: one number or one per axis")


def _check_limits(hardware: ConvolutionHardware, run: ConvRun) -> None:
    """Refuse numbers larger than the hardware can count to, whatever the arrays are."""
    most = 1 << hardware.size_width
    for name in ("stride", "padding", "dilation", "output_padding", "kernel"):
        largest = max(getattr(run, name) or (0,))
        if largest > most:
            raise UsageError(
                f"{flag(name)} must be at most {most}, what --size-width {hardware.size_width}"
                f" counts to, not {largest}"
            )


def _check_padding(geometry: Geometry) -> None:
    """Refuse padding with which far more results meet it alone than meet the map."""
    for side in geometry.sides:
        padding, most = max(side.begin, side.end), max(side.size, side.reach)
        if padding > most:
            raise UsageError(
                f"--padding must be at most {most}, the larger of a side of {side.size} and"
                f" of the kernel's reach {side.reach}, not {padding}"
            )


def _operand(hardware: ConvolutionHardware, run: ConvRun, arrays: Arrays, name: str) -> NDArray:
    if name not in arrays:
        raise UsageError(f"--op {run.op} needs the array {name}")
    array = arrays[name]
    axes = 2 + hardware.axes
    if len(array.shape) != axes:
        wanted = ", ".join(["any"] * axes)
        raise UsageError(f"{name} must have shape [{wanted}], not {list(array.shape)}")
    if 0 in array.shape:
        raise UsageError(f"{name} must have at least 1 along each axis, not {list(array.shape)}")
    return array


def _refuse_others(run: ConvRun, names: Sequence[str], arrays: Arrays) -> None:
    for name in {"x", "w", "dy"} - set(names):
        for extra in (name, f"{name}_zero_point"):
            if extra in arrays:
                raise UsageError(f"--op {run.op} takes {' and '.join(names)}, not {extra}")


def _geometry(run: ConvRun, a: Shape, b: Shape) -> Geometry:
    """Return the layer whose operands have the shapes ``a`` and ``b``."""
    of = {
        Operation.FORWARD: _of_forward,
        Operation.INPUT_GRAD: _of_input_grad,
        Operation.WEIGHT_GRAD: _of_weight_grad,
        Operation.TRANSPOSED: _of_transposed,
    }[run.operation]
    names = ("stride", "padding", "dilation", "groups")
    return of(run, a, b, {"batch": a[0], **{name: getattr(run, name) for name in names}})


def _of_forward(run: ConvRun, x: Shape, w: Shape, shape: dict[str, Any]) -> Geometry:
    if w[1] * run.groups != x[1]:
        raise UsageError(
            f"w has {w[1]} channels of a group, and --groups {run.groups} of them are"
            f" {w[1] * run.groups} channels, but x has {x[1]}"
        )
    return Geometry(channels=x[1], filters=w[0], size=x[2:], kernel=w[2:], **shape)


def _of_transposed(run: ConvRun, x: Shape, w: Shape, shape: dict[str, Any]) -> Geometry:
    _same("w", "input channels", w[0], "x", x[1])
    return Geometry.transposed(
        size=x[2:],
        channels=w[0],
        filters=w[1] * run.groups,
        kernel=w[2:],
        output_padding=run.output_padding,
        **shape,
    )


def _of_weight_grad(run: ConvRun, x: Shape, dy: Shape, shape: dict[str, Any]) -> Geometry:
    _same("dy", "items", dy[0], "x", x[0])
    made = Geometry(channels=x[1], filters=dy[1], size=x[2:], kernel=run.kernel or (), **shape)
    _same_size(made, dy[2:])
    return made


def _of_input_grad(run: ConvRun, dy: Shape, w: Shape, shape: dict[str, Any]) -> Geometry:
    _same("w", "filters", w[0], "dy", dy[1])
    least = _least_size(run, dy, w)
    size = tuple(given or n for given, n in zip(run.input_size, least, strict=True))
    made = Geometry(channels=w[1] * run.groups, filters=w[0], size=size, kernel=w[2:], **shape)
    _same_size(made, dy[2:])
    return made


def _least_size(run: ConvRun, dy: Shape, w: Shape) -> list[int]:
    """Return the smallest input, of at least one pixel, that gives a ``dy`` of this size."""
    unit = Geometry(
        batch=1,
        channels=1,
        filters=1,
        size=(1 << 40,) * (len(dy) - 2),
        kernel=w[2:],
        stride=run.stride,
        padding=run.padding,
        dilation=run.dilation,
    )
    return [max(1, side.seen_by(n)) for n, side in zip(dy[2:], unit.sides, strict=True)]


def _same(name: str, what: str, got: int, other: str, want: int) -> None:
    if got != want:
        raise UsageError(f"{name} has {got} {what}, but {other} has {want}")


def _same_size(geometry: Geometry, got: Sequence[int]) -> None:
    if tuple(got) != geometry.out:
        raise UsageError(
            f"dy must be {list(geometry.out)} pixels for an input of {list(geometry.size)}, "
            f"not {list(got)}"
        )
