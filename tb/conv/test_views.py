"""Every address that the mathematics needs comes exactly once, over all small geometries."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from gemmule.gen.compile.convolution.lower.views import (
    dense_input,
    gradient,
    im2col,
    loss,
    phases,
    repeated,
)
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method, Operation
from gemmule.golden.conv.pattern import Walk

from .cases import exhaustive, layers


def grids(sides: int = 6, kernels: int = 3, strides: int = 3, dilations: int = 2):
    """Yield all small layers: one axis takes every value, the other goes through another list."""
    lines = list(exhaustive(sides, kernels, strides))
    for number, (first, dilation) in enumerate(product(lines, range(1, dilations + 1))):
        second = lines[(number * 7) % len(lines)]
        rows = list(zip(first, second, strict=True))
        if rows[0][0] + rows[3][0] + rows[4][0] > dilation * (rows[1][0] - 1):
            yield Geometry(
                batch=2,
                channels=2,
                filters=2,
                size=rows[0],
                kernel=rows[1],
                stride=rows[2],
                padding=(*rows[3], *rows[4]),
                dilation=(dilation, 1),
            )


def pairs(geometry: Geometry) -> list[tuple]:
    """List ``(tap, output pixel, input pixel)`` of every product, from the definition."""
    found = []
    for tap in product(*map(range, geometry.kernel)):
        for pixel in product(*map(range, geometry.out)):
            moved = zip(tap, pixel, range(geometry.axes), strict=True)
            where = tuple(
                p * geometry.stride[a] + k * geometry.dilation[a] - geometry.begins[a]
                for k, p, a in moved
            )
            if all(0 <= i < n for i, n in zip(where, geometry.size, strict=True)):
                found.append((tap, pixel, where))
    return found


def flat(batch: int, where: tuple, size: tuple, block: int, blocks: int) -> int:
    """Return the address of a vector, from the layout."""
    return int(np.ravel_multi_index((batch, *where, block), (9, *size, blocks)))


def seen(walk: Walk, columns: tuple[int, ...]) -> Counter:
    """Count the beats that are not masked, as ``(index in the matrix, address)``."""
    address, real = walk.beats()
    index = np.unravel_index(np.arange(walk.length), [loop.bound for loop in walk.loops][::-1])
    rows = [tuple(int(index[c][n]) for c in columns) for n in np.flatnonzero(real)]
    return Counter(zip(rows, address[real].tolist(), strict=True))


COLUMNS = (0, 1, 2, 3, 4, 5)  # of a matrix walk: tap y, tap x, block, item, pixel y, pixel x


def test_im2col_visits_each_product_once():
    for layer in grids():
        wanted = Counter(
            ((*tap, b, n, *pixel), flat(n, where, layer.size, b, 2))
            for tap, pixel, where in pairs(layer)
            for b in range(2)
            for n in range(2)
        )
        assert seen(im2col(layer, 2).walk, COLUMNS) == wanted, layer


def test_bp_loss_visits_each_product_once():
    for layer in grids():
        wanted = Counter(
            ((*tap, b, n, *where), flat(n, pixel, layer.out, b, 2))
            for tap, pixel, where in pairs(layer)
            for b in range(2)
            for n in range(2)
        )
        assert seen(loss(layer, Method.BP_IM2COL, 2).walk, COLUMNS) == wanted, layer


def test_zero_free_visits_each_product_once_and_no_inserted_zero():
    for layer in grids():
        wanted = Counter(
            (tap, b, n, where, flat(n, pixel, layer.out, b, 2))
            for tap, pixel, where in pairs(layer)
            for b in range(2)
            for n in range(2)
        )
        got, covered = Counter(), Counter()
        for phase in phases(layer, 2):
            grid = [
                tuple(
                    s + stride * int(i)
                    for s, stride, i in zip(phase.start, layer.stride, index, strict=True)
                )
                for index in product(*map(range, phase.size))
            ]
            covered.update(grid)
            if phase.view is None:
                continue
            walk = phase.view.walk
            widths = [loop.bound for loop in walk.loops][::-1]
            for (ky, kx, b, n, y, x), address in seen(walk, COLUMNS).elements():
                tap = phase.taps[ky * widths[1] + kx]
                got[tap, b, n, grid[y * widths[5] + x], address] += 1
        assert got == wanted, layer
        assert covered == Counter(product(*map(range, layer.size))), layer


def pixels(layer: Geometry, method: Method, times: int = 1, blocks: int = 1) -> Walk:
    """Walk ``dy`` pixel by pixel, ``times`` over."""
    return repeated(gradient(layer, method, blocks).walk, times)


def test_weight_gradient_pairs_each_product_once():
    for layer in grids():
        x, keep_x = im2col(layer).walk.beats()
        dy, keep_dy = pixels(layer, Method.ZERO_FREE, layer.taps).beats()
        spread_x, keep_sx = dense_input(layer).walk.beats()
        spread_dy, keep_sdy = pixels(layer, Method.BP_IM2COL, layer.taps).beats()
        assert keep_dy.all()
        tap = np.repeat(np.arange(layer.taps), len(x) // layer.taps)
        wide = np.repeat(np.arange(layer.taps), len(spread_x) // layer.taps)
        both, wide_both = keep_x & keep_dy, keep_sx & keep_sdy
        got = Counter(zip(tap[both], x[both], dy[both], strict=True))
        assert max(got.values(), default=1) == 1
        assert got == Counter(
            zip(wide[wide_both], spread_x[wide_both], spread_dy[wide_both], strict=True)
        ), layer
        kernel = layer.kernel
        assert got == Counter(
            (
                int(np.ravel_multi_index(k, kernel)),
                flat(n, where, layer.size, 0, 1),
                flat(n, pixel, layer.out, 0, 1),
            )
            for k, pixel, where in pairs(layer)
            for n in range(2)
        ), layer


def test_explicit_reads_what_its_copy_wrote():
    for layer in grids():
        blocks = 2
        source, real = gradient(layer, Method.BP_IM2COL, blocks).walk.beats()
        # Blocks are walked over one after the other, and lie side by side.
        stored = np.where(real, source, -1).reshape(blocks, -1).T.ravel()
        assert len(stored) == layer.batch * int(np.prod(layer.upsampled)) * blocks
        for plain, implicit in (
            [loss(layer, method, blocks).walk for method in (Method.EXPLICIT, Method.BP_IM2COL)],
            [pixels(layer, method, 1, blocks) for method in (Method.EXPLICIT, Method.BP_IM2COL)],
        ):
            address, inside = plain.beats()
            read = np.where(inside, stored[np.where(inside, address, 0)], -1)
            wanted, keep = implicit.beats()
            assert (read == np.where(keep, wanted, -1)).all(), layer


def test_a_wrong_name_raises():
    layer = next(iter(grids()))
    for wrong in (Operation, Method):
        with pytest.raises(ValueError, match="transpose"):
            wrong("transpose")
    with pytest.raises(ValueError, match="phase"):
        loss(layer, Method.ZERO_FREE)
    for view in (loss, gradient):
        with pytest.raises(KeyError):
            view(layer, "explicit")


@pytest.mark.parametrize("layer", [*list(layers())[::7]], ids=str)
def test_jumps_are_the_walk(layer):
    """The increments that the hardware adds lead through the same positions, without dividing."""
    walks = [im2col(layer, 3).walk, loss(layer, Method.BP_IM2COL, 2).walk]
    walks += [pixels(layer, Method.BP_IM2COL, 2)]
    walks += [phase.view.walk for phase in phases(layer, 2) if phase.view]
    for walk in walks:
        address, real = walk.beats()
        assert walk.real == real.sum()
        state, jumps = walk.origin(), walk.jumps()
        whole, part, at = list(state.whole), list(state.part), state.step
        counts = [0] * len(walk.loops)
        for number in range(min(walk.length, 400)):
            inside = all(
                r == 0 and 0 <= q < axis.limit
                for q, r, axis in zip(whole, part, walk.axes, strict=True)
            )
            assert (at, inside) == (address[number], real[number])
            level = next((i for i, c in enumerate(counts) if c < walk.loops[i].bound - 1), None)
            if level is None:
                break
            counts = [0] * level + [counts[level] + 1] + counts[level + 1 :]
            at += jumps[level].step
            for a, axis in enumerate(walk.axes):
                carry, part[a] = divmod(part[a] + jumps[level].part[a], axis.spread)
                whole[a] += jumps[level].whole[a] + carry
                at += carry * axis.pitch
