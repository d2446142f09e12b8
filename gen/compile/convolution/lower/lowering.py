"""The operations by their methods, as programs of the array."""

from collections.abc import Iterator

import numpy as np

from gemmule.golden.conv.operation import Method, Operation

from .copies import copies
from .gradient import gradient_products
from .memory_layout import Vectors
from .operands import Operands, folded_line
from .program import Copy, Product
from .result_addresses import addresses
from .stationary import Weights, empty_products, stationary_products
from .views import View, dense_input, gradient, im2col, loss, phases

__all__ = ["lowered"]


def lowered(operands: Operands) -> Iterator[Product | Copy]:
    """Yield the steps of the target's operation, in order.

    Where zeros are stored, all copies come before all products.
    """
    target = operands.target
    products = {
        Operation.FORWARD: _forward,
        Operation.INPUT_GRAD: _input_grad,
        Operation.WEIGHT_GRAD: _weight_grad,
    }[target.operation.essence]
    if target.stores_zeros:
        for group in target.groups:
            yield from _reorganized(operands, group)
    for group in target.groups:
        yield from products(operands, group)


def _forward(operands: Operands, group: int) -> Iterator[Product]:
    target = operands.target
    view = _input_view(operands, group, im2col(target.geometry))
    weights = Weights(operands.w[group], target.geometry.group_filters)
    yield from stationary_products(target, group, view, weights, addresses(target, group))


def _input_view(operands: Operands, group: int, view: View) -> View:
    """Return a view of ``x`` with its columns folded."""
    *lines, last = view.lines
    return View.of(operands.x[group], (*lines, folded_line(operands.target, last)))


def _input_grad(operands: Operands, group: int) -> Iterator[Product]:
    target = operands.target
    weights = Weights.for_input_grad(target, operands.w[group])
    places = addresses(target, group)
    if target.method is Method.ZERO_FREE:
        yield from _phases(operands, group, weights, places)
        return
    view = View.of(_met(operands, group), loss(target.geometry, target.method).lines)
    yield from stationary_products(target, group, view, weights, places)


def _met(operands: Operands, group: int) -> Vectors:
    """Return ``dy`` as it is met: compact, or with its zeros."""
    target = operands.target
    if not target.stores_zeros:
        return operands.dy[group]
    return operands.gradient(group, target.dy_lanes, stored_zeros=True)


def _phases(
    operands: Operands, group: int, weights: Weights, places: np.ndarray
) -> Iterator[Product]:
    """Yield phase by phase; those without a tap among the others, which hide their writing."""
    target, geometry = operands.target, operands.target.geometry
    full: list[Product] = []
    empty: list[Product] = []
    for phase in phases(geometry):
        steps = zip(phase.start, geometry.stride, strict=True)
        part = places[(slice(None), *(slice(start, None, step) for start, step in steps))]
        if phase.view is None:
            empty += empty_products(target, group, part)
            continue
        view = View.of(operands.dy[group], phase.view.lines)
        taps = [int(np.ravel_multi_index(tap, geometry.kernel)) for tap in phase.taps]
        full += stationary_products(target, group, view, weights.of_taps(taps, view.taps), part)
    yield from _mixed(full, empty)


def _mixed(full: list[Product], empty: list[Product]) -> Iterator[Product]:
    """Yield both in their order, the second ones evenly behind the first ones."""
    done = 0
    for number, product in enumerate(full, 1):
        yield product
        due = len(empty) * number // len(full)
        yield from empty[done:due]
        done = due
    yield from empty[done:]


def _weight_grad(operands: Operands, group: int) -> Iterator[Product]:
    target, geometry = operands.target, operands.target.geometry
    whole = im2col if target.method is Method.ZERO_FREE else dense_input
    x = _input_view(operands, group, whole(geometry))
    dy = View.of(_met(operands, group), gradient(geometry, target.method).lines)
    yield from gradient_products(target, group, x, dy)


def _reorganized(operands: Operands, group: int) -> Iterator[Copy]:
    """Yield copies of one group's ``dy`` with its zeros."""
    target, lanes = operands.target, operands.target.hardware.rows
    lines = gradient(target.geometry, Method.BP_IM2COL).lines
    stored = operands.gradient(group, lanes, stored_zeros=True)
    yield from copies(target, View.of(operands.gradient(group, lanes), lines), stored)
