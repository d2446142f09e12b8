"""What a layer asks of the hardware and the hardware lacks: sums too long, banks too small."""

from collections.abc import Sequence
from math import prod

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import accumulator_width
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.operation import Method, Operation
from gemmule.golden.systolic.beats import DIM_WIDTH

from .layer import ConvRun
from .lower.program import Copy, Product
from .lower.target import Target

__all__ = ["check_banks", "check_sums", "check_width", "sums_fit", "window"]


def check_sums(
    hardware: ConvolutionHardware,
    run: ConvRun,
    made: Sequence[Product],
    target: Target,
    asked: Geometry,
) -> None:
    """Refuse sums too long for the hardware, of products of the layer that a user ``asked`` for."""
    check_width(hardware, run, _longest_sum(target, asked))
    steps, most = max(product.k for product in made), _most_steps(hardware, target)
    if steps > most:
        raise UsageError(
            f"a sum of --op {run.op} takes {steps} steps, padding and idle lanes counted; the"
            f" hardware counts to {most}"
        )


def sums_fit(hardware: ConvolutionHardware, target: Target, asked: Geometry) -> bool:
    """Return whether the hardware surely has room for the sums of a layer, by its sizes alone."""
    a, b = (hardware.format_of(name) for name in target.operation.arrays)
    width = accumulator_width(a, b, _longest_sum(target, asked))
    return width <= hardware.acc_width and _steps(target) <= _most_steps(hardware, target)


def window(target: Target) -> int:
    """Return how many pixels of ``x`` a result meets at most: what a bank must have room for.

    Those of ``dy`` are the same however its groups lie, and a weight gradient needs no window.
    """
    if target.operation is not Operation.FORWARD:
        return 1
    sides = target.geometry.sides
    apart = [*(side.dilation for side in sides[:-1]), sides[-1].dilation * target.fold]
    return prod((taps - 1) * step + 1 for taps, step in zip(target.kernel, apart, strict=True))


def _longest_sum(target: Target, asked: Geometry) -> int:
    """Return the most products of a sum: of taps that meet, and of padding that is not 0.

    Weights that are 0 make none; where they have a zero point, those off the diagonal of groups
    side by side and those that the folding adds hold it, and meet pixels like any other.
    """
    operation, zeros = target.operation, target.zeros
    geometry = target.geometry if zeros.b.any() else asked
    longest = operation.products(geometry)
    inserted = operation is Operation.WEIGHT_GRAD and target.method is not Method.ZERO_FREE
    if zeros.a or (inserted and zeros.b.any()):
        longest = {
            Operation.FORWARD: geometry.taps * geometry.group_channels,
            Operation.INPUT_GRAD: geometry.taps * geometry.group_filters,
            Operation.WEIGHT_GRAD: _steps(target),
        }[operation.essence]
    if operation is Operation.FORWARD and zeros.b.any():
        kernel = target.kernel
        added = (kernel[-1] * target.fold - geometry.kernel[-1]) * geometry.group_channels
        longest += added * prod(kernel[:-1])
    return longest


def _steps(target: Target) -> int:
    """Return the most steps of a product, those of all taps: phases have fewer."""
    geometry = target.geometry
    if target.operation is not Operation.WEIGHT_GRAD:
        return target.taps * target.blocks * target.hardware.rows
    pixels = geometry.out if target.method is Method.ZERO_FREE else geometry.upsampled
    return geometry.batch * prod(pixels)


def _most_steps(hardware: ConvolutionHardware, target: Target) -> int:
    """Return the steps that the hardware counts, and whose sum of a row it holds if it needs it."""
    most = (1 << DIM_WIDTH) - 1
    if target.zeros.b.any():
        streamed = hardware.format_of(target.operation.arrays[0])
        largest = max(streamed.high, -streamed.low)
        most = min(most, ((1 << hardware.row_sum_width - 1) - 1) // largest)
    return most


def check_width(hardware: ConvolutionHardware, run: ConvRun, longest: int) -> None:
    """Refuse sums of ``longest`` products, which the accumulator could not hold."""
    a, b = (hardware.format_of(name) for name in run.operation.arrays)
    width = accumulator_width(a, b, longest)
    if width > hardware.acc_width:
        raise UsageError(
            f"--acc-width {hardware.acc_width} could overflow: {longest} products of "
            f"{a} x {b} may meet in one sum, which takes --acc-width {width}"
        )


def check_banks(hardware: ConvolutionHardware, steps: Sequence[Product | Copy]) -> None:
    """Refuse a layer one of whose results needs more vectors than a bank holds."""
    sides = (("a_loads", "--x-depth", hardware.x_depth), ("b_loads", "--w-depth", hardware.w_depth))
    for name, option, room in sides:
        banks = [bank for step in steps for bank in getattr(step, name)]
        largest = max(map(len, banks), default=0)
        if largest > room:
            raise UsageError(
                f"{option} {room} is too small for this layer: one result needs {largest} vectors"
            )
