"""What a layer asks of the hardware and the hardware lacks: sums too long, banks too small."""

from collections.abc import Sequence
from math import prod

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import accumulator_width
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.operation import Method, Operation
from gemmule.golden.systolic.beats import DIM_WIDTH

from .layer import ConvRun, Layer
from .lower.program import Copy, Product
from .lower.target import Target

__all__ = ["check_banks", "check_sums", "check_width"]


def check_sums(
    hardware: ConvolutionHardware, layer: Layer, made: Sequence[Product], target: Target
) -> None:
    """Refuse sums too long for the hardware: of taps that meet, and padding that is not 0."""
    operation, geometry = layer.operation, layer.geometry
    longest = operation.products(geometry)
    last = operation is Operation.WEIGHT_GRAD
    inserted = last and layer.method is not Method.ZERO_FREE
    if layer.zeros.a or (inserted and layer.zeros.b.any()):
        longest = {
            Operation.FORWARD: geometry.taps * geometry.group_channels,
            Operation.INPUT_GRAD: geometry.taps * geometry.group_filters,
            Operation.WEIGHT_GRAD: max(product.k for product in made),
        }[operation.essence]
    if operation is Operation.FORWARD and layer.zeros.b.any():
        # Taps that the folding adds hold the zero point, and meet pixels like any other.
        kernel = target.kernel
        added = (kernel[-1] * target.fold - geometry.kernel[-1]) * geometry.group_channels
        longest += added * prod(kernel[:-1])
    check_width(hardware, layer.run, longest)
    formats = [hardware.format_of(name) for name in operation.arrays]
    steps = max(product.k for product in made)
    most = (1 << DIM_WIDTH) - 1
    if layer.zeros.b.any():
        largest = max(formats[0].high, -formats[0].low)
        most = min(most, ((1 << hardware.row_sum_width - 1) - 1) // largest)
    if steps > most:
        raise UsageError(
            f"a sum of --op {layer.run.op} takes {steps} steps, padding and idle lanes counted; the"
            f" hardware counts to {most}"
        )


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
